"""Partial captures of one inspection: what they hold twice or differently, and what each choice leaves. Pure.

======================  ==========================================================  ============================
conflict                when                                                        choices
======================  ==========================================================  ============================
``address:<address>``   two parts have a host at one address                        one part
``computer:<a>+<b>``    hosts of two parts at different addresses are one computer   one part, or ``both``: they stay
                                                                                    and are joined by identity
``ledger:<kind>``       the ledgers in force of one kind are not the same files      one part, or ``all`` side by side
``link:<no>``           one 计算机编号 is stated differently by hand                 one part
``correction:<id>``     one name means different things                             one part
``decision:<product>``  the desk decided differently on one product of the unit     one part
``segment:<a>|<b>``     two parts looked at overlapping ranges                      ``accept``
``policy``, ``phase``,  the parts were judged under different ones                  one of the values
``as_of``
``catalogue``           a part was judged by another catalogue than this software's ``here``
======================  ==========================================================  ============================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from appliance.evidence.replaying import digest_of
from appliance.recognition.sameness import Decided, Seen, same_computers
from config.message import Message
from scanner.ranges import intersect, parse_range

ALL, BOTH, ACCEPT, HERE = "all", "both", "accept", "here"
OF_AUTHORISATION = ("id", "recorded_at")
"""Fields that every laptop makes anew when the same paper is entered."""
SHOWN = 20
PARTS = "parts"
"""The folder with what proves the parts, beside an inspection's other folders and under ``data`` in a bundle."""


