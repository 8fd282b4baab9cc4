"""Running counts of copies and of computers, filled while verdicts are emitted. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from appliance.judgement.positions import Surplus
from appliance.model import Category, Decision, Product, SoftwareOrigin
from appliance.rules.model import Copy

WORST_FIRST = (Decision.UNLICENSED, Decision.TO_VERIFY, Decision.LICENSED)
MARKED = ("", *(category.value for category in Category))
"""What a computer is counted in: all audited categories together, and each category. Stored marks go by this order."""
MARKS = {Decision.UNLICENSED: "u", Decision.TO_VERIFY: "v", Decision.LICENSED: "l"}
"""A computer's worst decision in a group as one letter, a capital when the group is domestic and fine."""
NO_MARK = "-"


@dataclass(slots=True)
class Count:
    """Copies of one product by decision. ``apart``: on 实有账无 computers and outside the official rates."""

    licensed: int = 0
    unlicensed: int = 0
    to_verify: int = 0
    surplus: int = 0  # moved to 非正版 by R14
    apart: int = 0

    def one(self, decision: Decision) -> None:
        """Count one copy, or one computer, inside the rates."""
        if decision is Decision.LICENSED:
            self.licensed += 1
        elif decision is Decision.UNLICENSED:
            self.unlicensed += 1
        else:
            self.to_verify += 1

    def charge(self, over: int, decision: Decision = Decision.UNLICENSED) -> None:
        """Turn ``over`` copies by count into what was decided of the surplus, usually 非正版: open ones first, then
        licensed ones (min(installs, 许可数量) stay).
        """
        if decision is Decision.LICENSED:
            return
        from_open = min(over, self.to_verify)
        from_licensed = min(over - from_open, self.licensed)
        self.to_verify -= from_open
        self.licensed -= from_licensed
        moved = from_open + from_licensed
        if decision is Decision.UNLICENSED:
            self.surplus += moved
            self.unlicensed += moved
        elif decision is Decision.TO_VERIFY:
            self.to_verify += moved
        else:
            self.apart += moved

    def add(self, other: Count) -> None:
        """Sum."""
        self.licensed += other.licensed
        self.unlicensed += other.unlicensed
        self.to_verify += other.to_verify
        self.surplus += other.surplus
        self.apart += other.apart

    @property
    def copies(self) -> int:
        """正版 + 非正版 + 待核实."""
        return self.licensed + self.unlicensed + self.to_verify


@dataclass(slots=True)
class Tally:
    """Counts by product."""

    products: dict[str, Product] = field(default_factory=dict[str, Product])
    counts: dict[str, Count] = field(default_factory=dict[str, Count])

    def add(self, product: Product, decision: Decision, in_rates: bool) -> None:
        """Count one copy."""
        count = self.counts.get(product.id)
        if count is None:
            self.products[product.id] = product
            count = self.counts[product.id] = Count()
        if not in_rates or decision is Decision.EXCLUDED:
            count.apart += 1
        else:
            count.one(decision)

    def charge(self, surplus: Surplus, unlisted_in_rates: bool, decision: Decision = Decision.UNLICENSED) -> None:
        """Apply a product-level surplus to the official counts; what 实有账无 computers use over is listed apart, and
        what 附件8 blames by name is counted already.
        """
        over = surplus.charged(unlisted_in_rates)
        self.counts.setdefault(surplus.product.id, Count()).charge(over, decision)

    def total(self, categories: Iterable[Category], origin: SoftwareOrigin | None = None) -> Count:
        """Sum over categories, and one origin if named."""
        wanted = frozenset(categories)
        sum_of = Count()
        for product_id in sorted(self.products):
            product = self.products[product_id]
            if product.category in wanted and origin in (None, product.origin):
                sum_of.add(self.counts[product_id])
        return sum_of

    def categories(self) -> frozenset[Category]:
        """Categories of which a copy was judged."""
        return frozenset(product.category for product in self.products.values())


@dataclass(slots=True)
class ComputerTally:
    """Computers by their worst product, in all audited categories together ("") and in each category.

    Copies arrive computer by computer. A surplus at product level is on no computer: 不可分摊.
    """

    audited: frozenset[Category]
    counts: dict[str, Count] = field(default_factory=dict[str, Count])
    domestic: dict[str, int] = field(default_factory=dict[str, int])
    marks: dict[str, str] = field(default_factory=dict[str, str])
    """By host id, one letter for each of ``MARKED``: what the rates by computer count it as."""
    _host: str = ""
    _worst: dict[str, Decision] = field(default_factory=dict[str, Decision])
    _foreign: set[str] = field(default_factory=set[str])

    def add(self, copy: Copy, decision: Decision, in_rates: bool) -> None:
        """Count one copy of the computer at hand."""
        if copy.computer.host_id != self._host:
            self.close()
            self._host = copy.computer.host_id
        if not in_rates or decision is Decision.EXCLUDED:
            return
        category = copy.product.category
        fine = copy.product.origin is SoftwareOrigin.DOMESTIC and decision is not Decision.UNLICENSED
        for name in ("", category.value) if category in self.audited else (category.value,):
            self._worst[name] = _worse(self._worst.get(name), decision)
            if not fine:
                self._foreign.add(name)

    def close(self) -> None:
        """The computer at hand is complete."""
        for name, decision in self._worst.items():
            self.counts.setdefault(name, Count()).one(decision)
            self.domestic[name] = self.domestic.get(name, 0) + (name not in self._foreign)
        if self._worst:
            self.marks[self._host] = marked(self._worst, self._foreign)
        self._worst, self._foreign = {}, set()


def marked(worst: Mapping[str, Decision], foreign: Container[str]) -> str:
    """One letter for each of ``MARKED``. ``worst``: the worst decision by group; ``foreign``: groups not all fine."""
    return "".join(_mark(worst.get(name), name in foreign) for name in MARKED)


def _mark(decision: Decision | None, is_foreign: bool) -> str:
    if decision is None:
        return NO_MARK
    return MARKS[decision] if is_foreign else MARKS[decision].upper()


def _worse(one: Decision | None, other: Decision) -> Decision:
    return other if one is None or WORST_FIRST.index(other) < WORST_FIRST.index(one) else one
