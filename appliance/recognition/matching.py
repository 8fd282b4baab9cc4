"""Hosts against asset rows. Pure, and the same for every order of its input.

Each kind of evidence outweighs all weaker ones together, so the score says which evidence agreed:

====== ========= ===============================================================
weight evidence  meaning
====== ========= ===============================================================
8      serial    a serial number of the asset is the computer's
4      mac       a MAC address of the asset is one of the computer's
2      hostname  the asset's host name (or, without one, its 计算机编号) is the computer's name
1      address   an IP address of the asset is where the computer answered
====== ========= ===============================================================

The highest scores are settled first. A host that fits two assets equally, and hosts that together exceed an asset's
quantity with equal evidence, stay unmatched with the conflict named: nothing is ever guessed. Host name and address
alone lose against a serial number that differs (a replaced machine keeps both). A value absent on either side is
neither evidence nor conflict (``domain.md`` §4, 账实相符率).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.ledger.model import Asset
from appliance.model import Match
from appliance.recognition import identity
from config.message import Message
from config.problems import BadInput
from scanner.model import Identity

WEIGHTS: Mapping[str, int] = {"serial": 8, "mac": 4, "hostname": 2, "address": 1}
WEAK = WEIGHTS["hostname"] + WEIGHTS["address"]
DIFFERS = {
    "serial": "matching.serial_differs",
    "mac": "matching.mac_differs",
    "hostname": "matching.hostname_differs",
    "address": "matching.address_differs",
}
ELSEWHERE = {
    "serial": "matching.serial_elsewhere",
    "mac": "matching.mac_elsewhere",
    "hostname": "matching.hostname_elsewhere",
    "address": "matching.address_elsewhere",
}

Values = Mapping[str, tuple[str, ...]]
"""Comparable values by kind of evidence."""


@dataclass(frozen=True, slots=True)
class HostView:
    """What matching may know of one discovered computer."""

    host_id: str
    address: str
    mac: str | None = None
    identity: Identity | None = None
    more_addresses: tuple[str, ...] = ()  # of the same computer
    more_macs: tuple[str, ...] = ()


@dataclass(slots=True)
class _State:
    """What is settled so far."""

    free: dict[str, int]
    matched: dict[str, str] = field(default_factory=dict[str, str])
    open: set[str] = field(default_factory=set[str])
    conflicts: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))


def match_hosts(hosts: Iterable[HostView], assets: Iterable[Asset]) -> tuple[Match, ...]:
    """Match computers to asset rows; one Match a host, sorted by host id, ``asset`` None = 实有账无.

    Rows that are no computers are left out; scrapped ones are kept (a scrapped computer still in use is a finding).
    Raises BadInput ``matching.duplicate_asset`` when two rows bear one 资产编号.
    """
    views = {host.host_id: _host_values(host) for host in hosts}
    rows = _by_number(asset for asset in assets if asset.is_computer)
    declared = {number: _asset_values(asset) for number, asset in rows.items()}
    scores = _scores(views, declared)
    state = _State({number: asset.quantity for number, asset in rows.items()}, open=set(views))
    _drop_contradicted(scores, views, declared, rows, state)
    for score in range(sum(WEIGHTS.values()), 0, -1):
        _settle(score, scores, rows, state)
    return tuple(_match(host, scores[host], views, declared, rows, state) for host in sorted(views))


def _host_values(host: HostView) -> Values:
    known = host.identity or Identity()
    return {
        "serial": identity.distinct((identity.serial(known.serial),)),
        "mac": identity.distinct(map(identity.mac, (host.mac, *known.macs, *host.more_macs))),
        "hostname": identity.distinct((identity.hostname(known.hostname),)),
        "address": identity.distinct(map(identity.address, (host.address, *host.more_addresses))),
    }


def _asset_values(asset: Asset) -> Values:
    return {
        "serial": identity.distinct(map(identity.serial, asset.serials)),
        "mac": identity.distinct(map(identity.mac, asset.macs)),
        "hostname": identity.distinct((identity.hostname(asset.hostname or asset.computer_no),)),
        "address": identity.distinct(map(identity.address, asset.addresses)),
    }


def _by_number(assets: Iterable[Asset]) -> dict[str, Asset]:
    rows: dict[str, Asset] = {}
    for asset in assets:
        if asset.asset_no in rows:
            raise BadInput("matching.duplicate_asset", asset=asset.asset_no)
        rows[asset.asset_no] = asset
    return rows


def _scores(views: Mapping[str, Values], declared: Mapping[str, Values]) -> dict[str, dict[str, int]]:
    """host → asset → score, only where some evidence agrees."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, values in declared.items():
        for kind in WEIGHTS:
            for value in values[kind]:
                owners[kind, value].append(number)
    return {host: _score(values, owners) for host, values in views.items()}


