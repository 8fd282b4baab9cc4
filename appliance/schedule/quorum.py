"""Whether the hosts that answer are the hosts that were here before: the second stage of the network check. Pure.

An SSH host key is a proof by itself. A name is not: PC-01 stands in many units, so several must agree. A computer that
is off says nothing; one that is somebody else speaks against, as after DHCP lent its address to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.message import Message

KEY_WEIGHT = 3
NAME_WEIGHT = 1
ENOUGH = 3
FEWEST_NAMES = 2


class Told(StrEnum):
    """What one address said of itself."""

    SAME = "same"
    OTHER = "other"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class KnownHost:
    """A host of an earlier visit: its SSH key (base64), or the name that it gives itself without a login."""

    address: str
    key: str = ""
    name: str = ""

    @property
    def weight(self) -> int:
        """How much its answer is worth."""
        return KEY_WEIGHT if self.key else NAME_WEIGHT


def compare(known: KnownHost, key: str | None, name: str | None) -> Told:
    """Whether the host at this address is the one that we know. ``name`` as ``recognition.identity`` folds it."""
    if known.key:
        return Told.NOTHING if key is None else Told.SAME if key == known.key else Told.OTHER
    return Told.NOTHING if not name else Told.SAME if name == known.name else Told.OTHER


def needed(known: Iterable[KnownHost]) -> int:
    """The weight that must agree: less where the unit has fewer hosts to tell it by, yet never one name alone."""
    return max(FEWEST_NAMES, min(ENOUGH, sum(host.weight for host in known)))


def verdict(known: Iterable[KnownHost], told: Mapping[str, Told]) -> Message | None:
    """Why this is not the unit's network, or None when enough known hosts are here. ``told``: by address."""
    hosts = list(known)
    if not hosts:
        return Message.of("schedule.no_known_hosts")
    here = sum(host.weight for host in hosts if told.get(host.address) is Told.SAME)
    others = sum(host.weight for host in hosts if told.get(host.address) is Told.OTHER)
    if here >= needed(hosts) and here > others:
        return None
    same = sum(answer is Told.SAME for answer in told.values())
    other = sum(answer is Told.OTHER for answer in told.values())
    return Message.of("schedule.too_few_known", same=same, other=other, asked=len(told))
