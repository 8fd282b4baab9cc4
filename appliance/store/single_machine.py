"""Kits that were written for USB, and the readings that came back on it or were entered by hand."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from appliance.store.database import Db, Row

TABLES = """
CREATE TABLE collector_kits (nonce TEXT PRIMARY KEY, made_at TEXT NOT NULL, made_by TEXT NOT NULL);
CREATE TABLE offline_readings (facts_id TEXT PRIMARY KEY REFERENCES results(facts_id),
  host_id TEXT NOT NULL REFERENCES hosts(id), source TEXT NOT NULL, digest TEXT NOT NULL, nonce TEXT NOT NULL,
  asset_no TEXT NOT NULL, department TEXT NOT NULL, person TEXT NOT NULL, entered_at TEXT NOT NULL,
  entered_by TEXT NOT NULL);
CREATE INDEX offline_readings_by_host ON offline_readings (host_id, entered_at)
"""

# Rows come out of a bundle before the results that they speak of, each in a transaction of its own.
TABLE_APART = """
CREATE TABLE offline_readings_apart (facts_id TEXT PRIMARY KEY, host_id TEXT NOT NULL REFERENCES hosts(id),
  source TEXT NOT NULL, digest TEXT NOT NULL, nonce TEXT NOT NULL, asset_no TEXT NOT NULL, department TEXT NOT NULL,
  person TEXT NOT NULL, entered_at TEXT NOT NULL, entered_by TEXT NOT NULL);
INSERT INTO offline_readings_apart SELECT * FROM offline_readings;
DROP TABLE offline_readings;
ALTER TABLE offline_readings_apart RENAME TO offline_readings;
CREATE INDEX offline_readings_by_host ON offline_readings (host_id, entered_at)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One computer read without the network. ``source``: ``single_machine`` or ``manual``; times RFC 3339."""

    facts_id: str
    host_id: str
    source: str
    digest: str
    nonce: str
    asset_no: str
    department: str
    person: str
    entered_at: str
    entered_by: str


def create_offline_readings(db: Db) -> None:
    """The migration step."""
    db.script(TABLES)


def part_from_results(db: Db) -> None:
    """The migration step after it."""
    db.script(TABLE_APART)


def save_kit(db: Db, nonce: str, made_at: str, made_by: str) -> None:
    """Remember what a stick carries, so that its folders are known again."""
    db.insert("collector_kits", {"nonce": nonce, "made_at": made_at, "made_by": made_by})


def kit_made_at(db: Db, nonce: str) -> str | None:
    """When the kit with this nonce was made, None for a stranger's."""
    row = db.first("SELECT made_at FROM collector_kits WHERE nonce = ?", [nonce])
    return row["made_at"] if row else None


def list_kits(db: Db) -> list[Row]:
    """All kits, oldest first."""
    return db.rows("SELECT * FROM collector_kits ORDER BY made_at, nonce")


def save_reading(db: Db, reading: Reading) -> None:
    """Add one reading; its facts are stored before."""
    db.insert("offline_readings", asdict(reading))


def list_readings(db: Db) -> list[Reading]:
    """All readings in order of entry."""
    return [Reading(**row) for row in db.rows("SELECT * FROM offline_readings ORDER BY entered_at, facts_id")]


def hosts_by_source(db: Db) -> dict[str, int]:
    """How many computers were read on a stick, and how many entered by hand: they stand among those collected."""
    sql = "SELECT COUNT(DISTINCT host_id) FROM offline_readings WHERE source = ?"
    return {source: int(db.value(sql, [source]) or 0) for source in ("single_machine", "manual")}


def reading_of(db: Db, facts_id: str) -> Reading | None:
    """What is known of how these facts came, None for facts from the network."""
    row = db.first("SELECT * FROM offline_readings WHERE facts_id = ?", [facts_id])
    return Reading(**row) if row else None
