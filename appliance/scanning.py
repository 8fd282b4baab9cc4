"""Use case: a scan — discovery chunk by chunk, SSH keys, then collection host by host; resumable after any crash."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.host_keys import fetch_keys
from appliance.inspections import authorisation_in_force
from appliance.jobs import Job
from appliance.keeping import StoreKeeper, remove_leftovers
from appliance.store import hosts as host_store
from appliance.store import scans as store
from appliance.store.database import Db, Row
from appliance.store.hosts import StoredHost
from config.clock import rfc3339
from config.problems import Conflict, EnvironmentProblem, NotFound, Problem, Refused
from config.settings import Discovery
from credentials.selection import PORTS, Selection
from scanner.discovery import ChunkDone, ChunkFailed, chunks, find_nmap, may_send_raw, plan_discovery, sweep
from scanner.model import DeviceKind, HostFacts, Outcome
from scanner.scan import Control, Fleet, HostTask
from scanner.scope import Authorisation, Scope, require

REDACTION_KEY = "redaction"
NEVER_LOGGED_IN = (DeviceKind.PRINTER, DeviceKind.NETWORK, DeviceKind.CAMERA, DeviceKind.OTHER)


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a person asks for. ``accept_first_contact``: the operator confirms all first-seen SSH keys of this batch."""

    segment: str | None = None
    discover_only: bool = False
    accept_first_contact: bool = False

    def to_json(self) -> dict[str, Any]:
        """As stored with the scan."""
        return {name: getattr(self, name) for name in self.__slots__}


def start(appliance: Appliance, inspection_id: str, options: ScanOptions) -> Job:
    """Start a scan as a job. Raises Refused without authorisation, statement or window, or with a locked vault."""
    with appliance.open_inspection(inspection_id) as (db, _):
        _check_idle(appliance, inspection_id)
        authorisation = authorisation_in_force(db)
        require(authorisation, appliance.clock.now())
        _check_vault(appliance, inspection_id, options)
        scope = Scope.of(authorisation, options.segment)
        scan_id = appliance.ids.new()
        appliance.log(inspection_id, "scan.started", scan=scan_id, authorisation=authorisation.id, size=scope.size)
        row: Row = {"id": scan_id, "started_at": rfc3339(appliance.clock.now())}
        row |= {"authorisation_id": authorisation.id, "options": options.to_json()}
        plan = plan_discovery(scope.addresses(), appliance.settings.discovery, privileged=may_send_raw(find_nmap()))
        store.create(db, row, [chunk.addresses for chunk in chunks(plan)])
    return _run(appliance, inspection_id, scan_id)


