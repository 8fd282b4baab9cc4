"""Whether this laptop is plugged into the unit's own network: first without sending anything, then by known hosts.

What is known comes from every inspection of the unit that is still here: the fingerprints of its segments, recorded
when a person scanned there, and the identities of its hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from appliance.context import Appliance
from appliance.recognition import identity
from appliance.schedule.quorum import KnownHost, Told, compare, verdict
from appliance.store import fleet as fleet_store
from appliance.store import hosts as host_store
from appliance.store import probes as probe_store
from appliance.store import schedules as store
from appliance.store.database import Db
from appliance.visits.inspections import authorisation_in_force, list_all
from appliance.visits.probing import hostname_of, packets_per_second
from config.clock import Clock
from config.message import Message
from config.problems import NotFound
from credentials.selection import PORTS, LoginProtocol
from scanner import process, sighting
from scanner.errands import FETCH_KEY, PROBE_BATCH
from scanner.network_place import Kernel, Place, Ways, differences, moved, read_kernel, ways_into
from scanner.process import Child, ChildEnded, Limits
from scanner.scope import Scope
from scanner.sighting import EPMAP, SMB

BATCH = 8
MOST_ASKED = 24
SECONDS = 2.0  # one answer; a LAN needs milliseconds
CPU_SECONDS = 10
LOOK_SECONDS = 0.1


class Whereabouts:
    """Notices when the laptop is carried to another network while it scans, asleep meanwhile or not."""

    def __init__(self, scope: Scope, clock: Clock) -> None:
        self._scope = scope
        self._clock = clock
        self._ways = self._now()
        self._changed = False
        self._look_at = 0.0

    def changed(self) -> bool:
        """Whether the scope is reached by other ways than at the start; nothing is sent to find out.

        Asked before whatever is sent, it looks only ``LOOK_SECONDS`` after it looked last, by a clock that runs asleep.
        """
        if (now := self._clock.boottime()) >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._changed = moved(self._ways, self._now())
        return self._changed

    def _now(self) -> Ways:
        return ways_into(read_kernel(), self._scope.intervals)


def remember(appliance: Appliance, db: Db, scan_id: str) -> None:
    """Keep the fingerprints of the segments through which a person's scan just found hosts."""
    found = fleet_store.found_by(db, scan_id)
    if not found:
        return
    macs = {s.host.address: s.host.mac or "" for s in host_store.list_hosts(db) if s.host.address in found}
    kernel = read_kernel()
    known = Kernel(kernel.routes, kernel.own, {**macs, **kernel.neighbours}, kernel.leases)
    for place in ways_into(known, Scope.of(authorisation_in_force(db)).intervals).places:
        store.save_place(db, _lower(place), appliance.clock.now(), scan_id)


