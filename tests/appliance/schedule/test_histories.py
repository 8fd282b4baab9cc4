"""Random histories of a laptop: sleep, wrong clocks, zones, crashes, wrong networks; all that is due is done once."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.schedule.decide import ACTIVE, Run, RunState, Schedule
from appliance.schedule.reliable_clock import LONGEST_OFF, TOLERANCE, Reading
from appliance.schedule.rules import AfterNotice, Once, Rule, ScheduleKind, Weekly, due_between, next_due
from appliance.store import schedules as store
from appliance.store.database import opened
from appliance.store.schema import INDEX
from appliance.visits.schedule_desk import BY_ITSELF, Desk
from config.clock import FixedClock
from config.ids import Ids
from config.message import Message
from config.problems import Problem, Refused

START = datetime(2026, 11, 2, 0, 55, tzinfo=UTC)
WITHIN = timedelta(minutes=60)
ZONES = ("UTC", "Asia/Shanghai", "America/Los_Angeles")
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # thousands of commits, none of which has to last
STEPS = ("place", "known_hosts", "start", "started", "scan_state")
"""Where kill -9 strikes: ``start`` before the scan's row is written, ``started`` after it."""


class Killed(BaseException):
    """The process is gone: nothing after this happens."""


@dataclass
class FakeWorld:
    """The laptop, the network around it and the scans that were started, as a test moves them."""

    true: datetime = START
    error: timedelta = timedelta(0)
    zone: str = "UTC"
    boottime: float = 500.0
    boots: int = 0
    ready: bool = True  # authorisation in force, credentials entered, vault unlocked
    right_network: bool = True
    hosts_answer: bool = True
    refuses: bool = False
    kill_at: str = ""
    dead: bool = False
    scans: dict[str, str] = field(default_factory=dict[str, str])
    started: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    confirmed_error: timedelta = timedelta(0)  # what a person last took for the right time

    @property
    def wall(self) -> datetime:
        return (self.true + self.error).astimezone(ZoneInfo(self.zone))

    def pass_time(self, span: timedelta) -> None:
        self.true += span
        self.boottime += span.total_seconds()

    def reading(self) -> Reading:
        return Reading(self.wall, self.boottime, str(self.boots))

    def busy(self) -> bool:
        self._step("busy")
        return "running" in self.scans.values()

    def conditions(self, run: Run) -> tuple[Message, ...]:
        self._step("conditions")
        return () if self.ready else (Message.of("schedule.vault_locked"),)

    def place(self, run: Run) -> tuple[Message, ...]:
        self._step("place")
        return () if self.right_network else (Message.of("schedule.other_network", network="192.168.0.0/24"),)

    def known_hosts(self, run: Run) -> tuple[Message, ...]:
        assert self.ready, "nothing is sent before every other condition holds"
        assert self.right_network, "nothing is sent in another network"
        self._step("known_hosts")
        return () if self.hosts_answer else (Message.of("schedule.too_few_known", same=0, other=0, asked=8),)

    def start(self, run: Run, scan_id: str, by: str) -> None:
        assert self.ready
        assert self.right_network
        assert self.hosts_answer
        assert "running" not in self.scans.values(), "one run at a time"
        if by == BY_ITSELF:
            believed = min(abs(self.error), abs(self.error - self.confirmed_error))
            assert believed <= TOLERANCE, "never by itself after the clock jumped"
            assert timedelta(0) <= self.wall - run.due_at <= WITHIN, "never by itself early or late"
        self._step("start")
        if self.refuses:
            raise Refused("scope.no_authorisation")
        self.scans[scan_id] = "running"
        self.started.append((run.schedule_id, run.due_at))
        self._step("started")

    def scan_state(self, run: Run) -> str | None:
        self._step("scan_state")
        return self.scans.get(run.scan_id or "")

    def restart(self) -> None:
        """As the appliance does when it starts: scans that claim to run were cut off."""
        self.dead, self.kill_at = False, ""
        self.scans = {n: "interrupted" if state == "running" else state for n, state in self.scans.items()}

    def _step(self, name: str) -> None:
        if self.dead or name == self.kill_at:
            self.dead = True
            raise Killed(name)


