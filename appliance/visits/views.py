"""Small pure views of stored hosts that several use cases share."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.recognition.matching import HostView
from appliance.store.hosts import StoredHost
from scanner.model import DeviceKind, Identity


def computers(hosts: Iterable[StoredHost]) -> list[StoredHost]:
    """Hosts that are computers, as far as discovery can tell."""
    return [stored for stored in hosts if stored.host.kind is DeviceKind.COMPUTER]


def host_view(stored: StoredHost, identity: Identity | None) -> HostView:
    """A host as matching sees it."""
    return HostView(stored.id, stored.host.address, stored.host.mac, identity)
