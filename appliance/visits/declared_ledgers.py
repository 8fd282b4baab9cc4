"""What the unit's other ledgers say, as the audit reads it: 附件5 part 四, 附件8, 附件9, servers, client."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from appliance.judgement import declared
from appliance.ledger.model import (
    Allocation,
    Asset,
    ClientRow,
    DeclaredServer,
    InstallAction,
    InstallLogEntry,
    LedgerKind,
    ServerKind,
    Standing,
    Statistic,
)
from appliance.model import SoftwareOrigin
from appliance.store.database import Db
from appliance.store.ledgers import records_in_force
from appliance.visits.ledgers_in_force import assets_in_force

PURCHASED = 4  # 四、本年度采购
ORIGINS = {
    "国内": SoftwareOrigin.DOMESTIC,
    "国产": SoftwareOrigin.DOMESTIC,
    "国外": SoftwareOrigin.FOREIGN,
    "进口": SoftwareOrigin.FOREIGN,
}
SUMS = frozenset(("总计", "合计"))
FEN_OF_WAN = 1_000_000
STANDINGS = {Standing.LICENSED: "licensed", Standing.UNLICENSED: "unlicensed", Standing.UNKNOWN: "to_verify"}


def from_ledgers(db: Db) -> dict[str, tuple[Any, ...]]:
    """Declared records by their list in ``Declared``, of the ledgers in force."""
    servers = records_in_force(db, LedgerKind.SERVERS, DeclaredServer)
    assets = assets_in_force(db)
    return {
        "allocations": tuple(map(allocation, records_in_force(db, LedgerKind.ALLOCATIONS, Allocation))),
        "install_log": tuple(map(install_row, records_in_force(db, LedgerKind.INSTALL_LOG, InstallLogEntry))),
        "purchases": purchases(records_in_force(db, LedgerKind.STATISTICS, Statistic)),
        "kms_hosts": tuple(declared.KmsHost(s.address, s.ref.text()) for s in servers if s.kind is ServerKind.KMS),
        "licence_servers": tuple(
            declared.LicenceServer(s.software_no, s.address, s.seats, s.peak, s.ref.text())
            for s in servers
            if s.kind is ServerKind.LICENCE
        ),
        "official": official(records_in_force(db, LedgerKind.CLIENT_EXPORT, ClientRow), assets),
    }


def allocation(row: Allocation) -> declared.Allocation:
    """One 附件8 row."""
    return declared.Allocation(row.ref, row.software_no, row.computer_no, row.version, row.department, row.user)


def install_row(row: InstallLogEntry) -> declared.InstallRow:
    """One 附件9 row."""
    installed = row.action is InstallAction.INSTALL
    return declared.InstallRow(row.ref, row.software_no, row.computer_no, installed, row.done_on)


def purchases(cells: Iterable[Statistic]) -> tuple[declared.Purchase, ...]:
    """附件5 part 四: each kind of software has a column of 许可数 and one of 金额 (万元), in rows 国内 and 国外.

    Two files in force (departments, years) are two purchases.
    """
    found: dict[tuple[str, str, str], dict[str, Statistic]] = {}
    for cell in cells:
        if cell.part == PURCHASED and (origin := next((o for o in ORIGINS if o in cell.row), "")):
            kind = "amount" if "万元" in cell.column or "金额" in cell.column else "sets"
            name = re.sub(r"[\s（(].*|许可.*|金额.*|套数.*|数量.*", "", cell.column)
            if name not in SUMS:
                found.setdefault((name, origin, cell.ref.file), {})[kind] = cell
    return tuple(
        declared.Purchase(
            ref=next(iter(parts.values())).ref,
            name=name,
            origin=ORIGINS[origin],
            sets=int(_number(parts.get("sets")) or 0),
            amount_fen=_fen(parts.get("amount")),
        )
        for (name, origin, _), parts in sorted(found.items())
    )


def _number(cell: Statistic | None) -> Decimal | None:
    try:
        return Decimal(cell.value.replace(",", "")) if cell else None
    except InvalidOperation:
        return None


def _fen(cell: Statistic | None) -> int | None:
    amount = _number(cell)
    return None if amount is None else int(amount * FEN_OF_WAN)


def official(rows: Iterable[ClientRow], assets: Iterable[Asset]) -> tuple[declared.OfficialResult, ...]:
    """The official client's rows by asset, by MAC, else host name, else address; rows of no asset are left out."""
    places: dict[str, str] = {}
    for asset in assets:
        for key in (*asset.macs, asset.hostname.casefold(), *asset.addresses):
            if key:
                places.setdefault(key, asset.asset_no)
    results: dict[str, tuple[dict[str, str], str]] = {}
    for row in rows:
        keys = (*row.macs, row.hostname.casefold(), *row.addresses)
        number = next((places[key] for key in keys if key in places), "")
        if number:
            products, seen = results.get(number, ({}, ""))
            if row.product:
                products[row.product] = STANDINGS[row.standing]
            results[number] = products, max(seen, row.seen_on.isoformat() if row.seen_on else "")
    return tuple(declared.OfficialResult(n, True, seen, products) for n, (products, seen) in sorted(results.items()))
