"""Scans: their state, and the chunks of addresses that discovery has finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appliance.store.database import Db, Row, dumps, loads

RUNNING, PAUSED, CANCELLED, INTERRUPTED, DONE, FAILED, INCOMPLETE = (
    "running",
    "paused",
    "cancelled",
    "interrupted",
    "done",
    "failed",
    "incomplete",
)
RESUMABLE = (PAUSED, CANCELLED, INTERRUPTED, FAILED, INCOMPLETE)


def create(db: Db, row: Row, chunks: Sequence[tuple[Sequence[str], str | None]]) -> None:
    """Insert a running scan (id, started_at, authorisation_id, options) and its chunks: addresses, segment id."""
    with db.atomic():
        db.insert("scans", {**row, "options": dumps(row["options"]), "state": RUNNING, "stage": "discovery"})
        db.insert_many(
            "scan_chunks",
            (
                {
                    "scan_id": row["id"],
                    "idx": n,
                    "addresses": dumps(list(addresses)),
                    "state": "waiting",
                    "segment_id": segment,
                }
                for n, (addresses, segment) in enumerate(chunks)
            ),
        )


def get(db: Db, scan_id: str) -> Row | None:
    """One scan, or None."""
    row = db.first("SELECT * FROM scans WHERE id = ?", [scan_id])
    return _scan(row) if row else None


def list_all(db: Db) -> list[Row]:
    """All scans, oldest first."""
    return [_scan(row) for row in db.rows("SELECT * FROM scans ORDER BY id")]


def _scan(row: Row) -> Row:
    problem = loads(row["problem"]) if row["problem"] else None
    return {**row, "options": loads(row["options"]), "problem": problem}


def update(db: Db, scan_id: str, **changes: Any) -> None:
    """Change columns of a scan: state, stage, mode, finished_at, problem (object)."""
    if "problem" in changes and changes["problem"] is not None:
        changes["problem"] = dumps(changes["problem"])
    assignments = ", ".join(f"{name} = ?" for name in changes)
    db.execute(f"UPDATE scans SET {assignments} WHERE id = ?", [*changes.values(), scan_id])  # noqa: S608


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """One chunk of addresses of a scan; ``done`` once its answer is stored. ``segment`` is an id, or None."""

    index: int
    addresses: tuple[str, ...]
    done: bool
    segment: str | None = None


def list_chunks(db: Db, scan_id: str) -> list[StoredChunk]:
    """All chunks of a scan in order."""
    sql = "SELECT idx, addresses, state, segment_id FROM scan_chunks WHERE scan_id = ? ORDER BY idx"
    return [
        StoredChunk(row["idx"], tuple(loads(row["addresses"])), row["state"] == "done", row["segment_id"])
        for row in db.rows(sql, [scan_id])
    ]


def close_chunk(db: Db, scan_id: str, index: int, state: str, reason: Any = None) -> None:
    """Mark a chunk ``done``, ``failed`` or ``unrouted`` (no way there from this socket) with its reason."""
    db.execute(
        "UPDATE scan_chunks SET state = ?, reason = ? WHERE scan_id = ? AND idx = ?",
        [state, dumps(reason) if reason else None, scan_id, index],
    )


def next_round(db: Db, scan_id: str, round_no: int) -> None:
    """Begin another round: every chunk is swept again."""
    with db.atomic():
        db.execute("UPDATE scan_chunks SET state = 'waiting', reason = NULL WHERE scan_id = ?", [scan_id])
        update(db, scan_id, round=round_no, stage="discovery")


def mark_interrupted(db: Db) -> int:
    """After a crash: scans that claim to run were interrupted. Returns how many."""
    return db.execute("UPDATE scans SET state = ? WHERE state = ?", [INTERRUPTED, RUNNING])
