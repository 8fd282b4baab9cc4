"""整改 of one unit: ``DATA/units/<unit id>/rectification.db``. It outlives the seal and the end of each inspection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from appliance.judgement.rectification import Event, Notice
from appliance.store.database import Db, Row, Schema, dumps, loads

TABLES = """
CREATE TABLE notices (id TEXT PRIMARY KEY, inspection_id TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL,
  issued_on TEXT NOT NULL, deadline TEXT, entered_at TEXT NOT NULL, entered_by TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE notice_items (notice_id TEXT NOT NULL REFERENCES notices(id), seq INTEGER NOT NULL, "key" TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (notice_id, seq));
CREATE TABLE notice_events (id TEXT PRIMARY KEY, notice_id TEXT NOT NULL REFERENCES notices(id), kind TEXT NOT NULL,
  "on" TEXT NOT NULL, entered_at TEXT NOT NULL, entered_by TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE papers (id TEXT PRIMARY KEY, notice_id TEXT NOT NULL REFERENCES notices(id), name TEXT NOT NULL,
  file TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, entered_at TEXT NOT NULL, entered_by TEXT NOT NULL)
"""


def _first(db: Db) -> None:
    db.script(TABLES)


RECTIFICATION = Schema("rectification", [("0001_first", _first)])
_EVENT = TypeAdapter(Event)
_NOTICE = TypeAdapter(Notice)


def save_notice(db: Db, row: Row, items: Mapping[str, Row]) -> None:
    """Add a notice with its findings: key → what is shown of it."""
    with db.atomic():
        db.insert("notices", row)
        keyed = enumerate(items.items())
        rows = ({"notice_id": row["id"], "seq": n, "key": key, "document": dumps(shown)} for n, (key, shown) in keyed)
        db.insert_many("notice_items", rows)


def save_event(db: Db, row: Row) -> None:
    """Add what happened: id, notice_id, kind, on, entered_at, entered_by, document (object)."""
    db.insert("notice_events", {**row, "document": dumps(row["document"])})


def save_paper(db: Db, row: Row) -> None:
    """Add a paper: id, notice_id, name, file, sha256, size, entered_at, entered_by."""
    db.insert("papers", row)


def notice_row(db: Db, notice_id: str) -> Row | None:
    """One notice, or None."""
    return db.first("SELECT * FROM notices WHERE id = ?", [notice_id])


def notice_rows(db: Db, inspection_id: str | None = None) -> list[Row]:
    """Notices in order of entry, of one inspection or of all."""
    where, values = (" WHERE inspection_id = ?", [inspection_id]) if inspection_id else ("", [])
    return db.rows(f"SELECT * FROM notices{where} ORDER BY id", values)  # noqa: S608  a constant clause


def notice_items(db: Db, notice_id: str) -> list[Row]:
    """The findings of a notice: key, and what is shown of it."""
    rows = db.rows('SELECT "key", document FROM notice_items WHERE notice_id = ? ORDER BY seq', [notice_id])
    return [{"key": row["key"], **loads(row["document"])} for row in rows]


def notice_events(db: Db, notice_id: str) -> list[Row]:
    """What happened to a notice, in order."""
    rows = db.rows("SELECT * FROM notice_events WHERE notice_id = ? ORDER BY id", [notice_id])
    return [{**row, **loads(row.pop("document"))} for row in rows]


def papers(db: Db, notice_id: str) -> list[Row]:
    """The papers of a notice."""
    return db.rows("SELECT * FROM papers WHERE notice_id = ? ORDER BY id", [notice_id])


def paper(db: Db, paper_id: str) -> Row | None:
    """One paper, or None."""
    return db.first("SELECT * FROM papers WHERE id = ?", [paper_id])


def load_notice(db: Db, row: Row) -> Notice:
    """A notice as it is judged."""
    keys = db.rows('SELECT "key" FROM notice_items WHERE notice_id = ? ORDER BY seq', [row["id"]])
    events: list[Any] = [_event(event) for event in notice_events(db, row["id"])]
    names = ("id", "kind", "issued_on", "deadline", "number")
    plain = {name: row[name] for name in names}
    return _NOTICE.validate_python({**plain, "keys": tuple(one["key"] for one in keys), "events": tuple(events)})


def _event(row: Row) -> Event:
    fields = {name: row.get(name) for name in ("kind", "on", "until", "accepted")}
    return _EVENT.validate_python({**fields, "at": row["entered_at"], "keys": tuple(row.get("keys", ()))})
