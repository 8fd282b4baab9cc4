"""Units and inspections in the index; the inspection's own row, authorisations, segments and scans in its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.store.database import Db, Row, dumps, loads


def save_unit(db: Db, row: Row) -> None:
    """Insert a unit: id, name, system, region, parent_id, created_at."""
    db.insert("units", row)


def list_units(db: Db) -> list[Row]:
    """All units in order of making."""
    return db.rows("SELECT * FROM units ORDER BY id")


def find_unit(db: Db, unit_id_or_name: str) -> Row | None:
    """A unit by id or by its exact name."""
    return db.first("SELECT * FROM units WHERE id = ? OR name = ?", [unit_id_or_name, unit_id_or_name])


def index_inspection(db: Db, row: Row) -> None:
    """Insert an inspection into the index: id, unit_id, kind, created_at."""
    db.insert("inspections", row)


def list_inspections(db: Db, after: str, limit: int) -> list[Row]:
    """``id, unit, unit_id, kind, created_at, sealed_at, bundle_digest, ended`` in order of making.

    ``ended`` is how far its removal is (:class:`appliance.store.endings.Stage`), null while it is here.
    """
    return db.rows(
        """SELECT i.id, u.name AS unit, i.unit_id, i.kind, i.created_at, i.sealed_at, i.bundle_digest, e.stage AS ended
           FROM inspections i JOIN units u ON u.id = i.unit_id LEFT JOIN endings e ON e.inspection_id = i.id
           WHERE i.id > ? ORDER BY i.id LIMIT ?""",
        [after, limit],
    )


def roll_up(db: Db, inspection_id: str, row: Row) -> None:
    """Keep a sealed inspection's figures in the index: sealed_at, bundle_digest, rates, findings."""
    db.execute(
        "UPDATE inspections SET sealed_at = ?, bundle_digest = ?, rates = ?, findings = ? WHERE id = ?",
        [row["sealed_at"], row["bundle_digest"], dumps(row["rates"]), dumps(row["findings"]), inspection_id],
    )


def create(db: Db, row: Row) -> None:
    """Insert the one row of an inspection's own file."""
    db.insert("inspection", row)


def read(db: Db) -> Row:
    """The inspection's own row."""
    row = db.first("SELECT * FROM inspection")
    assert row is not None, "an inspection file has its row from the start"
    return row


def update(db: Db, changes: Row) -> None:
    """Change columns of the inspection's own row: phase, as_of, sealed_at, finalised_at."""
    assignments = ", ".join(f"{name} = ?" for name in changes)
    db.execute(f"UPDATE inspection SET {assignments}", list(changes.values()))  # noqa: S608  names are ours


def save_reopening(db: Db, row: Row) -> None:
    """Add a reopening: id, reopened_at, reopened_by, finalised_at, reason."""
    db.insert("reopenings", row)


def list_reopenings(db: Db) -> list[Row]:
    """All reopenings, oldest first."""
    return db.rows("SELECT * FROM reopenings ORDER BY id")


def save_authorisation(db: Db, authorisation_id: str, recorded_at: str, document: Any) -> None:
    """Add an authorisation; the newest is in force, older ones are kept."""
    db.insert("authorisations", {"id": authorisation_id, "recorded_at": recorded_at, "document": dumps(document)})


def authorisation_in_force(db: Db) -> dict[str, Any] | None:
    """The newest authorisation's document, or None."""
    row = db.first("SELECT document FROM authorisations ORDER BY id DESC LIMIT 1")
    return loads(row["document"]) if row else None


def list_authorisations(db: Db) -> list[dict[str, Any]]:
    """All authorisations, oldest first."""
    return [loads(row["document"]) for row in db.rows("SELECT document FROM authorisations ORDER BY id")]


def save_segment(db: Db, row: Row) -> None:
    """Insert a segment: id, range, label, visited_at."""
    db.insert("segments", row)


def list_segments(db: Db) -> list[Row]:
    """All segments."""
    return db.rows("SELECT * FROM segments ORDER BY id")


def visit_segments(db: Db, segment_ids: Iterable[str], at: str) -> None:
    """Note that every address of these segments has been looked at."""
    for segment_id in segment_ids:
        db.execute("UPDATE segments SET visited_at = ? WHERE id = ?", [at, segment_id])


def save_bundle(db: Db, row: Row) -> None:
    """Insert a sealed bundle: id, audit_id, sealed_at, file, digest, fingerprint, seal (1 or 2), second_digest,
    encrypted, custody_seq, custody_sha256.
    """
    db.insert("bundles", row)


def list_bundles(db: Db) -> list[Row]:
    """All bundles of this inspection, oldest first."""
    return db.rows("SELECT * FROM bundles ORDER BY id")
