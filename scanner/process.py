"""One job in one limited process: forked from a forkserver, killed by pid at its deadline.

Down the pipe goes one JSON object, the job (secrets included: never argv, environment or disk). Up come JSON objects,
each of limited length, never pickle. The worker of a host and the child that parses a ledger are both started here.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import multiprocessing
import os
import resource
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from types import ModuleType
from typing import Any

from config.clock import Clock

Job = Mapping[str, Any]
Emit = Callable[[Mapping[str, Any]], None]


class Upwards:
    """A child's way to its parent: call it to send one JSON object up, :meth:`ask` to wait for the parent's answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, message: Mapping[str, Any]) -> None:
        """Send one object up."""
        self._connection.send_bytes(json.dumps(message, ensure_ascii=False).encode())

    def text(self, name: str, text: str) -> None:
        """Send ``{name: text}`` up; a long text is not wrapped into JSON for it."""
        self._connection.send_bytes(f"{name}\n{text}".encode())

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one object up and wait for what :meth:`Child.answer` sends down. Raises EOFError without a parent."""
        self(message)
        return json.loads(self._connection.recv_bytes())


Target = Callable[[Job, Upwards], None]
"""A module-level function run in the child: it gets the job and a way to send JSON objects up."""

DIED = "$died"
DONE = "$done"
PR_SET_PDEATHSIG = 1
NICENESS = 5
"""The appliance goes first: its page must answer while many hosts are read."""

F_SETSIG = 10  # linux/fcntl.h; the fcntl module has no name for it
MIB = 1 << 20

SETTLED = "scanner.settled"  # preloaded last

_context = multiprocessing.get_context("forkserver")
_main_hidden = threading.Lock()


def preload(modules: Sequence[str]) -> None:
    """Name the modules that the forkserver imports once; call before the first :func:`start`."""
    _context.set_forkserver_preload([*modules, SETTLED])


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one child."""

    wall_seconds: float
    cpu_seconds: int
    memory_mb: int
    message_bytes: int = 16 * MIB
    total_bytes: int = 64 * MIB


class ChildEnded(Exception):
    """The child ended without finishing its job."""


class DeadlinePassed(ChildEnded):
    """The wall-clock limit passed; the child was killed."""


class TooMuchOutput(ChildEnded):
    """A message, or all of them together, exceeded the limit; the child was killed."""


class ChildCrashed(ChildEnded):
    """The child raised or was killed (out of memory, CPU limit, abort). ``trace`` may be empty."""

    def __init__(self, exit_code: int | None, trace: str = "") -> None:
        super().__init__(f"exit code {exit_code}", trace)
        self.exit_code = exit_code
        self.trace = trace

    @property
    def out_of_memory(self) -> bool:
        """Whether memory ran out, as far as the child could still say."""
        return "MemoryError" in self.trace

    @property
    def out_of_time(self) -> bool:
        """Whether RLIMIT_CPU ended it."""
        return self.exit_code == -signal.SIGXCPU