def resume(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """Go on with a scan that was paused, cancelled or cut off. What was committed is not read again."""
    with appliance.open_inspection(inspection_id) as (db, folder):
        _check_idle(appliance, inspection_id)
        scan = find(db, scan_id)
        if scan["state"] not in store.RESUMABLE:
            raise Conflict("scan.not_resumable", id=scan_id)
        require(authorisation_in_force(db), appliance.clock.now())
        _check_vault(appliance, inspection_id, ScanOptions(**scan["options"]))
        remove_leftovers(db, folder)
        appliance.log(inspection_id, "scan.resumed", scan=scan_id)
        store.update(db, scan_id, state=store.RUNNING, problem=None)
    return _run(appliance, inspection_id, scan_id)


def find(db: Db, scan_id: str) -> Row:
    """One scan. Raises NotFound."""
    scan = store.get(db, scan_id)
    if scan is None:
        raise NotFound("scan.not_found", id=scan_id[:40])
    return scan


def list_all(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All scans of an inspection."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_all(db)


def running_job(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """The job of a running scan. Raises Conflict when it does not run."""
    for job in appliance.jobs.running(inspection_id):
        if job.kind == f"scan:{scan_id}":
            return job
    raise Conflict("scan.not_running", id=scan_id[:40])


def cancel(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """Stop a scan now: workers and nmap are ended by pid. It can be resumed."""
    job = running_job(appliance, inspection_id, scan_id)
    appliance.log(inspection_id, "scan.cancelled", scan=scan_id)
    job.cancelled.set()
    return job


def pause(appliance: Appliance, inspection_id: str, scan_id: str, paused: bool) -> Job:
    """Start no further hosts (those being read are finished), or go on."""
    job = running_job(appliance, inspection_id, scan_id)
    appliance.log(inspection_id, "scan.paused" if paused else "scan.continued", scan=scan_id)
    if paused:
        job.paused.set()
    else:
        job.paused.clear()
    return job


def _check_idle(appliance: Appliance, inspection_id: str) -> None:
    if any(job.kind.startswith("scan:") for job in appliance.jobs.running(inspection_id)):
        raise Conflict("scan.already_running")


def _check_vault(appliance: Appliance, inspection_id: str, options: ScanOptions) -> None:
    needed = not options.discover_only and appliance.vault.list(inspection_id)
    if needed and appliance.vault.locked:
        raise Refused("scan.vault_locked")


def _run(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id) as (db, folder):
            return _Scan(appliance, inspection_id, find(db, scan_id), db, folder, job).run()

    return appliance.jobs.start(f"scan:{scan_id}", "addresses", inspection_id, work)


@dataclass
class _Scan:
    appliance: Appliance
    inspection_id: str
    scan: Row
    db: Db
    folder: InspectionFolder
    job: Job

    def run(self) -> dict[str, Any]:
        try:
            state = self._stages()
        except Problem as error:
            store.update(self.db, self.scan["id"], state=store.FAILED, problem=error.message.to_json())
            raise
        store.update(self.db, self.scan["id"], state=state, finished_at=rfc3339(self.appliance.clock.now()))
        self.appliance.log(self.inspection_id, "scan.ended", scan=self.scan["id"], state=state)
        results = host_store.latest_results(self.db)
        collected = sum(outcome is Outcome.READ for _, outcome, _ in results.values())
        return {"scan": self.scan["id"], "state": state, "hosts": len(results), "collected": collected}

    def _stages(self) -> str:
        options = ScanOptions(**self.scan["options"])
        authorisation = authorisation_in_force(self.db)
        self._discover(authorisation)
        if not self.job.cancelled.is_set():
            fetch_keys(self.appliance, self.db, self.job, confirm=options.accept_first_contact, log=self._log)
        if not self.job.cancelled.is_set() and not options.discover_only:
            self._collect(authorisation)
        return store.CANCELLED if self.job.cancelled.is_set() else store.DONE

    def _discover(self, authorisation: Authorisation) -> None:
        waiting = store.list_chunks(self.db, self.scan["id"])
        settings = replace_chunk_size(self.appliance.settings.discovery, waiting)
        total = sum(len(chunk.addresses) for chunk in waiting)
        done_before = frozenset(chunk.index for chunk in waiting if chunk.done)
        done = sum(len(chunk.addresses) for chunk in waiting if chunk.done)
        self.job.progress(done, total, "discovery")
        addresses = (address for chunk in waiting for address in chunk.addresses)
        plan = plan_discovery(addresses, settings, privileged=may_send_raw(find_nmap()))
        failed = 0
        swept = sweep(plan, settings, self.appliance.clock, cancelled=self._stopped, skip=done_before)
        with closing(swept):
            for chunk in swept:
                if isinstance(chunk, ChunkFailed):
                    failed += 1
                    store.close_chunk(self.db, self.scan["id"], chunk.index, "failed", chunk.reason.to_json())
                else:
                    self._keep(chunk)
                done += len(chunk.addresses)
                self.job.progress(done, total, "discovery")
                require(authorisation, self.appliance.clock.now())
        if failed and not self._stopped():
            raise EnvironmentProblem("scan.discovery_failed", count=failed)

    def _keep(self, chunk: ChunkDone) -> None:
        with self.db.atomic():
            for host in chunk.hosts:
                host_store.save_host(self.db, host, self.appliance.ids.new())
            store.close_chunk(self.db, self.scan["id"], chunk.index, "done")
            store.update(self.db, self.scan["id"], mode=chunk.mode)

    def _collect(self, authorisation: Authorisation) -> None:
        tasks = self._tasks()
        self.job.unit = "hosts"
        self.job.progress(0, len(tasks), "collection")
        store.update(self.db, self.scan["id"], stage="collection")
        scope = Scope.of(authorisation)
        credentials = self.appliance.vault.list(self.inspection_id)
        keeper = StoreKeeper(
            self.appliance, self.inspection_id, self.scan["id"], self.db, self.folder, self._count_host
        )
        fleet = Fleet(
            settings=self.appliance.settings.scan,
            clock=self.appliance.clock,
            keeper=keeper,
            control=Control(
                cancelled=self._stopped,
                paused=self.job.paused.is_set,
                permits=lambda address: scope.permits(address, self.appliance.clock.now()),
            ),
            selection=Selection(credentials),
            reveal=lambda credential_id: self.appliance.vault.reveal(self.inspection_id, credential_id),
            redaction_key=redaction_key(self.appliance, self.inspection_id) if credentials else b"",
        )
        try:
            fleet.run(tasks)
        finally:
            keeper.close()

    def _tasks(self) -> list[HostTask]:
        done = host_store.hosts_done(self.db, self.scan["id"])
        keys = {k.address: f"{k.type} {k.base64}" for k in host_store.list_keys(self.db) if k.state == "confirmed"}
        return [
            HostTask(
                stored.id,
                stored.host.address,
                frozenset(service.port for service in stored.host.services),
                keys.get(stored.host.address, ""),
            )
            for stored in host_store.list_hosts(self.db)
            if stored.id not in done and is_candidate(stored)
        ]

    def _count_host(self, _facts: HostFacts) -> None:
        self.job.progress(self.job.done + 1, self.job.total, "collection")

    def _stopped(self) -> bool:
        return self.job.cancelled.is_set()

    def _log(self, action: str, **params: str) -> None:
        self.appliance.log(self.inspection_id, action, scan=self.scan["id"], **params)


def replace_chunk_size(settings: Discovery, chunks_stored: Sequence[store.StoredChunk]) -> Discovery:
    """Settings that cut the same chunks again, even when the setting was changed since the scan began."""
    size = max(len(chunk.addresses) for chunk in chunks_stored)
    return settings.model_copy(update={"chunk_addresses": size})


def is_candidate(stored: StoredHost) -> bool:
    """Whether a host may be logged in to: computers, and unknown devices with a login port; never a printer."""
    if stored.host.kind in NEVER_LOGGED_IN:
        return False
    ports = {service.port for service in stored.host.services}
    return stored.host.kind is DeviceKind.COMPUTER or bool(ports & set(PORTS.values()))


def redaction_key(appliance: Appliance, inspection_id: str) -> bytes:
    """The inspection's own HMAC key for masked product keys; destroyed with its credentials."""
    try:
        return appliance.vault.unwrap(REDACTION_KEY, inspection_id)
    except NotFound:
        key = secrets.token_bytes(32)
        appliance.vault.wrap(REDACTION_KEY, key, inspection_id)
        return key
