"""Asking discovered hosts what they tell anybody, before anyone logs in; and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from typing import Any, Protocol

from appliance.context import Appliance
from appliance.jobs import Job
from appliance.recognition import identity
from appliance.store import hosts as host_store
from appliance.store import probes as store
from appliance.store.database import Db
from appliance.store.hosts import StoredHost
from appliance.visits.candidates import NEVER_LOGGED_IN
from appliance.visits.known_hosts import KnownHosts
from config.clock import rfc3339
from config.message import Message
from config.network_services import network_services
from config.settings import Settings
from scanner import process
from scanner.devices import PRINT
from scanner.discovery_plan import GENTLE_PACKETS_PER_SECOND
from scanner.errands import PROBE_BATCH
from scanner.model import Identity
from scanner.nat import one_card_many_names, suspicions
from scanner.process import Child, Limits
from scanner.sighting import PACKETS_A_HOST, Sighting

BATCH = 128
SECONDS = 1.0  # one answer; a LAN needs milliseconds
CPU_SECONDS = 20
USUAL_RATE = 2000  # where the sweep's pace is left to nmap
POLL_SECONDS = 0.2


class Log(Protocol):
    def __call__(self, action: str, **params: str) -> None: ...


def probe_hosts(appliance: Appliance, db: Db, job: Job, *, permits: Callable[[str], bool], log: Log) -> None:
    """Ask every permitted host but printers, cameras and network devices; a batch that fails is logged and left.

    Ends early when the job is cancelled; waits while it is paused.
    """
    waiting = [stored for stored in host_store.list_hosts(db) if stored.host.kind not in NEVER_LOGGED_IN]
    for n in range(0, len(waiting), BATCH):
        while job.paused.is_set() and not job.cancelled.wait(POLL_SECONDS):
            pass
        if job.cancelled.is_set():
            return
        batch = [stored for stored in waiting[n : n + BATCH] if permits(stored.host.address)]
        if batch and not _probe(appliance, db, job, batch):
            log("probes.failed", first=batch[0].host.address, count=str(len(batch)))


def _probe(appliance: Appliance, db: Db, job: Job, batch: Sequence[StoredHost]) -> bool:
    """Ask one batch; returns whether the child came to its end."""
    rate = packets_per_second(appliance.settings)
    errand = {
        "targets": [_target(stored) for stored in batch],
        "services": [[service.port, service.kind, service.name] for service in network_services()],
        "seconds": SECONDS,
        "rate": rate,
    }
    longest = 30 + len(batch) * (SECONDS + PACKETS_A_HOST / rate)
    limits = Limits(longest, CPU_SECONDS, appliance.settings.scan.worker_memory_mb)
    ids = {stored.host.address: stored.id for stored in batch}
    child = process.start(PROBE_BATCH, errand, limits, appliance.clock)
    try:
        return _hear(appliance, db, job, child, ids)
    finally:
        child.kill()


def packets_per_second(settings: Settings) -> int:
    """The pace of probes over all hosts: that of the sweep, held down for fragile networks."""
    usual = settings.discovery.sweep_packets_per_second or USUAL_RATE
    return min(usual, GENTLE_PACKETS_PER_SECOND) if settings.scan.gentle else usual


def _target(stored: StoredHost) -> dict[str, Any]:
    ports = sorted(service.port for service in stored.host.services)
    prints = not PRINT.isdisjoint(ports)  # what may be a printer is not knocked at
    return {"address": stored.host.address, "ports": ports, "services": not prints}


def _hear(appliance: Appliance, db: Db, job: Job, child: Child, ids: Mapping[str, str]) -> bool:
    heard: list[tuple[str, list[dict[str, Any]]]] = []
    ended = False
    while not ended and not job.cancelled.is_set():
        wait([child.connection], timeout=POLL_SECONDS)
        if not child.connection.poll(0) and child.seconds_left:
            continue
        try:
            message = child.receive()
        except process.ChildEnded:
            break
        ended = message is None
        if message is not None and message["address"] in ids:
            heard.append((ids[message["address"]], message["sightings"]))
    now = rfc3339(appliance.clock.now())
    with db.atomic():
        for host_id, found in heard:
            store.save_sightings(db, host_id, now, found)
    return ended or job.cancelled.is_set()


def hostname_of(seen: Sequence[Sighting]) -> str | None:
    """The name that a host gives itself without a login: Windows' own first."""
    by_source = {sighting.source: sighting.hostname for sighting in seen}
    return next((name for source in ("ntlm", "netbios", "oxid") if (name := by_source.get(source))), None)


def suspected_nat(known_hosts: KnownHosts) -> Mapping[str, tuple[Message, ...]]:
    """``host_id`` → why its address may stand for several computers (插到其后再检)."""
    hosts, known, seen = known_hosts.hosts, known_hosts.identities, known_hosts.sightings
    named = [(h.host.address, identity.mac(h.host.mac), _name(known.get(h.id), seen.get(h.id, ()))) for h in hosts]
    cards = one_card_many_names(named)
    found: dict[str, tuple[Message, ...]] = {}
    for stored in hosts:
        address = stored.host.address
        own = suspicions(address, stored.host.mac, seen.get(stored.id, ()))
        if signs := (*own, *((cards[address],) if address in cards else ())):
            found[stored.id] = signs
    return found


def _name(known: Identity | None, seen: Sequence[Sighting]) -> str:
    read = known.hostname if known else None
    return identity.hostname(read or hostname_of(seen))
