"""Fill the folder and the database of an inspection from a bundle: data alone, by our own loaders, within limits.

What a bundle names never becomes a path: only files whose names we form ourselves are written. Columns and tables that
this version does not know are refused, because leaving them out could change a verdict.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from appliance.evidence.manifest import is_portable
from appliance.evidence.merging import PARTS
from appliance.evidence.reading import TABLES, BundleReader
from appliance.folder import InspectionFolder
from appliance.judgement.documents import canonical
from appliance.ledger.model import LedgerKind
from appliance.model import Phase, Verdict
from appliance.recognition import corrections
from appliance.recognition.corrections import Correction
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import ledgers as ledger_store
from appliance.store import probes as probe_store
from appliance.store import records as record_store
from appliance.store.database import Db, Row, dumps
from appliance.visits import changes
from appliance.visits.bundle_content import JUDGED_TABLES
from appliance.visits.bundle_content import TABLES as SEALED_TABLES
from appliance.visits.changes import FILE as CHANGES
from appliance.visits.host_facts import FACTS_ID
from config.durable import private_folder, replace_file, sync_folder
from config.ids import is_ulid
from config.problems import BadInput, EnvironmentProblem
from scanner.model import HostFacts

DOCUMENT = ("document",)
DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("authorisations", "hosts", "proofs", "computer_links", "records", "baselines"), DOCUMENT),
    **dict.fromkeys(("comparison_lines", "comparison_changes"), DOCUMENT),
    "comparisons": ("head",),
    "scans": ("options", "problem"),
    "scan_chunks": ("addresses",),
    "ledger_files": ("counts", "mapping", "headers"),
}
"""Columns that hold JSON, by table: a page reads them years later, so they are read once here."""
UNIT_TEXT = 400
UNPACKED = 2  # files beside the database that is filled from them
BY_HAND = frozenset({"results", *JUDGED_TABLES})
VERDICT = TypeAdapter(Verdict)
Value = str | int | float | None
Keep = Callable[[str, Row], Row | None]
EVERYTHING: Keep = lambda _table, row: row  # noqa: E731  a name for what usually happens


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one host: its row of ``results`` without the facts, and the facts as sealed."""

    row: Row
    facts: HostFacts


def fill_tables(reader: BundleReader, db: Db, keep: Keep = EVERYTHING) -> None:
    """Everything discovered and entered, and the ledgers; the inspection's own row, results and audits apart.

    ``keep`` says of each row what is stored of it; None leaves it out. Raises BadInput ``imports.bad_content``,
    ``imports.other_layout``.
    """
    unknown = {name for name in reader.names if name.startswith(f"{TABLES}/")}
    unknown -= {f"{TABLES}/{table}.jsonl" for table in (*SEALED_TABLES, *BY_HAND)}
    if unknown:
        raise _other_layout(reader, sorted(unknown)[0])
    try:
        with db.atomic():
            db.execute("PRAGMA defer_foreign_keys = ON")  # rows may come before what they refer to
            for table in SEALED_TABLES:
                _insert(reader, db, table, _kept(reader, table, keep))
            for file in _kept(reader, "ledger_files", keep):
                _fill_ledger(reader, db, str(file.get("id")))
    except sqlite3.IntegrityError as error:
        raise bad(reader, TABLES, error) from error


def fill_inspection(reader: BundleReader, db: Db, row: Row) -> None:
    """The inspection's own row. Raises BadInput."""
    try:
        for day in (row["as_of"], row["created_at"][:10]):
            date.fromisoformat(day)
        Phase(row["phase"])
    except (KeyError, TypeError, ValueError) as error:
        raise bad(reader, "data/inspection.json", error) from error
    _insert(reader, db, "inspection", [row])


def _kept(reader: BundleReader, table: str, keep: Keep) -> Iterator[Row]:
    return (kept for row in reader.table(table) if (kept := keep(table, row)) is not None)


def _fill_ledger(reader: BundleReader, db: Db, file_id: str) -> None:
    rows = reader.array(f"data/ledgers/parsed/{file_id}.json")
    _insert(reader, db, "declared", (_declared(reader, file_id, n, row) for n, row in enumerate(rows)))
    problems = reader.array(f"data/ledgers/problems/{file_id}.json")
    stored = ({"file_id": file_id, "seq": n, **_problem(row)} for n, row in enumerate(problems))
    _insert(reader, db, "row_problems", stored)


def _declared(reader: BundleReader, file_id: str, seq: int, row: Any) -> Row:
    try:
        place = {"sheet": row["ref"]["sheet"], "row": row["ref"]["row"]}
    except (TypeError, KeyError) as error:
        raise bad(reader, f"data/ledgers/parsed/{file_id}.json", error) from error
    return {"file_id": file_id, "seq": seq, **place, "document": dumps(row)}


