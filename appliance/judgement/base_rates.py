"""Rates over the asset ledger and declared papers: coverage, matching, client, power, purchases, 附件8, 整改. Pure.

A = in-scope listed computers not disposed of, counted by 数量; C ⊆ A fully collected. A bound counts what was not read
as if it were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import date

from appliance.judgement.declared import OfficialResult, Purchase, Rectification, RectificationState
from appliance.judgement.roster import Roster, found_by_asset
from appliance.ledger.model import Asset, AssetCategory
from appliance.model import Rate, SoftwareOrigin

Pair = tuple[str, str]  # 计算机编号, product id
Group = tuple[str, AssetCategory]  # department, kind of computer


def coverage_rate(roster: Roster, collected: Iterable[str]) -> Rate:
    """采集覆盖率: C ÷ A, both by 数量, and by kind of computer (GB/T 14885) in the breakdown.

    ``collected``: ids of fully collected hosts.
    """
    found = found_by_asset(roster, collected)
    n, kinds = sum(found.values()), _by_category(roster, found)
    return Rate(n=n, d=roster.size(), lower=n, upper=n, final=True, definition="rate.coverage", breakdown=kinds)


def _by_category(roster: Roster, found: Mapping[str, int]) -> dict[str, int]:
    """``<kind>.listed`` and ``<kind>.found`` by 数量, for each kind of computer on the asset ledger."""
    counts: dict[str, int] = {}
    for number, asset in sorted(roster.base.items()):
        kind = asset.category or AssetCategory.OTHER
        for name, more in ((f"{kind.value}.listed", asset.quantity), (f"{kind.value}.found", found[number])):
            counts[name] = counts.get(name, 0) + more
    return dict(sorted(counts.items()))


def asset_match_rate(roster: Roster, justified_count: bool = False) -> Rate:
    """账实相符率 (逐台相符): A matched ÷ (A ∪ 实有账无); 账→实 and 实→账 in the breakdown. Hosts beyond a card's 数量
    are 实有账无; those with a stated ground (租赁, 外包, 云主机) only by the switch ``justified_count``.
    """
    host_ids = [host.id for host in roster.hosts]
    found = found_by_asset(roster, host_ids)
    matched = sum(found.values())
    left_out = 0 if justified_count else sum(roster.asset_of(i) is None and i in roster.justified for i in host_ids)
    unlisted = len(host_ids) - matched - left_out
    return Rate(
        n=matched,
        d=roster.size() + unlisted,
        excluded=left_out,
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
            **_by_category(roster, found),
        },
    )


def quantity_match_rate(roster: Roster) -> Rate:
    """账实相符率 (数量相符): groups of a department and a kind of computer of which as many were found as are listed ÷
    groups.
    """
    listed: dict[Group, int] = {}
    found: dict[Group, int] = {}
    counts = found_by_asset(roster, (host.id for host in roster.hosts))
    for number, asset in roster.base.items():
        group = asset.department, asset.category or AssetCategory.OTHER
        listed[group] = listed.get(group, 0) + asset.quantity
        found[group] = found.get(group, 0) + counts[number]
    n = sum(listed[group] == found[group] for group in listed)
    return Rate(n=n, d=len(listed), lower=n, upper=n, final=True, definition="rate.quantity_match")


def client_rates(
    roster: Roster, with_client: Iterable[str], collected: Iterable[str], official: Iterable[OfficialResult]
) -> dict[str, Rate]:
    """检查工具客户端安装部署率, in all and for 信创 and other computers apart; 信创 not stated is in neither."""
    found = found_by_asset(roster, with_client)
    read = found_by_asset(roster, collected)
    for result in official:
        if result.asset_no in found:
            found[result.asset_no] = max(found[result.asset_no], int(result.client_installed))
            read[result.asset_no] = max(read[result.asset_no], 1)
    groups: Mapping[str, tuple[bool | None, ...]] = {
        "client_rate": (True, False, None),
        "client_rate.xinchuang": (True,),
        "client_rate.other": (False,),
    }
    return {
        name: _client_rate([asset for asset in roster.base.values() if asset.xinchuang in wanted], found, read)
        for name, wanted in groups.items()
    }


def _client_rate(assets: list[Asset], found: Mapping[str, int], read: Mapping[str, int]) -> Rate:
    n = sum(found[asset.asset_no] for asset in assets)
    d = sum(asset.quantity for asset in assets)
    unread = sum(asset.quantity - max(read[asset.asset_no], found[asset.asset_no]) for asset in assets)
    return Rate(n=n, d=d, lower=n, upper=n + unread, final=unread == 0, definition="rate.client")


def power_on_rate(
    roster: Roster,
    official: Iterable[OfficialResult],
    window: tuple[date, date],
    clients: Iterable[str] | None = None,
) -> Rate:
    """开机率: A proven on during the window ÷ A. Any evidence counts: an answer on the network, or the client's
    last-seen day. ``clients``: ids of hosts with the client, when the switch divides by installed clients.
    """
    seen = [host.id for host in roster.hosts]
    first, last = (day.isoformat() for day in window)
    reported = {r.asset_no for r in official if first <= r.last_seen[:10] <= last}
    on = found_by_asset(roster, seen)
    for number in reported & on.keys():
        on[number] = max(on[number], 1)
    if clients is None:
        n, d = sum(on.values()), roster.size()
        return Rate(n=n, d=d, lower=n, upper=d, final=n == d, definition="rate.power_on")
    base = found_by_asset(roster, clients)
    for number in {r.asset_no for r in official if r.client_installed} & base.keys():
        base[number] = max(base[number], 1)
    n, d = sum(min(on[number], base[number]) for number in base), sum(base.values())
    return Rate(n=n, d=d, lower=n, upper=d, final=n == d, definition="rate.power_on_clients")


def purchase_rates(purchases: Iterable[Purchase]) -> dict[str, Rate]:
    """国产软件采购占比 by sets and by amount (分), from S1c 附件5 part 四. ``excluded``: sets without an amount."""
    bought = tuple(purchases)
    domestic = [p for p in bought if p.origin is SoftwareOrigin.DOMESTIC]
    n, d = sum(p.sets for p in domestic), sum(p.sets for p in bought)
    paid, all_paid = (sum(p.amount_fen or 0 for p in group) for group in (domestic, bought))
    unstated = sum(p.sets for p in bought if p.amount_fen is None)
    return {
        "domestic_purchase_rate": Rate(n=n, d=d, lower=n, upper=n, final=True, definition="rate.purchase"),
        "domestic_purchase_rate.amount": Rate(
            n=paid, d=all_paid, excluded=unstated, lower=paid, upper=paid, final=True, definition="rate.purchase_amount"
        ),
    }


def ledger_match_rate(rows: Set[Pair], found: Set[Pair]) -> Rate:
    """台账一致率: 附件8 rows confirmed ÷ (rows ∪ found), both on C only."""
    n, d = len(rows & found), len(rows | found)
    breakdown = {"rows": len(rows), "found": len(found), "confirmed": n}
    return Rate(n=n, d=d, lower=n, upper=n, final=True, definition="rate.ledger_match", breakdown=breakdown)


def rectification_rate(records: Iterable[Rectification]) -> Rate:
    """整改率: findings closed ÷ findings opened; 反弹 and 异机再现 apart; what was not rechecked is never closed."""
    states = [record.state for record in {r.key: r for r in sorted(records, key=_entered)}.values()]
    count = {state: states.count(state) for state in RectificationState}
    n = count[RectificationState.CLOSED]
    return Rate(
        n=n,
        d=len(states),
        lower=n,
        upper=n + count[RectificationState.NOT_RECHECKED],
        final=not count[RectificationState.NOT_RECHECKED],
        definition="rate.rectification",
        breakdown={state.value: number for state, number in count.items()},
    )


def _entered(record: Rectification) -> tuple[str, str]:
    return record.entered_at, record.id
