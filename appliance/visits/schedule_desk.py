"""The desk of the schedule: look at what is due, start it by itself or by a person's word, skip it.

Every write that decides is one transaction of the index. A scan's id is chosen when its run is claimed, so that after
any crash the scan's own row says whether the claim took effect: no due moment starts two scans, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from appliance.schedule.decide import Run, RunState, is_late, late, may_probe, plan, settled, timely
from appliance.schedule.reliable_clock import Reading, doubt
from appliance.store import schedules as store
from appliance.store.database import Db
from config.ids import Ids
from config.message import Message
from config.problems import BadInput, Conflict, NotFound, Problem, Refused

BY_ITSELF = "schedule"


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