class Histories(RuleBasedStateMachine):
    """The real desk over a real index; only the world is made up."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hezheng-histories-", dir=MEMORY))
        self.path = self.folder / "appliance.db"
        self.path.write_bytes(template())
        self.world = FakeWorld()
        clock = FixedClock(START)
        self.ids = Ids(clock)
        self.desk = Desk(lambda: opened(self.path, INDEX), self.ids, self.world, WITHIN)
        self.schedules: dict[str, Schedule] = {}
        self.cancelled: set[str] = set()
        self.add(Weekly((1, 2, 3, 4, 5), ("09:00", "15:00"), "Asia/Shanghai"))

    def teardown(self) -> None:
        try:
            self.settle_everything()
        finally:
            shutil.rmtree(self.folder)

    # What happens

    @rule(minutes=st.integers(1, 600))
    def work_on(self, minutes: int) -> None:
        """The appliance runs and ticks."""
        for _ in range(1 + minutes // 150):
            self.world.pass_time(timedelta(minutes=min(minutes, 150)))
            self.look()

    @rule(hours=st.integers(1, 24 * 20))
    def suspend(self, hours: int) -> None:
        self.world.pass_time(timedelta(hours=hours))

    @rule(days=st.sampled_from([-365, -1, 1, 365]))
    def set_the_clock(self, days: int) -> None:
        self.world.error = timedelta(days=days)

    @rule()
    def put_the_clock_right(self) -> None:
        self.world.error = timedelta(0)

    @rule()
    def confirm_the_clock(self) -> None:
        """A person takes the time that is shown for the right one, whether it is or not."""
        self.world.confirmed_error = self.world.error
        self.desk.confirm_clock()

    @rule(zone=st.sampled_from(ZONES))
    def travel(self, zone: str) -> None:
        self.world.zone = zone

    @rule(hours=st.integers(1, 24 * 30), error=st.sampled_from([0, 0, 0, -365, 365]))
    def switch_off(self, hours: int, error: int) -> None:
        """The machine is off, and its battery-backed clock may have gone wrong meanwhile."""
        self.world.true += timedelta(hours=hours)
        self.world.error += timedelta(days=error)
        self.world.boots += 1
        self.world.boottime = 20.0
        self.restart()

    @rule(ready=st.booleans(), right=st.booleans(), answer=st.booleans(), refuses=st.booleans())
    def carry_the_laptop(self, ready: bool, right: bool, answer: bool, refuses: bool) -> None:
        world = self.world
        world.ready, world.right_network, world.hosts_answer, world.refuses = ready, right, answer, refuses

    @rule()
    def everything_is_well(self) -> None:
        world = self.world
        world.ready = world.right_network = world.hosts_answer = True
        world.refuses = False

    @rule(well=st.booleans(), awake=st.booleans(), finish=st.booleans())
    def be_there_at_the_next_due_moment(self, well: bool, awake: bool, finish: bool) -> None:
        """The laptop sleeps until shortly before, and is used around that moment."""
        due = next(filter(None, (next_due(s.rule, self.world.wall) for s in self.schedules.values())))
        self.world.pass_time(max(timedelta(0), due - timedelta(minutes=5) - self.world.wall))
        if well:
            self.everything_is_well()
        if finish:
            self.scan_ends("done")
        for minutes in (0, 6, 11) if awake else (20,):
            self.world.pass_time(timedelta(minutes=minutes))
            self.look()

    @rule()
    def tick(self) -> None:
        self.look()

    @rule(step=st.sampled_from(STEPS), minutes=st.integers(1, 300))
    def kill(self, step: str, minutes: int) -> None:
        """``kill -9`` at one step of whatever the next tick does."""
        self.world.pass_time(timedelta(minutes=minutes))
        self.world.kill_at = step
        self.what_a_restart_hides()
        with suppress(Killed):
            self.desk.tick()
        self.restart()

    @rule(how=st.sampled_from(["done", "done", "incomplete", "failed", "cancelled"]))
    def scan_ends(self, how: str) -> None:
        self.world.scans = {n: how if state == "running" else state for n, state in self.world.scans.items()}

    @precondition(lambda self: "interrupted" in self.world.scans.values())
    @rule()
    def person_resumes_a_scan(self) -> None:
        if "running" not in self.world.scans.values():
            name = next(n for n, state in self.world.scans.items() if state == "interrupted")
            self.world.scans[name] = "running"

    @rule(step=st.sampled_from(["", "", "", *STEPS]))
    def person_starts_what_is_open(self, step: str) -> None:
        if not (runs := self.open_runs()) or "running" in self.world.scans.values():
            return
        self.world.kill_at = step
        said = "schedule."
        try:
            self.desk.take_up(runs[0].id, "inspector")
        except Problem as refused:
            said = refused.message.code
        except Killed:
            self.restart()
        self.world.kill_at = ""
        assert said.startswith(("schedule.", "scope.")), said

    @rule()
    def person_skips_what_is_open(self) -> None:
        if runs := self.open_runs():
            self.desk.skip(runs[-1].id, "单位改期")

    @precondition(lambda self: len(self.schedules) < 3)
    @rule(days=st.integers(1, 40), weekly=st.booleans())
    def add_another(self, days: int, weekly: bool) -> None:
        day = self.world.wall.date()
        once: Rule = Once(self.world.wall + timedelta(days=days))
        later: Rule = AfterNotice(date(day.year, day.month, 1), 30 + days, "10:00", "Europe/Berlin")
        self.add(once if weekly else later)

    # What must hold

    @invariant()
    def no_due_moment_starts_two_scans(self) -> None:
        assert len(set(self.world.started)) == len(self.world.started)

    # Helpers

    def what_a_restart_hides(self) -> None:
        """Across a restart there is only the last reading to compare with: an error that fits it does not show."""
        with opened(self.path, INDEX) as db:
            last = store.last_reading(db)
        fits = last is not None and last.wall - TOLERANCE <= self.world.wall <= last.wall + LONGEST_OFF
        if last is not None and fits and last.boot != str(self.world.boots):
            self.world.confirmed_error = self.world.error

    def add(self, what: Rule) -> None:
        schedule = Schedule(self.ids.new(), "I", ScheduleKind.RESCAN, what, self.world.wall)
        self.schedules[schedule.id] = schedule
        with opened(self.path, INDEX) as db:
            store.save(db, schedule, {}, "inspector")
            if store.last_reading(db) is None:
                store.believe(db, self.world.reading())

    def restart(self) -> None:
        """The appliance starts again, and as always its first tick comes at once."""
        self.world.restart()
        self.desk.recover()
        self.look()

    def open_runs(self) -> list[Run]:
        with opened(self.path, INDEX) as db:
            return store.runs_in(db, [RunState.OPEN])

    def look(self) -> None:
        self.what_a_restart_hides()
        self.desk.tick()
        with opened(self.path, INDEX) as db:
            assert len(store.runs_in(db, ACTIVE)) <= 1, "one run at most is at work"
            if store.doubted(db) is not None:
                return
            waiting = store.runs_in(db, [RunState.OPEN])
            early = [run for run in store.runs_in(db, [RunState.MISSED]) if run.due_at > self.world.wall]
            recorded = store.recorded(db)
        assert not early, "what is not due yet is not missed"
        for schedule in self.schedules.values():
            due = due_between(schedule.rule, schedule.since, self.world.wall)
            assert set(due) <= recorded.get(schedule.id, frozenset()), "every due moment has a run"
            assert sum(run.schedule_id == schedule.id for run in waiting) <= 1, "the newest alone waits"

    def settle_everything(self) -> None:
        """At the end the laptop is back, its clock right, and a person answers whatever asks."""
        self.restart()
        self.everything_is_well()
        self.put_the_clock_right()
        self.confirm_the_clock()
        self.look()
        for run in self.open_runs():
            self.scan_ends("done")
            self.desk.take_up(run.id, "inspector")
        self.scan_ends("done")
        self.look()
        with opened(self.path, INDEX) as db:
            rows = store.history(db, None, -1)
        times_started = {key: self.world.started.count(key) for key in self.world.started}
        for row in rows:
            scans = times_started.get((row["schedule_id"], datetime.fromisoformat(row["due_at"])), 0)
            unscanned = row["state"] in (RunState.MISSED, RunState.SKIPPED)
            assert scans == (0 if unscanned else 1), (row, scans)
            assert row["state"] not in (RunState.OPEN, RunState.CLAIMED, RunState.STARTED), row
        assert len({(row["schedule_id"], row["due_at"]) for row in rows}) == len(rows)


@cache
def template() -> bytes:
    """An index with one inspection, made once."""
    with tempfile.TemporaryDirectory(prefix="hezheng-histories-") as folder:
        path = Path(folder) / "appliance.db"
        with opened(path, INDEX, create=True) as db:
            db.insert("units", {"id": "U", "name": "单位", "system": "", "region": "", "created_at": ""})
            db.insert("inspections", {"id": "I", "unit_id": "U", "kind": "follow_up", "created_at": ""})
        return path.read_bytes()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=200, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
