"""Use cases of 回头看: compare a follow-up inspection with its baseline, and read what came out."""

from __future__ import annotations

from typing import Any

from appliance.context import Appliance
from appliance.jobs import Job
from appliance.store import audits as audit_store
from appliance.store import comparisons as store
from appliance.store.database import Db, Row
from appliance.visits import baselines, ledgers_in_force, recognising
from appliance.visits.baselines import LiveVisit
from appliance.visits.comparing import Side
from appliance.visits.follow_up_run import listed, run, shown
from config.clock import rfc3339
from config.problems import Conflict, NotFound


def start(appliance: Appliance, inspection_id: str) -> Job:
    """Compare as a job. Raises NotFound without a baseline, Conflict before the first audit."""
    baseline = baselines.current(appliance, inspection_id)
    with appliance.open_inspection(inspection_id, although_final=True) as (db, _):
        if audit_store.latest_audit(db) is None:
            raise Conflict("follow_up.not_judged")

    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id, although_final=True) as (db, _):
            return run(appliance, inspection_id, db, baseline, job)

    return appliance.jobs.start("compare", "findings", inspection_id, work)


def latest(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """``id, created_at, audit, baseline, outcomes, rate, computers, changes`` of the newest comparison."""
    with appliance.inspection(inspection_id) as (db, _):
        return shown(store.latest_comparison(db))


def lines(
    appliance: Appliance, inspection_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, Any]]:
    """``(sequence, line)`` of the newest comparison."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_lines(db, _newest(db), after, limit, filters)


def changed(
    appliance: Appliance, inspection_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, Any]]:
    """``(sequence, change)`` of assets, licences, computers and software."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_changes(db, _newest(db), after, limit, filters)


def _newest(db: Db) -> str:
    found = store.latest_comparison(db)
    if found is None:
        raise NotFound("follow_up.none_yet")
    return str(found["id"])


def line(appliance: Appliance, inspection_id: str, sequence: int) -> dict[str, Any]:
    """One line with the verdicts of both visits as far as they lie here: ``verdicts_before``, ``verdicts_after``."""
    with appliance.inspection(inspection_id) as (db, _):
        newest = store.latest_comparison(db)
        found = store.get_line(db, newest["id"], sequence) if newest else None
        if newest is None or found is None:
            raise NotFound("follow_up.no_line", sequence=sequence)
        found["verdicts_after"] = _verdicts(db, newest["audit_id"], found["after"])
        baseline = newest["head"]["baseline"]
    found["verdicts_before"] = []
    if baseline["kind"] == "inspection":
        with appliance.inspection(baseline["source"]) as (other, _):
            if audit := audit_store.latest_audit(other):
                found["verdicts_before"] = _verdicts(other, audit["id"], found["before"])
    return {"sequence": sequence, **found}


def _verdicts(db: Db, audit_id: str, side: Row | None) -> list[Row]:
    wanted = (side or {}).get("verdicts", ())[:20]
    return [found for one in wanted if (found := audit_store.get_verdict(db, audit_id, one))]


def doubtful_rows(appliance: Appliance, inspection_id: str) -> list[Row]:
    """Rows of last year's list that wait for a person's word, with what fits them so far."""
    with appliance.inspection(inspection_id) as (db, folder):
        found = listed(db, LiveVisit(db).computers(), recognising.corrected(appliance, folder))
    side = Side(listed=found)
    return [side.shown(one.item(n)) or {} for n, one in enumerate(found) if one.doubt]


def say_row(appliance: Appliance, inspection_id: str, row: str, host_id: str) -> Row:
    """A person's word: this row speaks of that computer; an empty id, of none of them. Raises NotFound."""
    with appliance.open_inspection(inspection_id) as (db, _):
        if row not in {one.ref.text() for one in ledgers_in_force.earlier_findings(db)}:
            raise NotFound("follow_up.no_row", row=row[:80])
        if host_id and host_id not in {one["host_id"] for one in store.audit_hosts(db, LiveVisit(db).audit_id)}:
            raise NotFound("follow_up.no_host", host=host_id[:40])
        appliance.log(inspection_id, "baseline.row_said", row=row, host=host_id)
        said = {
            "row": row,
            "host_id": host_id,
            "said_at": rfc3339(appliance.clock.now()),
            "said_by": appliance.operator,
        }
        store.say_row(db, said)
        return said
