"""Use cases of the schedule: make one, list what is due and why it waits, end one, take a run up or skip it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from appliance.context import Appliance
from appliance.schedule.decide import RunState, Schedule
from appliance.schedule.rules import Rule, ScheduleKind, check_rule, next_due, rule_from_json
from appliance.store import inspections as inspection_store
from appliance.store import schedules as store
from appliance.store.database import Db, Row
from appliance.visits.schedule_site import Site, desk
from config.clock import rfc3339
from config.problems import BadInput, Conflict, NotFound

HISTORY = 200


def add(
    appliance: Appliance, inspection_id: str, kind: ScheduleKind, rule: Rule, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Make a schedule. Raises BadInput for a bad rule or one that is never due again, Refused once it is sealed."""
    check_rule(rule)
    now = appliance.clock.now()
    if (first := next_due(rule, now)) is None:
        at = next_due(rule, datetime.fromtimestamp(0, now.tzinfo))
        raise BadInput("schedule.in_past", at=at.astimezone(now.tzinfo).isoformat(" ", "minutes") if at else "—")
    schedule = Schedule(appliance.ids.new(), inspection_id, kind, rule, now)
    with appliance.open_inspection(inspection_id), appliance.index() as db:
        about = {"schedule": schedule.id, "kind": str(kind), "next": rfc3339(first)}
        appliance.log(inspection_id, "schedule.added", **about)
        with db.atomic():
            store.save(db, schedule, options, appliance.operator)
            if store.last_reading(db) is None:
                store.believe(db, Site(appliance).reading())
    return get(appliance, schedule.id)


def list_all(appliance: Appliance) -> dict[str, Any]:
    """``{"items": schedules, "asks": open runs, "clock": why it is in doubt or null}``."""
    with appliance.index() as db:
        rows, runs = store.list_all(db), store.history(db, None, HISTORY)
        clock = store.doubted(db)
    units = _units(appliance)
    items = [{**_described(appliance, row), "unit": units.get(row["inspection_id"])} for row in rows]
    asks = [{**run, "unit": units.get(run["inspection_id"])} for run in runs if run["state"] == RunState.OPEN]
    return {"items": items, "asks": asks[::-1], "clock": clock.to_json() if clock else None, "next": None}


def look(appliance: Appliance) -> dict[str, Any]:
    """Record what has become due, start nothing, and list."""
    desk(appliance).look()
    return list_all(appliance)


def confirm_clock(appliance: Appliance) -> dict[str, Any]:
    """A person says that the clock is right; what is due by it is recorded."""
    desk(appliance).confirm_clock()
    return look(appliance)


def get(appliance: Appliance, schedule_id: str) -> dict[str, Any]:
    """One schedule with its runs, newest first. Raises NotFound."""
    with appliance.index() as db:
        row = _found(db, schedule_id)
        return {**_described(appliance, row), "runs": store.history(db, schedule_id, HISTORY)}


def cancel(appliance: Appliance, schedule_id: str) -> dict[str, Any]:
    """End a schedule. Raises NotFound, Conflict when it has ended."""
    with appliance.index() as db:
        row = _found(db, schedule_id)
        if row["cancelled_at"]:
            raise Conflict("schedule.cancelled", id=schedule_id)
        with suppress(NotFound):  # the inspection may have been ended and removed
            appliance.log(row["inspection_id"], "schedule.cancelled", schedule=schedule_id)
        store.cancel(db, schedule_id, appliance.clock.now(), appliance.operator)
    return get(appliance, schedule_id)


def take_up(appliance: Appliance, run_id: str) -> dict[str, Any]:
    """Start a run on a person's word; the run, with its scan's job while that runs."""
    desk(appliance).take_up(run_id, appliance.operator)
    run = get_run(appliance, run_id)
    jobs = (job for job in appliance.jobs.running() if job.kind == f"scan:{run['scan_id']}")
    return {**run, "job": next((job.id for job in jobs), None)}


def skip(appliance: Appliance, run_id: str, note: str) -> dict[str, Any]:
    """End a run without a scan, with its reason on record."""
    run = desk(appliance).skip(run_id, note)
    with suppress(NotFound):
        about = {"schedule": run.schedule_id, "due_at": rfc3339(run.due_at), "reason": note.strip()}
        appliance.log(run.inspection_id, "schedule.skipped", **about)
    return get_run(appliance, run_id)


def get_run(appliance: Appliance, run_id: str) -> Row:
    """One run's row. Raises NotFound."""
    with appliance.index() as db:
        run = store.get_run(db, run_id)
        if run is None:
            raise NotFound("schedule.run_not_found", id=run_id[:40])
        return next(row for row in store.history(db, run.schedule_id, -1) if row["id"] == run_id)


def _found(db: Db, schedule_id: str) -> Row:
    row = store.get(db, schedule_id)
    if row is None:
        raise NotFound("schedule.not_found", id=schedule_id[:40])
    return row


def _described(appliance: Appliance, row: Row) -> dict[str, Any]:
    now = appliance.clock.now()
    due = None if row["cancelled_at"] else next_due(rule_from_json(row["rule"]), now)
    return {**row, "next_due_at": rfc3339(due.astimezone(now.tzinfo)) if due else None}


def _units(appliance: Appliance) -> dict[str, str]:
    with appliance.index() as db:
        return {row["id"]: row["unit"] for row in inspection_store.list_inspections(db, "", -1)}
