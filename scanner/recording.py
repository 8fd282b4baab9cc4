"""Sessions that record: every answer is redacted, then written as ``hezheng.raw/1``, then handed to the collector."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from config.clock import Clock, rfc3339
from config.windows_marks import WindowsMarks
from scanner import raw
from scanner.raw import RawRecord
from scanner.redaction import redact_text, redact_value, redact_wmi
from scanner.replay import OPENED
from scanner.session import (
    FileSeen,
    FileTree,
    OpenedHive,
    Registry,
    RegistryKey,
    SessionError,
    Shell,
    ShellAnswer,
    WindowsSession,
    WmiQuery,
    WmiRow,
)
from scanner.wmi_classes import WmiClass

T = TypeVar("T")

KEYS_A_RECORD = 100
"""Subkeys of one reading are recorded in parts of this many, so that a raw line stays small."""


@dataclass
class Recorder:
    """Numbers the records of one host and passes them on. ``collector`` is set by the runner."""

    write: Callable[[RawRecord], None]
    clock: Clock
    channel: str
    redaction_key: bytes = field(repr=False)
    collector: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def record(
        self, request: Mapping[str, Any], answer: Any = None, error: SessionError | None = None, channel: str = ""
    ) -> str:
        """Write one record and return its id. ``channel`` is given where it is not the session's own."""
        name = f"o{next(self._numbers):05d}"
        at = rfc3339(self.clock.now())
        self.write(RawRecord(name, self.collector, at, channel or self.channel, request, answer, error))
        return name


@dataclass
class RecordingRegistry:
    """A registry whose answers are redacted and recorded."""

    inner: Registry
    recorder: Recorder

    def names(self, path: str) -> tuple[str, ...]:
        request = {"op": "registry.names", "path": path}
        try:
            names = self.inner.names(path)
        except SessionError as error:
            self.recorder.record(request, error=error)
            raise
        self.recorder.record(request, list(names))
        return names

    def key(self, path: str) -> RegistryKey | None:
        request = {"op": "registry.key", "path": path}
        try:
            found = self.inner.key(path)
        except SessionError as error:
            self.recorder.record(request, error=error)
            raise
        if found is None:
            self.recorder.record(request)
            return None
        clean = self._redacted(found)
        return replace(clean, observation=self.recorder.record(request, raw.key_to_json(clean)))

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        part: list[RegistryKey | SessionError] = []
        source = self.inner.subkeys(path)
        try:
            for item in source:
                part.append(item if isinstance(item, SessionError) else self._redacted(item))
                if len(part) == KEYS_A_RECORD:
                    yield from self._recorded(path, part, last=False)
                    part = []
        except SessionError as error:
            yield from self._recorded(path, part, last=True, error=error)
            raise
        yield from self._recorded(path, part, last=True)

    def _recorded(
        self, path: str, part: list[RegistryKey | SessionError], *, last: bool, error: SessionError | None = None
    ) -> list[RegistryKey | SessionError]:
        answer = [_item_to_json(item) for item in part]
        request = {"op": "registry.subkeys", "path": path, "last": last}
        name = self.recorder.record(request, answer, error)
        return [item if isinstance(item, SessionError) else replace(item, observation=name) for item in part]

    def _redacted(self, key: RegistryKey) -> RegistryKey:
        secret = self.recorder.redaction_key
        values = {name: redact_value(key.path, name, value, secret) for name, value in key.values.items()}
        return replace(key, values=values)


@dataclass
class RecordingFiles:
    """Files that are looked at, recorded; of a registry file the keys that are asked for, redacted."""

    inner: FileTree
    recorder: Recorder

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        request = {"op": "files.look", "asked": len(paths)}
        found = self._asked(request, lambda: self.inner.look(paths))
        name = self.recorder.record(request, [raw.file_to_json(seen) for seen in found])
        return tuple(replace(seen, observation=name) for seen in found)

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        request = {"op": "files.find", "asked": sum(len(paths) for paths in wanted.values())}
        found = self._asked(request, lambda: self.inner.find(wanted))
        name = self.recorder.record(request, [{"label": label, **raw.file_to_json(seen)} for label, seen in found])
        return tuple((label, replace(seen, observation=name)) for label, seen in found)

    def hive(self, path: str, mount: str) -> OpenedHive:
        request = {"op": "files.hive", "path": path, "mount": mount}
        opened = self._asked(request, lambda: self.inner.hive(path, mount))
        self.recorder.record(request, {"dirty": opened.dirty})
        return OpenedHive(RecordingRegistry(opened.registry, self.recorder), opened.dirty)

    def _asked(self, request: Mapping[str, Any], ask: Callable[[], T]) -> T:
        try:
            return ask()
        except SessionError as error:
            self.recorder.record(request, error=error)
            raise


@dataclass
class RecordingWmi:
    """WMI whose answers are redacted and recorded."""

    inner: WmiQuery
    recorder: Recorder

    @property
    def channel(self) -> str:
        return self.inner.channel

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        request = {"op": "wmi.rows", "path": wanted.path}
        try:
            rows = self.inner.rows(wanted)
        except SessionError as error:
            self.recorder.record(request, error=error, channel=self.inner.channel)
            raise
        clean = [self._redacted(row) for row in rows]
        name = self.recorder.record(request, [raw.row_to_json(row) for row in clean], channel=self.inner.channel)
        return tuple(replace(row, observation=name) for row in clean)

    def _redacted(self, row: WmiRow) -> WmiRow:
        secret = self.recorder.redaction_key
        return replace(row, values={n: redact_wmi(row.source, n, v, secret) for n, v in row.values.items()})


@dataclass
class RecordingShell:
    """A shell whose answers are redacted and recorded."""

    inner: Shell
    recorder: Recorder

    def run(self, command: str) -> ShellAnswer:
        request = {"op": "shell.run", "command": command}
        try:
            answer = self.inner.run(command)
        except SessionError as error:
            self.recorder.record(request, error=error)
            raise
        secret = self.recorder.redaction_key
        clean = replace(answer, stdout=redact_text(answer.stdout, secret), stderr=redact_text(answer.stderr, secret))
        return replace(clean, observation=self.recorder.record(request, raw.shell_to_json(clean)))


def _item_to_json(item: RegistryKey | SessionError) -> dict[str, Any]:
    return {"error": raw.error_to_json(item)} if isinstance(item, SessionError) else raw.key_to_json(item)


def recorded(session: WindowsSession, recorder: Recorder, marks: WindowsMarks) -> WindowsSession:
    """The session with everything recorded that is asked of it, and what a replay needs to ask the same."""
    offset = session.clock_offset_seconds
    opened_at = rfc3339(recorder.clock.now())
    said = {"clock_offset_seconds": offset, "reached": session.reached, "at": opened_at, "marks": marks.recorded()}
    recorder.record({"op": OPENED}, said)
    return WindowsSession(
        RecordingRegistry(session.registry, recorder),
        session.channel,
        RecordingWmi(session.wmi, recorder) if session.wmi else None,
        clock_offset_seconds=offset,
        files=RecordingFiles(session.files, recorder) if session.files else None,
        marks=marks,
        opened_at=opened_at,
    )
