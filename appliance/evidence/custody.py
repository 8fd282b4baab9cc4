"""The custody log: who did what, each line holding the hash of the one before, on disk before the act it records.

One line is ``{"action", "at", "operator", "params", "prev", "seq"}`` as canonical JSON; ``prev`` is the SHA-256 of the
previous line's bytes without its newline (64 zeros for the first). A line cut short by a crash stays where it is: the
next opening ends it with a newline and acknowledges it by hash, so that nothing is ever removed from the file.

The chain alone cannot show that whole lines are missing at the end: keep :meth:`Custody.head` elsewhere (the
checkpoint, the bundle, the paper) and hand it to :func:`check`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.clock import Clock, rfc3339
from config.durable import private_folder, sync_folder
from config.message import Message, Param
from config.problems import Busy, Conflict, EnvironmentProblem

GENESIS = "0" * 64
TORN_ACTION = "log.torn_line"
TORN_HASH = "torn_sha256"
SYSTEM = "system"
FIELDS = {"action", "at", "operator", "params", "prev", "seq"}


@dataclass(frozen=True, slots=True)
class Head:
    """The last whole line: its number (0 = empty log) and its SHA-256."""

    seq: int = 0
    sha256: str = GENESIS


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded act. Parameters are scalars and never secrets."""

    seq: int
    at: str
    operator: str
    action: str
    params: Mapping[str, Param]
    prev: str

    def line(self) -> bytes:
        """Its canonical bytes, without newline."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "replace")  # a lone surrogate out of a host's answer must not stop the log


@dataclass(frozen=True, slots=True)
class Check:
    """What a reading of the log found. ``torn`` is a last line cut short by a crash: reported, and no forgery."""

    head: Head
    problems: tuple[Message, ...]
    torn: bool = False
    acknowledged: int = 0  # torn lines of earlier crashes, each acknowledged by the next entry

    @property
    def intact(self) -> bool:
        """Whether nothing was edited, removed, added or reordered."""
        return not self.problems


class Custody:
    """The one writer of one log; holds its lock until closed. Usable as a context manager and from several threads."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or make the log, check it and acknowledge a torn last line.

        Raises Busy ``custody.busy``, Conflict ``custody.broken``, EnvironmentProblem ``custody.cannot_write``.
        """
        self._path = path
        self._clock = clock
        self._guard = threading.Lock()
        self._descriptor: int | None = _open_locked(path)
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._head = self._resume()
            undo.pop_all()

    def append(self, operator: str, action: str, params: Mapping[str, Param] | None = None) -> Entry:
        """Record an act and return once it is on disk; act only then.

        Raises EnvironmentProblem ``custody.cannot_write``; the log is closed then and must be opened anew.
        """
        with self._guard:
            return self._append(operator, action, params or {})

    def head(self) -> Head:
        """Number and hash of the last line."""
        return self._head

    @property
    def closed(self) -> bool:
        """Whether it was closed, also by a write that failed."""
        return self._descriptor is None

    def check(self, expected: Head | None = None) -> Check:
        """Read the whole file again; see :func:`check`."""
        return check(self._path, expected)

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Custody:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resume(self) -> Head:
        found = check(self._path)
        if found.problems:
            raise Conflict("custody.broken", file=self._path.name, **found.problems[0].params)
        self._head = found.head
        tail = _unterminated(self._path)
        if not tail:
            return self._head
        self._write(b"\n")
        entry = _parse(tail)
        if entry is not None and (entry.seq, entry.prev) == (found.head.seq + 1, found.head.sha256):
            return Head(entry.seq, _sha256(tail))
        self._append(SYSTEM, TORN_ACTION, {TORN_HASH: _sha256(tail), "bytes": len(tail)})
        return self._head

    def _append(self, operator: str, action: str, params: Mapping[str, Param]) -> Entry:
        at = rfc3339(self._clock.now())
        entry = Entry(self._head.seq + 1, at, operator, action, dict(params), self._head.sha256)
        line = entry.line()
        self._write(line + b"\n")
        self._head = Head(entry.seq, _sha256(line))
        return entry

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise EnvironmentProblem("custody.closed", file=self._path.name)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError as error:
            self.close()
            raise EnvironmentProblem("custody.cannot_write", file=self._path.name, detail=error.strerror) from error


def check(path: Path, expected: Head | None = None) -> Check:
    """Read a log without changing it. ``expected`` is a head kept elsewhere: that line must stand in it unchanged."""
    if not path.exists():
        return check_lines((), expected)
    with path.open("rb") as file:
        return check_lines(file, expected)


def check_lines(lines: Iterable[bytes], expected: Head | None = None) -> Check:
    """Check lines (each with its newline) as they come, for example out of a bundle."""
    walk = _Walk(expected)
    for number, line in enumerate(lines, 1):
        walk.take(number, line)
    return walk.result()


def entries(path: Path) -> Iterator[Entry]:
    """The entries of a log in order, torn lines left out; check it first."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and (entry := _parse(line[:-1])):
                yield entry


@dataclass(slots=True)
class _Walk:
    """State of one reading."""

    expected: Head | None
    head: Head = Head()
    torn: bytes | None = None  # a line that is no entry: excused only by the next entry
    torn_number: int = 0
    ends_torn: bool = False
    acknowledged: int = 0
    met: bool = False
    problems: list[Message] = field(default_factory=list[Message])

    def __post_init__(self) -> None:
        self._meet()

    def take(self, number: int, line: bytes) -> None:
        if not line.endswith(b"\n"):
            self.ends_torn = True
            return
        entry = _parse(line[:-1])
        if entry is None:
            self._excuse(None)
            self.torn, self.torn_number = line[:-1], number
            return
        self._excuse(entry)
        if (entry.seq, entry.prev) != (self.head.seq + 1, self.head.sha256):
            self.problems.append(Message.of("custody.chain_broken", line=number, seq=entry.seq))
        self.head = Head(entry.seq, _sha256(line[:-1]))
        self._meet()

    def result(self) -> Check:
        self._excuse(None)
        if self.expected is not None and not self.met:
            self.problems.append(Message.of("custody.head_missing", line=self.head.seq, seq=self.expected.seq))
        return Check(self.head, tuple(self.problems), self.ends_torn, self.acknowledged)

    def _excuse(self, entry: Entry | None) -> None:
        if self.torn is None:
            return
        if entry and entry.action == TORN_ACTION and entry.params.get(TORN_HASH) == _sha256(self.torn):
            self.acknowledged += 1
        else:
            self.problems.append(Message.of("custody.bad_line", line=self.torn_number))
        self.torn = None

    def _meet(self) -> None:
        self.met = self.met or self.head == self.expected


def _parse(line: bytes) -> Entry | None:
    """An entry, or None when the bytes are not exactly what :meth:`Entry.line` writes."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != FIELDS or not isinstance(value["params"], dict):
        return None
    entry = Entry(**value)
    return entry if type(entry.seq) is int and entry.line() == line else None


def _unterminated(path: Path) -> bytes:
    """The bytes after the last newline."""
    return path.read_bytes().rpartition(b"\n")[2]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _open_locked(path: Path) -> int:
    try:
        private_folder(path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        sync_folder(path.parent)
    except OSError as error:
        raise EnvironmentProblem("custody.cannot_write", file=path.name, detail=error.strerror) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Busy("custody.busy", file=path.name) from error
    return descriptor
