"""Which discovered hosts are one computer at several addresses (wired and Wi-Fi, an old and a new lease). Pure.

===================  =============================================================================================
two hosts            when
===================  =============================================================================================
one computer         nothing contradicts, and: one card is a card of the other computer and a second kind of
                     evidence agrees (or the other host was not read, so that its card is all it has); or SMBIOS
                     UUID and serial number are both real and equal
asked of a person    some strong evidence agrees and other evidence contradicts or is missing: clones of one disk,
                     boards with one UUID, a borrowed network adapter; they stay two computers until decided
two computers        everything else
===================  =============================================================================================

Contradictions: two real serial numbers, two real UUIDs, or two whole lists of cards without a common one; they hold
within a whole group, so that likeness never passes through a third host. Junk values count for nothing, and neither do
locally administered (random) cards. A host name alone is never evidence: it only seconds. A person's decision goes
before all of it. Nothing is merged silently: every group carries what joined it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from appliance.recognition import identity
from config.message import Message
from scanner.devices import is_local_mac
from scanner.model import Identity

KINDS = ("uuid", "serial", "machine", "sid", "card")
MOST_ALIKE = 50  # hosts that share one value; beyond that it is a disk image of a whole unit, and one warning says so


@dataclass(frozen=True, slots=True)
class Seen:
    """One host. ``mac``: as discovery saw it; ``known``: what was read; ``hostname``: told without a login."""

    host_id: str
    address: str
    mac: str | None = None
    known: Identity | None = None
    hostname: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A person's word on two hosts."""

    host_id: str
    other_id: str
    same: bool


@dataclass(frozen=True, slots=True)
class Sameness:
    """``main``: host id → the host that stands for its computer, only where that is another one.

    ``because``: what joined each such host. ``questions``: by host id, what a person is asked. ``members``: by the host
    that stands for a computer, its other hosts by id.
    """

    main: Mapping[str, str]
    because: Mapping[str, Message]
    questions: Mapping[str, tuple[Message, ...]]
    members: Mapping[str, tuple[str, ...]]

    def others(self, host_id: str) -> tuple[str, ...]:
        """The further hosts of the computer that ``host_id`` stands for, by id."""
        return self.members.get(host_id, ())


@dataclass(frozen=True, slots=True)
class _Values:
    """What can be compared of one host; empty where it is not known."""

    uuid: str
    serial: str
    machine: str
    sid: str
    name: str
    own_cards: frozenset[str]  # as read from the computer itself
    cards: frozenset[str]  # with the one that discovery saw


def same_computers(hosts: Iterable[Seen], decided: Iterable[Decided] = ()) -> Sameness:
    """Bring hosts together. The host that was read stands for its computer, of several the one with the first id."""
    listed = sorted(hosts, key=lambda seen: (seen.known is None, seen.host_id))
    values = {seen.host_id: _values_of(seen) for seen in listed}
    address = {seen.host_id: seen.address for seen in listed}
    words = {frozenset({d.host_id, d.other_id}): d.same for d in decided}
    joined, because, questions = _Groups([seen.host_id for seen in listed]), dict[str, Message](), _Questions()

    def apart(one: str, other: str) -> bool:
        """Whether two hosts of two groups may not come together: by a person's word, else by their evidence."""
        word = words.get(frozenset({one, other}))
        return word is False or (word is None and bool(_contradicting(values[one], values[other])))

    # What people joined comes first: nothing that the evidence suggests may stand in its way.
    for one, other in sorted(_pairs(values, words), key=lambda pair: words.get(frozenset(pair)) is not True):
        word = words.get(frozenset({one, other}))
        agree, against = _agreeing(values[one], values[other]), _contradicting(values[one], values[other])
        fits = word is None and not against and _is_one(agree, values[one], values[other])
        if word or (fits and not joined.any_apart(one, other, apart)):
            through = {joined.first(one): other, joined.first(other): one}
            if (second := joined.join(one, other)) is not None:
                by = "decision" if word else "、".join(agree)
                because[second] = Message.of("sameness.joined", other=address[through[second]], by=by)
        elif word is None and agree:
            questions.add(one, other, agree, against)
    main = {host: first for host in values if (first := joined.first(host)) != host}
    members: dict[str, tuple[str, ...]] = {}
    for host in sorted(main):
        members[main[host]] = (*members.get(main[host], ()), host)
    return Sameness(main, because, questions.messages(address, main), members)


def _values_of(seen: Seen) -> _Values:
    known = seen.known or Identity()
    own = frozenset(_card(text) for text in known.macs) - {""}
    return _Values(
        uuid=identity.serial(known.smbios_uuid),
        serial=identity.serial(known.serial),
        machine=identity.serial(known.machine_id),
        sid=identity.serial(known.machine_sid),
        name=identity.hostname(known.hostname or seen.hostname),
        own_cards=own,
        cards=own | ({_card(seen.mac)} - {""}),
    )


