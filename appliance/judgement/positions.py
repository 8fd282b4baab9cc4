"""Licence positions: which copies use which row, 许可缺口 and 闲置. Pure; works on small counters only.

Copies that differ only in their computer form one class. Classes fill rows in a fixed order (official computers first,
then what is ready to be 正版, last what is 非正版 anyway), proven rows before unproven ones; a later class may move an
earlier one to another row but never off its seat, so the number left without a seat is the least possible and adding a
row never takes a seat away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from appliance.judgement.entitlements import Register
from appliance.model import Activation, Category, Product
from appliance.rules.model import Copy, Entitlements, Grant, GrantKind, Seat
from appliance.rules.oem import on_oem_channel

Slot = tuple[int, tuple[str, ...], int, str]  # tier, installed versions, rank of the edition, reach of 场地授权
OFFICIAL_READY, OFFICIAL_OPEN, APART_READY, APART_OPEN = range(4)
UNALLOCATED = 4  # added to the tier of a copy to which 附件8 gives no seat: allocated ones come first
LOST = 8  # added to the tier of a copy that is 非正版, or left out, whatever seat it gets: it takes what others leave
Lost = Callable[[Copy], bool]


@dataclass(frozen=True, slots=True)
class Position:
    """One counted 附件7 row. ``at_least``: coverage is partial or copies stayed open, so gap reads 至少, idle 至多."""

    software_no: str
    product_id: str
    name: str
    row: str
    installs: int
    quantity: int | None
    gap: int | None
    idle: int | None
    at_least: bool
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Surplus:
    """Copies of one product beyond 许可数量; ``apart`` of them are on 实有账无 computers."""

    product: Product
    installs: int
    over: int
    apart: int
    grants: tuple[Grant, ...]
    named: int = 0  # of ``over``, copies on computers to which 附件8 gives no seat: blamed by name
    named_apart: int = 0
    lost: int = 0  # of what stays at product level, copies that are counted as 非正版, or left out, by themselves
    lost_apart: int = 0
    rule: str = "R14"

    @property
    def unnamed(self) -> int:
        """What stays at product level."""
        return self.over - self.named

    def charged(self, unlisted_in_rates: bool) -> int:
        """Copies that the rates still count as something else: what is 非正版 by itself is not taken off twice."""
        if unlisted_in_rates:
            return self.unnamed - self.lost
        return self.unnamed - (self.apart - self.named_apart) - (self.lost - self.lost_apart)


@dataclass(slots=True)
class SeatPlan:
    """For every class of copies how many seats are left to hand out, in canonical order of the copies."""

    left: dict[tuple[str, Slot], list[int]]  # proven, unproven, surplus
    surpluses: tuple[Surplus, ...]
    positions: tuple[Position, ...]
    named: frozenset[tuple[str, Slot]] = frozenset()  # classes whose surplus is blamed by name
    lost: Lost = lambda _: False

    def hand_out(self, copy: Copy, found: Entitlements, allocated: bool) -> Seat:
        """The seat of the next copy of a class; call once a copy, in canonical order."""
        if not uses_seat(copy, found):
            return Seat.NONE
        counts = self.left[copy.product.id, slot_of(copy, allocated, found.reach, self.lost(copy))]
        kind = next(index for index, count in enumerate(counts) if count)
        counts[kind] -= 1
        return (Seat.PROVEN, Seat.UNPROVEN, Seat.SURPLUS)[kind]

    def is_named(self, copy: Copy, found: Entitlements, allocated: bool) -> bool:
        """Whether the surplus of the copy's class is blamed by name."""
        return (copy.product.id, slot_of(copy, allocated, found.reach, self.lost(copy))) in self.named

    def fresh(self) -> SeatPlan:
        """A plan with all seats still to hand out; take one before each walk over the copies."""
        left = {key: list(counts) for key, counts in self.left.items()}
        return SeatPlan(left, self.surpluses, self.positions, self.named, self.lost)


def slot_of(copy: Copy, allocated: bool, reach: str = "", lost: bool = False) -> Slot:
    """The class of a copy within its product. ``allocated``: 附件8 gives it a seat, or to no computer at all.
    ``reach``: its department, where rows of the product are limited to departments. ``lost``: no seat makes it 正版.
    """
    ready = copy.activated or copy.product.activation is not Activation.READABLE
    if copy.computer.official:
        tier = OFFICIAL_READY if ready else OFFICIAL_OPEN
    else:
        tier = APART_READY if ready else APART_OPEN
    tier += (0 if allocated else UNALLOCATED) + (LOST if lost else 0)
    return tier, copy.versions, copy.level, reach


def has_seat_by_paper(copy: Copy, register: Register) -> bool:
    """Whether 附件8 gives this copy a seat, or speaks about its product not at all."""
    return copy.product.id not in register.allocated or register.is_allocated(copy)


