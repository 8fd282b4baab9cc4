"""Use cases of the schedule: make one, look at what is due, start it by itself or by a person's word, skip it.

Every write that decides is one transaction of the index. A scan's id is chosen when its run is claimed, so that after
any crash the scan's own row says whether the claim took effect: no due moment starts two scans, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from appliance.context import Appliance
from appliance.schedule.decide import Run, RunState, Schedule, is_late, late, may_probe, plan, settled, timely
from appliance.schedule.reliable_clock import Reading, doubt
from appliance.schedule.rules import Rule, ScheduleKind, check_rule, next_due, rule_from_json
from appliance.store import inspections as inspection_store
from appliance.store import scans as scan_store
from appliance.store import schedules as store
from appliance.store.database import Db, Row
from appliance.visits import network_check, scanning
from appliance.visits.inspections import authorisation_in_force
from appliance.visits.logins import list_all as list_credentials
from appliance.visits.scan_run import ScanOptions
from config.clock import Clock, boot_id, rfc3339
from config.ids import Ids
from config.message import Message
from config.problems import BadInput, Conflict, NotFound, Problem, Refused
from credentials.model import CredentialState
from scanner.scope import require

BY_ITSELF = "schedule"
HISTORY = 200


class World(Protocol):
    """What the schedule sees of the world, and does to it. Only ``known_hosts`` and ``start`` send anything."""

    def reading(self) -> Reading: ...
    def busy(self) -> bool: ...
    def conditions(self, run: Run) -> tuple[Message, ...]: ...
    def place(self, run: Run) -> tuple[Message, ...]: ...
    def known_hosts(self, run: Run) -> tuple[Message, ...]: ...
    def start(self, run: Run, scan_id: str, by: str) -> None: ...
    def scan_state(self, run: Run) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Looks at the schedules and acts; keeps nothing between two looks but what stands in the index."""

    index: Callable[[], AbstractContextManager[Db]]
    ids: Ids
    world: World
    within: timedelta

    def recover(self) -> None:
        """After a start, before anything else runs: claims that took effect and claims that did not."""
        with self.index() as db:
            self._settle(db, claims=True)

    def look(self) -> None:
        """Record what has become due and ask about what is late; starts nothing."""
        with self.index() as db:
            self._recorded_at(db)

    def tick(self) -> None:
        """Look, and start what may start by itself: nothing in doubt of the clock, nothing while a scan runs."""
        with self.index() as db:
            if (now := self._recorded_at(db)) is None:
                return
            busy = self.world.busy()
            for run in timely(store.runs_in(db, [RunState.OPEN]), now, self.within):
                if self._try(db, run, now, busy):
                    return

    def take_up(self, run_id: str, by: str) -> None:
        """Start an open run on a person's word, late or not, after the same checks.

        Raises NotFound, Conflict when it is not open or another is at work, Refused with the first reason against it.
        """
        with self.index() as db:
            self._settle(db, claims=False)
            run = self._open(db, run_id)
            reasons = self._reasons(run) or self._look(db, run, self.world.reading().wall)
            if reasons:
                store.explain(db, run.id, reasons)
                raise Refused(reasons[0].code, **reasons[0].params)
            if not self._start(db, run, by):
                raise Conflict("schedule.another_active")

    def skip(self, run_id: str, note: str) -> Run:
        """End an open run without a scan. Raises NotFound, Conflict, BadInput without a reason."""
        if not note.strip():
            raise BadInput("schedule.skip_without_reason")
        with self.index() as db:
            run = self._open(db, run_id)
            if not store.skip(db, run_id, self.world.reading().wall, note.strip()):
                raise Conflict("schedule.run_ended", id=run_id)
            return run

    def confirm_clock(self) -> None:
        """A person says that the clock is right as it is now."""
        with self.index() as db, db.atomic():
            reading = self.world.reading()
            last = store.last_reading(db)
            if last is not None and reading.wall < last.wall:
                store.forget_future(db, reading.wall)
            store.believe(db, reading)

    def _open(self, db: Db, run_id: str) -> Run:
        run = store.get_run(db, run_id)
        if run is None:
            raise NotFound("schedule.run_not_found", id=run_id[:40])
        if run.state in (RunState.CLAIMED, RunState.STARTED):
            raise Conflict("schedule.run_active", id=run_id)
        if run.state is not RunState.OPEN:
            raise Conflict("schedule.run_ended", id=run_id)
        return run

    def _recorded_at(self, db: Db) -> datetime | None:
        """Up to when everything due is recorded now; None without schedules, and while the clock is in doubt."""
        self._settle(db, claims=False)
        if not (schedules := store.in_force(db)):
            return None
        reading = self.world.reading()
        if (message := doubt(store.last_reading(db), reading)) is not None:
            store.doubt(db, message)
            return None
        found = plan(schedules, store.recorded(db), store.runs_in(db, [RunState.OPEN]), reading.wall)
        with db.atomic():
            store.apply(db, found, self.ids, reading.wall)
            store.believe(db, reading)
        self._ask_about_late(db, reading.wall)
        return reading.wall

    def _ask_about_late(self, db: Db, now: datetime) -> None:
        for run in store.runs_in(db, [RunState.OPEN]):
            if is_late(run, now, self.within) and not any(r.code == "schedule.late" for r in run.reasons):
                store.explain(db, run.id, (late(run, self.within), *run.reasons))

    def _try(self, db: Db, run: Run, now: datetime, busy: bool) -> bool:
        """Returns whether it was started; what stands in the way of one run is not in the way of the next."""
        reasons = self._reasons(run)
        if not reasons and (busy or not may_probe(run, now)):
            return False
        reasons = reasons or self._look(db, run, now)
        if reasons:
            store.explain(db, run.id, reasons)
            return False
        return self._start(db, run, BY_ITSELF)

    def _reasons(self, run: Run) -> tuple[Message, ...]:
        """What stands against it so far: nothing was sent."""
        found = (*self.world.conditions(run), *self.world.place(run))
        return tuple(reason for at, reason in enumerate(found) if reason not in found[:at])

    def _look(self, db: Db, run: Run, now: datetime) -> tuple[Message, ...]:
        store.probed(db, run.id, now)
        return self.world.known_hosts(run)

    def _start(self, db: Db, run: Run, by: str) -> bool:
        """Claim and start; False when another run is at work. After a refusal the run is open again and asks."""
        scan_id = self.ids.new()
        if not store.claim(db, run.id, scan_id, self.world.reading().wall, by):
            return False
        claimed = store.get_run(db, run.id)
        assert claimed is not None
        refusal: Problem | None = None
        try:
            self.world.start(claimed, scan_id, by)
        except Problem as problem:
            refusal = problem
        self._follow(db, claimed)
        if refusal is not None:
            store.explain(db, run.id, [refusal.message])
            if by != BY_ITSELF:
                raise refusal
        return True

    def _settle(self, db: Db, *, claims: bool) -> None:
        """Bring runs up to date with their scans. A claim is settled by who made it, or after a crash."""
        for run in store.followed(db):
            if claims or run.state is not RunState.CLAIMED:
                self._follow(db, run)

    def _follow(self, db: Db, run: Run) -> None:
        state = settled(run, self.world.scan_state(run))
        if state is not run.state:
            store.settle(db, run, state, self.world.reading().wall)


