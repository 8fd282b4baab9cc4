"""Rates as integers with bounds, never a bare percentage. Definitions: ``config/messages/zh_CN/rate.toml``.

A rate's mapping has the names ``legal_rate``, ``domestic_rate``, ``computer_legal_rate`` and ``computer_domestic_rate``
(each also ``.<category>``), ``coverage_rate``, ``asset_match_rate`` (also ``.quantity``), ``domestic_purchase_rate``
(also ``.amount``), ``client_rate`` (also ``.xinchuang``, ``.other``), ``power_on_rate``, ``ledger_match_rate`` and
``rectification_rate``. Sums over units add n and d. Which computers and papers they
count: :mod:`appliance.judgement.base_rates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from appliance.judgement.tallies import ComputerTally, Count, Tally
from appliance.model import Category, Rate, SoftwareOrigin

BASIS_POINTS = 10_000  # two decimals of a percentage
NAMES = (
    "legal_rate", "domestic_rate", "computer_legal_rate", "computer_domestic_rate", "coverage_rate", "asset_match_rate",
    "domestic_purchase_rate", "client_rate", "power_on_rate", "ledger_match_rate", "rectification_rate",
)  # fmt: skip
"""Without their parts."""


def percent(n: int, d: int) -> str | None:
    """``n/d`` as a percentage with two decimals, rounded half up in integers; None (不适用) when ``d`` is 0.

    >>> percent(1, 3), percent(1, 800), percent(0, 0)
    ('33.33', '0.13', None)
    """
    if d == 0:
        return None
    hundredths = (2 * n * BASIS_POINTS + d) // (2 * d)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


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


def computer_rates(computers: ComputerTally, apart: int) -> dict[str, Rate]:
    """The same by computer: the worst product decides; 国产 when every product of the group is domestic and fine.

    ``apart``: copies at product level that no computer carries (不可分摊).
    """
    rates: dict[str, Rate] = {}
    for name, count in sorted(computers.counts.items()):
        suffix = f".{name}" if name else ""
        legal = legal_rate(count)
        breakdown = {**legal.breakdown, "surplus": 0, "not_apportionable": apart}
        rates[f"computer_legal_rate{suffix}"] = replace(legal, definition="rate.computer_legal", breakdown=breakdown)
        n = computers.domestic.get(name, 0)
        rates[f"computer_domestic_rate{suffix}"] = Rate(
            n=n, d=count.copies, lower=n, upper=n, final=True, definition="rate.computer_domestic"
        )
    return rates


def by_mode(rates: Mapping[str, Rate], mode: str) -> dict[str, Rate]:
    """With the switch on ``computer`` the rate of that name is counted by computer; both stay readable by name."""
    if mode != "computer":
        return dict(rates)
    swapped = dict(rates)
    for name, rate in rates.items():
        if name.startswith("legal_rate"):
            swapped[f"copy_{name}"] = rate
            swapped[name] = rates.get(f"computer_{name}", rate)
    return swapped