def _score(values: Values, owners: Mapping[tuple[str, str], list[str]]) -> dict[str, int]:
    score: dict[str, int] = defaultdict(int)
    for kind, weight in WEIGHTS.items():
        for number in {number for value in values[kind] for number in owners.get((kind, value), ())}:
            score[number] += weight
    return dict(score)


def _drop_contradicted(
    scores: Mapping[str, dict[str, int]],
    views: Mapping[str, Values],
    declared: Mapping[str, Values],
    rows: Mapping[str, Asset],
    state: _State,
) -> None:
    """Take away candidates that only host name or address support while the serial number differs."""
    for host, candidates in scores.items():
        for number in sorted(n for n, score in candidates.items() if score <= WEAK):
            if rows[number].quantity == 1 and _contradicts("serial", views[host], declared[number]):
                del candidates[number]
                state.conflicts[host].append(Message.of("matching.weak_against_serial", host=host, asset=number))


def _settle(score: int, scores: Mapping[str, dict[str, int]], rows: Mapping[str, Asset], state: _State) -> None:
    """Match what is unambiguous at this score; what is ambiguous is named and stays unmatched."""
    claims: dict[str, list[str]] = defaultdict(list)
    for host in sorted(state.open):
        numbers = sorted(number for number, found in scores[host].items() if found == score)
        free = [number for number in numbers if state.free[number] > 0]
        if len(free) > 1:
            state.open.discard(host)
            conflict = Message.of("matching.several_assets", host=host, assets="、".join(free))
            state.conflicts[host].append(conflict)
        elif free:
            claims[free[0]].append(host)
        state.conflicts[host] += [
            Message.of("matching.already_matched", host=host, asset=number) for number in numbers if number not in free
        ]
    for number, claimants in claims.items():
        _claim(number, claimants, rows[number].quantity, state)


def _claim(number: str, claimants: list[str], quantity: int, state: _State) -> None:
    state.open.difference_update(claimants)
    if len(claimants) > state.free[number]:
        hosts = "、".join(claimants)
        for host in claimants:
            conflict = Message.of("matching.several_hosts", asset=number, quantity=quantity, hosts=hosts)
            state.conflicts[host].append(conflict)
        return
    state.free[number] -= len(claimants)
    state.matched.update((host, number) for host in claimants)


def _match(
    host: str,
    candidates: Mapping[str, int],
    views: Mapping[str, Values],
    declared: Mapping[str, Values],
    rows: Mapping[str, Asset],
    state: _State,
) -> Match:
    number = state.matched.get(host)
    conflicts = tuple(state.conflicts[host])
    if number is None:
        return Match(host, None, conflicts=conflicts)
    score = candidates[number]
    differing = _differing(host, views[host], declared[number], rows[number])
    elsewhere = _elsewhere(host, number, candidates)
    return Match(host, number, _basis(score), score, (*conflicts, *differing, *elsewhere))


def _basis(score: int) -> tuple[str, ...]:
    return tuple(kind for kind, weight in WEIGHTS.items() if score & weight)


def _contradicts(kind: str, found: Values, declared: Values) -> bool:
    return bool(found[kind] and declared[kind]) and not set(found[kind]) & set(declared[kind])


def _differing(host: str, found: Values, declared: Values, asset: Asset) -> tuple[Message, ...]:
    """信息不符 of a matched pair; a card of several computers names no single value to differ from."""
    if asset.quantity > 1:
        return ()
    return tuple(
        Message.of(
            code, host=host, asset=asset.asset_no, found="、".join(found[kind]), declared="、".join(declared[kind])
        )
        for kind, code in DIFFERS.items()
        if _contradicts(kind, found, declared)
    )


def _elsewhere(host: str, chosen: str, candidates: Mapping[str, int]) -> tuple[Message, ...]:
    """Evidence of a matched host that points to other assets and not to its own."""
    return tuple(
        Message.of(ELSEWHERE[kind], host=host, asset=number)
        for number in sorted(candidates.keys() - {chosen})
        for kind in _basis(candidates[number] & ~candidates[chosen])
    )
