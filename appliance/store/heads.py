"""Heads of custody logs, kept in the index: a log that lost its last lines is shorter than what stands here."""

from __future__ import annotations

from appliance.evidence.custody import Head
from appliance.store.database import Db

HEAD_TABLES = """
CREATE TABLE custody_heads (inspection_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, sha256 TEXT NOT NULL,
  kept_at TEXT NOT NULL)
"""


def create_heads(db: Db) -> None:
    """The table's migration step."""
    db.script(HEAD_TABLES)


def save(index: Db, inspection_id: str, head: Head, at: str) -> None:
    """Keep the newest head of a log."""
    row = {"inspection_id": inspection_id, "seq": head.seq, "sha256": head.sha256, "kept_at": at}
    index.replace("custody_heads", row)


def read(index: Db, inspection_id: str) -> Head | None:
    """The head as kept last, or None."""
    row = index.first("SELECT seq, sha256 FROM custody_heads WHERE inspection_id = ?", [inspection_id])
    return Head(row["seq"], row["sha256"]) if row else None