def _card(text: str | None) -> str:
    card = identity.mac(text)
    return "" if card and is_local_mac(card) else card


def _pairs(values: Mapping[str, _Values], words: Mapping[frozenset[str], bool]) -> Iterator[tuple[str, str]]:
    """Pairs that share anything worth comparing, in order."""
    order = {host: n for n, host in enumerate(values)}
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for host, value in values.items():
        for kind in ("uuid", "serial", "machine", "sid"):
            if text := getattr(value, kind):
                sharing[kind, text].append(host)
        for card in value.cards:
            sharing["card", card].append(host)
    found = {pair for hosts in sharing.values() for pair in _combined(hosts)}
    for pair in words:
        if len(pair) == 2 and pair <= order.keys():
            first, second = sorted(pair, key=order.__getitem__)
            found.add((first, second))
    yield from sorted(found, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _combined(hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(hosts) <= MOST_ALIKE:
        yield from combinations(hosts, 2)
    else:
        yield from ((hosts[0], other) for other in hosts[1:])


def _agreeing(one: _Values, other: _Values) -> tuple[str, ...]:
    equal = [kind for kind in KINDS[:-1] if getattr(one, kind) and getattr(one, kind) == getattr(other, kind)]
    return (*equal, *(["card"] if one.cards & other.cards else []))


def _contradicting(one: _Values, other: _Values) -> tuple[str, ...]:
    differ = [kind for kind in ("uuid", "serial") if getattr(one, kind) and getattr(other, kind)]
    differ = [kind for kind in differ if getattr(one, kind) != getattr(other, kind)]
    apart = one.own_cards and other.own_cards and not one.own_cards & other.own_cards
    return (*differ, *(["card"] if apart else []))


def _is_one(agree: Sequence[str], one: _Values, other: _Values) -> bool:
    if "uuid" in agree and "serial" in agree:
        return True
    if "card" not in agree:
        return False
    names_fit = not one.name or not other.name or one.name == other.name
    if not one.own_cards or not other.own_cards:  # one of them is known by the card that discovery saw
        return names_fit and bool(one.own_cards or other.own_cards)
    return len(agree) > 1 or (names_fit and bool(one.name))


class _Groups:
    """Hosts that were joined; the first in order stands for the group."""

    def __init__(self, order: Sequence[str]) -> None:
        self._order = {host: n for n, host in enumerate(order)}
        self._main = {host: host for host in order}
        self._members = {host: [host] for host in order}

    def first(self, host: str) -> str:
        """The host that stands for the group of ``host``."""
        return self._main[host]

    def any_apart(self, one: str, other: str, apart: Callable[[str, str], bool]) -> bool:
        """Whether the groups of two hosts hold a pair that must stay apart: likeness does not pass through a third."""
        first, second = self._members[self.first(one)], self._members[self.first(other)]
        return first is not second and any(apart(a, b) for a in first for b in second)

    def join(self, one: str, other: str) -> str | None:
        """Join two groups; returns the host that stands for its group no longer, None when they were one already."""
        first, second = sorted((self.first(one), self.first(other)), key=self._order.__getitem__)
        if first == second:
            return None
        moved = self._members.pop(second)
        self._members[first] += moved
        self._main.update(dict.fromkeys(moved, first))
        return second


class _Questions:
    """Pairs that nobody but a person can tell apart, gathered by what they share."""

    def __init__(self) -> None:
        self._alike: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(self, one: str, other: str, agree: Sequence[str], against: Sequence[str]) -> None:
        what = "+".join(agree) + ("" if not against else "≠" + "+".join(against))
        for host, peer in ((one, other), (other, one)):
            self._alike[host][what].add(peer)

    def messages(self, address: Mapping[str, str], main: Mapping[str, str]) -> dict[str, tuple[Message, ...]]:
        """By host: for each kind of likeness the hosts that share it, those that were joined after all left out."""
        found: dict[str, tuple[Message, ...]] = {}
        for host in sorted(self._alike):
            own = main.get(host, host)
            messages: list[Message] = []
            for what, peers in sorted(self._alike[host].items()):
                apart = sorted(address[peer] for peer in peers if main.get(peer, peer) != own)
                agree, _, against = what.partition("≠")
                if apart:
                    shown = {"alike": agree, "against": against or None, "count": len(apart) + 1}
                    messages.append(Message.of("sameness.ask", others="、".join(apart[:10]), **shown))
            if messages and host not in main:
                found[host] = tuple(messages)
        return found
