"""Schedules: what is due when, what waits for a person, and in which network this laptop is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import InspectionPath, Name, Request, ScanBody, Ulid
from appliance.schedule.rules import AfterNotice, Once, Rule, ScheduleKind, Weekly
from appliance.visits import network_check
from appliance.visits import schedule as use
from config.problems import BadInput

schedules = APIBlueprint("schedules", __name__, abp_tags=tag("schedules"), abp_security=SECURITY, abp_responses=PROBLEM)

TimeOfDay = Annotated[str, Field(max_length=5)]


class SchedulePath(BaseModel):
    schedule_id: Ulid


class RunPath(BaseModel):
    run_id: Ulid


class WeeklyBody(Request):
    """``days``: 1 is Monday; ``times``: ``HH:MM``."""

    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    times: Annotated[list[TimeOfDay], Field(min_length=1, max_length=24)]


class AfterNoticeBody(Request):
    noticed_on: date
    days: Annotated[int, Field(ge=0, le=3660)] = 30
    time: TimeOfDay = "09:00"


class ScheduleBody(Request):
    """One of ``once_at``, ``weekly`` and ``after_notice``; ``options`` as of a scan."""

    kind: ScheduleKind = ScheduleKind.RESCAN
    once_at: datetime | None = None
    weekly: WeeklyBody | None = None
    after_notice: AfterNoticeBody | None = None
    zone: Name | None = None
    options: ScanBody = ScanBody()

    def rule(self, default_zone: str) -> Rule:
        """Raises BadInput ``schedule.one_rule`` unless exactly one is given."""
        zone = self.zone or default_zone
        rules: list[Rule] = []
        if self.once_at is not None:
            rules.append(Once(self.once_at))
        if self.weekly is not None:
            rules.append(Weekly(tuple(self.weekly.days), tuple(self.weekly.times), zone))
        if (after := self.after_notice) is not None:
            rules.append(AfterNotice(after.noticed_on, after.days, after.time, zone))
        if len(rules) != 1:
            raise BadInput("schedule.one_rule")
        return rules[0]


class SkipBody(Request):
    reason: Name


@schedules.get(f"{PREFIX}/schedules")
def list_schedules() -> Any:
    """Schedules; what is due and waits for a person (``asks``); why the clock is not believed (``clock``)."""
    return answer(use.list_all(appliance()))


@schedules.post(f"{ONE}/schedules")
def add_schedule(path: InspectionPath, body: ScheduleBody) -> Any:
    """Make a schedule of rescans or of presence sweeps in this inspection."""
    a = appliance()
    rule = body.rule(a.settings.schedule.zone)
    return answer(use.add(a, path.inspection_id, body.kind, rule, body.options.model_dump()), 201)


@schedules.get(f"{PREFIX}/schedules/<schedule_id>")
def get_schedule(path: SchedulePath) -> Any:
    """One schedule with its history."""
    return answer(use.get(appliance(), path.schedule_id))


@schedules.post(f"{PREFIX}/schedules/<schedule_id>/cancel")
def cancel_schedule(path: SchedulePath) -> Any:
    """End a schedule; what of it is due and did not start is skipped."""
    return answer(use.cancel(appliance(), path.schedule_id))


@schedules.post(f"{PREFIX}/schedules/look")
def look() -> Any:
    """Record what has become due and start nothing."""
    return answer(use.look(appliance()))


@schedules.post(f"{PREFIX}/schedules/clock-confirmation")
def confirm_clock() -> Any:
    """A person has checked that the laptop's clock is right."""
    return answer(use.confirm_clock(appliance()))


@schedules.post(f"{PREFIX}/schedule-runs/<run_id>/start")
def start_run(path: RunPath) -> Any:
    """Start what is due on a person's word, after the same checks; refused with the first reason against it."""
    return answer(use.take_up(appliance(), path.run_id))


@schedules.post(f"{PREFIX}/schedule-runs/<run_id>/skip")
def skip_run(path: RunPath, body: SkipBody) -> Any:
    """End what is due without a scan, with a reason."""
    return answer(use.skip(appliance(), path.run_id, body.reason))


@schedules.get(f"{ONE}/network-place")
def network_place(path: InspectionPath) -> Any:
    """Where this laptop is plugged in and what is known of the unit's network; nothing is sent."""
    return answer(network_check.describe_place(appliance(), path.inspection_id))
