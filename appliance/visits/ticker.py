"""The tick of the schedule: APScheduler calls the desk, a heartbeat wakes APScheduler. Nothing else knows it.

APScheduler keeps the next call as a wall time and sleeps until then: a clock set back would silence it, and it does
not notice that the laptop slept. The heartbeat looks at the time since boot, which nobody can set and in which sleep
counts, and calls at once when a tick is overdue. Its job store is memory: our own table is the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC

from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from config.clock import Clock

BEAT_SECONDS = 5.0


class Ticker:
    """Calls ``work`` every ``seconds``, never twice at once."""

    def __init__(self, work: Callable[[], None], clock: Clock, seconds: float) -> None:
        self._work = work
        self._clock = clock
        self._seconds = seconds
        self._last = clock.boottime()
        self._stopped = threading.Event()
        self._beat = threading.Thread(target=self._watch, name="schedule-heartbeat", daemon=True)
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        self._job: Job = self._scheduler.add_job(self._tick, "interval", seconds=seconds)

    def start(self) -> None:
        """Begin; the first tick comes at once."""
        self._scheduler.start()
        self.wake()
        self._beat.start()

    def stop(self) -> None:
        """End; a tick at work is waited for."""
        self._stopped.set()
        self._scheduler.shutdown(wait=True)

    def wake(self) -> None:
        """Tick now."""
        self._job.modify(next_run_time=self._clock.now())
        self._scheduler.wakeup()

    @property
    def overdue(self) -> bool:
        """Whether two ticks should have come since the last one."""
        return self._clock.boottime() - self._last > 2 * self._seconds

    def _tick(self) -> None:
        self._last = self._clock.boottime()
        self._work()
        self._last = self._clock.boottime()

    def _watch(self) -> None:
        while not self._stopped.wait(min(BEAT_SECONDS, self._seconds)):
            if self.overdue:
                self.wake()
