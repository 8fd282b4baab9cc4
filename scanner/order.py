"""In which order hosts are collected: those first that may be gone in an hour; pure.

Nothing on the wire says "laptop". What does tell: a random MAC (Wi-Fi of a portable device), a host that was absent in
an earlier sweep, and how many services for others it offers. Among equals the one seen most recently goes first, as it
is the likeliest to be still there.

Before all others comes the host where an account is proven (the canary): the one most surely the unit's own, because a
stranger's word about a password cannot be verified.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

SERVER_PORTS = frozenset({80, 443, 5985, 8000})
REMOTE_DESKTOP = 3389
SSH, SMB = 22, 445
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a host. ``seen_at``: RFC 3339 of its last sighting; ``missed``: sweeps that did not find it.

    ``read_before``: this inspection has read it; ``in_ledger``: the unit's ledger names its MAC.
    """

    ports: frozenset[int]
    seen_at: str
    missed: int = 0
    random_mac: bool = False
    chassis: str = ""
    server_system: bool = False
    read_before: bool = False
    in_ledger: bool = False


PORTABLE = frozenset(
    {"portable", "laptop", "notebook", "hand_held", "sub_notebook", "tablet", "convertible", "detachable"}
)


def staying(signs: Signs) -> int:
    """How likely it stays switched on: 0 may leave at any moment, 3 runs day and night."""
    if signs.server_system:
        return 3
    if signs.missed or signs.random_mac or signs.chassis.casefold() in PORTABLE:
        return 0
    if len(signs.ports & SERVER_PORTS) >= 2:
        return 3
    if signs.ports & SERVER_PORTS or (SSH in signs.ports and SMB not in signs.ports and REMOTE_DESKTOP in signs.ports):
        return 2
    return 1


def by_leaving(hosts: Iterable[tuple[T, Signs]]) -> list[T]:
    """Hosts in order of collection; equal ones stay in the order given."""
    recent_first = sorted(hosts, key=lambda pair: pair[1].seen_at, reverse=True)
    return [host for host, _ in canaries_first(sorted(recent_first, key=lambda pair: staying(pair[1])))]


def surely_own(signs: Signs) -> int:
    """How sure it is that the host is the unit's own: 0 a device with a made-up MAC, 3 one that was read before."""
    if signs.read_before:
        return 3
    if signs.in_ledger:
        return 2
    return 0 if signs.random_mac else 1


def canaries_first(ordered: Sequence[tuple[T, Signs]]) -> list[tuple[T, Signs]]:
    """To the front, for each way to log in, the host most surely the unit's own, unless it is the first of its way."""
    fitting = [[place for place, (_, signs) in enumerate(ordered) if port in signs.ports] for port in (SSH, SMB)]
    surest = {max(places, key=lambda place: surely_own(ordered[place][1])) for places in fitting if places}
    first = surest - {places[0] for places in fitting if places}
    return [ordered[place] for place in sorted(range(len(ordered)), key=lambda place: place not in first)]


def missed_sweeps(sweeps: Iterable[Collection[str]], known: Collection[str]) -> Mapping[str, int]:
    """Address → how many of the sweeps (each the addresses it found) did not find it."""
    swept = list(sweeps)
    return {address: sum(address not in found for found in swept) for address in known}
