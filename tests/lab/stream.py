"""A scan's results without a network: the keeping writer of the product driven by made-up hosts in a child process.

The child says what it was told is safe through memory that outlives it, so that it can be killed at any moment.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.folder import DataFolder, InspectionFolder
from appliance.store import hosts as host_store
from appliance.store import inspections as inspection_store
from appliance.store import scans as scan_store
from appliance.store import snapshot
from appliance.store.database import Db, opened
from appliance.store.schema import INDEX, INSPECTION
from appliance.visits import ending, inspections
from appliance.visits.changes import Changes
from appliance.visits.keeping import StoreKeeper, remove_leftovers
from config.clock import SystemClock
from config.settings import load
from credentials.model import Credential, CredentialKind, LoginProtocol, UnlockedCredential
from credentials.selection import LoginResult, Selection
from scanner.model import FactsOrigin, Host, HostFacts, Identity, InstalledSoftware, Outcome, Scope
from scanner.scan import HostTask

SCAN = "01K0000000000000000000SCAN"
MOMENT = "2026-11-02T09:00:00+08:00"
ACCOUNT = Credential("01K0000000000000000000CRED", CredentialKind.LOCAL, LoginProtocol.SMB, "inspector")
ID_BYTES = 26
RECORDS = 12
INTERRUPTED = 9


class Said:
    """What a child was told is safe: words of at most 26 letters, in memory that a killed child leaves behind."""

    def __init__(self, most: int = 4096) -> None:
        self._memory = mmap.mmap(-1, 4 + most * ID_BYTES)

    def say(self, text: str) -> None:
        """Add one; called in the child."""
        count = int.from_bytes(self._memory[:4], "big")
        start = 4 + count * ID_BYTES
        self._memory[start : start + ID_BYTES] = text.encode()[:ID_BYTES].ljust(ID_BYTES)
        self._memory[:4] = (count + 1).to_bytes(4, "big")

    @property
    def all(self) -> list[str]:
        """All of them, in order."""
        count = int.from_bytes(self._memory[:4], "big")
        return [self._memory[4 + n * ID_BYTES : 4 + (n + 1) * ID_BYTES].decode().rstrip() for n in range(count)]


@dataclass(frozen=True, slots=True)
class Stream:
    """One inspection with a scan at work."""

    data: Path
    inspection: str

    @property
    def folder(self) -> InspectionFolder:
        return DataFolder(self.data).inspection(self.inspection)

    def run(self, said: Callable[[str], None]) -> None:
        """Read the hosts that are left, as the product does after a start."""
        appliance = opened_appliance(self.data)
        with appliance.open_inspection(self.inspection) as (db, folder):
            remove_leftovers(db, folder)
            keeper = self._keeper(appliance, db, folder, said)
            try:
                for task in _left(db):
                    _read_one(keeper, task)
            finally:
                keeper.close()

    def _keeper(
        self, appliance: Appliance, db: Db, folder: InspectionFolder, said: Callable[[str], None]
    ) -> StoreKeeper:
        changes = Changes.of(appliance, folder, permitted=False)
        return StoreKeeper(appliance, self.inspection, SCAN, db, folder, lambda facts: said(facts.id), changes)

    def problems(self, said: list[str]) -> list[str]:
        """What does not hold now: the files open, nothing acknowledged is missing, nothing is there twice."""
        found: list[str] = []
        with opened(self.data / "appliance.db", INDEX), opened(self.folder.database, INSPECTION) as db:
            rows = db.rows("SELECT facts_id, host_id, raw_file, raw_digest FROM results")
        snapshot.counts(self.folder.database)  # with SQLite's own check
        kept = [row["facts_id"] for row in rows]
        found += [f"lost {one}" for one in said if one not in kept]
        hosts = [row["host_id"] for row in rows]
        found += [f"twice {host}" for host in set(hosts) if hosts.count(host) > 1]
        found += [
            f"raw {row['facts_id']}" for row in rows if _digest(self.folder.raw / row["raw_file"]) != row["raw_digest"]
        ]
        if not custody.check(self.folder.custody).intact:
            found.append("custody")
        return found

    def done(self) -> int:
        """Hosts with a result."""
        with opened(self.folder.database, INSPECTION) as db:
            return len(host_store.hosts_done(db, SCAN, 1))


def opened_appliance(data: Path) -> Appliance:
    """As ``hezheng serve`` opens it: what was cut off is finished first."""
    appliance = Appliance.open(DataFolder(data), load(data), SystemClock())
    ending.recover(appliance)
    inspections.recover(appliance)
    return appliance


def prepared(data: Path, hosts: int) -> Stream:
    """A data folder with an inspection, a scan, and hosts that were found."""
    appliance = opened_appliance(data)
    unit = inspections.create_unit(appliance, "某单位")
    made = str(inspections.create(appliance, unit["id"], "initial")["id"])
    with appliance.open_inspection(made) as (db, _), db.atomic():
        inspection_store.save_authorisation(db, "01K0000000000000000000AUTH", MOMENT, {})
        row = {"id": SCAN, "started_at": MOMENT, "authorisation_id": "01K0000000000000000000AUTH", "options": {}}
        scan_store.create(db, row, [])
        for number in range(hosts):
            host_store.save_host(db, Host(f"10.0.{number >> 8}.{number & 255}", MOMENT), f"h{number:025d}")
    appliance.close_custody(made)
    return Stream(data, made)


def _left(db: Db) -> Iterator[HostTask]:
    done = host_store.hosts_done(db, SCAN, 1)
    for stored in host_store.list_hosts(db):
        if stored.id not in done:
            yield HostTask(stored.id, stored.host.address, frozenset({445}))


def _read_one(keeper: StoreKeeper, task: HostTask) -> None:
    facts_id = keeper.new_facts_id()
    keeper.started(task, facts_id, UnlockedCredential(ACCOUNT, "x"))
    selection = Selection.restored([ACCOUNT], {}).on_login(ACCOUNT.id, task.address, LoginResult.ACCEPTED)
    keeper.login(task, ACCOUNT.id, LoginResult.ACCEPTED, selection)
    keeper.progress(ACCOUNT.id, selection)
    for number in range(RECORDS):
        keeper.raw(facts_id, {"op": "value", "key": task.address, "n": number, "data": "x" * 1500})
    keeper.commit(task, _facts(facts_id, task))


def _facts(facts_id: str, task: HostTask) -> HostFacts:
    programs = tuple(InstalledSoftware(f"软件 {n}", f"k{n}", Scope.MACHINE) for n in range(30))
    return HostFacts(
        id=facts_id,
        outcome=Outcome.READ,
        reason=None,
        origin=FactsOrigin.NETWORK,
        started_at=MOMENT,
        finished_at=MOMENT,
        address=task.address,
        identity=Identity(hostname=f"PC-{task.host_id[-4:]}"),
        installations=programs,
        channel="smb3.1.1",
    )


def _digest(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def child(work: Callable[[], object]) -> Generator[int]:
    """Run ``work`` in a forked child; its pid. The child ends with 0, or with 9 and a trace on standard error."""
    pid = os.fork()
    if pid == 0:
        code = INTERRUPTED
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  the child must never go on as a second test run
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
