"""Keeps what a scan brings in: raw files, custody lines, and one transaction a host as the checkpoint.

A raw file is written line by line as ``<facts id>.part`` while a host is read, and takes its name only when it is
complete and on disk; the commit comes after. Files that a crash left without a result are removed on resume.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, BinaryIO

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.store import fleet as fleet_store
from appliance.store import hosts as host_store
from appliance.store.database import Db, dumps
from appliance.visits.changes import Changes, answered, log_change
from config.durable import storing, sync_folder
from credentials.model import UnlockedCredential
from credentials.selection import LoginResult, Selection, account_name
from scanner.model import HostFacts
from scanner.scan import HostTask

KEEPING = RLock()
"""Held while raw records have a name and their result is not stored yet, so that whoever tidies up does not take them
for a crash's; and from the look whether a computer was read before to its storing.
"""


@dataclass
class StoreKeeper:
    """The :class:`scanner.scan.Keeper` that writes into an inspection. Lives in the scan's thread."""

    appliance: Appliance
    inspection_id: str
    scan_id: str
    db: Db
    folder: InspectionFolder
    committed: Callable[[HostFacts], None]
    changes: Changes
    round_no: int = 1
    _progress: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    _files: dict[str, BinaryIO] = field(default_factory=dict[str, BinaryIO])

    def new_facts_id(self) -> str:
        return self.appliance.ids.new()

    def started(self, task: HostTask, facts_id: str, credential: UnlockedCredential) -> None:
        self._log("host.login", address=task.address, facts=facts_id, account=account_name(credential.credential))

    def progress(self, credential_id: str, selection: Selection) -> None:
        document = selection.of(credential_id).to_json()
        if self._progress.get(credential_id) != document:  # a commit costs as much as the login of a quick host
            fleet_store.save_progress(self.db, self.scan_id, credential_id, document)
            self._progress[credential_id] = document

    def login(self, task: HostTask, credential_id: str, result: LoginResult, selection: Selection) -> None:
        frozen = selection.of(credential_id).frozen_reason
        self._log(
            "host.login_result",
            address=task.address,
            credential=credential_id,
            result=result,
            frozen=frozen.code if frozen else "",
        )

    def raw(self, facts_id: str, record: Mapping[str, Any]) -> None:
        path = self.folder.raw / f"{facts_id}.part"
        with storing(path.name):
            if facts_id not in self._files:
                self._files[facts_id] = path.open("wb")
            self._files[facts_id].write(dumps(record).encode() + b"\n")

    def raw_records(self, facts_id: str) -> list[dict[str, Any]]:
        if facts_id not in self._files:
            return []
        with storing(f"{facts_id}.part"):
            self._files[facts_id].flush()
        return [json.loads(line) for line in (self.folder.raw / f"{facts_id}.part").read_bytes().splitlines()]

    def dropped(self, facts_id: str) -> None:
        file = self._files.pop(facts_id, None)
        if file is not None:
            _abandon(file)
            (self.folder.raw / f"{facts_id}.part").unlink()

    def change(self, task: HostTask, facts_id: str, credential_id: str, line: Mapping[str, Any]) -> dict[str, Any]:
        about = {"host": task.host_id, "address": task.address, "credential": credential_id, "facts": facts_id}

        def write() -> None:
            entry = self.changes.announce(about, line)
            log_change(self.appliance, self.inspection_id, entry, task.address, line)

        return answered(write)

    def unfinished(self, facts_id: str) -> dict[str, Any] | None:
        change = self.changes.unfinished(facts_id)
        if change is None:
            return None
        age = change.age_seconds(self.appliance.clock)
        return {"lines": [dict(line) for line in change.lines], "age_seconds": age}

    def commit(self, task: HostTask, facts: HostFacts) -> None:
        name, digest = self._close_raw(facts.id)
        kept = replace(facts, raw_digest=digest)
        self._log(
            "host.result",
            address=task.address,
            facts=facts.id,
            outcome=facts.outcome,
            reason=facts.reason.code if facts.reason else "",
            channel=facts.channel or "",
            raw_sha256=digest or "",
        )
        with self.db.atomic():
            host_store.save_result(self.db, self.scan_id, task.host_id, kept, name, self.round_no)
            if facts.channel:  # it let us in, so it was on
                seen = (task.address, facts.finished_at, None)
                fleet_store.save_sightings(self.db, self.scan_id, "collection", [seen])
        self.committed(kept)

    def _close_raw(self, facts_id: str) -> tuple[str | None, str | None]:
        file = self._files.pop(facts_id, None)
        if file is None:
            return None, None
        with storing(f"{facts_id}.part"), file:
            file.flush()
            os.fsync(file.fileno())
        part, final = self.folder.raw / f"{facts_id}.part", self.folder.raw / f"{facts_id}.jsonl"
        with part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        with storing(final.name):
            part.replace(final)
            sync_folder(self.folder.raw)
        return final.name, digest

    def close(self) -> None:
        """Close the raw files of hosts that were not finished and remove them."""
        for file in self._files.values():
            _abandon(file)
        self._files.clear()
        self.changes.locks.release_all()
        remove_leftovers(self.db, self.folder)

    def _log(self, action: str, **params: str) -> None:
        self.appliance.log(self.inspection_id, action, scan=self.scan_id, **params)


def _abandon(file: BinaryIO) -> None:
    """Close a file that is removed next; that its last lines find no room matters no more."""
    with suppress(OSError):
        file.close()


def remove_leftovers(db: Db, folder: InspectionFolder) -> None:
    """Remove raw files of hosts whose result was never committed."""
    with KEEPING:
        committed = {row["raw_file"] for row in host_store.raw_files(db)}
        for path in folder.raw.iterdir():
            if path.name not in committed:
                path.unlink()
