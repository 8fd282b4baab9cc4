"""Changes to inspected computers: ``changes-to-targets.jsonl``, written and on disk *before* each change is made.

One line is ``{"schema": "hezheng.change/1", "entry", "step", "at", "host", "address", "credential", "facts", …}``; the
lines of one ``entry`` begin with its ``intent`` and, when everything was put back, end with ``closed``. Credentials are
named by id. The file is only ever added to; a line that a crash cut short was never acknowledged and stands alone.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.folder import DataFolder, InspectionFolder
from config.clock import Clock, parse_rfc3339, rfc3339
from config.durable import sync_folder
from config.ids import Ids
from config.message import Message
from scanner.raw import error_to_json
from scanner.service_state import Line, Rung, Step
from scanner.session import SessionError, Unsupported

FILE = "changes-to-targets.jsonl"
SCHEMA = "hezheng.change/1"
ABOUT = ("host", "address", "credential", "facts")
BY_PERMISSION = (Rung.START, Rung.ENABLE)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry: which host, by which account, and its lines in order."""

    entry: str
    lines: tuple[Mapping[str, Any], ...]

    @property
    def address(self) -> str:
        return str(self.lines[0]["address"])

    @property
    def open(self) -> bool:
        """Whether it still has to be put back, or to be looked at."""
        return self.lines[-1]["step"] != Step.CLOSED

    @property
    def about(self) -> dict[str, str]:
        """Host, address, credential and facts id."""
        return {name: str(self.lines[0][name]) for name in ABOUT}

    @property
    def steps(self) -> list[Line]:
        """As :mod:`scanner.service_state` reads it."""
        return [Line(line["step"], line) for line in self.lines]

    def age_seconds(self, clock: Clock) -> float:
        """Since its last line, by the wall clock: a suspended laptop's sleep counts."""
        return (clock.now() - parse_rfc3339(self.lines[-1]["at"])).total_seconds()

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        first, last = self.lines[0], self.lines[-1]
        shown = {"entry": self.entry, "open": self.open, "rung": first["rung"], "before": first["before"]}
        ended = {"after": last.get("after"), "left": last.get("left", ""), "last_step": last["step"]}
        return {**shown, **self.about, **ended, "begun_at": first["at"], "ended_at": last["at"]}


def read(file: Path) -> list[Change]:
    """All entries of a file, in the order they began."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for line in _lines(file):
        entries.setdefault(line["entry"], []).append(line)
    return [Change(entry, tuple(lines)) for entry, lines in entries.items()]


def _lines(file: Path) -> Iterable[Mapping[str, Any]]:
    if not file.exists():
        return
    for text in file.read_bytes().splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            continue  # cut short by a crash: never acknowledged, so nothing was done


def open_changes(file: Path) -> list[Change]:
    """Entries that are not closed."""
    return [change for change in read(file) if change.open]


def append(file: Path, line: Mapping[str, Any]) -> None:
    """Add one line; it and the file's name are on disk when this returns. Raises OSError."""
    data = json.dumps({"schema": SCHEMA, **line}, ensure_ascii=False, sort_keys=True).encode() + b"\n"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "rb+", buffering=0) as opened:
        size = opened.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        opened.write(b"\n" + data if torn else data)
        os.fsync(descriptor)
    sync_folder(file.parent)


class HostLocks:
    """One lock a host over all runs on this laptop: a name that the kernel frees when its holder dies, however."""

    def __init__(self) -> None:
        self._held: dict[str, socket.socket] = {}

    def take(self, address: str) -> bool:
        """Whether the host is ours now."""
        if address in self._held:
            return True
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0hezheng.host.{address}")  # abstract: no file, and of this network namespace alone
        except OSError:
            lock.close()
            return False
        self._held[address] = lock
        return True

    def release(self, address: str) -> None:
        """Let others have it; quiet when it is not held."""
        if lock := self._held.pop(address, None):
            lock.close()

    def release_all(self) -> None:
        """At the end of a run."""
        for address in list(self._held):
            self.release(address)


