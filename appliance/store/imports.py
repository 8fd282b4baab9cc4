"""Inspections that came to this appliance in a bundle: when, from whom, and the proof of an earlier ending here."""

from __future__ import annotations

from typing import Any

from appliance.store.database import Db, Row, dumps, loads

TABLE = """
CREATE TABLE imports (inspection_id TEXT PRIMARY KEY REFERENCES inspections(id), imported_at TEXT NOT NULL,
  imported_by TEXT NOT NULL, file TEXT NOT NULL, digest TEXT NOT NULL, fingerprint TEXT NOT NULL,
  ended TEXT NOT NULL)
"""


def create_imports(db: Db) -> None:
    """The migration step of the index."""
    db.script(TABLE)


def save(db: Db, row: Row, ended: dict[str, Any] | None) -> None:
    """Note an import: inspection_id, imported_at, imported_by, file, digest, fingerprint. ``ended``: what had stayed of
    an inspection that was ended here before.
    """
    db.replace("imports", {**row, "ended": dumps(ended)})


def list_all(db: Db) -> list[Row]:
    """All imports with unit and kind, oldest first."""
    sql = """SELECT m.*, u.name AS unit, i.kind, i.created_at, i.sealed_at FROM imports m
             JOIN inspections i ON i.id = m.inspection_id JOIN units u ON u.id = i.unit_id
             ORDER BY m.imported_at, m.inspection_id"""
    return [{**row, "ended": loads(row["ended"])} for row in db.rows(sql)]


def forget_ending(db: Db, inspection_id: str) -> None:
    """An ended inspection is here again; what had stayed of it is kept with its import."""
    db.execute("DELETE FROM endings WHERE inspection_id = ?", [inspection_id])
