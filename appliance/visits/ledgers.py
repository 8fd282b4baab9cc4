"""Use cases of declared records: import a ledger, look at its preview, put it in force; proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.ledger import importing, reading
from appliance.ledger.model import LedgerKind, Proof, ProofLevel
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as store
from appliance.store.database import Db, Row
from config.clock import rfc3339
from config.durable import replace_file
from config.problems import BadInput, Conflict, NotFound

SHOWN_ROWS = 50
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as handed over."""

    name: str
    data: bytes
    password: str | None = None


def import_file(appliance: Appliance, inspection_id: str, upload: Upload, kind: LedgerKind | None) -> dict[str, Any]:
    """Keep the file, parse it in the limited child and store the preview. Raises BadInput; nothing is in force yet."""
    limit = appliance.settings.ledger.file_limit_mb
    if len(upload.data) > limit << 20:
        raise BadInput("ledger.file_too_big", size_mb=-(-len(upload.data) >> 20), limit_mb=limit)
    name = Path(upload.name).name[:NAME_LENGTH] or "ledger"
    with appliance.open_inspection(inspection_id) as (db, folder):
        file_id = appliance.ids.new()
        path = folder.attachments / f"{file_id}{_suffix(name)}"
        replace_file(path, upload.data)
        try:
            preview = _preview(appliance, db, path, file_id, kind, upload.password)
        except BadInput:
            path.unlink()  # refused: the unit's file is not ours to keep
            raise
        digest = hashlib.sha256(upload.data).hexdigest()
        appliance.log(inspection_id, "ledger.imported", file=name, sha256=digest, kind=preview.kind)
        received = rfc3339(appliance.clock.now())
        row: Row = {"id": file_id, "kind": preview.kind, "name": name, "sha256": digest, "received_at": received}
        return _stored(appliance, db, row, preview)


def correct_mapping(
    appliance: Appliance, inspection_id: str, file_id: str, mapping: Mapping[str, str], password: str | None = None
) -> dict[str, Any]:
    """Read a previewed file again with corrected columns, and remember them for this unit.

    ``mapping``: header → field; an empty field leaves the column out. Raises Conflict once the file was decided on, and
    BadInput ``ledger.no_such_field`` or what reading may raise: nothing is remembered then.
    """
    with appliance.open_inspection(inspection_id) as (db, folder):
        row = _file(db, file_id)
        if row["state"] != store.PREVIEWED:
            raise Conflict("ledger.already_decided", name=row["name"])
        kind = LedgerKind(row["kind"])
        path = folder.attachments / f"{file_id}{_suffix(row['name'])}"
        preview = _preview(appliance, db, path, file_id, kind, password, mapping)
        appliance.log(inspection_id, "ledger.mapped", file=row["name"], sha256=row["sha256"], columns=len(mapping))
        with appliance.index() as index:
            store.save_mapping(index, inspection_store.read(db)["unit_id"], kind, mapping)
        kept = {name: row[name] for name in ("id", "kind", "name", "sha256", "received_at")}
        return _stored(appliance, db, kept, preview)


def _stored(appliance: Appliance, db: Db, row: Row, preview: importing.ImportPreview) -> dict[str, Any]:
    counts = {
        "rows_read": preview.rows_read,
        "accepted": preview.rows_accepted,
        "rejected": preview.rows_rejected,
        "skipped": preview.rows_skipped,
    }
    filled_on = preview.filled_on.isoformat() if preview.filled_on else None
    row = {**row, "filled_on": filled_on, "counts": counts, "mapping": dict(preview.mapping)}
    store.save_file(db, row, preview.kind, preview.accepted, preview.problems)
    form = appliance.columns.forms.get(preview.kind)
    columns = {"unmapped": list(preview.unmapped), "fields": dict(form.labels) if form else {}}
    return {**_described(db, row["id"]), **columns}


def _preview(
    appliance: Appliance,
    db: Db,
    path: Path,
    file_id: str,
    kind: LedgerKind | None,
    password: str | None,
    corrections: Mapping[str, str] | None = None,
) -> importing.ImportPreview:
    workbook = reading.read_table(path, appliance.settings.ledger, appliance.clock, password)
    chosen = kind or importing.guess_kind(workbook, columns=appliance.columns)
    if chosen is None:
        raise BadInput("ledger.unknown_kind")
    with appliance.index() as index:
        taught = store.mapping_of(index, inspection_store.read(db)["unit_id"], chosen)
    taught |= corrections or {}
    return importing.preview(chosen, workbook, file_id, columns=appliance.columns, taught=taught)


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in (".xlsx", ".xls", ".et", ".ods", ".csv", ".txt") else ".bin"


def list_files(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All imported files with their states and counts."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_files(db)


def get_file(appliance: Appliance, inspection_id: str, file_id: str) -> dict[str, Any]:
    """One file with the first rows and problems."""
    with appliance.inspection(inspection_id) as (db, _):
        return _described(db, file_id)


def _described(db: Db, file_id: str) -> dict[str, Any]:
    row = _file(db, file_id)
    rows, problems = store.file_records(db, file_id, SHOWN_ROWS), store.file_problems(db, file_id)
    return {**row, "rows": rows, "problems": problems}


def _file(db: Db, file_id: str) -> Row:
    row = store.get_file(db, file_id)
    if row is None:
        raise NotFound("ledger.not_found", id=file_id[:40])
    return row


def decide(appliance: Appliance, inspection_id: str, file_id: str, decision: str) -> Row:
    """``accept_all`` (only when no row was rejected), ``accept_good`` or ``reject`` a previewed file."""
    with appliance.open_inspection(inspection_id) as (db, _):
        row = _file(db, file_id)
        if row["state"] != store.PREVIEWED:
            raise Conflict("ledger.already_decided", name=row["name"])
        if decision == "accept_all" and row["counts"]["rejected"]:
            raise Conflict("ledger.has_rejected_rows", rejected=row["counts"]["rejected"])
        appliance.log(inspection_id, "ledger.decided", file=row["name"], sha256=row["sha256"], decision=decision)
        if decision == "reject":
            store.reject_file(db, file_id)
        else:
            store.accept_file(db, file_id, row["kind"])
        return _file(db, file_id)


def add_proof(
    appliance: Appliance, inspection_id: str, software_no: str, level: ProofLevel, kind: str, number: str, note: str
) -> Proof:
    """Record what backs a 软件编号. The newest entry for a number counts."""
    if not software_no.strip():
        raise BadInput("proof.no_software_no")
    now = rfc3339(appliance.clock.now())
    proof = Proof(appliance.ids.new(), software_no.strip(), level, kind, number, note, now, appliance.operator)
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "proof.recorded", software_no=proof.software_no, level=level)
        store.save_proof(db, proof)
    return proof


def list_proofs(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """All proofs in order of entry."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.proof_rows(store.list_proofs(db))