def _problem(row: Any) -> Row:
    return {**row, "rejected": int(row["rejected"]), "reason": dumps(row["reason"])}


def _insert(reader: BundleReader, db: Db, table: str, rows: Iterable[Any]) -> None:
    """Insert rows column by column: a name that is no column of ours is never put into a statement."""
    try:
        db.insert_many(table, _known(reader, db, table, rows))
    except (sqlite3.IntegrityError, sqlite3.DataError, AttributeError, TypeError, KeyError) as error:
        raise bad(reader, table, error) from error
    except (OverflowError, ValueError, RecursionError) as error:
        raise bad(reader, table, error) from error


def _checked(reader: BundleReader, table: str, columns: set[str], rows: Iterable[Any]) -> Iterator[Row]:
    """The rows, all with the columns of the first, in its order."""
    names: list[str] | None = None
    for row in rows:
        if not columns >= row.keys():
            raise _other_layout(reader, f"{table}.{sorted(row.keys() - columns)[0]}")
        names = list(row) if names is None else names
        if row.keys() != set(names) or not all(isinstance(value, Value) for value in row.values()):
            raise TypeError("columns differ, or a value is no scalar")
        for name in DOCUMENTS.get(table, ()):
            json.loads(row.get(name) or "null")
        yield {name: row[name] for name in names}


def results(reader: BundleReader) -> Iterator[Result]:
    """The best result of each host, in order of host id. Earlier attempts are in the custody log and as raw records."""
    rows = {str(row.get("facts_id")): row for row in reader.table("results")}
    for host_id, facts in reader.facts():
        row = rows.get(facts.id)
        if row is None or row.get("host_id") != host_id:
            raise BadInput(
                "imports.bad_content", name=reader.name, path=f"data/hosts/{host_id}/facts.json", detail="id"
            )
        yield Result(row, facts)


def save_result(reader: BundleReader, db: Db, result: Result, facts: HostFacts) -> None:
    """Store one result with these facts, in the caller's transaction; raw records count only when they are there."""
    row = result.row
    try:
        raw = raw_name(row) if raw_path(row) in reader.names else None
        host_store.save_result(db, row["scan_id"], row["host_id"], facts, raw, row["round"])
    except (sqlite3.Error, KeyError, ValueError, OverflowError) as error:
        raise bad(reader, f"{TABLES}/results.jsonl", error) from error


def raw_name(row: Row) -> str | None:
    """The name of a result's raw file; None where it has none, or one that is not ours."""
    expected = f"{row['facts_id']}.jsonl"
    return expected if row.get("raw_file") == expected and FACTS_ID.fullmatch(row["facts_id"]) else None


def raw_path(row: Row) -> str:
    """Where a result's raw records are in the bundle."""
    return f"data/hosts/{row['host_id']}/raw/{row['facts_id']}.jsonl"


def write_files(reader: BundleReader, folder: InspectionFolder) -> None:
    """Corrections and the journal of changes, which verdicts depend on. Raises BadInput."""
    if corrected := sealed_corrections(reader):
        replace_file(folder.root / "recognition.json", corrections.dump(corrected).encode())
    if content := journal(reader):
        replace_file(folder.root / CHANGES, content)
        _check_journal(reader, folder.root / CHANGES)


def _check_journal(reader: BundleReader, file: Path) -> None:
    try:
        for change in changes.read(file):
            change.to_json()
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise bad(reader, f"data/{CHANGES}", error) from error


def sealed_corrections(reader: BundleReader) -> tuple[Correction, ...]:
    """Corrections of recognition in the bundle. Raises BadInput."""
    name = "data/tool/recognition.json"
    if name not in reader.names:
        return ()
    try:
        return corrections.parse(reader.small(name).decode())
    except (ValidationError, UnicodeDecodeError) as error:
        raise bad(reader, name, error) from error


def journal(reader: BundleReader) -> bytes:
    """The journal of changes to computers; empty when there were none."""
    name = f"data/{CHANGES}"
    return reader.small(name) if name in reader.names else b""


def write_parts(reader: BundleReader, folder: InspectionFolder) -> None:
    """What proves the parts of a merged inspection: ``parts/merge.json`` and ``parts/<inspection>/<file>``."""
    for name in sorted(reader.names):
        _, place, *rest = (*name.split("/"), "")
        if place != PARTS or not name.startswith(f"data/{PARTS}/") or not is_portable(name):
            continue
        target = folder.root / PARTS / "/".join(rest[:-1])
        if len(rest) == 2 or (len(rest) == 3 and is_ulid(rest[0])):
            private_folder(target.parent)
            copy(reader, name, target)


