"""Derive facts again from the raw records of a bundle, within the limits of a host: they are a stranger's.

One child serves many hosts, because its start costs more than most hosts do. A host at which it ends is taken up once
more by a fresh one, so that every host has the whole of its limits and no other's records count against it.
"""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Any

from appliance.evidence.reading import BundleReader
from appliance.evidence.replaying import attempt_of, framed
from appliance.visits import unpacking
from config.clock import Clock
from config.problems import BadInput
from config.settings import Scan
from scanner import facts as facts_json
from scanner import process
from scanner.endings import cause_of
from scanner.errands import REPLAY_HOSTS
from scanner.host_limits import MIB
from scanner.model import HostFacts
from scanner.process import Child, ChildCrashed, ChildEnded, Limits

HOSTS_A_CHILD = 64
"""What a child that serves others after a large host still holds of its memory is given back so often."""
WHOLE = 2
"""A worker reads answer by answer; the child here is handed all of them at once, as text and as objects."""


class Deriver:
    """Gives the facts that follow from raw records of one bundle. Leaves no child behind when it is left."""

    def __init__(self, reader: BundleReader, settings: Scan, clock: Clock) -> None:
        self._reader = reader
        self._bytes = settings.host_bytes_limit_mb * MIB
        self._limits = Limits(
            settings.host_deadline_seconds,
            settings.worker_cpu_seconds,
            settings.worker_memory_mb * WHOLE,
            settings.line_limit_mb * MIB,
            self._bytes,
        )
        self._clock = clock
        self._child: Child | None = None
        self._served = 0

    def __enter__(self) -> Deriver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def derive(self, sealed: HostFacts, path: str) -> HostFacts:
        """The facts of one host. ``path``: its raw records in the bundle.

        Raises BadInput ``imports.bad_content`` for records that are none, ``replay.over_limits`` for a host that costs
        more than a reading may.
        """
        lines, digest = self._lines(path)
        host = {"lines": lines, "attempt": attempt_of(sealed)}
        if self._served == HOSTS_A_CHILD:
            self._end()
        fresh = self._child is None
        try:
            found = self._ask(host) if fresh else self._ask_again(host)
        except ChildEnded as ended:
            raise self._refusal(ended, path) from ended
        return framed(found, sealed, digest)

    def _ask_again(self, host: dict[str, Any]) -> HostFacts:
        try:
            return self._ask(host)
        except ChildEnded:
            return self._ask(host)

    def _ask(self, host: dict[str, Any]) -> HostFacts:
        if self._child is None:
            self._child, self._served = process.start(REPLAY_HOSTS, {}, self._limits, self._clock), 0
        try:
            self._child.receive()  # it asks for the next
            self._child.answer(host)
            said = self._child.receive()
        except ChildEnded:
            self._child = None
            raise
        assert said is not None, "it ends on an empty answer alone"
        self._served += 1
        return facts_json.from_text(said["facts"])

    def _lines(self, path: str) -> tuple[list[str], str]:
        """The records as text, and their SHA-256."""
        digest, left, lines = hashlib.sha256(), self._bytes, list[str]()
        for line in self._reader.raw_lines(path):
            left -= len(line) + 1
            if left < 0:
                raise BadInput("replay.over_limits", name=self._reader.name, path=path, limit="bytes")
            digest.update(line + b"\n")
            lines.append(self._text(line, path))
        return lines, digest.hexdigest()

    def _text(self, line: bytes, path: str) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise unpacking.bad(self._reader, path, error) from error

    def _refusal(self, ended: ChildEnded, path: str) -> BadInput:
        if isinstance(ended, ChildCrashed) and ended.trace and not ended.out_of_memory:
            detail = ended.trace.strip().rpartition("\n")[2][:160]
            return BadInput("imports.bad_content", name=self._reader.name, path=path, detail=detail)
        limit = cause_of(ended, round(self._limits.wall_seconds))[1].code.removeprefix("worker.")
        return BadInput("replay.over_limits", name=self._reader.name, path=path, limit=limit)

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None
