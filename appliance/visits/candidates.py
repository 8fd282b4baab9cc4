"""Which discovered hosts are collected, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from appliance.store import fleet as fleet_store
from appliance.store import hosts as host_store
from appliance.store.database import Db
from appliance.store.hosts import StoredHost
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


def in_order(db: Db, hosts: Iterable[StoredHost]) -> list[StoredHost]:
    """Those first that are likely to be switched off soon."""
    listed = list(hosts)
    machines = host_store.kinds_of_machine(db)
    missed = missed_sweeps(fleet_store.sweeps(db), [stored.host.address for stored in listed])
    return by_leaving((stored, _signs(stored, machines.get(stored.id) or {}, missed)) for stored in listed)


def _signs(stored: StoredHost, machine: Mapping[str, str | None], missed: Mapping[str, int]) -> Signs:
    return Signs(
        ports=frozenset(service.port for service in stored.host.services),
        seen_at=stored.host.seen_at,
        missed=missed[stored.host.address],
        random_mac=stored.host.mac_random,
        chassis=machine.get("chassis") or "",
        server_system=(machine.get("installation") or "").startswith("Server"),
    )