@dataclass(frozen=True, slots=True)
class Site:
    """The world as it is."""

    appliance: Appliance

    def reading(self) -> Reading:
        """Of the laptop's own clock."""
        clock = self.appliance.clock
        return Reading(clock.now(), clock.boottime(), boot_id())

    def busy(self) -> bool:
        """Whether a scan runs, whoever started it."""
        return any(job.kind.startswith("scan:") for job in self.appliance.jobs.running())

    def conditions(self, run: Run) -> tuple[Message, ...]:
        """Everything against it that needs no look at the network."""
        try:
            with self.appliance.inspection(run.inspection_id) as (db, _):
                row = inspection_store.read(db)
                ended = _ended(row)
                permission = _not_permitted(db, self.appliance.clock)
        except Problem as problem:
            return (problem.message,)
        found = (ended, permission, self._logins(run))
        return tuple(message for message in found if message is not None)

    def _logins(self, run: Run) -> Message | None:
        """Why nobody could log in: sealing destroyed the credentials, so the unit's staff enters them again."""
        if run.kind is ScheduleKind.PRESENCE:
            return None
        credentials = list_credentials(self.appliance, run.inspection_id)
        if not credentials:
            return Message.of("schedule.no_credentials")
        if self.appliance.vault.locked:
            return Message.of("schedule.vault_locked")
        if all(credential["state"] == CredentialState.FROZEN for credential in credentials):
            return Message.of("schedule.frozen_credentials")
        return None

    def place(self, run: Run) -> tuple[Message, ...]:
        """Stage 1. What kept us from looking stands against the run too: nobody knows then where the laptop is."""
        try:
            return network_check.place_objections(self.appliance, run.inspection_id)
        except Problem as problem:
            return (problem.message,)

    def known_hosts(self, run: Run) -> tuple[Message, ...]:
        """Stage 2. What stops it stands against this run alone: the next one is looked at all the same."""
        try:
            return network_check.host_objections(self.appliance, run.inspection_id)
        except Problem as problem:
            return (problem.message,)

    def start(self, run: Run, scan_id: str, by: str) -> None:
        """Start the scan under the id that the claim chose."""
        with self.appliance.index() as db:
            schedule = store.get(db, run.schedule_id)
        assert schedule is not None
        about = {"scan": scan_id, "schedule": run.schedule_id, "due_at": rfc3339(run.due_at), "by": by}
        self.appliance.log(run.inspection_id, "schedule.started", **about)
        scanning.start(self.appliance, run.inspection_id, options_of(run.kind, schedule["options"]), scan_id)

    def scan_state(self, run: Run) -> str | None:
        """The state of the run's scan, or None when there is no such scan."""
        with suppress(NotFound), self.appliance.inspection(run.inspection_id) as (db, _):
            scan = scan_store.get(db, run.scan_id or "")
            return scan["state"] if scan else None
        return None


def options_of(kind: ScheduleKind, options: Mapping[str, Any]) -> ScanOptions:
    """A presence sweep looks who is on and asks nobody anything.

    One round each: the network was recognised for now, and later rounds would send in whatever network that is then.
    """
    if kind is ScheduleKind.PRESENCE:
        return ScanOptions(segment=options.get("segment"), discover_only=True, presence=True)
    return replace(ScanOptions(**options), rounds=1)


def desk(appliance: Appliance) -> Desk:
    """The desk of an appliance."""
    within = timedelta(minutes=appliance.settings.schedule.start_within_minutes)
    return Desk(appliance.index, appliance.ids, Site(appliance), within)


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


def _ended(row: Row) -> Message | None:
    if row["sealed_at"]:
        return Message.of("schedule.sealed", at=row["sealed_at"])
    return Message.of("schedule.final", at=row["finalised_at"]) if row["finalised_at"] else None


def _not_permitted(db: Db, clock: Clock) -> Message | None:
    try:
        require(authorisation_in_force(db), clock.now())
    except Problem as problem:
        return problem.message
    return None
