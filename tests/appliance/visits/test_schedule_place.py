"""A schedule starts nothing by itself when nobody could look where the laptop is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appliance.schedule.decide import Run, RunState
from appliance.schedule.rules import ScheduleKind
from appliance.visits import inspections
from appliance.visits.schedule_site import Site
from tests.appliance.evidence.laptop import START, laptop, visited


def test_another_visit_of_the_unit_that_cannot_be_read_stands_against_the_run(tmp_path: Path) -> None:
    made = laptop(tmp_path)
    unit = inspections.get(made.appliance, made.inspection)["unit_id"]
    earlier = inspections.create(made.appliance, unit, "initial")["id"]
    with sqlite3.connect(made.appliance.folder.inspection(earlier).database) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('inspection', '9999', '')")
    run = Run("r", "s", made.inspection, ScheduleKind.RESCAN, START, RunState.OPEN)
    assert [reason.code for reason in Site(made.appliance).place(run)] == ["data.newer_schema"]


def test_an_inspection_that_was_sealed_meanwhile_stands_against_its_run_and_stops_no_other(tmp_path: Path) -> None:
    made = visited(tmp_path)
    made.seal()
    run = Run("r", "s", made.inspection, ScheduleKind.RESCAN, START, RunState.OPEN)
    assert [reason.code for reason in Site(made.appliance).known_hosts(run)] == ["inspection.sealed"]
