"""Time is injected: the only file that asks the system for it (a lint rule bans it elsewhere)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Wall time (aware), monotonic seconds, and seconds since boot (suspend included)."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def boottime(self) -> float: ...


class SystemClock:
    """The laptop's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC).astimezone()

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class FixedClock:
    """A clock that moves only when told; for tests and for replay."""

    at: datetime
    ticks: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def boottime(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        """Move wall and monotonic time together."""
        self.at += timedelta(seconds=seconds)
        self.ticks += seconds


def boot_id(file: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Which start of the machine this is: seconds since boot compare within one alone (random(4))."""
    return file.read_text("ascii").strip()


def rfc3339(moment: datetime) -> str:
    """Format an aware time as RFC 3339 with offset and milliseconds."""
    if moment.tzinfo is None:
        raise ValueError("an aware datetime is needed")
    return moment.isoformat(timespec="milliseconds")


def parse_rfc3339(text: str) -> datetime:
    """Parse what :func:`rfc3339` wrote; raises ValueError on a naive time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without offset: {text}")
    return moment
