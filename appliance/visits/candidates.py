"""Which discovered hosts are collected, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from appliance.recognition import identity
from appliance.store import fleet as fleet_store
from appliance.store import hosts as host_store
from appliance.store.database import Db
from appliance.store.hosts import StoredHost
from appliance.visits.ledgers_in_force import assets_in_force
from credentials.selection import PORTS
from scanner.model import DeviceKind
from scanner.order import Signs, by_leaving, missed_sweeps

NEVER_LOGGED_IN = (DeviceKind.PRINTER, DeviceKind.NETWORK, DeviceKind.CAMERA, DeviceKind.OTHER)


def is_candidate(stored: StoredHost) -> bool:
    """Whether a host may be logged in to: computers, and unknown devices with a login port; never a printer."""
    if stored.host.kind in NEVER_LOGGED_IN:
        return False
    ports = {service.port for service in stored.host.services}
    return stored.host.kind is DeviceKind.COMPUTER or bool(ports & set(PORTS.values()))


def in_order(db: Db, hosts: Iterable[StoredHost], canary: str | None = None) -> list[StoredHost]:
    """The canary first, the chosen one if there is one; then those that are likely to be switched off soon."""
    listed = list(hosts)
    read = host_store.hosts_read(db)
    owned = {identity.mac(mac) for asset in assets_in_force(db) for mac in asset.macs} - {""}
    machines = host_store.kinds_of_machine(db)
    missed = missed_sweeps(fleet_store.sweeps(db), [stored.host.address for stored in listed])
    signs = (_signs(stored, machines.get(stored.id) or {}, missed) for stored in listed)
    known = (
        replace(one, read_before=stored.id in read, in_ledger=identity.mac(stored.host.mac) in owned)
        for stored, one in zip(listed, signs, strict=True)
    )
    return sorted(by_leaving(zip(listed, known, strict=True)), key=lambda stored: stored.host.address != canary)


def _signs(stored: StoredHost, machine: Mapping[str, str | None], missed: Mapping[str, int]) -> Signs:
    return Signs(
        ports=frozenset(service.port for service in stored.host.services),
        seen_at=stored.host.seen_at,
        missed=missed[stored.host.address],
        random_mac=stored.host.mac_random,
        chassis=machine.get("chassis") or "",
        server_system=(machine.get("installation") or "").startswith("Server"),
    )
