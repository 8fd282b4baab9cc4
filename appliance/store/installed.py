"""The software of each result as lines that two visits are compared by, beside the document that takes long to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.judgement.comparison_software import NOTHING_READ, Software, software_of
from appliance.store.database import Db, Row, dumps
from scanner import facts as facts_json
from scanner.model import HostFacts

BATCH = 500
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


def load_installed(db: Db, facts_ids: Sequence[str]) -> Iterator[Software]:
    """The lines of each result, in the order asked for; nothing for one that is not there."""
    sql = """SELECT i.* FROM installed i JOIN json_each(?) j ON i.facts_id = j.value"""
    for start in range(0, len(facts_ids), BATCH):
        wanted = facts_ids[start : start + BATCH]
        found = {row.pop("facts_id"): Software(**row) for row in db.rows(sql, [dumps(wanted)])}
        for facts_id in wanted:
            yield found[facts_id] if facts_id in found else _from_document(db, facts_id)


def _from_document(db: Db, facts_id: str) -> Software:
    """Of a result that was stored without its lines."""
    document = db.value("SELECT document FROM results WHERE facts_id = ?", [facts_id]) if facts_id else None
    return software_of(facts_json.from_text(document)) if document else NOTHING_READ