def uses_seat(copy: Copy, found: Entitlements) -> bool:
    """Whether a copy draws on counted rows: not on the maker's licence, and not under a row that counts no seats."""
    if not any(grant.kind is GrantKind.COUNTED for grant in found.covering) or on_oem_channel(copy):
        return False
    if any(grant.kind is GrantKind.SITE and grant.proven for grant in found.covering):
        return False
    oem = [grant for grant in found.covering if grant.kind is GrantKind.OEM]
    if not oem or copy.channel.startswith("VOLUME"):
        return True
    return not any(grant.proven for grant in oem) and not is_open(copy, found)


def is_open(copy: Copy, found: Entitlements) -> bool:
    """An operating system that may rest on the maker's licence or on a counted row: its channel was not read."""
    system = copy.product.category is Category.OPERATING_SYSTEM
    return system and copy.unread and any(grant.kind is GrantKind.OEM for grant in found.live)


def plan_seats(
    copies: Iterable[Copy],
    register: Register,
    complete: bool,
    peaks: Mapping[str, int] | None = None,
    lost: Lost = lambda _: False,
) -> SeatPlan:
    """Count the copies, then give them seats. ``complete``: every listed computer was collected. ``peaks``: most
    clients at one time of a floating row, by 软件编号. ``lost``: whether a copy is 非正版 whatever seat it gets.
    """
    products: dict[str, Product] = {}
    demand: dict[str, dict[Slot, int]] = {}
    unseated: dict[str, int] = {}
    open_products: set[str] = set()
    for copy in copies:
        product_id = copy.product.id
        if product_id not in register.grants:
            continue
        found = register.of_copy(copy)
        products[product_id] = copy.product
        if uses_seat(copy, found):
            slots = demand.setdefault(product_id, {})
            slot = slot_of(copy, has_seat_by_paper(copy, register), found.reach, lost(copy))
            slots[slot] = slots.get(slot, 0) + 1
        elif found.ended and not found.covering and not on_oem_channel(copy):
            unseated[product_id] = unseated.get(product_id, 0) + 1
        if is_open(copy, found):
            open_products.add(product_id)
    plan = _plan(products, demand, unseated, open_products, register, complete)
    over_peak = tuple(_over_peak(products, register, peaks or {}))
    return SeatPlan(plan.left, plan.surpluses + over_peak, plan.positions, plan.named, lost)


def _over_peak(products: Mapping[str, Product], register: Register, peaks: Mapping[str, int]) -> Iterator[Surplus]:
    """R23: more clients at one time than a floating row allows."""
    for product_id in sorted(products):
        for grant in register.grants[product_id]:
            peak, seats = peaks.get(grant.row.software_no), grant.row.quantity
            if grant.kind is GrantKind.FLOATING and peak is not None and seats is not None and peak > seats:
                yield Surplus(products[product_id], peak, peak - seats, 0, (grant,), rule="R23")


def _plan(
    products: Mapping[str, Product],
    demand: Mapping[str, Mapping[Slot, int]],
    unseated: Mapping[str, int],
    open_products: set[str],
    register: Register,
    complete: bool,
) -> SeatPlan:
    left: dict[tuple[str, Slot], list[int]] = {}
    surpluses: list[Surplus] = []
    positions: list[Position] = []
    named: set[tuple[str, Slot]] = set()
    for product_id in sorted(register.grants):
        grants = tuple(g for g in register.grants[product_id] if g.kind is GrantKind.COUNTED)
        share = Share(grants, products.get(product_id), demand.get(product_id, {}), register)
        left.update(((product_id, slot), counts) for slot, counts in share.seats.items())
        blamed = share.blamed() if product_id in register.allocated else []
        named.update((product_id, slot) for slot in blamed)
        surpluses += share.surplus(blamed)
        exact = complete and product_id not in open_products
        positions += share.positions(product_id, unseated.get(product_id, 0), not exact)
    return SeatPlan(
        left, tuple(surpluses), tuple(sorted(positions, key=lambda p: (p.software_no, p.row))), frozenset(named)
    )