@dataclass
class Changes:
    """Answers what the workers of one inspection announce. Lives in one thread."""

    folder: DataFolder
    file: Path
    clock: Clock
    ids: Ids
    permitted: bool
    locks: HostLocks = field(default_factory=HostLocks)
    _entries: dict[str, str] = field(default_factory=dict[str, str])
    _begun: dict[str, Change] = field(default_factory=dict[str, Change])

    @classmethod
    def of(cls, appliance: Appliance, folder: InspectionFolder, *, permitted: bool) -> Changes:
        """Those of one inspection. ``permitted``: the authorisation allows starting a service."""
        return cls(appliance.folder, folder.root / FILE, appliance.clock, appliance.ids, permitted)

    def announce(self, about: Mapping[str, str], line: Mapping[str, Any]) -> str:
        """Make one line durable; the entry's id. Raises SessionError, and then the worker must not act."""
        if line["step"] == Step.INTENT:
            self._require_allowed(about["address"], line)
            self._entries[about["facts"]] = self.ids.new()
        entry = self._entries[about["facts"]]
        self.write(entry, about, line)
        return entry

    def resume(self, change: Change) -> None:
        """Go on with an entry that was cut off. Raises SessionError when another run has the host."""
        self._lock(change.address)
        self._entries[change.about["facts"]] = change.entry

    def write(self, entry: str, about: Mapping[str, str], line: Mapping[str, Any]) -> None:
        """Append a line. Raises SessionError ``change.not_written`` when it could not be made durable."""
        document = {"entry": entry, "at": rfc3339(self.clock.now()), **about, **line}
        try:
            append(self.file, document)
        except OSError as error:
            raise SessionError("change.not_written", detail=str(error.strerror)) from error
        self._note(about["facts"], entry, document)
        if line["step"] == Step.CLOSED:
            self.locks.release(about["address"])

    def unfinished(self, facts_id: str) -> Change | None:
        """The entry that the worker of these facts began in this run and has not closed."""
        return self._begun.get(facts_id)

    def _note(self, facts_id: str, entry: str, document: Mapping[str, Any]) -> None:
        known = self._begun.pop(facts_id, None)
        earlier = known.lines if known and known.entry == entry else ()
        if (change := Change(entry, (*earlier, document))).open:
            self._begun[facts_id] = change

    def _require_allowed(self, address: str, line: Mapping[str, Any]) -> None:
        if line["rung"] in BY_PERMISSION and not self.permitted:
            raise Unsupported("change.not_permitted", address=address)
        if any(change.address == address for change in all_open(self.folder)):
            raise SessionError("change.still_open", address=address)
        self._lock(address)

    def _lock(self, address: str) -> None:
        if not self.locks.take(address):
            raise SessionError("change.host_busy", address=address)


def all_open(folder: DataFolder) -> list[Change]:
    """Open entries of every inspection of a data folder."""
    files = sorted(folder.inspections.glob(f"*/{FILE}"))
    return [change for file in files for change in open_changes(file)]


def unrestored(folder: InspectionFolder) -> dict[str, Message]:
    """By host id: what was begun on it and is not put back."""
    return {
        change.about["host"]: Message(
            "finding.not_restored",
            {"address": change.address, "begun_at": change.lines[0]["at"], "step": change.lines[-1]["step"]},
        )
        for change in open_changes(folder.root / FILE)
    }


def list_all(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """The changes of one inspection for people. Raises NotFound."""
    with appliance.inspection(inspection_id) as (_, folder):
        return [change.to_json() for change in read(folder.root / FILE)]


def answered(write: Callable[[], object]) -> dict[str, Any]:
    """The answer to a worker that announced a change: it may act, or why not."""
    try:
        write()
    except SessionError as error:
        return {"refused": error_to_json(error)}
    return {"ok": True}


def log_change(appliance: Appliance, inspection_id: str, entry: str, address: str, line: Mapping[str, Any]) -> None:
    """The custody log's line of one step."""
    appliance.log(inspection_id, "target.change", entry=entry, address=address, step=str(line["step"]))
