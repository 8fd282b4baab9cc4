"""Imported ledger files, their rows and problems, and proofs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter

from appliance.ledger.model import Asset, FreeListEntry, LedgerKind, Licence, Proof, RowProblem
from appliance.store.database import Db, Row, dumps, loads

ADAPTERS: dict[LedgerKind, TypeAdapter[Any]] = {
    LedgerKind.ASSETS: TypeAdapter(Asset),
    LedgerKind.LICENCES: TypeAdapter(Licence),
    LedgerKind.FREE_LIST: TypeAdapter(FreeListEntry),
}
_PROOF = TypeAdapter(Proof)
T = TypeVar("T", Asset, Licence, FreeListEntry)

PREVIEWED, ACCEPTED, REJECTED, SUPERSEDED = "previewed", "accepted", "rejected", "superseded"


def save_file(
    db: Db,
    row: Row,
    kind: LedgerKind,
    records: Iterable[Asset | Licence | FreeListEntry],
    problems: Iterable[RowProblem],
) -> None:
    """Store a previewed file with its records and problems in one transaction.

    ``row``: id, kind, name, sha256, received_at, counts (object), mapping (object).
    """
    adapter = ADAPTERS[kind]
    with db.atomic():
        stored = {**row, "state": PREVIEWED, "counts": dumps(row["counts"]), "mapping": dumps(row["mapping"])}
        db.insert("ledger_files", stored)
        db.insert_many("declared", (_declared(row["id"], n, record, adapter) for n, record in enumerate(records)))
        db.insert_many("row_problems", (_problem(row["id"], n, problem) for n, problem in enumerate(problems)))


def _declared(file_id: str, seq: int, record: Asset | Licence | FreeListEntry, adapter: TypeAdapter[Any]) -> Row:
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
    """All imported files, newest last, with counts and mapping as objects."""
    return [_file(row) for row in db.rows("SELECT * FROM ledger_files ORDER BY id")]


def get_file(db: Db, file_id: str) -> Row | None:
    """One file, or None."""
    row = db.first("SELECT * FROM ledger_files WHERE id = ?", [file_id])
    return _file(row) if row else None


def _file(row: Row) -> Row:
    return {**row, "counts": loads(row["counts"]), "mapping": loads(row["mapping"])}


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


def accept_file(db: Db, file_id: str, kind: str) -> None:
    """Put a previewed file in force; the file of this kind that was in force before becomes a kept old version."""
    with db.atomic():
        db.execute(
            "UPDATE ledger_files SET state = ? WHERE kind = ? AND state = ? AND id <> ?",
            [SUPERSEDED, kind, ACCEPTED, file_id],
        )
        db.execute("UPDATE ledger_files SET state = ? WHERE id = ?", [ACCEPTED, file_id])


def reject_file(db: Db, file_id: str) -> None:
    """Keep a previewed file out of force."""
    db.execute("UPDATE ledger_files SET state = ? WHERE id = ?", [REJECTED, file_id])


def records_in_force(db: Db, kind: LedgerKind, of: type[T]) -> tuple[T, ...]:
    """The records of the file of ``kind`` that is in force."""
    adapter: TypeAdapter[T] = TypeAdapter(of)
    sql = """SELECT d.document FROM declared d JOIN ledger_files f ON f.id = d.file_id
             WHERE f.kind = ? AND f.state = ? ORDER BY f.id, d.seq"""
    return tuple(adapter.validate_json(row["document"]) for row in db.rows(sql, [kind, ACCEPTED]))


def save_proof(db: Db, proof: Proof) -> None:
    """Store one proof."""
    document = dumps(_PROOF.dump_python(proof, mode="json"))
    db.insert("proofs", {"id": proof.id, "software_no": proof.software_no, "document": document})


def list_proofs(db: Db) -> tuple[Proof, ...]:
    """All proofs in order of entry."""
    return tuple(_PROOF.validate_json(row["document"]) for row in db.rows("SELECT document FROM proofs ORDER BY id"))


def proof_rows(proofs: Sequence[Proof]) -> list[dict[str, Any]]:
    """Proofs as JSON objects."""
    return [_PROOF.dump_python(proof, mode="json") for proof in proofs]
