"""What a tick of the schedule does: (schedules, their runs, now) → what to record, whom to ask, what to start. Pure.

A run is one due moment of one schedule, and there is at most one for each. It ends once: its scan was started, a
person skipped it, or a later one of the same schedule took its place (``missed``). Between being due and being late it
may start by itself; after that only a person starts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from appliance.schedule.rules import Rule, ScheduleKind, due_between
from config.message import Message

PROBE_AGAIN = timedelta(minutes=10)
"""Between two looks for known hosts: the only part of a check that sends."""


class RunState(StrEnum):
    """``open`` waits or asks; ``claimed`` is about to start; the states after ``started`` are its scan's."""

    OPEN = "open"
    CLAIMED = "claimed"
    STARTED = "started"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    MISSED = "missed"
    SKIPPED = "skipped"


ACTIVE = (RunState.CLAIMED, RunState.STARTED)
FOLLOWED = (*ACTIVE, RunState.INCOMPLETE, RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED)
"""States in which the run's scan may still go on: a person can resume it."""

OF_SCAN: Mapping[str, RunState] = {
    "running": RunState.STARTED,
    "paused": RunState.STARTED,
    "done": RunState.DONE,
    "incomplete": RunState.INCOMPLETE,
    "failed": RunState.FAILED,
    "cancelled": RunState.CANCELLED,
    "interrupted": RunState.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to be started when; only moments later than ``since`` count. ``inspection_id`` is where it scans."""

    id: str
    inspection_id: str
    kind: ScheduleKind
    rule: Rule
    since: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One due moment. ``reasons``: why it did not start, the last time it was looked at."""

    id: str
    schedule_id: str
    inspection_id: str
    kind: ScheduleKind
    due_at: datetime
    state: RunState
    scan_id: str | None = None
    reasons: tuple[Message, ...] = ()
    probed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A moment that has become due; ``missed`` when a later one of the same schedule has as well."""

    schedule_id: str
    due_at: datetime
    missed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What to record in one transaction: new runs, and open ones (ids) whose place a new one takes."""

    new: tuple[NewRun, ...] = ()
    superseded: tuple[str, ...] = ()


def plan(
    schedules: Iterable[Schedule], recorded: Mapping[str, frozenset[datetime]], open_runs: Sequence[Run], now: datetime
) -> Plan:
    """Every moment up to ``now`` that has no run yet becomes one; the newest of a schedule stays open.

    ``recorded``: schedule id → moments that have a run, in whatever state.
    """
    new: list[NewRun] = []
    superseded: list[str] = []
    for schedule in schedules:
        known = recorded.get(schedule.id, frozenset())
        fresh = [moment for moment in due_between(schedule.rule, schedule.since, now) if moment not in known]
        new += [NewRun(schedule.id, at, at != fresh[-1]) for at in fresh]
        if fresh:
            superseded += [run.id for run in open_runs if run.schedule_id == schedule.id and run.due_at < fresh[-1]]
    return Plan(tuple(new), tuple(superseded))


def is_late(run: Run, now: datetime, within: timedelta) -> bool:
    """Whether a run may no longer start by itself."""
    return now - run.due_at > within


def late(run: Run, within: timedelta) -> Message:
    """What is said of a late run."""
    return Message.of("schedule.late", minutes=int(within.total_seconds() // 60))


def timely(open_runs: Iterable[Run], now: datetime, within: timedelta) -> list[Run]:
    """The runs that may start by themselves now, the one that has been due longest first."""
    found = (run for run in open_runs if run.due_at <= now and not is_late(run, now, within))
    return sorted(found, key=lambda run: (run.due_at, run.id))


def may_probe(run: Run, now: datetime) -> bool:
    """Whether known hosts may be looked for by itself again; a clock set back does not hold it up."""
    return run.probed_at is None or abs(now - run.probed_at) >= PROBE_AGAIN


def settled(run: Run, scan_state: str | None) -> RunState:
    """The state of a run whose scan is in ``scan_state``; None: there is no such scan.

    A claim without a scan never took effect (nothing was sent): the run is open again.
    """
    if scan_state is None:
        return RunState.OPEN if run.state is RunState.CLAIMED else run.state
    return OF_SCAN[scan_state]
