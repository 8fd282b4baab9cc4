"""Accepted ledgers put together: links applied to assets, and breaches of the ledger rules across ledgers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from appliance.ledger import form_rules, overlapping
from appliance.ledger.model import (
    Allocation,
    Asset,
    ComputerLink,
    EarlierFinding,
    FreeListEntry,
    InstallLogEntry,
    Leader,
    LedgerKind,
    Licence,
    RowProblem,
    Subunit,
)
from appliance.ledger.text import key
from appliance.store import ledgers as store
from appliance.store.database import Db
from config.message import Message


def assets_in_force(db: Db) -> tuple[Asset, ...]:
    """固定资产 in force, with what the links between 计算机编号, 资产编号 and host add to each row."""
    return linked(store.records_in_force(db, LedgerKind.ASSETS, Asset), store.list_links(db))


def subunits(db: Db) -> tuple[Subunit, ...]:
    """The unit's tree in force."""
    return store.records_in_force(db, LedgerKind.SUBUNITS, Subunit)


def leaders(db: Db) -> tuple[Leader, ...]:
    """领导小组成员 in force."""
    return store.records_in_force(db, LedgerKind.LEADERS, Leader)


def earlier_findings(db: Db) -> tuple[EarlierFinding, ...]:
    """The earlier inspection's findings in force."""
    return store.records_in_force(db, LedgerKind.BASELINE, EarlierFinding)


def linked(assets: Sequence[Asset], links: Iterable[ComputerLink]) -> tuple[Asset, ...]:
    """Fill in what an asset row leaves blank; a link never overrides what the row says. Pure."""
    by_asset = {key(link.asset_no): link for link in links if link.asset_no}
    return tuple(_linked(asset, by_asset.get(key(asset.asset_no))) for asset in assets)


def _linked(asset: Asset, link: ComputerLink | None) -> Asset:
    if link is None:
        return asset
    return replace(
        asset,
        computer_no=asset.computer_no or link.computer_no,
        hostname=asset.hostname or link.hostname,
        addresses=asset.addresses or link.addresses,
    )


def form_findings(db: Db, as_of: date) -> tuple[RowProblem, ...]:
    """Breaches of the ledger rules of S1c in the ledgers in force: 1 and 2 as seen at the import, then 3 to 8."""
    licences = store.records_in_force(db, LedgerKind.LICENCES, Licence)
    allocations = store.records_in_force(db, LedgerKind.ALLOCATIONS, Allocation)
    log = store.records_in_force(db, LedgerKind.INSTALL_LOG, InstallLogEntry)
    free_list = store.records_in_force(db, LedgerKind.FREE_LIST, FreeListEntry)
    found: list[RowProblem] = [*form_rules.of_licences(licences), *form_rules.of_install_log(log)]
    found += form_rules.of_allocations(allocations, licences)
    found += form_rules.of_sheets(log, licences)
    found += form_rules.of_free_list(free_list, licences)
    found += form_rules.of_computers(assets_in_force(db), allocations)
    found += form_rules.of_leaders(leaders(db))
    for row in store.files_in_force(db):
        day = date.fromisoformat(row["filled_on"]) if row["filled_on"] else None
        found += form_rules.of_refresh(LedgerKind(row["kind"]), row["id"], day, log, as_of)
    return (*store.problems_in_force(db, "ledger.rule_"), *_across_files(db), *found)


def _across_files(db: Db) -> Iterator[RowProblem]:
    """Rows that stand in two files in force: the older one is not counted."""
    names = {file["id"]: file["name"] for file in store.files_in_force(db)}
    kinds = Counter(file["kind"] for file in store.files_in_force(db))
    for kind in (LedgerKind(name) for name, files in kinds.items() if files > 1):
        records = store.all_in_force(db, kind)
        for one in overlapping.overlaps(kind, records):
            code = "ledger.duplicate_across_files" if one.same else "ledger.duplicate_differs"
            params = {"value": one.value, "file": names[one.counted.file], "row": one.counted.row}
            yield RowProblem(one.left_out, "", Message(code, params), rejected=False)
