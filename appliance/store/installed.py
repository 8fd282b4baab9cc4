"""The software of each result as lines that two visits are compared by, beside the document that takes long to read."""

from __future__ import annotations

from appliance.judgement.comparison_software import NOTHING_READ, Software, software_of
from appliance.store.database import Db, Row
from scanner import facts as facts_json
from scanner.model import HostFacts

TABLE = """
CREATE TABLE installed (facts_id TEXT PRIMARY KEY, "lines" TEXT NOT NULL, os_installed_at TEXT NOT NULL,
  read_at TEXT NOT NULL, platform TEXT NOT NULL)
"""


def create_installed(db: Db) -> None:
    """The migration step: results that are there already get their lines."""
    db.script(TABLE)
    for row in db.rows("SELECT facts_id FROM results ORDER BY facts_id"):
        document = db.value("SELECT document FROM results WHERE facts_id = ?", [row["facts_id"]])
        save_installed(db, facts_json.from_text(document))


def save_installed(db: Db, facts: HostFacts) -> None:
    """Keep the lines of one result."""
    db.insert("installed", _row(facts.id, software_of(facts)))


def _row(facts_id: str, found: Software) -> Row:
    return {"facts_id": facts_id, **found._asdict()}


def load_installed(db: Db, facts_id: str) -> Software:
    """The lines of one result; of one that was stored without them, from its document. Nothing when there is none."""
    sql = 'SELECT "lines", os_installed_at, read_at, platform FROM installed WHERE facts_id = ?'
    if row := db.first(sql, [facts_id]):
        return Software(**row)
    document = db.value("SELECT document FROM results WHERE facts_id = ?", [facts_id])
    return software_of(facts_json.from_text(document)) if document else NOTHING_READ
