"""The tick: APScheduler calls, the heartbeat wakes it after sleep and after the clock was set back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from appliance.visits import ticker as room
from appliance.visits.ticker import Ticker
from config.clock import SystemClock

LONG = 3600.0
PATIENCE = 30.0


@dataclass
class MovedClock(SystemClock):
    """The laptop's clock, moved."""

    wall: timedelta = timedelta(0)
    slept: float = 0.0

    def now(self) -> datetime:
        return super().now() + self.wall

    def boottime(self) -> float:
        return super().boottime() + self.slept


@dataclass
class Counted:
    """Counts ticks; a tick may fail."""

    ticks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    fails: bool = False

    def __call__(self) -> None:
        self.ticks.release()
        if self.fails:
            raise OSError("disk")

    def came(self) -> bool:
        return self.ticks.acquire(timeout=PATIENCE)


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Ticker, MovedClock, Counted]]:
    monkeypatch.setattr(room, "BEAT_SECONDS", 0.05)
    clock, work = MovedClock(), Counted()
    ticker = Ticker(work, clock, LONG)
    ticker.start()
    assert work.came(), "the first tick comes at once"
    yield ticker, clock, work
    ticker.stop()


def test_after_sleep_it_ticks_at_once(beating: tuple[Ticker, MovedClock, Counted]) -> None:
    _, clock, work = beating
    clock.slept = 3 * LONG
    assert work.came()


def test_a_clock_set_back_by_a_year_does_not_silence_it(beating: tuple[Ticker, MovedClock, Counted]) -> None:
    _, clock, work = beating
    clock.wall = timedelta(days=-365)
    clock.slept = 3 * LONG  # an hour has passed twice
    assert work.came()


def test_a_tick_that_fails_is_not_the_last(beating: tuple[Ticker, MovedClock, Counted]) -> None:
    _, clock, work = beating
    work.fails = True
    clock.slept = 3 * LONG
    assert work.came()
    clock.slept = 6 * LONG
    assert work.came()
