"""Sessions that serve recorded answers back: the same collectors run on them and must say the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanner import raw
from scanner.collectors.linux.commands import SUDO_COMMANDS
from scanner.raw import RawRecord
from scanner.session import FileSeen, OpenedHive, RegistryKey, SessionError, ShellAnswer, TimedOut, WmiRow
from scanner.wmi_classes import WmiClass

Question = tuple[str, str, str]  # collector, operation, path or command
OPENED = "session.opened"
"""The operation of the record that says how the session began; older recordings have none."""


@dataclass
class Recording:
    """The records of one host, by question, in order. ``collector`` is set by the runner."""

    answers: dict[Question, deque[RawRecord]] = field(default_factory=dict[Question, deque[RawRecord]])
    collector: str = ""

    @classmethod
    def of(cls, records: Iterable[RawRecord]) -> Recording:
        """Index ``records``; a question asked twice gets its answers in order."""
        recording = cls()
        for record in records:
            target = record.request.get("path") or record.request.get("command") or ""
            question = (record.collector, record.request["op"], target)
            recording.answers.setdefault(question, deque()).append(record)
        return recording

    @property
    def has_wmi(self) -> bool:
        """Whether WMI was asked anything; if not, the session had none, and a replay has none either."""
        return any(operation == "wmi.rows" for _, operation, _ in self.answers)

    @property
    def has_files(self) -> bool:
        """Whether files were asked for; if not, the session had none, and a replay has none either."""
        return any(operation.startswith("files.") for _, operation, _ in self.answers)

    @property
    def has_sudo(self) -> bool:
        """Whether anything was asked as root; if not, the credential did not permit it, and a replay asks nothing."""
        return any(target in SUDO_COMMANDS for _, _, target in self.answers)

    def opened(self) -> Mapping[str, Any]:
        """What was recorded of the session as a whole, before any collector ran."""
        found = self.answers.get(("", OPENED, ""))
        return found[0].answer if found else {}

    def next(self, operation: str, target: str) -> RawRecord:
        """The next answer; raises what the recorded attempt raised, TimedOut where the recording ends."""
        waiting = self.answers.get((self.collector, operation, target))
        if not waiting:
            raise TimedOut("worker.recording_ends", target=target)
        return waiting.popleft()


def _answer(record: RawRecord) -> Any:
    if record.error is not None:
        raise record.error
    return record.answer


@dataclass
class ReplayRegistry:
    """A registry out of a recording."""

    recording: Recording

    def names(self, path: str) -> tuple[str, ...]:
        return tuple(_answer(self.recording.next("registry.names", path)))

    def key(self, path: str) -> RegistryKey | None:
        record = self.recording.next("registry.key", path)
        answer = _answer(record)
        return None if answer is None else raw.key_from_json(answer, record.id)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        last = False
        while not last:
            record = self.recording.next("registry.subkeys", path)
            last = bool(record.request["last"])
            for item in record.answer:
                yield _item_from_json(item, record.id)
            if record.error is not None:
                raise record.error


@dataclass
class ReplayFiles:
    """Files out of a recording; what was found then is found again, whatever is looked for today."""

    recording: Recording

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        record = self.recording.next("files.look", "")
        return tuple(raw.file_from_json(item, record.id) for item in _answer(record))

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        record = self.recording.next("files.find", "")
        return tuple((item["label"], raw.file_from_json(item, record.id)) for item in _answer(record))

    def hive(self, path: str, mount: str) -> OpenedHive:
        answer = _answer(self.recording.next("files.hive", path))
        return OpenedHive(ReplayRegistry(self.recording), bool(answer["dirty"]))


@dataclass
class ReplayWmi:
    """WMI out of a recording."""

    recording: Recording
    channel: str = ""

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        record = self.recording.next("wmi.rows", wanted.path)
        return tuple(raw.row_from_json(wanted.path, row, record.id) for row in _answer(record))


@dataclass
class ReplayShell:
    """A shell out of a recording."""

    recording: Recording

    def run(self, command: str) -> ShellAnswer:
        record = self.recording.next("shell.run", command)
        return raw.shell_from_json(_answer(record), record.id)


def _item_from_json(item: Mapping[str, Any], observation: str) -> RegistryKey | SessionError:
    return raw.error_from_json(item["error"]) if "error" in item else raw.key_from_json(item, observation)
