"""Which hosts of an inspection are one computer, and what a person is asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from appliance.judgement.declared import Declared, SameComputer
from appliance.judgement.host_signs import HostSign, undeclared_services
from appliance.recognition.matching import HostView
from appliance.recognition.sameness import Decided, Sameness, Seen, same_computers
from appliance.store import records as record_store
from appliance.store.database import Db
from appliance.store.hosts import StoredHost
from appliance.visits.candidates import is_candidate
from appliance.visits.known_hosts import KnownHosts
from appliance.visits.probing import hostname_of, suspected_nat
from scanner.model import Identity
from scanner.sighting import Sighting


def sameness(db: Db, known_hosts: KnownHosts | None = None) -> Sameness:
    """By the identities read, the cards that discovery saw, and what people decided (the last word counts).

    ``known_hosts``: where the caller has them already.
    """
    every = KnownHosts.of(db) if known_hosts is None else known_hosts
    known, seen = every.identities, every.sightings
    hosts = (
        Seen(h.id, h.host.address, h.host.mac, known.get(h.id), hostname_of(seen.get(h.id, ())))
        for h in every.hosts
        if is_candidate(h) or known.get(h.id)
    )
    return same_computers(hosts, decisions(db))


def decisions(db: Db) -> list[Decided]:
    """What people decided, in order of entry."""
    records: Iterable[SameComputer] = record_store.load(db).get("same_computers", ())
    return [Decided(record.host_id, record.other_id, record.same) for record in records]


def signs(db: Db, declared: Declared, same: Sameness) -> tuple[HostSign, ...]:
    """What the network shows and a person must explain, host by host."""
    every = KnownHosts.of(db)
    nat = suspected_nat(every)
    found: list[HostSign] = []
    for stored in every.hosts:
        told = every.sightings.get(stored.id, ())
        names = (stored.host.address, *_names(every.identities.get(stored.id), told))
        found += undeclared_services(stored.id, names, told, declared)
        if stored.id in nat:
            found.append(HostSign(stored.id, "suspected_nat", nat[stored.id]))
        if stored.id in same.questions:
            found.append(HostSign(stored.id, "identity_open", same.questions[stored.id]))
    return tuple(replace(sign, host_id=same.main.get(sign.host_id, sign.host_id)) for sign in found)


def _names(known: Identity | None, seen: Iterable[Sighting]) -> Iterator[str]:
    texts = [known.hostname if known else None, *(text for s in seen for text in (s.hostname, s.dns_name))]
    return (text for text in texts if text)


def standing(hosts: Iterable[StoredHost], same: Sameness) -> list[StoredHost]:
    """The hosts that stand for a computer: every computer once."""
    return [stored for stored in hosts if stored.id not in same.main]


def views(hosts: Iterable[StoredHost], identities: Mapping[str, Identity | None], same: Sameness) -> list[HostView]:
    """The computers as matching sees them: each with the addresses and cards of all its hosts."""
    every = {stored.id: stored.host for stored in hosts}
    found: list[HostView] = []
    for host_id, host in every.items():
        if host_id in same.main:
            continue
        others = [every[other] for other in same.others(host_id) if other in every]
        found.append(
            HostView(
                host_id,
                host.address,
                host.mac,
                identities.get(host_id),
                tuple(other.address for other in others),
                tuple(other.mac for other in others if other.mac),
            )
        )
    return found
