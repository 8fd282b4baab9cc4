"""The circuit breaker: hosts that answered fall silent while we read, so everything pauses and a person is asked.

A host whose collection ended without an answer is knocked at once more before it counts: one that still accepts or
refuses a connection is not silent, however badly it behaves, so that a few hostile hosts cannot stop a scan.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from config.clock import Clock
from config.message import Message
from scanner import process
from scanner.errands import KNOCK
from scanner.process import Child, ChildEnded, Limits

SHARE_PERCENT = 5
FEWEST = 5
WINDOW_SECONDS = 60.0
KNOCK_SECONDS = 3
KNOCK_LIMITS = Limits(KNOCK_SECONDS * 2, 2, 512)


@dataclass
class Breaker:
    """Counts silences; pure. ``answering``: how many hosts answered when the collection began."""

    answering: int
    _silences: deque[tuple[float, str]] = field(default_factory=deque[tuple[float, str]])

    def silent(self, address: str, at: float) -> Message | None:
        """A host fell silent at ``at`` (monotonic seconds). Returns what to ask a person once there are too many."""
        self._silences.append((at, address))
        while at - self._silences[0][0] > WINDOW_SECONDS:
            self._silences.popleft()
        addresses = {address for _, address in self._silences}
        if len(addresses) < FEWEST or len(addresses) * 100 <= SHARE_PERCENT * self.answering:
            return None
        self._silences.clear()
        return Message.of("scan.hosts_fell_silent", count=len(addresses), answering=self.answering)


@dataclass
class Knocks:
    """Knocks at suspects, each in a limited process of its own, and tells the breaker of those that are silent."""

    breaker: Breaker
    clock: Clock
    _children: dict[Connection, tuple[str, Child]] = field(default_factory=dict[Connection, tuple[str, Child]])

    @property
    def connections(self) -> Iterable[Connection]:
        """What to wait on."""
        return self._children

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._children)

    def suspect(self, address: str, port: int) -> None:
        """Knock at a host that did not answer a worker."""
        job = {"address": address, "port": port, "timeout_seconds": KNOCK_SECONDS}
        child = process.start(KNOCK, job, KNOCK_LIMITS, self.clock)
        self._children[child.connection] = (address, child)

    def hear(self, ready: Collection[object]) -> Message | None:
        """Take what has come in. Returns what to ask a person when too many are silent."""
        asked: Message | None = None
        for connection, (address, child) in list(self._children.items()):
            if connection in ready or child.seconds_left == 0:
                del self._children[connection]
                if not _answers(child):
                    asked = self.breaker.silent(address, self.clock.monotonic()) or asked
        return asked

    def stop(self) -> None:
        """End every knock now."""
        for _, child in self._children.values():
            child.kill()
        self._children.clear()


def _answers(child: Child) -> bool:
    try:
        word: Mapping[str, object] | None = child.receive()
    except ChildEnded:
        return False
    finally:
        child.kill()
    return bool(word and word["answers"])
