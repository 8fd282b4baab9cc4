"""回头看: what became of each finding of an earlier visit. Pure; it streams over findings in the order of ``Item``.

==============  ====================================================================================================
outcome         when
==============  ====================================================================================================
rectified       已整改: gone, and what it spoke of was looked at again this time
open            未整改: found again
reappeared      反弹: found again although an accepted reply or an earlier visit had closed it
moved           异机再现: gone from one computer, and the same product is newly found on another one
new             新增: nothing like it was there before
not_rechecked   无法复核: gone from the list, but the computer, the ledger or the activation was not read: never closed
==============  ====================================================================================================

What a finding speaks of is its ``place``: a computer (its host id of this visit; ``-`` and the earlier host id when it
was not seen this time), or something of the unit (``unit``, ``asset:…``, ``row:…``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from appliance.model import Decision
from config.message import Message

ABSENT = "-"
MOVABLE = "unlicensed_copy"
LEDGERS = {
    "asset_not_found": "assets",
    "asset_conflict": "assets",
    "disposed_in_use": "assets",
    "not_on_ledger": "assets",
    "over_licence": "licences",
    "licence_unrecognised": "licences",
}
"""The ledger that must be in force before a finding of this kind can be called rectified."""
BY_SIGHT = frozenset({"not_on_ledger", "asset_conflict", "disposed_in_use", "kms_host_found", "licence_server_found"})
"""Kinds for which it is enough that the computer was seen; all others need it read in full."""
OF_CARRIERS = frozenset({"over_licence", "unlisted_free"})
"""Kinds of a product in the whole unit: every computer that carried it before must be read again."""
T = TypeVar("T")


class Followed(StrEnum):
    """What became of a finding."""

    RECTIFIED = "rectified"
    OPEN = "open"
    REAPPEARED = "reappeared"
    MOVED = "moved"
    NEW = "new"
    NOT_RECHECKED = "not_rechecked"


class Item(NamedTuple):
    """One finding as it is compared; the first three fields are what it is known by, and its place in the order."""

    place: str
    product_id: str
    kind: str
    seq: int = 0  # in its audit
    key: str = ""
    department: str = ""


Known = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Now:
    """What this visit, and what was closed before it, say beside the findings."""

    seen: Mapping[str, bool]  # computers by place: whether read in full
    why: Mapping[str, Message] = field(default_factory=dict[str, Message])  # by place: what else kept us from it
    copies: Mapping[tuple[str, str], Decision] = field(default_factory=dict[tuple[str, str], Decision])
    carriers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])  # product → places then
    closed: Mapping[Known, Message] = field(default_factory=dict[Known, Message])  # what was closed, and how
    closed_keys: Mapping[str, Message] = field(default_factory=dict[str, Message])  # the same by Finding.key
    ledgers: frozenset[str] = frozenset()  # kinds in force
    assets: frozenset[str] = frozenset()  # 资产编号 on the ledger
    disposed: frozenset[str] = frozenset()  # 资产编号 with disposal papers


class Compared(NamedTuple):
    """One line of the comparison. ``before`` is None for what is new, ``after`` for what is gone."""

    followed: Followed
    before: Item | None
    after: Item | None
    reasons: tuple[Message, ...]


def compare(before: Iterable[Item], after: Iterable[Item], now: Now) -> Iterator[Compared]:
    """One line a finding of either visit. Both sides in the order of :class:`Item`; ValueError when they are not."""
    gone: list[tuple[Item, tuple[Message, ...]]] = []
    fresh: list[Item] = []
    for old, new in _merged(before, after):
        if old is not None and new is not None:
            yield _still_there(old, new, now)
        elif new is not None:
            if how := _closed(new, now):
                yield Compared(Followed.REAPPEARED, None, new, (how,))
            else:
                fresh.append(new)
        elif old is not None:
            line = recheck(old, now)
            if line.followed is Followed.RECTIFIED and _movable(old, now):
                gone.append((old, line.reasons))
            else:
                yield line
    yield from _moves(gone, fresh)


def _still_there(old: Item, new: Item, now: Now) -> Compared:
    how = _closed(old, now)
    if how is None:
        return Compared(Followed.OPEN, old, new, (Message.of("follow_up.found_again"),))
    return Compared(Followed.REAPPEARED, old, new, (how,))


def _closed(item: Item, now: Now) -> Message | None:
    return now.closed.get(item[:3]) or (now.closed_keys.get(item.key) if item.key else None)


def _merged(before: Iterable[Item], after: Iterable[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    left, right = _once(before), _once(after)
    old, new = next(left, None), next(right, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old[:3] < new[:3]):
            yield old, None
            old = next(left, None)
        elif old is None or new[:3] < old[:3]:
            yield None, new
            new = next(right, None)
        else:
            yield old, new
            old, new = next(left, None), next(right, None)


def _once(items: Iterable[Item]) -> Iterator[Item]:
    """The items, those that are known alike once. Raises ValueError when they are out of order."""
    last: Item | None = None
    for item in items:
        if last is None or last[:3] < item[:3]:
            yield item
        elif last[:3] > item[:3]:
            raise ValueError(f"findings out of order: {item[:3]} after {last[:3]}")
        last = item


def recheck(old: Item, now: Now) -> Compared:
    """A finding that is gone: whether what it spoke of was looked at again."""
    doubt = _unread_ledger(old, now) or _unread_place(old, now) or _unread_carriers(old, now) or _open_copy(old, now)
    if doubt is not None:
        return Compared(Followed.NOT_RECHECKED, old, None, (doubt,))
    return Compared(Followed.RECTIFIED, old, None, (_how(old, now),))


def _unread_ledger(old: Item, now: Now) -> Message | None:
    ledger = LEDGERS.get(old.kind)
    if ledger is not None and ledger not in now.ledgers:
        return Message.of("follow_up.no_ledger", ledger=ledger)
    number = old.place.removeprefix("asset:")
    if old.kind == "asset_not_found" and number not in now.assets | now.disposed:
        return Message.of("follow_up.asset_removed", asset=number)
    return None


def _unread_place(old: Item, now: Now) -> Message | None:
    if old.place.startswith(ABSENT):
        return Message.of("follow_up.not_seen")
    if old.place not in now.seen or now.seen[old.place] or old.kind in BY_SIGHT:
        return None
    return now.why.get(old.place) or Message.of("follow_up.not_collected")


def _unread_carriers(old: Item, now: Now) -> Message | None:
    if old.kind not in OF_CARRIERS:
        return None
    unread = sum(not now.seen.get(place, False) for place in now.carriers.get(old.product_id, ()))
    return Message.of("follow_up.carriers_unread", count=unread) if unread else None


def _open_copy(old: Item, now: Now) -> Message | None:
    if now.copies.get((old.place, old.product_id)) is Decision.TO_VERIFY:
        return Message.of("follow_up.now_to_verify")
    return None


def _how(old: Item, now: Now) -> Message:
    decision = now.copies.get((old.place, old.product_id))
    if decision is Decision.LICENSED:
        return Message.of("follow_up.now_licensed")
    if decision is Decision.EXCLUDED:
        return Message.of("follow_up.now_excluded")
    if old.kind == MOVABLE:
        return Message.of("follow_up.copy_gone")
    return Message.of("follow_up.no_longer_found")


def _movable(old: Item, now: Now) -> bool:
    return old.kind == MOVABLE and (old.place, old.product_id) not in now.copies


def _moves(gone: list[tuple[Item, tuple[Message, ...]]], fresh: list[Item]) -> Iterator[Compared]:
    """Pair what is gone with what is new of the same product: within a department first, then anywhere."""
    targets = dict(_pairs([item for item, _ in gone], [item for item in fresh if item.kind == MOVABLE]))
    for old, reasons in gone:
        new = targets.get(old)
        if new is None:
            yield Compared(Followed.RECTIFIED, old, None, reasons)
        else:
            yield Compared(Followed.MOVED, old, new, (Message.of("follow_up.moved"),))
    used = set(targets.values())
    for new in fresh:
        if new not in used:
            yield Compared(Followed.NEW, None, new, (Message.of("follow_up.new"),))


def _pairs(gone: list[Item], fresh: list[Item]) -> Iterator[tuple[Item, Item]]:
    for by_department in (True, False):
        waiting: dict[tuple[str, str], list[Item]] = {}
        for new in reversed(fresh):
            waiting.setdefault((new.product_id, new.department if by_department else ""), []).append(new)
        left: list[Item] = []
        for old in gone:
            found = waiting.get((old.product_id, old.department if by_department else ""))
            if found:
                yield old, found.pop()
            else:
                left.append(old)
        gone, fresh = left, [new for rest in waiting.values() for new in reversed(rest)]
        fresh.sort()


def counts(lines: Iterable[Followed]) -> dict[str, int]:
    """How many lines of each outcome, all six named."""
    found = list(lines)
    return {one.value: found.count(one) for one in Followed}
