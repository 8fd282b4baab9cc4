"""Have a limited child read the bundles of other laptops, as a child reads a ledger: they are a stranger's.

What is asked and what comes back is in :mod:`appliance.visits.stranger_child`. The serving process decides (whether
the signer is known, whether the inspection is here, where it goes) and never holds what a bundle holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from appliance.context import Appliance
from config import problems
from config.message import Message
from config.problems import BadInput, Conflict, Problem
from config.settings import Bundle
from scanner import process
from scanner.errands import Errand
from scanner.process import MIB, Child, ChildCrashed, ChildEnded, DeadlinePassed, Limits, TooMuchOutput

LOG = logging.getLogger("hezheng.bundles")
CHILD = "appliance.visits.stranger_child"
LOOK, TAKE, READ = Errand(CHILD, "look"), Errand(CHILD, "take"), Errand(CHILD, "read")
COMPARE, JOIN = Errand(CHILD, "compare"), Errand(CHILD, "join")
PATIENCE = 4
"""Wall clock to processor time: a scan may keep every core busy meanwhile."""
MESSAGES = 1 << 30
"""Bytes of all messages of one child: only how far it is comes often."""
LISTEN_SECONDS = 0.5
KINDS: Mapping[str, type[Problem]] = {
    kind.__name__: kind
    for kind in (
        BadInput,
        Conflict,
        problems.Negative,
        problems.NotFound,
        problems.Refused,
        problems.OtherVersion,
        problems.EnvironmentProblem,
    )
}
Document = dict[str, Any]
Decide = Callable[[Document], Document]
Progress = Callable[[int, int], None]


def ask(
    appliance: Appliance,
    errand: Errand,
    paths: Sequence[Path],
    job: Document,
    decide: Decide = lambda opened: opened,
    progress: Progress = lambda _done, _total: None,
    stop: Event | None = None,
) -> Document:
    """What a child has found in the bundles at ``paths``.

    ``decide`` is given what the child says once it has opened them, and answers how it goes on; what it raises ends the
    child. Raises the Problem that the child met, BadInput ``imports.too_slow``, ``imports.too_much_memory``,
    ``imports.too_much``, ``imports.unreadable``, Conflict ``imports.stopped`` once ``stop`` is set.
    """
    name = "、".join(path.name for path in paths)
    limits = limits_of(appliance.settings.bundle, paths)
    with appliance.strangers:
        child = process.start(errand, job, limits, appliance.clock)
        try:
            return _heard(child, decide, progress, stop or Event())
        except ChildEnded as ended:
            raise _refusal(ended, name, limits) from ended
        finally:
            child.kill()


def limits_of(settings: Bundle, paths: Sequence[Path]) -> Limits:
    """Hard limits of the child; its time grows with the size of the files."""
    size = sum(path.stat().st_size for path in paths if path.is_file())
    seconds = settings.child_seconds + settings.child_seconds_per_mb * (size // MIB)
    return Limits(seconds * PATIENCE, seconds, settings.child_memory_mb, total_bytes=MESSAGES)


def _heard(child: Child, decide: Decide, progress: Progress, stop: Event) -> Document:
    found: Document = {}
    while (said := _next(child, stop)) is not None:
        if "problem" in said:
            problem = Message.from_json(said["problem"])
            raise KINDS[said["kind"]](problem.code, **problem.params)
        if "opened" in said:
            child.answer(decide(said["opened"]))
        elif "progress" in said:
            progress(*said["progress"])
        else:
            found = said["found"]
    return found


def _next(child: Child, stop: Event) -> Document | None:
    while not child.connection.poll(LISTEN_SECONDS):
        if stop.is_set():
            raise Conflict("imports.stopped")
        if not child.seconds_left:
            break
    return child.receive()


def _refusal(ended: ChildEnded, name: str, limits: Limits) -> BadInput:
    match ended:
        case DeadlinePassed():
            return BadInput("imports.too_slow", name=name, seconds=round(limits.wall_seconds))
        case TooMuchOutput():
            return BadInput("imports.too_much", name=name)
        case ChildCrashed() if ended.out_of_time:
            return BadInput("imports.too_slow", name=name, seconds=limits.cpu_seconds)
        case ChildCrashed() if ended.trace and not ended.out_of_memory:
            LOG.error("reading %s ended: %s", name, ended.trace)
            return BadInput("imports.unreadable", name=name, detail=ended.trace.strip().rpartition("\n")[2][:160])
        case _:  # ended by a signal: the libraries abort when memory runs out
            return BadInput("imports.too_much_memory", name=name, limit_mb=limits.memory_mb)
