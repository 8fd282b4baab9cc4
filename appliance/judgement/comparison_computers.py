"""Which computer of an earlier visit is which of this one, whatever its name, address or ledger became. Pure.

=========  ======================================================================================================
evidence   joins two computers when both have the same real value, no other computer of either visit has it, and
=========  ======================================================================================================
decided    a person said so; it goes before all else, and an empty answer says that it is none of them
serial     nothing more: a board may have been replaced
uuid       the serial numbers do not differ
machine    neither serial numbers nor UUIDs differ
mac        nothing that both have differs
asset      nothing that both have differs: both stand for the same 资产编号
hostname   nothing that both have differs, cards included
address    nothing that both have differs, cards included: the last straw, for computers that were never read
=========  ======================================================================================================

A value that two computers of one visit share (a clone, a junk board) counts for nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.recognition import identity

KINDS = ("serial", "uuid", "machine", "mac", "asset", "hostname", "address")
STRONG = {
    "serial": (),
    "uuid": ("serial",),
    "machine": ("serial", "uuid"),
    "mac": ("serial", "uuid"),
    "asset": ("serial", "uuid"),
    "hostname": ("serial", "uuid", "machine", "mac"),
    "address": ("serial", "uuid", "machine", "mac"),
}
"""By kind of evidence, the values that must not differ where both computers have them."""


@dataclass(frozen=True, slots=True)
class SeenComputer:
    """One computer as one visit saw it. Values as they came; junk among them counts for nothing."""

    host_id: str
    address: str
    hostname: str = ""
    asset_no: str = ""
    collected: bool = False
    serial: str = ""
    uuid: str = ""
    machine_id: str = ""
    macs: tuple[str, ...] = ()
    facts_id: str = ""
    computer_no: str = ""
    department: str = ""
    user: str = ""

    def values(self) -> dict[str, tuple[str, ...]]:
        """Comparable values by kind of evidence."""
        return {
            "serial": identity.distinct((identity.serial(self.serial),)),
            "uuid": identity.distinct((identity.serial(self.uuid),)),
            "machine": identity.distinct((identity.serial(self.machine_id),)),
            "mac": identity.distinct(map(identity.mac, self.macs)),
            "asset": identity.distinct((self.asset_no,)),
            "hostname": identity.distinct((identity.hostname(self.hostname),)),
            "address": identity.distinct((identity.address(self.address),)),
        }


Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Links:
    """``to``: host id of the earlier visit → host id of this one. ``basis``: by earlier host id, what joined them."""

    to: Mapping[str, str] = field(default_factory=dict[str, str])
    basis: Mapping[str, str] = field(default_factory=dict[str, str])


def link_computers(
    before: Iterable[SeenComputer], after: Iterable[SeenComputer], decided: Mapping[str, str] | None = None
) -> Links:
    """Join the computers of two visits; the same for every order. ``decided``: earlier host id → host id or ``""``."""
    old, new = ({one.host_id: one.values() for one in side} for side in (before, after))
    said = decided or {}
    to = {host: other for host, other in sorted(said.items()) if host in old and other in new}
    basis = dict.fromkeys(to, "decided")
    free = {host for host in old if host not in said}
    taken = set(to.values())
    for kind in KINDS:
        lone = _lone(new, kind)
        for value, host in sorted(_lone(old, kind).items()):
            other = lone.get(value)
            if host in free and other is not None and other not in taken and _fits(kind, old[host], new[other]):
                to[host], basis[host] = other, kind
                free.discard(host)
                taken.add(other)
    return Links(to, basis)


def _lone(side: Mapping[str, Values], kind: str) -> dict[str, str]:
    """Value → the only computer of this visit that has it."""
    owners: dict[str, str | None] = {}
    for host, values in side.items():
        for value in values[kind]:
            owners[value] = None if value in owners else host
    return {value: host for value, host in owners.items() if host is not None}


def _fits(kind: str, old: Values, new: Values) -> bool:
    return not any(old[name] and new[name] and not set(old[name]) & set(new[name]) for name in STRONG[kind])
