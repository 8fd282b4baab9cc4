"""What is known of the service RemoteRegistry, what may be done about it, and how it is put back; all pure.

Every change goes through a write-ahead journal: a line is durable *before* the call that it announces. So whatever
moment a scan is cut off at, the lines say what may have happened, and :func:`undo` says what is still to be done.

References:
    - [MS-SCMR] §2.2.47 (SERVICE_STATUS states), §2.2.15 (start types) · Win32 errors: [MS-ERREF] §2.2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

RUN_BY_HAND = 3
ALREADY_RUNNING, DISABLED_ERROR, NOT_ACTIVE = 1056, 1058, 1062
IDLE_STOP_SECONDS = 600
"""RemoteRegistry stops itself after ten minutes without use: what runs later than that is somebody else's."""


class State(IntEnum):
    """What a service does."""

    STOPPED = 1
    START_PENDING = 2
    STOP_PENDING = 3
    RUNNING = 4
    CONTINUE_PENDING = 5
    PAUSE_PENDING = 6
    PAUSED = 7


class StartType(IntEnum):
    """When a service starts."""

    AUTOMATIC = 2
    MANUAL = RUN_BY_HAND
    DISABLED = 4


PENDING = frozenset({State.START_PENDING, State.STOP_PENDING, State.CONTINUE_PENDING, State.PAUSE_PENDING})


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One look at the service. ``process`` is the id of the process that runs it, 0 when none does."""

    state: int
    start_type: int
    process: int = 0

    @property
    def pending(self) -> bool:
        """Whether somebody is just starting or stopping it."""
        return self.state in PENDING

    def to_json(self) -> dict[str, int]:
        """As the journal keeps it."""
        return {"state": self.state, "start_type": self.start_type, "process": self.process}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ServiceView:
        """Inverse of :meth:`to_json`."""
        return cls(value["state"], value["start_type"], value["process"])


class Rung(StrEnum):
    """One way to the registry, gentlest first."""

    PIPE = "pipe"  # the service runs: open the pipe, change nothing
    TRIGGER = "trigger"  # opening the pipe starts it; it stops itself when idle
    WMI = "wmi"  # StdRegProv, no service needed
    START = "start"  # StartService, and stop it afterwards
    ENABLE = "enable"  # the same for a disabled service, whose start type is put back at once


def rungs(seen: ServiceView | None, *, permitted: bool) -> tuple[Rung, ...]:
    """The ways to try, in order. ``seen`` is None where the state could not be read; ``permitted``: service changes.

    A service that is just starting or stopping is never touched: only what needs no service is left.
    """
    if seen is None:
        return Rung.TRIGGER, Rung.WMI
    if seen.pending:
        return (Rung.WMI,)
    if seen.state != State.STOPPED:
        return Rung.PIPE, Rung.WMI
    if seen.start_type == StartType.DISABLED:
        return (Rung.WMI, Rung.ENABLE) if permitted else (Rung.WMI,)
    return (Rung.TRIGGER, Rung.WMI, Rung.START) if permitted else (Rung.TRIGGER, Rung.WMI)


class Step(StrEnum):
    """Lines of the journal. A word in ``-ing`` announces a call, the next one says that it was answered."""

    INTENT = "intent"
    ENABLING = "enabling"
    ENABLED = "enabled"
    STARTING = "starting"
    STARTED = "started"
    NOT_OURS = "not_ours"  # somebody else had started it: we never stop it
    FAILED = "failed"
    RESTORING_TYPE = "restoring_type"
    TYPE_RESTORED = "type_restored"
    STOPPING = "stopping"
    STOPPED = "stopped"
    UNFINISHED = "unfinished"  # putting back failed for now; the entry stays open
    CLOSED = "closed"


SETTLED = frozenset({Step.NOT_OURS, Step.FAILED})
"""After these lines of a start the running service, if it runs, is not ours."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What is left to do. ``start_type`` None: leave it; ``left`` says why something is left as it is."""

    start_type: int | None = None
    stop: bool = False
    left: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal, as far as undoing needs it."""

    step: str
    details: Mapping[str, Any]


def undo(lines: Sequence[Line], now: ServiceView, age_seconds: float) -> Undo:
    """What still stands as *we* set it and is to be put back; ``lines`` are those of one entry, its intent first.

    The start type is ours while it is the one that we set. The running service is ours when the process is the one
    that our start made. When the very answer to our start is missing, it is ours unless it outlived its idle stop.
    """
    steps = {line.step for line in lines}
    before = ServiceView.from_json(lines[0].details["before"]) if lines[0].details.get("before") else None
    if before is None or lines[0].details["rung"] == Rung.TRIGGER:
        return Undo(left=_left_of_trigger(before, now))
    start_type = before.start_type if _type_is_ours(steps, before, now) else None
    if Step.STARTING not in steps or steps & SETTLED or now.state != State.RUNNING:
        return Undo(start_type)
    process = _process_of(lines)
    ours = age_seconds < IDLE_STOP_SECONDS if process is None else process == now.process
    return Undo(start_type, stop=ours, left="" if ours else "running_not_ours")


def _left_of_trigger(before: ServiceView | None, now: ServiceView) -> str:
    started = before is not None and before.state == State.STOPPED and now.state == State.RUNNING
    return "stops_when_idle" if started else ""


def _type_is_ours(steps: Collection[str], before: ServiceView, now: ServiceView) -> bool:
    made = Step.ENABLING in steps and Step.TYPE_RESTORED not in steps
    return made and now.start_type == RUN_BY_HAND != before.start_type


def _process_of(lines: Sequence[Line]) -> int | None:
    return next((line.details.get("process") for line in lines if line.step == Step.STARTED), None)