def write_attachments(reader: BundleReader, folder: InspectionFolder) -> None:
    """Ledgers as handed over and other attachments, by the last part of their names."""
    for name in sorted(reader.names):
        place, _, last = name.rpartition("/")
        if place in ("data/ledgers/handed-over", "data/attachments") and is_portable(last):
            copy(reader, name, folder.attachments / last)
    sync_folder(folder.attachments)


def write_raw(reader: BundleReader, folder: InspectionFolder, rows: Iterable[Row]) -> None:
    """The raw records of these results."""
    for row in rows:
        if (name := raw_name(row)) and raw_path(row) in reader.names:
            copy(reader, raw_path(row), folder.raw / name)
    sync_folder(folder.raw)


def copy(reader: BundleReader, name: str, target: Path) -> None:
    """One file out of the bundle, under a name of ours that does not exist yet."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(reader.chunks(name))
        file.flush()
        os.fsync(file.fileno())


def fill_audit(reader: BundleReader, db: Db) -> None:
    """The sealed audit with its verdicts, findings and computers.

    Raises BadInput, also when the verdicts are not those whose digest the audit states.
    """
    audit, digest = reader.audit, hashlib.sha256()
    try:
        head = {"id": audit["id"], "created_at": audit["created_at"]}
        audit_store.save_audit(db, head, _verdicts(reader, digest), _judged(reader, db, digest))
    except (sqlite3.IntegrityError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise bad(reader, "data/rates.json", error) from error


def _verdicts(reader: BundleReader, digest: Any) -> Iterator[tuple[Verdict, bytes]]:
    for row in reader.verdicts():
        line = canonical(row) + b"\n"
        digest.update(line)
        yield VERDICT.validate_python(row), line


def _judged(reader: BundleReader, db: Db, digest: Any) -> Iterator[Row]:
    audit = reader.audit
    if audit["digest"] != digest.hexdigest():
        raise ValueError("digest of the verdicts")
    rows = {"hosts": ("audit_hosts", reader.hosts()), "assets": ("audit_assets", reader.assets())}
    yield {
        **{name: audit[name] for name in ("head", "rates", "positions", "digest")},
        **{name: [_without_audit(row) for row in _known(reader, db, *found)] for name, found in rows.items()},
        "findings": list(reader.findings()),
    }


def _known(reader: BundleReader, db: Db, table: str, rows: Iterable[Any]) -> Iterator[Row]:
    return _checked(reader, table, _columns(db, table), rows)


def _columns(db: Db, table: str) -> set[str]:
    return {str(column["name"]) for column in db.rows("SELECT name FROM pragma_table_info(?)", [table])}


def _without_audit(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "audit_id"}


def unit_of(reader: BundleReader) -> Row:
    """The unit's own row: id, name, system, region, parent_id, created_at. Raises BadInput."""
    unit = reader.document("data/unit.json")
    row = {name: unit.get(name) or "" for name in ("id", "name", "system", "region", "created_at")}
    short = all(isinstance(value, str) and len(value) <= UNIT_TEXT for value in row.values())
    if not short or not is_ulid(row["id"]) or not row["name"].strip():
        raise bad(reader, "data/unit.json", ValueError("no unit"))
    return {**row, "parent_id": None}


def check_filled(reader: BundleReader, db: Db) -> None:
    """Read everything once through the loaders that later views use. Raises BadInput ``imports.bad_content``."""
    try:
        host_store.list_hosts(db)
        host_store.latest_results(db)
        probe_store.all_sightings(db)
        record_store.load(db)
        ledger_store.list_proofs(db)
        for kind in LedgerKind:
            ledger_store.all_in_force(db, kind)
        ledger_store.list_links(db)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise bad(reader, TABLES, error) from error


def require_space(reader: BundleReader, folder: Path) -> None:
    """Raises EnvironmentProblem ``imports.disk_full`` unless the disk has room for all of it and its tables."""
    needed = UNPACKED * reader.size
    if shutil.disk_usage(folder).free < needed:
        raise EnvironmentProblem("imports.disk_full", needed_mb=needed >> 20)


def bad(reader: BundleReader, path: str, error: Exception) -> BadInput:
    """A file of the bundle does not fit."""
    return BadInput("imports.bad_content", name=reader.name, path=path, detail=f"{type(error).__name__}: {error}"[:160])


def _other_layout(reader: BundleReader, what: str) -> BadInput:
    return BadInput("imports.other_layout", name=reader.name, what=what, version=reader.version)
