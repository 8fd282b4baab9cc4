"""Inspections that were ended on this appliance: how far their removal is, and the proof that stays."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from appliance.store.database import Db, Row, dumps, loads


class Stage(StrEnum):
    """The last step that is certain. Each step may be done twice."""

    VERIFIED = "verified"  # the copy was read back; nothing is destroyed yet
    CREDENTIALS = "credentials"  # keys and credentials are destroyed
    FOLDER = "folder"  # the folder is gone
    DONE = "done"


def begin(db: Db, inspection_id: str, document: dict[str, Any]) -> None:
    """Write down that the copy is verified: from here on the removal always goes on to its end."""
    db.replace("endings", {"inspection_id": inspection_id, "stage": Stage.VERIFIED, "document": dumps(document)})


def reach(db: Db, inspection_id: str, stage: Stage, **found: Any) -> None:
    """Note a finished step and what it found."""
    row = read(db, inspection_id) or {}
    document = {**row["document"], **found}
    db.execute(
        "UPDATE endings SET stage = ?, document = ? WHERE inspection_id = ?", [stage, dumps(document), inspection_id]
    )


def read(db: Db, inspection_id: str) -> Row | None:
    """``{"inspection_id", "stage", "document"}``, or None when it was not ended."""
    row = db.first("SELECT * FROM endings WHERE inspection_id = ?", [inspection_id])
    return {**row, "document": loads(row["document"])} if row else None


def list_open(db: Db) -> list[Row]:
    """Endings that were cut off, in order of their inspections."""
    rows = db.rows("SELECT * FROM endings WHERE stage <> ? ORDER BY inspection_id", [Stage.DONE])
    return [{**row, "document": loads(row["document"])} for row in rows]


def list_fingerprints(db: Db) -> set[str]:
    """Signers of the bundles of ended inspections."""
    rows = db.rows("SELECT document FROM endings")
    return {bundle["fingerprint"] for row in rows for bundle in loads(row["document"])["bundles"]}
