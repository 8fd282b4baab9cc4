"""What the network showed of an inspection's hosts and what was read of who they are, read once for all who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.store import hosts as host_store
from appliance.store import probes as probe_store
from appliance.store.database import Db
from appliance.store.hosts import StoredHost
from scanner.model import Identity
from scanner.sighting import Sighting


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """All hosts in order of id; by host id the identity of the best result (None: not read) and what probes heard."""

    hosts: Sequence[StoredHost]
    identities: Mapping[str, Identity | None]
    sightings: Mapping[str, tuple[Sighting, ...]]

    @classmethod
    def of(cls, db: Db) -> KnownHosts:
        """As stored now."""
        return cls(host_store.list_hosts(db), host_store.identities(db), probe_store.all_sightings(db))