@dataclass(frozen=True, slots=True)
class Part:
    """One partial capture, as far as it is compared."""

    inspection: str
    unit: str
    kind: str
    authorisation: str  # digest
    policy: str
    phase: str
    as_of: str
    catalogue: str  # version and digest
    segments: tuple[str, ...]  # ranges that were looked at
    hosts: tuple[Seen, ...]
    decided: tuple[Decided, ...]
    ledgers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])  # kind → SHA-256
    links: Mapping[str, str] = field(default_factory=dict[str, str])  # 计算机编号 → digest
    corrections: Mapping[str, str] = field(default_factory=dict[str, str])  # id → digest
    decisions: Mapping[str, str] = field(default_factory=dict[str, str])  # product → decision, of the whole unit


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something to decide. ``choices`` are what may be said of it."""

    key: str
    reason: Message
    choices: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {"key": self.key, "reason": self.reason.to_json(), "choices": list(self.choices)}


def authorisation_digest(document: Mapping[str, Any]) -> str:
    """The same paper has the same digest on every laptop."""
    return digest_of({name: value for name, value in document.items() if name not in OF_AUTHORISATION})


def conflicts(parts: Sequence[Part], catalogue: str, titles: Mapping[str, str]) -> list[Conflict]:
    """Everything to decide, in a fixed order.

    ``catalogue``: of the software that will judge; ``titles``: of the kinds of ledgers.
    """
    found: list[Conflict] = []
    for name in ("policy", "phase", "as_of"):
        found += _values(name, [str(getattr(part, name)) for part in parts])
    if {part.catalogue for part in parts} != {catalogue}:
        theirs = "、".join(sorted({part.catalogue for part in parts}))
        found.append(Conflict("catalogue", Message.of("merge.catalogue", theirs=theirs, here=catalogue), (HERE,)))
    found += _segments(parts)
    found += _hosts(parts)
    found += _ledgers(parts, titles)
    for kind, of in NAMED.items():
        found += _named(kind, parts, of)
    return found


def undecided(found: Iterable[Conflict], choices: Mapping[str, str]) -> list[Conflict]:
    """Conflicts without a choice that fits."""
    return [conflict for conflict in found if choices.get(conflict.key) not in conflict.choices]


def _values(name: str, values: Sequence[str]) -> Iterator[Conflict]:
    distinct = tuple(sorted(set(values)))
    if len(distinct) > 1:
        yield Conflict(name, Message.of(f"merge.{name}", values="、".join(distinct)), distinct)


def _segments(parts: Sequence[Part]) -> Iterator[Conflict]:
    for one, other in combinations(parts, 2):
        for mine in one.segments:
            for theirs in other.segments:
                if intersect((parse_range(mine),), parse_range(theirs)):
                    reason = Message.of("merge.segment", first=mine, second=theirs)
                    yield Conflict(f"segment:{mine}|{theirs}", reason, (ACCEPT,))


def _hosts(parts: Sequence[Part]) -> Iterator[Conflict]:
    where = {seen.host_id: (part.inspection, seen) for part in parts for seen in part.hosts}
    at: dict[str, list[str]] = {}
    for part in parts:
        for seen in part.hosts:
            at.setdefault(seen.address, []).append(part.inspection)
    twice = {address: tuple(owners) for address, owners in at.items() if len(owners) > 1}
    for address, owners in sorted(twice.items()):
        yield Conflict(f"address:{address}", Message.of("merge.address", address=address), owners)
    same = same_computers((seen for _, seen in where.values()), [word for part in parts for word in part.decided])
    for host_id, main in sorted(same.main.items()):
        (mine, one), (theirs, other) = where[host_id], where[main]
        if mine != theirs and one.address not in twice and other.address not in twice:
            reason = Message.of("merge.computer", first=other.address, second=one.address)
            yield Conflict(f"computer:{main}+{host_id}", reason, (theirs, mine, BOTH))


def _ledgers(parts: Sequence[Part], titles: Mapping[str, str]) -> Iterator[Conflict]:
    for kind in sorted({kind for part in parts for kind in part.ledgers}):
        holders = [part for part in parts if part.ledgers.get(kind)]
        if len({part.ledgers[kind] for part in holders}) > 1:
            choices = (*(part.inspection for part in holders), ALL)
            yield Conflict(f"ledger:{kind}", Message.of("merge.ledger", kind=titles.get(kind, kind)), choices)


NAMED: Mapping[str, Callable[[Part], Mapping[str, str]]] = {
    "link": lambda part: part.links,
    "correction": lambda part: part.corrections,
    "decision": lambda part: part.decisions,
}


def _named(kind: str, parts: Sequence[Part], of: Callable[[Part], Mapping[str, str]]) -> Iterator[Conflict]:
    for name in sorted({name for part in parts for name in of(part)}):
        holders = [part for part in parts if name in of(part)]
        if len({of(part)[name] for part in holders}) > 1:
            reason = Message(f"merge.{kind}", {"name": name})
            yield Conflict(f"{kind}:{name}", reason, tuple(part.inspection for part in holders))


@dataclass(frozen=True, slots=True)
class Selection:
    """What the choices leave of the parts."""

    parts: tuple[Part, ...]
    choices: Mapping[str, str]

    def takes_host(self, part: str, seen: Seen) -> bool:
        """Whether the host of this part is in the merged inspection."""
        chosen = self.choices.get(f"address:{seen.address}", part)
        return chosen == part and not any(
            choice not in (BOTH, part)
            for key, choice in self.choices.items()
            if key.startswith("computer:") and seen.host_id in key.removeprefix("computer:").split("+")
        )

    def dropped_hosts(self) -> frozenset[str]:
        """Ids of the hosts that stay in their part's bundle alone."""
        return frozenset(
            seen.host_id for part in self.parts for seen in part.hosts if not self.takes_host(part.inspection, seen)
        )

    def takes_ledger(self, part: str, kind: str, sha256: str) -> bool:
        """Whether an accepted ledger file of this part is in force; of the same file only the first part's."""
        chosen = self.choices.get(f"ledger:{kind}", ALL)
        if chosen != ALL:
            return chosen == part
        first = next((one.inspection for one in self.parts if sha256 in one.ledgers.get(kind, ())), part)
        return first == part

    def takes_named(self, part: str, kind: str, name: str) -> bool:
        """Whether this part's word counts on a link, a correction or a decision; the first part's where all agree."""
        of = NAMED[kind]
        first = next((one.inspection for one in self.parts if name in of(one)), part)
        return self.choices.get(f"{kind}:{name}", first) == part

    def value(self, name: str) -> str:
        """The policy, phase or as-of day."""
        return self.choices.get(name) or str(getattr(self.parts[0], name))
