"""Whether the wall clock may be believed: it must have moved as far as the time since boot, which nobody can set. Pure.

Suspend counts in the time since boot, so a laptop that slept is no surprise. Across a restart of the machine there is
nothing to compare with but the last reading: a clock that is behind it is wrong, one far ahead is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from config.message import Message

TOLERANCE = timedelta(minutes=2)
LONGEST_OFF = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Reading:
    """Wall time (aware), seconds since boot, and which boot."""

    wall: datetime
    boottime: float
    boot: str


def doubt(last: Reading | None, now: Reading) -> Message | None:
    """Why ``now`` is not to be believed after ``last``, or None. Until a person confirms it, nothing becomes due."""
    if last is None:
        return None
    if last.boot == now.boot:
        expected = last.wall + timedelta(seconds=now.boottime - last.boottime)
        if abs(now.wall - expected) <= TOLERANCE:
            return None
        return Message.of("schedule.clock_jumped", shown=_minute(now.wall), expected=_minute(expected))
    if now.wall < last.wall - TOLERANCE:
        return Message.of("schedule.clock_behind", shown=_minute(now.wall), last=_minute(last.wall))
    if now.wall > last.wall + LONGEST_OFF:
        return Message.of("schedule.clock_ahead", shown=_minute(now.wall), last=_minute(last.wall))
    return None


def _minute(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes")