class Child:
    """A running child. Wait on ``connection`` (``multiprocessing.connection.wait``), then call :meth:`receive`."""

    def __init__(self, process: ForkServerProcess, connection: Connection, limits: Limits, clock: Clock) -> None:
        self._process = process
        self._limits = limits
        self._clock = clock
        self._received = 0
        self.connection = connection
        self.deadline = clock.monotonic() + limits.wall_seconds

    @property
    def pid(self) -> int | None:
        """The pid while it was started by us."""
        return self._process.pid

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - self._clock.monotonic())

    def receive(self) -> dict[str, Any] | None:
        """Return the next object, or None when the child has finished its job.

        Blocks until the deadline. Raises DeadlinePassed, TooMuchOutput or ChildCrashed; the child is dead then.
        """
        try:
            if not self.connection.poll(self.seconds_left):
                raise DeadlinePassed
            data = self._next_message()
        except ChildEnded:
            self.kill()
            raise
        message = _message(data)
        if DONE in message:
            self.close()
            return None
        if DIED in message:
            self.close()
            raise ChildCrashed(self._process.exitcode, str(message[DIED]))
        return message

    def _next_message(self) -> bytes:
        try:
            data = self.connection.recv_bytes(self._limits.message_bytes)
        except (EOFError, ConnectionResetError):
            self._process.join(5)
            raise ChildCrashed(self._process.exitcode) from None
        except OSError as error:
            raise TooMuchOutput(str(error)) from error
        self._received += len(data)
        if self._received > self._limits.total_bytes:
            raise TooMuchOutput(f"{self._received} bytes")
        return data

    def silence(self) -> None:
        """End the child now; what it had said can still be read by :meth:`last_words`."""
        if self._process.is_alive():
            self._process.kill()

    def last_words(self) -> list[dict[str, Any]]:
        """End the child now and return what it had said that nobody had heard yet."""
        self.silence()
        heard: list[dict[str, Any]] = []
        with contextlib.suppress(ChildEnded):
            while (message := self.receive()) is not None:
                heard.append(message)
        self.close()
        return heard

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer what the child asked; a child that died meanwhile is reported by :meth:`receive`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send_bytes(json.dumps(message, ensure_ascii=False).encode())

    def kill(self) -> None:
        """End the child now, by pid."""
        self.silence()
        self.close()

    def close(self) -> None:
        """Reap the child; a child that lingers after its last word is killed."""
        self.connection.close()
        self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(2)


def _message(data: bytes) -> dict[str, Any]:
    """An object as :meth:`Upwards.__call__` or :meth:`Upwards.text` sends it."""
    if data.startswith(b"{"):
        return json.loads(data)
    name, _, text = data.partition(b"\n")
    return {name.decode(): text.decode()}


def start(target: Target, job: Job, limits: Limits, clock: Clock) -> Child:
    """Start ``target(job, emit)`` in a fresh limited process."""
    ours, theirs = _context.Pipe()
    process = _context.Process(target=_run, args=(target, theirs, limits), daemon=True)
    with _without_main():
        process.start()
    theirs.close()
    with contextlib.suppress(BrokenPipeError):  # a child that died at once is reported by receive()
        ours.send_bytes(json.dumps(job).encode())
    return Child(process, ours, limits, clock)


@contextlib.contextmanager
def _without_main() -> Generator[None]:
    """multiprocessing would have each child run the program's main module again: three times the cost of its start."""
    with _main_hidden:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def run(target: Target, job: Job, limits: Limits, clock: Clock) -> Iterator[dict[str, Any]]:
    """Run one child to its end and yield what it sent. Raises ChildEnded; never leaves the child behind."""
    child = start(target, job, limits, clock)
    try:
        while (message := child.receive()) is not None:
            yield message
    finally:
        child.kill()


def _run(target: Target, connection: Connection, limits: Limits) -> None:
    _limit_self(limits)
    job: Job = json.loads(connection.recv_bytes())
    upwards = Upwards(connection)
    try:
        target(job, upwards)
    except BaseException:  # noqa: BLE001  the one broad except: it becomes a recorded outcome in the parent
        trace = traceback.format_exc(limit=-8)
        job = {}
        connection.send_bytes(json.dumps({DIED: trace[-8000:]}).encode())
    else:
        upwards({DONE: True})
    connection.close()


def _limit_self(limits: Limits) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _end_with_the_appliance()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    memory = limits.memory_mb * MIB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.clear()


def _end_with_the_appliance() -> None:
    # Our parent by pid is the forkserver, which lives as long as any child does; the sentinel is the appliance's pipe.
    # The kernel turns its closing into SIGKILL (fcntl(2), F_SETSIG), so a child busy in native code ends as well.
    appliance = multiprocessing.parent_process()
    if appliance is None:
        return
    sentinel = appliance.sentinel
    fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sentinel, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(sentinel, fcntl.F_SETFL, fcntl.fcntl(sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([sentinel], [], [], 0)[0]:  # it closed before we listened
        os.kill(os.getpid(), signal.SIGKILL)
