"""Ledgers and proofs."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.present import page
from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import (
    InspectionPath,
    LedgerDecision,
    LedgerForm,
    LedgerKindPath,
    LedgerPath,
    LinkBody,
    LinkPath,
    MappingBody,
    ProofBody,
    SequenceQuery,
)
from appliance.visits import ledgers as use
from appliance.visits import links, records
from appliance.visits.standing import Place

ledgers = APIBlueprint("ledgers", __name__, abp_tags=tag("ledgers"), abp_security=SECURITY, abp_responses=PROBLEM)


@ledgers.get(f"{ONE}/ledgers")
def list_ledgers(path: InspectionPath) -> Any:
    """Imported files, newest last."""
    return answer({"items": use.list_files(appliance(), path.inspection_id), "next": None})


@ledgers.post(f"{ONE}/ledgers")
def import_ledger(path: InspectionPath, form: LedgerForm) -> Any:
    """Read a file into a preview; nothing is in force before it is accepted."""
    upload = use.Upload(form.file.filename or "", form.file.read(), form.password)
    return answer(use.import_file(appliance(), path.inspection_id, upload, form.kind, form.mapping), 201)


@ledgers.get(f"{ONE}/ledgers/<file_id>")
def get_ledger(path: LedgerPath) -> Any:
    """One file with its first rows and all its problems."""
    return answer(use.get_file(appliance(), path.inspection_id, path.file_id))


@ledgers.post(f"{ONE}/ledgers/<file_id>/decision")
def decide_ledger(path: LedgerPath, body: LedgerDecision) -> Any:
    """Accept all rows, accept the good rows, or reject the file; where others of its kind are in force, say whether
    it replaces them or stands beside them.
    """
    place = Place(tuple(body.replaces), body.adds)
    return answer(use.decide(appliance(), path.inspection_id, path.file_id, body.decision, place))


@ledgers.post(f"{ONE}/ledgers/<file_id>/mapping")
def correct_mapping(path: LedgerPath, body: MappingBody) -> Any:
    """Read a previewed file again with corrected columns; they are remembered for this unit."""
    return answer(use.correct_mapping(appliance(), path.inspection_id, path.file_id, body.mapping, body.password))


@ledgers.get(f"{PREFIX}/ledger-forms")
def list_forms() -> Any:
    """The ledgers that are tables, with their fields: what a column can be made."""
    return answer({"items": use.forms(appliance()), "next": None})


@ledgers.get(f"{ONE}/declared/<kind>")
def list_declared(path: LedgerKindPath, query: SequenceQuery) -> Any:
    """The rows of one kind in force, all files together; what stands in several files is there once."""
    rows = records.in_force_rows(appliance(), path.inspection_id, path.kind, query.after, query.limit + 1)
    return page([{"sequence": n, **row} for n, row in rows], query.limit, lambda item: item["sequence"])


@ledgers.get(f"{ONE}/form-findings")
def list_form_findings(path: InspectionPath) -> Any:
    """Breaches of the ledger rules in the ledgers in force."""
    return answer({"items": links.form_findings(appliance(), path.inspection_id), "next": None})


@ledgers.get(f"{ONE}/links")
def list_links(path: InspectionPath) -> Any:
    """计算机编号 ↔ 资产编号 ↔ host."""
    return answer({"items": links.list_links(appliance(), path.inspection_id), "next": None})


@ledgers.put(f"{ONE}/links/<computer_no>")
def set_link(path: LinkPath, body: LinkBody) -> Any:
    """Enter or correct one link by hand."""
    addresses = tuple(map(str, body.addresses))
    args = (path.computer_no, body.asset_no, body.hostname, addresses)
    return answer(links.set_link(appliance(), path.inspection_id, *args))


@ledgers.delete(f"{ONE}/links/<computer_no>")
def delete_link(path: LinkPath) -> Any:
    """Take back a link entered by hand."""
    links.delete_link(appliance(), path.inspection_id, path.computer_no)
    return answer({"computer_no": path.computer_no})


@ledgers.get(f"{ONE}/proofs")
def list_proofs(path: InspectionPath) -> Any:
    """Proofs in order of entry."""
    return answer({"items": use.list_proofs(appliance(), path.inspection_id), "next": None})


@ledgers.post(f"{ONE}/proofs")
def add_proof(path: InspectionPath, body: ProofBody) -> Any:
    """Record what backs a 软件编号; ``on_ledger`` is false while no row of the 汇总表 in force has it."""
    args = (body.software_no, body.level, body.kind, body.number, body.note)
    proof = use.add_proof(appliance(), path.inspection_id, *args)
    found = {"on_ledger": use.on_ledger(appliance(), path.inspection_id, proof.software_no)}
    return answer({"id": proof.id, "software_no": proof.software_no, "level": proof.level, **found}, 201)
