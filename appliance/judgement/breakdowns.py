"""Rates by department, kind of computer and 信创: the same rates over a part of the unit. Pure.

A surplus at product level is on no computer, so that it is in no part: the copies of all parts add up to the whole's as
they were before R14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from appliance.judgement.places import DIMENSIONS, Place, place_of
from appliance.judgement.rates import software_rates
from appliance.judgement.roster import AuditHost, Roster
from appliance.judgement.tallies import Tally
from appliance.ledger.model import Asset
from appliance.model import Category, Decision, Rate
from appliance.rules.model import Computer, Copy

Parts = dict[str, dict[str, dict[str, Rate]]]
"""Rates by name, by group, by dimension; rates that count nothing are left out."""


def place_in(roster: Roster, computers: Mapping[str, Computer], host_id: str) -> Place:
    """Where a host belongs; one that was not read and is on no ledger row is of no known kind."""
    computer = computers.get(host_id)
    return computer.place if computer else place_of(roster.asset_of(host_id), None)


@dataclass(slots=True)
class Breakdowns:
    """Tallies of copies by dimension and group."""

    tallies: dict[str, dict[str, Tally]] = field(default_factory=lambda: {name: {} for name in DIMENSIONS})

    def add(self, copy: Copy, decision: Decision, in_rates: bool) -> None:
        """Count one copy in each dimension."""
        for dimension, group in zip(DIMENSIONS, copy.computer.place, strict=True):
            groups = self.tallies[dimension]
            tally = groups.get(group)
            if tally is None:
                tally = groups[group] = Tally()
            tally.add(copy.product, decision, in_rates)

    def rates(self, audited: frozenset[Category], by_computer: bool) -> Parts:
        """正版率 and 国产化率 by copies, in all and by category; named ``copy_legal_rate`` beside one by computer."""
        return {
            dimension: {group: _named(software_rates(tally, audited), by_computer) for group, tally in groups.items()}
            for dimension, groups in self.tallies.items()
        }


def _named(rates: Mapping[str, Rate], by_computer: bool) -> dict[str, Rate]:
    prefix = "copy_" if by_computer else ""
    return {f"{prefix}{name}" if name.startswith("legal") else name: rate for name, rate in rates.items()}


def over_parts(
    roster: Roster, computers: Mapping[str, Computer], rates_of: Callable[[Roster], Mapping[str, Rate]]
) -> Parts:
    """Rates over the asset ledger for each part of it, as ``rates_of`` counts them over the whole."""
    places = {host.id: place_in(roster, computers, host.id) for host in roster.hosts}
    return {
        dimension: {group: dict(rates_of(part)) for group, part in _split(roster, places, at).items()}
        for at, dimension in enumerate(DIMENSIONS)
    }


def _split(roster: Roster, places: Mapping[str, Place], at: int) -> dict[str, Roster]:
    base: dict[str, dict[str, Asset]] = {}
    hosts: dict[str, list[AuditHost]] = {}
    for number, asset in roster.base.items():
        base.setdefault(place_of(asset, None)[at], {})[number] = asset
    for host in roster.hosts:
        hosts.setdefault(places[host.id][at], []).append(host)
    return {
        group: replace(roster, base=base.get(group, {}), hosts=tuple(hosts.get(group, ()))) for group in {*base, *hosts}
    }


def joined(*parts: Parts) -> Parts:
    """Together, in order, without what counts nothing."""
    return {
        dimension: {
            group: {
                name: rate
                for part in parts
                for name, rate in sorted(part[dimension].get(group, {}).items())
                if rate.d or rate.excluded
            }
            for group in sorted({group for part in parts for group in part[dimension]})
        }
        for dimension in DIMENSIONS
    }
