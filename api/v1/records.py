"""Desk decisions, objections and their answers, other records entered by hand, and explanations."""

from __future__ import annotations

from typing import Any

from flask import send_file
from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import (
    AnswerBody,
    AttachmentPath,
    DecisionBody,
    InspectionPath,
    ObjectionBody,
    ObjectionPath,
    PaperForm,
    PositionQuery,
    RatePath,
    RateQuery,
    RecordBody,
    RecordQuery,
    VerdictPath,
)
from appliance.visits import attachments, explaining
from appliance.visits import records as use

records = APIBlueprint("records", __name__, abp_tags=tag("records"), abp_security=SECURITY, abp_responses=PROBLEM)


@records.post(f"{ONE}/attachments")
def attach(path: InspectionPath, form: PaperForm) -> Any:
    """Keep a photo or a paper; ``paper`` is what a decision or an objection writes among its papers."""
    name, data = form.file.filename or "", form.file.stream.read()
    return answer(attachments.keep(appliance(), path.inspection_id, name, data), 201)


@records.get(f"{ONE}/attachments/<file>/file")
def get_attachment(path: AttachmentPath) -> Any:
    """A photo or a paper as it came."""
    return send_file(attachments.path_of(appliance(), path.inspection_id, path.file), as_attachment=True)


@records.post(f"{ONE}/verdicts/<verdict_id>/decision")
def decide(path: VerdictPath, body: DecisionBody) -> Any:
    """上机复核: the inspector's decision with its reason and papers; it counts from the next audit on."""
    made = use.decide(appliance(), path.inspection_id, path.verdict_id, body.decision, body.reason, tuple(body.papers))
    return answer(made, 201)


@records.post(f"{ONE}/verdicts/<verdict_id>/objections")
def object_to(path: VerdictPath, body: ObjectionBody) -> Any:
    """异议: the unit objects to a verdict."""
    made = use.object_to(appliance(), path.inspection_id, path.verdict_id, body.reason, tuple(body.papers))
    return answer(made, 201)


@records.post(f"{ONE}/objections/<objection_id>/answer")
def answer_objection(path: ObjectionPath, body: AnswerBody) -> Any:
    """The reviewer's answer; an upheld objection says what follows."""
    args = (path.objection_id, body.answer, body.text, body.decision)
    return answer(use.answer(appliance(), path.inspection_id, *args), 201)


@records.get(f"{ONE}/decisions")
def list_decisions(path: InspectionPath) -> Any:
    """Desk decisions in order of entry."""
    return answer({"items": use.listed(appliance(), path.inspection_id, ("decisions",)), "next": None})


@records.get(f"{ONE}/objections")
def list_objections(path: InspectionPath) -> Any:
    """Objections and answers in order of entry."""
    return answer({"items": use.listed(appliance(), path.inspection_id, ("objections",)), "next": None})


@records.post(f"{ONE}/records")
def add_record(path: InspectionPath, body: RecordBody) -> Any:
    """Enter a record of another kind: disposals, repairs, kms_hosts, licence_servers, host_notes …"""
    return answer(use.add(appliance(), path.inspection_id, body.kind, body.fields), 201)


@records.get(f"{ONE}/records")
def list_records(path: InspectionPath, query: RecordQuery) -> Any:
    """Records in order of entry, of one kind or of all."""
    kinds = (query.kind,) if query.kind else ()
    return answer({"items": use.listed(appliance(), path.inspection_id, kinds), "next": None})


@records.get(f"{ONE}/verdicts/<verdict_id>/explain")
def explain_verdict(path: VerdictPath) -> Any:
    """A verdict down to raw values, ledger rows, papers, policy and the rule's text."""
    return answer(explaining.verdict(appliance(), path.inspection_id, path.verdict_id))


@records.get(f"{ONE}/positions/explain")
def explain_position(path: InspectionPath, query: PositionQuery) -> Any:
    """许可缺口 or 闲置 of a 软件编号 down to its ledger row, papers, seats of 附件8 and every copy."""
    args = (query.software_no, query.after, query.limit)
    return answer(explaining.position(appliance(), path.inspection_id, *args))


@records.get(f"{ONE}/rates/<rate_name>/explain")
def explain_rate(path: RatePath, query: RateQuery) -> Any:
    """A number of a rate (``n``, ``d``, ``excluded``, ``lower``, ``upper``) down to what was counted.

    With ``dimension`` and ``group`` the number is that of a part of the unit, as ``head.breakdowns`` has it.
    """
    part = (query.dimension, query.group) if query.dimension else None
    args = (path.rate_name, query.number, part, query.after, query.limit)
    return answer(explaining.rate(appliance(), path.inspection_id, *args))
