"""Imported ledger files, their rows and problems, and proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter

from appliance.ledger import overlapping
from appliance.ledger.model import (
    Allocation,
    Asset,
    ClientRow,
    ComputerLink,
    DeclaredProof,
    DeclaredRecord,
    DeclaredServer,
    EarlierFinding,
    FreeListEntry,
    InstallLogEntry,
    Leader,
    LedgerKind,
    Licence,
    Proof,
    RowProblem,
    RowRef,
    Statistic,
    Subunit,
)
from appliance.store.database import Db, Row, dumps, loads
from config.message import Message

ADAPTERS: dict[LedgerKind, TypeAdapter[Any]] = {
    LedgerKind.ASSETS: TypeAdapter(Asset),
    LedgerKind.LICENCES: TypeAdapter(Licence),
    LedgerKind.FREE_LIST: TypeAdapter(FreeListEntry),
    LedgerKind.ALLOCATIONS: TypeAdapter(Allocation),
    LedgerKind.INSTALL_LOG: TypeAdapter(InstallLogEntry),
    LedgerKind.LEADERS: TypeAdapter(Leader),
    LedgerKind.STATISTICS: TypeAdapter(Statistic),
    LedgerKind.SUBUNITS: TypeAdapter(Subunit),
    LedgerKind.PROOFS: TypeAdapter(DeclaredProof),
    LedgerKind.SERVERS: TypeAdapter(DeclaredServer),
    LedgerKind.LINKS: TypeAdapter(ComputerLink),
    LedgerKind.CLIENT_EXPORT: TypeAdapter(ClientRow),
    LedgerKind.BASELINE: TypeAdapter(EarlierFinding),
}
_PROOF = TypeAdapter(Proof)
_LINK = TypeAdapter(ComputerLink)
T = TypeVar("T", bound=DeclaredRecord)

OBJECTS = ("counts", "mapping", "headers")
PREVIEWED, ACCEPTED, REJECTED, SUPERSEDED = "previewed", "accepted", "rejected", "superseded"


def save_file(
    db: Db,
    row: Row,
    kind: LedgerKind,
    records: Iterable[DeclaredRecord],
    problems: Iterable[RowProblem],
) -> None:
    """Store a previewed file with its records and problems in one transaction.

    ``row``: id, kind, name, sha256, received_at, filled_on, counts (object), mapping (object), headers (list). A file
    of this id that was only previewed before is replaced: its mapping was corrected.
    """
    adapter = ADAPTERS[kind]
    with db.atomic():
        for table in ("declared", "row_problems"):
            db.execute(f"DELETE FROM {table} WHERE file_id = ?", [row["id"]])  # noqa: S608  a table of ours
        db.execute("DELETE FROM ledger_files WHERE id = ? AND state = ?", [row["id"], PREVIEWED])
        stored = {**row, "state": PREVIEWED, **{name: dumps(row[name]) for name in OBJECTS}}
        db.insert("ledger_files", stored)
        db.insert_many("declared", (_declared(row["id"], n, record, adapter) for n, record in enumerate(records)))
        db.insert_many("row_problems", (_problem(row["id"], n, problem) for n, problem in enumerate(problems)))


def _declared(file_id: str, seq: int, record: DeclaredRecord, adapter: TypeAdapter[Any]) -> Row:
    document = dumps(adapter.dump_python(record, mode="json"))
    return {"file_id": file_id, "seq": seq, "sheet": record.ref.sheet, "row": record.ref.row, "document": document}


def _problem(file_id: str, seq: int, problem: RowProblem) -> Row:
    return {
        "file_id": file_id,
        "seq": seq,
        "sheet": problem.ref.sheet,
        "row": problem.ref.row,
        "column": problem.column,
        "rejected": int(problem.rejected),
        "reason": dumps(problem.reason.to_json()),
    }


def list_files(db: Db) -> list[Row]:
    """All imported files, newest last, with counts, mapping and headers as objects."""
    return [_file(row) for row in db.rows("SELECT * FROM ledger_files ORDER BY id")]


def get_file(db: Db, file_id: str) -> Row | None:
    """One file, or None."""
    row = db.first("SELECT * FROM ledger_files WHERE id = ?", [file_id])
    return _file(row) if row else None


def _file(row: Row) -> Row:
    return {**row, **{name: loads(row[name]) for name in OBJECTS}}


def file_problems(db: Db, file_id: str, limit: int = -1) -> list[Row]:
    """Row problems of a file: sheet, row, column, rejected, reason."""
    sql = 'SELECT sheet, "row", "column", rejected, reason FROM row_problems WHERE file_id = ? ORDER BY seq LIMIT ?'
    return [
        {**row, "rejected": bool(row["rejected"]), "reason": loads(row["reason"])}
        for row in db.rows(sql, [file_id, limit])
    ]


def file_records(db: Db, file_id: str, limit: int = -1) -> list[dict[str, Any]]:
    """Accepted records of a file as JSON objects."""
    sql = "SELECT document FROM declared WHERE file_id = ? ORDER BY seq LIMIT ?"
    return [loads(row["document"]) for row in db.rows(sql, [file_id, limit])]


def accept_file(db: Db, file_id: str, replaced: Iterable[str] = ()) -> None:
    """Put a previewed file in force; those it replaces become kept old versions, others of its kind stay in force."""
    with db.atomic():
        for old in replaced:
            db.execute("UPDATE ledger_files SET state = ? WHERE id = ?", [SUPERSEDED, old])
        db.execute("UPDATE ledger_files SET state = ? WHERE id = ?", [ACCEPTED, file_id])


def reject_file(db: Db, file_id: str) -> None:
    """Keep a previewed file out of force."""
    db.execute("UPDATE ledger_files SET state = ? WHERE id = ?", [REJECTED, file_id])


def records_in_force(db: Db, kind: LedgerKind, of: type[T]) -> tuple[T, ...]:
    """The records of the files of ``kind`` in force, each an ``of``; what stands in several files counts once, as the
    newest says.
    """
    found = overlapping.merged(kind, all_in_force(db, kind))
    return tuple(record for record in found if isinstance(record, of))


def documents_in_force(db: Db, kind: LedgerKind) -> list[Row]:
    """As :func:`records_in_force`, as JSON objects."""
    found = overlapping.merged(kind, all_in_force(db, kind))
    return [ADAPTERS[kind].dump_python(record, mode="json") for record in found]


def page_in_force(db: Db, kind: LedgerKind, first: int, limit: int) -> tuple[list[Row], int]:
    """Some of :func:`documents_in_force`, and how many they are; one file alone is read no further than needed."""
    files = files_in_force(db, kind)
    if len(files) != 1:
        found = documents_in_force(db, kind)
        return found[first : first + limit], len(found)
    file_id = files[0]["id"]
    sql = "SELECT document FROM declared WHERE file_id = ? ORDER BY seq LIMIT ? OFFSET ?"
    rows = [loads(row["document"]) for row in db.rows(sql, [file_id, limit, first])]
    return rows, int(db.value("SELECT COUNT(*) FROM declared WHERE file_id = ?", [file_id]))


def all_in_force(db: Db, kind: LedgerKind) -> tuple[DeclaredRecord, ...]:
    """Every record of the files of ``kind`` in force, file by file, those that stand in several files included."""
    sql = """SELECT d.document FROM declared d JOIN ledger_files f ON f.id = d.file_id
             WHERE f.kind = ? AND f.state = ? ORDER BY f.id, d.seq"""
    return tuple(ADAPTERS[kind].validate_json(row["document"]) for row in db.rows(sql, [kind, ACCEPTED]))


def records_of_file(db: Db, file_id: str, kind: LedgerKind) -> tuple[DeclaredRecord, ...]:
    """The accepted rows of one file, in force or not."""
    rows = db.rows("SELECT document FROM declared WHERE file_id = ? ORDER BY seq", [file_id])
    return tuple(ADAPTERS[kind].validate_json(row["document"]) for row in rows)


def files_in_force(db: Db, kind: LedgerKind | None = None) -> list[Row]:
    """The files in force, of one kind or of all, oldest first."""
    return [row for row in list_files(db) if row["state"] == ACCEPTED and kind in (None, row["kind"])]


def problems_in_force(db: Db, prefix: str) -> tuple[RowProblem, ...]:
    """Row problems of the files in force whose code begins with ``prefix``."""
    found: list[RowProblem] = []
    for file in files_in_force(db):
        for row in file_problems(db, file["id"]):
            if row["reason"]["code"].startswith(prefix):
                ref = RowRef(file["id"], row["sheet"], row["row"])
                found.append(RowProblem(ref, row["column"], Message.from_json(row["reason"]), row["rejected"]))
    return tuple(found)


def save_proof(db: Db, proof: Proof) -> None:
    """Store one proof."""
    document = dumps(_PROOF.dump_python(proof, mode="json"))
    db.insert("proofs", {"id": proof.id, "software_no": proof.software_no, "document": document})


def list_proofs(db: Db) -> tuple[Proof, ...]:
    """All proofs in order of entry: those entered by hand, and the rows of the list of papers in force."""
    entered = [_PROOF.validate_json(row["document"]) for row in db.rows("SELECT document FROM proofs ORDER BY id")]
    listed = map(_as_proof, records_in_force(db, LedgerKind.PROOFS, DeclaredProof))
    return tuple(sorted([*entered, *listed], key=lambda proof: proof.id))


def _as_proof(row: DeclaredProof) -> Proof:
    """Its id begins with that of its file, so it sorts by when the file came."""
    identifier = f"{row.ref.file}!{row.ref.sheet}!{row.ref.row:06d}"
    return Proof(identifier, row.software_no, row.level, row.kind, row.number, row.remark)


def proof_rows(proofs: Sequence[Proof]) -> list[dict[str, Any]]:
    """Proofs as JSON objects."""
    return [_PROOF.dump_python(proof, mode="json") for proof in proofs]


def save_link(db: Db, link: ComputerLink, entered_at: str, entered_by: str) -> None:
    """Enter or replace what is stated by hand about one 计算机编号."""
    document = dumps(_LINK.dump_python(link, mode="json"))
    row = {"computer_no": link.computer_no, "document": document, "entered_at": entered_at, "entered_by": entered_by}
    db.replace("computer_links", row)


def delete_link(db: Db, computer_no: str) -> bool:
    """Take back what was stated by hand; False when nothing was."""
    return db.execute("DELETE FROM computer_links WHERE computer_no = ?", [computer_no]) > 0


def list_links(db: Db) -> tuple[ComputerLink, ...]:
    """The links of the file in force, each overridden by what was entered by hand; by 计算机编号."""
    links = {link.computer_no: link for link in records_in_force(db, LedgerKind.LINKS, ComputerLink)}
    for row in db.rows("SELECT document FROM computer_links"):
        link = _LINK.validate_json(row["document"])
        links[link.computer_no] = link
    return tuple(links[number] for number in sorted(links))


def save_mapping(index: Db, unit_id: str, kind: LedgerKind, mapping: Mapping[str, str]) -> None:
    """Remember for a unit which field a header is; an empty field leaves the column out."""
    for header, field in mapping.items():
        index.replace("ledger_mappings", {"unit_id": unit_id, "kind": kind, "header": header, "field": field})


def mapping_of(index: Db, unit_id: str, kind: LedgerKind) -> dict[str, str]:
    """Header → field as corrected for this unit."""
    sql = "SELECT header, field FROM ledger_mappings WHERE unit_id = ? AND kind = ? ORDER BY header"
    return {row["header"]: row["field"] for row in index.rows(sql, [unit_id, kind])}
