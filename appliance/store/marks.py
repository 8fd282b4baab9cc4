"""Marks of computers in audits that are older than the marks: what the rates by computer count each computer as."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from appliance.judgement.tallies import WORST_FIRST, marked
from appliance.model import Decision
from appliance.store.database import Db, Row, loads


def fill_marks(db: Db) -> None:
    """Give every computer of every stored audit the marks that a new audit keeps by itself."""
    for audit in db.rows("SELECT id, head FROM audits"):
        switches = loads(audit["head"]).get("policy", {}).get("switches", {})
        audited = frozenset(switches.get("audited_categories", {}).get("value", ()))
        for host_id, rows in groupby(_judged(db, audit["id"]), key=lambda row: row["host_id"]):
            db.execute(
                "UPDATE audit_hosts SET marks = ? WHERE audit_id = ? AND host_id = ?",
                [_marks(rows, audited), audit["id"], host_id],
            )


def _judged(db: Db, audit_id: str) -> list[Row]:
    """By computer and category: the decisions, and whether every copy is domestic and not 非正版."""
    return db.rows(
        """SELECT host_id, category, group_concat(DISTINCT decision) AS decisions,
             MIN(origin = 'domestic' AND decision <> 'unlicensed') AS fine
           FROM verdicts WHERE audit_id = ? AND host_id <> '' AND official = 1 AND decision <> 'excluded'
           GROUP BY host_id, category ORDER BY host_id""",
        [audit_id],
    )


def _marks(rows: Iterable[Row], audited: frozenset[str]) -> str:
    worst: dict[str, Decision] = {}
    foreign: set[str] = set()
    for row in rows:
        found = [Decision(name) for name in row["decisions"].split(",")]
        for group in ("", row["category"]) if row["category"] in audited else (row["category"],):
            known = [*found, worst[group]] if group in worst else found
            worst[group] = min(known, key=WORST_FIRST.index)
            if not row["fine"]:
                foreign.add(group)
    return marked(worst, foreign)
