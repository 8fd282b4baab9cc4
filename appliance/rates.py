"""Rates as integers with bounds, never a bare percentage. Definitions: ``config/messages/zh_CN/rate.toml``.

A rate's mapping has the names ``legal_rate``, ``legal_rate.<category>``, ``domestic_rate``,
``domestic_rate.<category>``, ``coverage_rate`` and ``asset_match_rate``. Sums over units add n and d.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.model import Category, Decision, Product, Rate, SoftwareOrigin
from appliance.positions import Surplus
from appliance.roster import Roster, found_by_asset

BASIS_POINTS = 10_000  # two decimals of a percentage


def percent(n: int, d: int) -> str | None:
    """``n/d`` as a percentage with two decimals, rounded half up in integers; None (不适用) when ``d`` is 0.

    >>> percent(1, 3), percent(1, 800), percent(0, 0)
    ('33.33', '0.13', None)
    """
    if d == 0:
        return None
    hundredths = (2 * n * BASIS_POINTS + d) // (2 * d)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


@dataclass(slots=True)
class Count:
    """Copies of one product by decision. ``apart``: on 实有账无 computers and outside the official rates."""

    licensed: int = 0
    unlicensed: int = 0
    to_verify: int = 0
    surplus: int = 0  # moved to 非正版 by R14
    apart: int = 0

    def charge(self, over: int) -> None:
        """Turn ``over`` copies into 非正版 by count: open ones first, then licensed ones (min(installs, 许可数量)
        stay).
        """
        from_open = min(over, self.to_verify)
        from_licensed = min(over - from_open, self.licensed)
        self.to_verify -= from_open
        self.licensed -= from_licensed
        self.surplus += from_open + from_licensed
        self.unlicensed += from_open + from_licensed

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
    """Running counts, filled while verdicts are emitted."""

    products: dict[str, Product] = field(default_factory=dict[str, Product])
    counts: dict[str, Count] = field(default_factory=dict[str, Count])

    def add(self, product: Product, decision: Decision, in_rates: bool) -> None:
        """Count one copy."""
        self.products[product.id] = product
        count = self.counts.setdefault(product.id, Count())
        if not in_rates or decision is Decision.EXCLUDED:
            count.apart += 1
        elif decision is Decision.LICENSED:
            count.licensed += 1
        elif decision is Decision.UNLICENSED:
            count.unlicensed += 1
        else:
            count.to_verify += 1

    def charge(self, surplus: Surplus, unlisted_in_rates: bool) -> None:
        """Apply a product-level surplus to the official counts; what 实有账无 computers use over is listed apart."""
        over = surplus.over if unlisted_in_rates else surplus.over - surplus.apart
        self.counts.setdefault(surplus.product.id, Count()).charge(over)

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


def legal_rate(count: Count) -> Rate:
    """软件正版率: 正版 ÷ (正版+非正版+待核实); the upper bound counts 待核实 as 正版. 初步 while 待核实 > 0."""
    return Rate(
        n=count.licensed,
        d=count.copies,
        excluded=count.apart,
        lower=count.licensed,
        upper=count.licensed + count.to_verify,
        final=count.to_verify == 0,
        definition="rate.legal",
        breakdown={
            "licensed": count.licensed,
            "unlicensed": count.unlicensed,
            "to_verify": count.to_verify,
            "surplus": count.surplus,
        },
    )


def domestic_rate(everything: Count, domestic: Count) -> Rate:
    """国产化率: domestic installs ÷ all installs; 非正版 copies never in the numerator. The lower bound leaves out
    待核实.
    """
    n = domestic.licensed + domestic.to_verify
    return Rate(
        n=n,
        d=everything.copies,
        excluded=everything.apart,
        lower=domestic.licensed,
        upper=n,
        final=domestic.to_verify == 0,
        definition="rate.domestic",
        breakdown={"domestic": domestic.copies, "domestic_unlicensed": domestic.unlicensed},
    )


def software_rates(tally: Tally, audited: frozenset[Category]) -> dict[str, Rate]:
    """``legal_rate`` and ``domestic_rate``: over the audited categories, and each category that is audited or
    occurs.
    """
    rates: dict[str, Rate] = {}
    groups: list[tuple[str, frozenset[Category]]] = [("", audited)]
    groups += [(f".{category}", frozenset({category})) for category in sorted(audited | tally.categories())]
    for suffix, categories in groups:
        everything = tally.total(categories)
        rates[f"legal_rate{suffix}"] = legal_rate(everything)
        rates[f"domestic_rate{suffix}"] = domestic_rate(everything, tally.total(categories, SoftwareOrigin.DOMESTIC))
    return rates


def coverage_rate(roster: Roster, collected: Iterable[str]) -> Rate:
    """采集覆盖率: C ÷ A, both by 数量. ``collected``: ids of fully collected hosts."""
    n = sum(found_by_asset(roster, collected).values())
    return Rate(n=n, d=roster.size(), lower=n, upper=n, final=True, definition="rate.coverage")


def asset_match_rate(roster: Roster) -> Rate:
    """账实相符率: A matched ÷ (A ∪ 实有账无); 账→实 and 实→账 in the breakdown. Hosts beyond a card's 数量 are
    实有账无.
    """
    host_ids = [host.id for host in roster.hosts]
    matched = sum(found_by_asset(roster, host_ids).values())
    unlisted = len(host_ids) - matched
    return Rate(
        n=matched,
        d=roster.size() + unlisted,
        lower=matched,
        upper=matched,
        final=True,
        definition="rate.asset_match",
        breakdown={
            "listed": roster.size(),
            "listed_found": matched,
            "found": len(host_ids),
            "found_listed": matched,
            "unlisted": unlisted,
        },
    )


def rates_of(
    tally: Tally, roster: Roster, collected: Iterable[str], audited: frozenset[Category]
) -> Mapping[str, Rate]:
    """All rates of one audit by name."""
    return {
        **software_rates(tally, audited),
        "coverage_rate": coverage_rate(roster, collected),
        "asset_match_rate": asset_match_rate(roster),
    }
