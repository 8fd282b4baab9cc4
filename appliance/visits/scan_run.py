"""One scan at work: sweep, SSH keys, collection, and again in later rounds; resumable after any crash."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from queue import Empty
from typing import Any

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.store import fleet as fleet_store
from appliance.store import hosts as host_store
from appliance.store import inspections as inspection_store
from appliance.store import scans as store
from appliance.store.database import Db, Row
from appliance.store.scans import StoredChunk
from appliance.visits.candidates import in_order, is_candidate
from appliance.visits.changes import Changes
from appliance.visits.host_keys import fetch_keys
from appliance.visits.inspections import authorisation_in_force
from appliance.visits.keeping import StoreKeeper
from appliance.visits.medium import low_disk
from appliance.visits.network_check import Whereabouts
from appliance.visits.probing import probe_hosts
from appliance.visits.recovery import recover
from config.clock import rfc3339
from config.message import Message
from config.problems import EnvironmentProblem, NotFound, Problem, Refused
from credentials.model import Credential
from credentials.selection import PORTS, Selection
from scanner.discovery import ChunkDone, ChunkFailed, find_nmap, may_send_raw, plan_discovery, sweep
from scanner.model import HostFacts, Outcome
from scanner.pace import Pace
from scanner.scan import Control, Fleet, HostTask
from scanner.scope import Scope, require
from scanner.session import SessionError

REDACTION_KEY = "redaction"
POLL_SECONDS = 0.2
NO_ROUTE = "discovery.no_route"


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a person asks for. ``accept_first_contact``: the operator confirms all first-seen SSH keys of this batch.

    ``only_missing``: hosts that this inspection has read already are not read again. ``rounds``: how often the hosts
    that were off are looked for, ``round_minutes`` apart. ``canary``: the address where unproven accounts are tried
    first, and nowhere else before they are proven there. ``presence``: only who is on is of interest, for 开机率.
    """

    segment: str | None = None
    discover_only: bool = False
    accept_first_contact: bool = False
    only_missing: bool = False
    rounds: int = 1
    round_minutes: int = 30
    canary: str | None = None
    presence: bool = False

    def to_json(self) -> dict[str, Any]:
        """As stored with the scan."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class ScanRun:
    """The work of one job."""

    appliance: Appliance
    inspection_id: str
    scan: Row
    db: Db
    folder: InspectionFolder
    job: Job
    _round: int = 1
    _checked: str = ""  # the authorisation that covers every address still to be swept
    _keyless: dict[str, SessionError] = field(default_factory=dict[str, SessionError])
    _pace: Pace = field(init=False)
    _whereabouts: Whereabouts = field(init=False)
    _carried_off: Message | None = None

    def run(self) -> dict[str, Any]:
        """Returns ``{"scan", "state", "round", "hosts", "collected", "problem"}``."""
        self._round = self.scan["round"]
        self._new_pace()
        self._whereabouts = Whereabouts(Scope.of(authorisation_in_force(self.db)), self.appliance.clock)
        try:
            state, problem = self._rounds()
        except Problem as error:
            store.update(self.db, self.scan["id"], state=store.FAILED, problem=error.message.to_json())
            raise
        left = problem.to_json() if problem else None
        now = rfc3339(self.appliance.clock.now())
        store.update(self.db, self.scan["id"], state=state, problem=left, finished_at=now)
        self._log("scan.ended", state=state)
        results = host_store.latest_results(self.db)
        collected = sum(outcome is Outcome.READ for _, outcome, _ in results.values())
        ended = {"scan": self.scan["id"], "state": state, "round": self._round, "problem": left}
        return {**ended, "hosts": len(results), "collected": collected}

    @cached_property
    def options(self) -> ScanOptions:
        """As stored with the scan."""
        return ScanOptions(**self.scan["options"])

    def _rounds(self) -> tuple[str, Message | None]:
        while True:
            left = self._one_round()
            if self._stopped():
                return store.CANCELLED, self._carried_off
            if self._round >= self.options.rounds:
                return (store.INCOMPLETE if left else store.DONE), left
            self._wait_for_next_round()

    def _one_round(self) -> Message | None:
        """Returns what could not be swept from where the laptop is."""
        left = self._discover()
        if self.options.presence:
            return left
        if not self._stopped():
            found = fleet_store.found_by(self.db, self.scan["id"])
            probe_hosts(
                self.appliance,
                self.db,
                self.job,
                permits=lambda address: address in found and self._permits(address),
                log=self._log,
            )
        if not self._stopped():
            confirm = self.options.accept_first_contact
            found = fleet_store.found_by(self.db, self.scan["id"])
            self._keyless = fetch_keys(
                self.appliance,
                self.db,
                self.job,
                permits=lambda address: address in found and self._permits(address),
                confirm=confirm,
                log=self._log,
            )
        if not self._stopped() and not self.options.discover_only:
            self._collect()
        return left

    def _wait_for_next_round(self) -> None:
        clock = self.appliance.clock
        until = clock.monotonic() + self.options.round_minutes * 60
        self.job.progress(0, 0, "waiting")
        self.job.estimate = lambda: max(0, round(until - clock.monotonic()))
        while clock.monotonic() < until and not self.job.cancelled.wait(POLL_SECONDS):
            pass
        if not self._stopped():
            self._round += 1
            store.next_round(self.db, self.scan["id"], self._round)
            self._log("scan.round", round=str(self._round))

    # Discovery

    def _discover(self) -> Message | None:
        every = store.list_chunks(self.db, self.scan["id"])
        total = sum(len(chunk.addresses) for chunk in every)
        done = sum(len(chunk.addresses) for chunk in every if chunk.done)
        self._begin(done, total, "discovery", "addresses")
        failed, unrouted = 0, 0
        self._check_scope(every)
        for chunk in self._swept(every):
            unrouted += self._keep(chunk)
            failed += isinstance(chunk, ChunkFailed) and chunk.reason.code != NO_ROUTE
            done += len(chunk.addresses)
            self._count(done, total, len(chunk.addresses))
            self._check_scope(every)
        self._visit_segments()
        if failed and not self._stopped() and not host_store.list_hosts(self.db, limit=1):
            raise EnvironmentProblem("scan.discovery_failed", count=failed)
        if failed:
            return Message.of("scan.discovery_failed", count=failed)
        return Message.of("scan.other_segments", count=unrouted) if unrouted else None

    def _check_scope(self, every: list[StoredChunk]) -> None:
        """The permission may have been replaced since the chunks were cut: nothing outside the new one is swept."""
        authorisation = authorisation_in_force(self.db)
        require(authorisation, self.appliance.clock.now())
        if authorisation.id == self._checked:
            return
        scope = Scope.of(authorisation)
        if not all(scope.contains(address) for chunk in every if not chunk.done for address in chunk.addresses):
            raise Refused("scan.scope_narrowed", document_no=authorisation.document_no)
        self._checked = authorisation.id

    def _permits(self, address: str) -> bool:
        """By the permission in force at this moment."""
        return not self._stopped() and Scope.of(authorisation_in_force(self.db)).permits(
            address, self.appliance.clock.now()
        )

    def _swept(self, every: list[StoredChunk]) -> Iterator[ChunkDone | ChunkFailed]:
        """Sweep what is not done. A pause ends the sweep; afterwards it goes on with the chunks that are left."""
        settings = self.appliance.settings.discovery
        size = max(len(chunk.addresses) for chunk in every)
        addresses = (address for chunk in every for address in chunk.addresses)
        plan = plan_discovery(
            addresses,
            settings.model_copy(update={"chunk_addresses": size}),
            privileged=may_send_raw(find_nmap()),
            gentle=self.appliance.settings.scan.gentle,
        )
        plan = replace(plan, starts=frozenset(chunk.addresses[0] for chunk in every))
        done = {chunk.index for chunk in every if chunk.done}
        while len(done) < len(every) and not self._stopped():
            self._wait_while_paused()
            swept = sweep(plan, settings, self.appliance.clock, cancelled=self._interrupted, skip=frozenset(done))
            with closing(swept):
                for chunk in swept:
                    done.add(chunk.index)
                    yield chunk

    def _keep(self, chunk: ChunkDone | ChunkFailed) -> int:
        """Store a chunk's answer; returns how many of its addresses have no route from here."""
        if isinstance(chunk, ChunkFailed):
            state = "unrouted" if chunk.reason.code == NO_ROUTE else "failed"
            store.close_chunk(self.db, self.scan["id"], chunk.index, state, chunk.reason.to_json())
            return len(chunk.addresses) if state == "unrouted" else 0
        with self.db.atomic():
            for host in chunk.hosts:
                host_store.save_host(self.db, host, self.appliance.ids.new())
            seen = ((host.address, host.seen_at, host.mac) for host in chunk.hosts)
            fleet_store.save_sightings(self.db, self.scan["id"], "discovery", seen)
            store.close_chunk(self.db, self.scan["id"], chunk.index, "unrouted" if chunk.unrouted else "done")
            store.update(self.db, self.scan["id"], mode=chunk.mode)
        return len(chunk.unrouted)

    def _visit_segments(self) -> None:
        every = store.list_chunks(self.db, self.scan["id"])
        left = {chunk.segment for chunk in every if not chunk.done}
        whole = sorted({chunk.segment for chunk in every if chunk.segment} - left)
        covered = [] if self.options.segment else whole
        if self.options.segment:  # a scan of one segment says nothing about the others that its range may touch
            rows = inspection_store.list_segments(self.db)
            covered = [row["id"] for row in rows if row["range"] == self.options.segment and row["id"] in whole]
        inspection_store.visit_segments(self.db, covered, rfc3339(self.appliance.clock.now()))

    # Collection

    def _collect(self) -> None:
        tasks = self._tasks()
        self._begin(0, len(tasks), "collection", "hosts")
        store.update(self.db, self.scan["id"], stage="collection")
        credentials = self.appliance.vault.list(self.inspection_id)
        permitted = authorisation_in_force(self.db).permits_service_start
        keeper = StoreKeeper(
            self.appliance,
            self.inspection_id,
            self.scan["id"],
            self.db,
            self.folder,
            self._count_host,
            Changes.of(self.appliance, self.folder, permitted=permitted),
            self._round,
        )
        fleet = Fleet(
            settings=self.appliance.settings.scan,
            clock=self.appliance.clock,
            keeper=keeper,
            control=Control(
                cancelled=self._stopped,
                paused=self._paused,
                permits=self._permits,
                reentered=self._reentered,
                ask=self._ask,
                permits_service_start=permitted,
            ),
            selection=self._proving(self._selection(credentials), tasks),
            reveal=lambda credential_id: self.appliance.vault.reveal(self.inspection_id, credential_id),
            redaction_key=redaction_key(self.appliance, self.inspection_id) if credentials else b"",
        )
        try:
            fleet.run(tasks)
        finally:
            keeper.close()
        recover(self.appliance, self.inspection_id, self.db, self.folder, self._stopped)

    def _selection(self, credentials: tuple[Credential, ...] | list[Credential]) -> Selection:
        """Go on where this scan stopped; of an earlier scan only what is frozen counts."""
        stored = fleet_store.load_progress(self.db)
        same = {name: progress for name, (scan, progress) in stored.items() if scan == self.scan["id"]}
        other = {name: progress for name, (scan, progress) in stored.items() if scan != self.scan["id"]}
        earlier = Selection.restored(credentials, other).for_new_scan()
        here = Selection.restored(credentials, same)
        return replace(here, progress={**earlier.progress, **here.progress})

    def _proving(self, selection: Selection, tasks: Sequence[HostTask]) -> Selection:
        """With a chosen canary nothing unproven goes elsewhere, also when it is off."""
        if self.options.canary is None:
            return selection
        ports = next((task.ports for task in tasks if task.address == self.options.canary), frozenset(PORTS.values()))
        return selection.proving_at(self.options.canary, ports)

    def _tasks(self) -> list[HostTask]:
        done = host_store.hosts_done(self.db, self.scan["id"], self._round)
        if self.options.only_missing or self._round > 1:
            done |= self._read_already()
        found = fleet_store.found_by(self.db, self.scan["id"])  # others are off: nothing is sent to them
        keys = {k.address: f"{k.type} {k.base64}" for k in host_store.list_keys(self.db) if k.state == "confirmed"}
        waiting = (
            stored
            for stored in host_store.list_hosts(self.db)
            if stored.id not in done and is_candidate(stored) and stored.host.address in found
        )
        return [
            HostTask(
                stored.id,
                stored.host.address,
                frozenset(service.port for service in stored.host.services),
                keys.get(stored.host.address, ""),
                self._keyless.get(stored.host.address),
            )
            for stored in in_order(self.db, waiting, self.options.canary)
        ]

    def _read_already(self) -> frozenset[str]:
        """Hosts that are not read again; a chosen canary is, in the first round: accounts are to be proven there."""
        read = host_store.hosts_read(self.db)
        if self._round > 1 or self.options.canary is None:
            return read
        return read - {
            stored.id for stored in host_store.list_hosts(self.db) if stored.host.address == self.options.canary
        }

    # What a person sees and does meanwhile

    def _begin(self, done: int, total: int, stage: str, unit: str) -> None:
        self._new_pace()
        self.job.unit = unit
        self.job.progress(done, total, stage)
        clock, pace = self.appliance.clock, self._pace
        self.job.estimate = lambda: pace.remaining(self.job.total - self.job.done, clock.monotonic())

    def _new_pace(self) -> None:
        self._pace = Pace(self.appliance.clock.monotonic())

    def _count(self, done: int, total: int, units: int) -> None:
        self._pace.finished(self.appliance.clock.monotonic(), units)
        self.job.progress(done, total, self.job.stage)

    def _count_host(self, _facts: HostFacts) -> None:
        self._count(self.job.done + 1, self.job.total, 1)

    def _stopped(self) -> bool:
        """Stopped by a person, or because the laptop was carried elsewhere: then every worker ends as on a stop."""
        if not self.job.cancelled.is_set() and self._whereabouts.changed():
            self._carried_off = Message.of("scan.network_changed")
            self._log("scan.stopped_itself", reason=self._carried_off.code)
            self.job.cancelled.set()
        return self.job.cancelled.is_set()

    def _interrupted(self) -> bool:
        return self._stopped() or self._paused()

    def _paused(self) -> bool:
        """A disk that is nearly full pauses: what was begun can still be stored, and nothing is lost."""
        wanted = self.appliance.settings.storage.min_free_mb
        if not self.job.paused.is_set() and (low := low_disk(self.folder.root, wanted)):
            self._ask(low)
        return self.job.paused.is_set()

    def _wait_while_paused(self) -> None:
        while self._paused() and not self.job.cancelled.wait(POLL_SECONDS):
            pass

    def _ask(self, question: Message) -> None:
        self._log("scan.paused_itself", reason=question.code)
        self.job.question = question
        self.job.paused.set()

    def _reentered(self) -> list[str]:
        entered: list[str] = []
        while True:
            try:
                entered.append(self.job.reentered.get_nowait())
            except Empty:
                return entered

    def _log(self, action: str, **params: str) -> None:
        self.appliance.log(self.inspection_id, action, scan=self.scan["id"], **params)


def redaction_key(appliance: Appliance, inspection_id: str) -> bytes:
    """The inspection's own HMAC key for masked product keys; destroyed with its credentials."""
    try:
        return appliance.vault.unwrap(REDACTION_KEY, inspection_id)
    except NotFound:
        key = secrets.token_bytes(32)
        appliance.vault.wrap(REDACTION_KEY, key, inspection_id)
        return key
