"""Baselines of a follow-up inspection, and what its comparisons found. Reads of findings for both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from appliance.judgement.declared import Rectification, RectificationState
from appliance.store.database import Db, Row, dumps, loads
from appliance.store.records import documents

TABLES = """
CREATE TABLE baselines (id TEXT PRIMARY KEY, kind TEXT NOT NULL, set_at TEXT NOT NULL, set_by TEXT NOT NULL,
  document TEXT NOT NULL);
CREATE TABLE baseline_rows ("row" TEXT PRIMARY KEY, host_id TEXT NOT NULL, said_at TEXT NOT NULL,
  said_by TEXT NOT NULL);
CREATE TABLE comparisons (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, audit_id TEXT NOT NULL, head TEXT NOT NULL);
CREATE TABLE comparison_lines (comparison_id TEXT NOT NULL REFERENCES comparisons(id), seq INTEGER NOT NULL,
  outcome TEXT NOT NULL, kind TEXT NOT NULL, product_id TEXT NOT NULL, host_id TEXT NOT NULL, "key" TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (comparison_id, seq));
CREATE INDEX comparison_lines_by_outcome ON comparison_lines (comparison_id, outcome, seq);
CREATE TABLE comparison_changes (comparison_id TEXT NOT NULL REFERENCES comparisons(id), seq INTEGER NOT NULL,
  area TEXT NOT NULL, change TEXT NOT NULL, subject TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (comparison_id, seq));
CREATE TABLE comparison_closed (comparison_id TEXT NOT NULL REFERENCES comparisons(id), seq INTEGER NOT NULL,
  place TEXT NOT NULL, product_id TEXT NOT NULL, kind TEXT NOT NULL, "key" TEXT NOT NULL, closed_at TEXT NOT NULL,
  PRIMARY KEY (comparison_id, seq))
"""
CLOSED_FIELDS = ("place", "product_id", "kind", "key", "closed_at")


def create_comparisons(db: Db) -> None:
    """The migration step."""
    db.script(TABLES)


def save_baseline(db: Db, row: Row) -> None:
    """Add a baseline: id, kind, set_at, set_by, document (object); the newest counts."""
    db.insert("baselines", {**row, "document": dumps(row["document"])})


def latest_baseline(db: Db) -> Row | None:
    """The baseline that counts, its document spread over the row; None before the first."""
    row = db.first("SELECT * FROM baselines ORDER BY id DESC LIMIT 1")
    return {**row, **loads(row.pop("document"))} if row else None


def say_row(db: Db, row: Row) -> None:
    """A person's word on one row of the list: row, host_id (empty: none of them), said_at, said_by."""
    db.replace("baseline_rows", row)


def said_rows(db: Db) -> dict[str, str]:
    """Row of the list → host id, as people said."""
    return {row["row"]: row["host_id"] for row in db.rows('SELECT "row", host_id FROM baseline_rows')}


def save_comparison(
    db: Db, head: Row, lines: Iterable[Row], changes: Iterable[Row], closed: Iterable[Row], finish: Iterator[Row]
) -> None:
    """Store a comparison whole; ``finish`` is read last and yields the head's document."""
    comparison_id = head["id"]
    with db.atomic():
        db.insert("comparisons", {**head, "head": "{}"})
        for table, rows in (
            ("comparison_lines", lines),
            ("comparison_changes", changes),
            ("comparison_closed", closed),
        ):
            numbered = ({"comparison_id": comparison_id, "seq": n, **row} for n, row in enumerate(rows))
            db.insert_many(table, numbered)
        db.execute("UPDATE comparisons SET head = ? WHERE id = ?", [dumps(next(finish)), comparison_id])


def latest_comparison(db: Db) -> Row | None:
    """The newest comparison with its head as an object; None before the first."""
    row = db.first("SELECT * FROM comparisons ORDER BY id DESC LIMIT 1")
    return {**row, "head": loads(row["head"])} if row else None


