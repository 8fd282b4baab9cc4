"""Use cases of declared records: import a ledger, look at its preview, put it in force; proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.ledger import importing, reading
from appliance.ledger.model import LedgerKind, Licence, Proof, ProofLevel
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as store
from appliance.store.database import Db, Row
from appliance.visits import standing
from appliance.visits.standing import UNSAID, Place
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


def import_file(
    appliance: Appliance,
    inspection_id: str,
    upload: Upload,
    kind: LedgerKind | None,
    mapping: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Keep the file, parse it in the limited child and store the preview. Raises BadInput; nothing is in force yet.

    ``mapping``: header → field, for a file whose headers are not understood otherwise; remembered once it was read.
    """
    limit = appliance.settings.ledger.file_limit_mb
    if len(upload.data) > limit << 20:
        raise BadInput("ledger.file_too_big", size_mb=-(-len(upload.data) >> 20), limit_mb=limit)
    name = Path(upload.name).name[:NAME_LENGTH] or "ledger"
    with appliance.open_inspection(inspection_id) as (db, folder):
        file_id = appliance.ids.new()
        path = folder.attachments / f"{file_id}{_suffix(name)}"
        replace_file(path, upload.data)
        try:
            preview = _preview(appliance, db, path, file_id, kind, upload.password, mapping)
        except BadInput:
            path.unlink()  # refused: the unit's file is not ours to keep
            raise
        digest = hashlib.sha256(upload.data).hexdigest()
        appliance.log(inspection_id, "ledger.imported", file=name, sha256=digest, kind=preview.kind)
        _remember(appliance, db, preview.kind, mapping or {})
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
        _remember(appliance, db, kind, mapping)
        kept = {name: row[name] for name in ("id", "kind", "name", "sha256", "received_at")}
        return _stored(appliance, db, kept, preview)


def _remember(appliance: Appliance, db: Db, kind: LedgerKind, mapping: Mapping[str, str]) -> None:
    if mapping:
        with appliance.index() as index:
            store.save_mapping(index, inspection_store.read(db)["unit_id"], kind, mapping)


def _stored(appliance: Appliance, db: Db, row: Row, preview: importing.ImportPreview) -> dict[str, Any]:
    counts = {
        "rows_read": preview.rows_read,
        "accepted": preview.rows_accepted,
        "rejected": preview.rows_rejected,
        "skipped": preview.rows_skipped,
    }
    filled_on = preview.filled_on.isoformat() if preview.filled_on else None
    understood = {"mapping": dict(preview.mapping), "headers": [asdict(one) for one in preview.headings]}
    row = {**row, "filled_on": filled_on, "counts": counts, **understood}
    store.save_file(db, row, preview.kind, preview.accepted, preview.problems)
    return _described(appliance, db, row["id"])


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


def forms(appliance: Appliance) -> list[Row]:
    """The ledgers that are tables: kind, title, required fields, and each field with its official header."""
    return [
        {"kind": kind.value, "title": form.title, "required": list(form.required), "fields": dict(form.labels)}
        for kind, form in appliance.columns.forms.items()
    ]


def list_files(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All imported files with their states and counts."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_files(db)


def get_file(appliance: Appliance, inspection_id: str, file_id: str) -> dict[str, Any]:
    """One file with the first rows and problems."""
    with appliance.inspection(inspection_id) as (db, _):
        return _described(appliance, db, file_id)


def _described(appliance: Appliance, db: Db, file_id: str) -> dict[str, Any]:
    row = _file(db, file_id)
    rows, problems = store.file_records(db, file_id, SHOWN_ROWS), store.file_problems(db, file_id)
    form = appliance.columns.forms.get(LedgerKind(row["kind"]))
    fields = {"fields": dict(form.labels) if form else {}}
    headers = {"unmapped": [one["header"] for one in row["headers"] if not one["field"]]}
    return {**row, **fields, **headers, **standing.beside(db, row), "rows": rows, "problems": problems}


def _file(db: Db, file_id: str) -> Row:
    row = store.get_file(db, file_id)
    if row is None:
        raise NotFound("ledger.not_found", id=file_id[:40])
    return row


def decide(
    appliance: Appliance, inspection_id: str, file_id: str, decision: str, place: Place = UNSAID
) -> dict[str, Any]:
    """``accept_all`` (only when no row was rejected), ``accept_good`` or ``reject`` a previewed file.

    ``place``: whether it replaces files in force or stands beside them. Raises Conflict ``ledger.replace_or_add`` when
    that is not said and a file of its kind is in force; nothing is ever replaced or added silently.
    """
    with appliance.open_inspection(inspection_id) as (db, _):
        row = _file(db, file_id)
        if row["state"] != store.PREVIEWED:
            raise Conflict("ledger.already_decided", name=row["name"])
        if decision == "accept_all" and row["counts"]["rejected"]:
            raise Conflict("ledger.has_rejected_rows", rejected=row["counts"]["rejected"])
        replaced = [] if decision == "reject" else standing.replaced(db, row, place)
        digest, names = row["sha256"], "、".join(old["name"] for old in replaced)
        params = {"file": row["name"], "sha256": digest, "decision": decision, "replaces": names, "adds": place.adds}
        appliance.log(inspection_id, "ledger.decided", **params)
        if decision == "reject":
            store.reject_file(db, file_id)
        else:
            store.accept_file(db, file_id, [old["id"] for old in replaced])
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


def on_ledger(appliance: Appliance, inspection_id: str, software_no: str) -> bool:
    """Whether a row of the 汇总表 in force has this 软件编号; a proof of any other counts for nothing yet."""
    with appliance.inspection(inspection_id) as (db, _):
        rows = store.records_in_force(db, LedgerKind.LICENCES, Licence)
    return any(row.software_no == software_no for row in rows)


def list_proofs(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """All proofs in order of entry."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.proof_rows(store.list_proofs(db))