def describe_place(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """For a person, nothing is sent: ``{"matches", "reasons", "here", "known"}``."""
    with appliance.inspection(inspection_id) as (db, _):
        ways = ways_into(read_kernel(), Scope.of(authorisation_in_force(db)).intervals)
    reasons = place_objections(appliance, inspection_id)
    known = _known_places(appliance, inspection_id)
    return {
        "matches": not reasons,
        "reasons": [reason.to_json() for reason in reasons],
        "here": [_place_json(place) for place in ways.places],
        "known": [_place_json(place) for place in known],
    }


def place_objections(appliance: Appliance, inspection_id: str, kernel: Kernel | None = None) -> tuple[Message, ...]:
    """Stage 1: why this is not a network in which the unit was visited. Nothing is sent.

    Raises Refused without an authorisation: its scope says which networks count.
    """
    here = kernel or read_kernel()
    with appliance.inspection(inspection_id) as (db, _):
        ways = ways_into(here, Scope.of(authorisation_in_force(db)).intervals)
    known = _known_places(appliance, inspection_id)
    return objections(ways, known, _known_neighbours(appliance, inspection_id), here)


def objections(
    ways: Ways, known: tuple[Place, ...], neighbours: Mapping[str, str], kernel: Kernel
) -> tuple[Message, ...]:
    """Every way into the scope must be through a known place, and there must be one; pure."""
    if not known:
        return (Message.of("schedule.no_known_place"),)
    if not ways.places:
        return (Message.of("schedule.no_way"),)
    return tuple(reason for place in ways.places for reason in differences(place, known, neighbours, kernel))


def host_objections(appliance: Appliance, inspection_id: str) -> tuple[Message, ...]:
    """Stage 2: ask known hosts inside the scope who they are, a few at a time, until enough agree.

    The caller has passed stage 1 and every other condition: this sends.
    """
    with appliance.open_inspection(inspection_id) as (db, _):
        scope, now = Scope.of(authorisation_in_force(db)), appliance.clock.now()
    known = [host for host in known_hosts(appliance, inspection_id) if scope.permits(host.address, now)][:MOST_ASKED]
    told: dict[str, Told] = {}
    for n in range(0, len(known), BATCH):
        batch = known[n : n + BATCH]
        appliance.log(inspection_id, "network.asked", addresses=" ".join(host.address for host in batch))
        told |= _ask(appliance, batch)
        if verdict(known, told) is None:
            break
    reason = verdict(known, told)
    same = sum(answer is Told.SAME for answer in told.values())
    appliance.log(inspection_id, "network.checked", known=same, asked=len(told), matches=reason is None)
    return () if reason is None else (reason,)


def known_hosts(appliance: Appliance, inspection_id: str) -> list[KnownHost]:
    """Hosts of the unit that can be told without a login, those with an SSH key first, then the latest seen."""
    found: dict[str, tuple[KnownHost, str]] = {}
    for db in _of_unit(appliance, inspection_id):
        for host, seen_at in _identified(db):
            found.setdefault(host.address, (host, seen_at))
    by_time = sorted(found.values(), key=lambda one: one[1], reverse=True)
    return [host for host, _ in sorted(by_time, key=lambda one: not one[0].key)]


def _identified(db: Db) -> Iterator[tuple[KnownHost, str]]:
    keys = {key.address: key.base64 for key in host_store.list_keys(db)}
    read, seen = host_store.identities(db), probe_store.all_sightings(db)
    for stored in host_store.list_hosts(db):
        known = read.get(stored.id)
        name = identity.hostname((known.hostname if known else None) or hostname_of(seen.get(stored.id, ())))
        ports = {service.port for service in stored.host.services}
        key = keys.get(stored.host.address, "")
        if key or (name and SMB in ports):
            yield KnownHost(stored.host.address, key, "" if key else name), stored.host.seen_at


def _known_places(appliance: Appliance, inspection_id: str) -> tuple[Place, ...]:
    found = (place for db in _of_unit(appliance, inspection_id) for place in store.list_places(db))
    return tuple(dict.fromkeys(found))


def _known_neighbours(appliance: Appliance, inspection_id: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for db in _of_unit(appliance, inspection_id):
        for stored in host_store.list_hosts(db):
            if stored.host.mac and not stored.host.mac_random:
                found.setdefault(stored.host.address, stored.host.mac.lower())
    return found


def _of_unit(appliance: Appliance, inspection_id: str) -> Iterator[Db]:
    """The databases of the unit's inspections, newest first; one that was ended and removed says nothing."""
    rows = list_all(appliance, limit=-1)
    unit = next((row["unit_id"] for row in rows if row["id"] == inspection_id), None)
    for row in reversed(rows):
        if row["unit_id"] != unit:
            continue
        with ExitStack() as stack:
            try:
                db, _ = stack.enter_context(appliance.inspection(row["id"]))
            except NotFound:
                continue
            yield db


def _ask(appliance: Appliance, hosts: list[KnownHost]) -> dict[str, Told]:
    limits = Limits(15 + 3 * SECONDS, CPU_SECONDS, appliance.settings.scan.worker_memory_mb)
    children: list[tuple[KnownHost | None, Child]] = []
    told = {host.address: Told.NOTHING for host in hosts}
    names = {host.address: host for host in hosts if not host.key}
    try:
        for host in hosts:
            if host.key:
                errand = {"address": host.address, "port": PORTS[LoginProtocol.SSH], "timeout_seconds": SECONDS}
                children.append((host, process.start(FETCH_KEY, errand, limits, appliance.clock)))
        if names:
            errand = _errand(list(names), packets_per_second(appliance.settings))
            children.append((None, process.start(PROBE_BATCH, errand, limits, appliance.clock)))
        for host, child in children:
            for message in _messages(child):
                told |= _told_key(host, message) if host else _told_name(names, message)
    finally:
        for _, child in children:
            child.kill()
    return told


def _errand(addresses: list[str], rate: int) -> dict[str, Any]:
    targets = [{"address": address, "ports": [EPMAP, SMB], "services": False} for address in addresses]
    return {"targets": targets, "services": [], "seconds": SECONDS, "rate": rate}


def _messages(child: Child) -> Iterator[dict[str, Any]]:
    """What a child says; one that ends early has said all it will."""
    with suppress(ChildEnded):
        while (message := child.receive()) is not None:
            yield message


def _told_key(host: KnownHost, message: dict[str, Any]) -> dict[str, Told]:
    key = message.get("host_key")
    return {host.address: compare(host, key["base64"] if key else None, None)}


def _told_name(hosts: Mapping[str, KnownHost], message: dict[str, Any]) -> dict[str, Told]:
    address = message["address"]
    if address not in hosts:
        return {}
    name = identity.hostname(hostname_of([sighting.from_json(seen) for seen in message["sightings"]]))
    return {address: compare(hosts[address], None, name)}


def _lower(place: Place) -> Place:
    return Place(
        place.network, place.address, place.gateway, place.gateway_mac.lower(), place.dhcp_server, place.domain
    )


def _place_json(place: Place) -> dict[str, str]:
    return {name: getattr(place, name) for name in Place.__slots__}