def list_lines(db: Db, comparison_id: str, after: int, limit: int, filters: dict[str, str]) -> list[tuple[int, Any]]:
    """``(seq, line)`` after ``after``. ``filters``: outcome, kind, host_id."""
    return _page(db, "comparison_lines", comparison_id, after, limit, filters)


def list_changes(db: Db, comparison_id: str, after: int, limit: int, filters: dict[str, str]) -> list[tuple[int, Any]]:
    """``(seq, change)`` after ``after``. ``filters``: area, change."""
    return _page(db, "comparison_changes", comparison_id, after, limit, filters)


def _page(
    db: Db, table: str, comparison_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, Any]]:
    wanted = "".join(f' AND "{name}" = ?' for name in filters)
    sql = f"SELECT seq, document FROM {table} WHERE comparison_id = ? AND seq > ?{wanted} ORDER BY seq LIMIT ?"  # noqa: S608
    rows = db.rows(sql, [comparison_id, after, *filters.values(), limit])
    return [(row["seq"], loads(row["document"])) for row in rows]


def get_line(db: Db, comparison_id: str, seq: int) -> Row | None:
    """One line, or None."""
    sql = "SELECT document FROM comparison_lines WHERE comparison_id = ? AND seq = ?"
    row = db.first(sql, [comparison_id, seq])
    return loads(row["document"]) if row else None


def closed_findings(db: Db, comparison_id: str) -> Iterator[Row]:
    """What this visit and those before it closed: place, product_id, kind, key, closed_at."""
    names = ", ".join(f'"{name}"' for name in CLOSED_FIELDS)
    yield from db.stream(f"SELECT {names} FROM comparison_closed WHERE comparison_id = ?", [comparison_id])  # noqa: S608


def stream_findings(db: Db, audit_id: str) -> Iterator[Row]:
    """``seq, key, kind, subject, product_id, document`` of an audit; the document is still text."""
    sql = """SELECT seq, "key", kind, subject, json_extract(document, '$.product_id') AS product_id, document
             FROM findings WHERE audit_id = ? ORDER BY seq"""
    yield from db.stream(sql, [audit_id])


def audit_hosts(db: Db, audit_id: str) -> list[Row]:
    """The computers as judged."""
    return db.rows("SELECT * FROM audit_hosts WHERE audit_id = ? ORDER BY host_id", [audit_id])


def copies(db: Db, audit_id: str) -> Iterator[Row]:
    """``host_id, product_id, decision`` of every copy on a computer."""
    sql = "SELECT host_id, product_id, decision FROM verdicts WHERE audit_id = ? AND host_id <> ''"
    yield from db.stream(sql, [audit_id])


def save_rectifications(db: Db, new_id: Callable[[], str], at: str, by: str, said: Iterable[Rectification]) -> int:
    """Record where findings stand, those alone whose last record says something else; returns how many."""
    last = {row["key"]: row["state"] for row in documents(db, ["rectifications"])}
    rows = [_record(new_id(), at, by, one) for one in said if last.get(one.key) != one.state]
    db.insert_many("records", rows)
    return len(rows)


def _record(record_id: str, at: str, by: str, one: Rectification) -> Row:
    document = {"key": one.key, "state": one.state, "note": one.note, "id": record_id, "entered_at": at}
    row = {"id": record_id, "kind": "rectifications", "entered_at": at}
    return {**row, "document": dumps({**document, "entered_by": by})}


STATES = {
    "open": RectificationState.OPEN,
    "rectified": RectificationState.CLOSED,
    "reappeared": RectificationState.REAPPEARED,
    "moved": RectificationState.MOVED,
    "not_rechecked": RectificationState.NOT_RECHECKED,
}
"""What an outcome means for 整改率; what is new was opened by this visit and is in no rate of the earlier one."""


def states_by_key(db: Db, comparison_id: str) -> dict[str, RectificationState]:
    """Finding's key → where it stands after a comparison."""
    rows = db.rows('SELECT "key", outcome FROM comparison_lines WHERE comparison_id = ?', [comparison_id])
    return {row["key"]: STATES[row["outcome"]] for row in rows if row["outcome"] in STATES}