class Share:
    """How the classes of one product share its counted rows."""

    def __init__(
        self, grants: tuple[Grant, ...], product: Product | None, demand: Mapping[Slot, int], register: Register
    ) -> None:
        self.grants = grants
        self.product = product
        self.demand = {slot: demand[slot] for slot in sorted(demand)}
        self._free = [0 if g.ended else g.row.quantity or 0 for g in grants]
        self._covering = {slot: self._rows_for(slot, register) for slot in self.demand}
        self._flow: dict[Slot, dict[int, int]] = {slot: {} for slot in self.demand}
        proven = {index for index, grant in enumerate(grants) if grant.proven}
        self._fill(proven)
        within_proven = {slot: self._seated(slot) for slot in self.demand}
        self._fill(set(range(len(grants))))
        self.seats = {slot: self._counts(slot, within_proven[slot], register) for slot in self.demand}

    def blamed(self) -> list[Slot]:
        """Classes that 附件8 gives no seat and that find none: every copy of them is surplus by name."""
        return [
            s for s, counts in self.seats.items() if s[0] % LOST >= UNALLOCATED and counts[2] and not any(counts[:2])
        ]

    def surplus(self, blamed: Iterable[Slot] = ()) -> list[Surplus]:
        """The copies beyond every row, if any."""
        over = sum(counts[2] for counts in self.seats.values())
        if self.product is None or not over:
            return []
        apart = sum(counts[2] for slot, counts in self.seats.items() if slot[0] % UNALLOCATED >= APART_READY)
        named = {slot: self.seats[slot][2] for slot in blamed}
        named_apart = sum(count for slot, count in named.items() if slot[0] % UNALLOCATED >= APART_READY)
        covering = sorted({index for slot in self.demand for index in self._covering[slot]})
        grants = tuple(self.grants[index] for index in covering)
        lost = {slot: counts[2] for slot, counts in self.seats.items() if slot[0] >= LOST and slot not in named}
        return [
            Surplus(
                self.product,
                sum(self.demand.values()),
                over,
                apart,
                grants,
                sum(named.values()),
                named_apart,
                sum(lost.values()),
                sum(count for slot, count in lost.items() if slot[0] % UNALLOCATED >= APART_READY),
            )
        ]

    def positions(self, product_id: str, unseated: int, at_least: bool) -> list[Position]:
        """One position a row. Copies beyond every row are put on the first row that covers them."""
        used = [0] * len(self.grants)
        for slot, counts in self.seats.items():
            for index, seats in self._flow[slot].items():
                used[index] += seats
            unlimited = [i for i in self._covering[slot] if self.grants[i].row.quantity is None]
            rest = self.demand[slot] - self._seated(slot) if unlimited else counts[2]
            used[(unlimited or self._covering[slot])[0]] += rest
        last = max(
            (i for i, g in enumerate(self.grants) if g.ended),
            key=lambda i: (self.grants[i].row.valid_until or date.min, i),
            default=None,
        )
        if last is not None:
            used[last] += unseated
        return [_position(g, product_id, used[i], at_least) for i, g in enumerate(self.grants)]

    def _rows_for(self, slot: Slot, register: Register) -> tuple[int, ...]:
        assert self.product is not None, "copies were counted, so their product is known"
        covering = register.of(self.product, slot[1], level=slot[2], department=slot[3]).covering
        return tuple(index for index, grant in enumerate(self.grants) if grant in covering)

    def _fill(self, allowed: set[int]) -> None:
        for slot, wanted in self.demand.items():
            while (missing := wanted - self._seated(slot)) and self._augment(slot, missing, allowed):
                pass

    def _seated(self, slot: Slot) -> int:
        return sum(self._flow[slot].values())

    def _augment(self, start: Slot, missing: int, allowed: set[int]) -> bool:
        """Find seats for ``start`` by the shortest chain of moves (Edmonds-Karp); False when there are none."""
        came: dict[int, tuple[Slot, int | None]] = {}
        queue: list[tuple[Slot, int | None]] = [(start, None)]
        for slot, via in queue:
            for row in self._covering[slot]:
                if row not in allowed or row in came:
                    continue
                came[row] = (slot, via)
                if self._free[row]:
                    self._move(row, missing, came)
                    return True
                queue += [(other, row) for other, rows in self._flow.items() if rows.get(row) and other != slot]
        return False

    def _move(self, end: int, missing: int, came: Mapping[int, tuple[Slot, int | None]]) -> None:
        chain: list[tuple[Slot, int | None, int]] = []
        row: int | None = end
        while row is not None:
            slot, via = came[row]
            chain.append((slot, via, row))
            row = via
        seats = min([missing, self._free[end], *(self._flow[s][via] for s, via, _ in chain if via is not None)])
        self._free[end] -= seats
        for slot, via, row_to in chain:
            self._flow[slot][row_to] = self._flow[slot].get(row_to, 0) + seats
            if via is not None:
                self._flow[slot][via] -= seats

    def _counts(self, slot: Slot, proven: int, register: Register) -> list[int]:
        assert self.product is not None
        rest = self.demand[slot] - self._seated(slot)
        unproven = self._seated(slot) - proven
        covering = register.of(self.product, slot[1], level=slot[2], department=slot[3]).covering
        unlimited = any(not g.proven and (g.kind is not GrantKind.COUNTED or g.row.quantity is None) for g in covering)
        return [proven, unproven + rest, 0] if unlimited else [proven, unproven, rest]


def _position(grant: Grant, product_id: str, installs: int, at_least: bool) -> Position:
    row = grant.row
    granted = 0 if grant.ended else row.quantity
    return Position(
        software_no=row.software_no,
        product_id=product_id,
        name=row.name,
        row=grant.ref,
        installs=installs,
        quantity=row.quantity,
        gap=None if granted is None else max(0, installs - granted),
        idle=None if granted is None else max(0, granted - installs),
        at_least=at_least,
        ended=grant.ended,
    )
