"""The ledger rules of S1c (正版软件管理工作指南, 软件台账管理规定) as form findings. A breach rejects no row. Pure.

==== ====================================================================== =========
rule what S1c asks for                                                      sentence
==== ====================================================================== =========
1    another name or version → another 软件编号 (商业, OEM)                    一.2, 一.5
2    same commercial name and version, other terms → another 软件编号          一.3
3    受赠 and 调剂: no 采购时间, no 采购金额                                    一.4
4    OEM: no 采购时间 … 序列号                                                 一.6
5    free: one 软件编号 a name, no 软件版本, no 采购时间 … 序列号                 一.7–一.9
6    an upgrade is two rows of 附件9: 卸载 the old, 安装 the new                三.5
7    附件7 and 附件8 are refreshed at least every half year                    一.13, 二.3
8    场地授权 is preferred                                                     配置原则 3
—    each 软件编号 of 附件7 has its sheet of 附件9                               三.2, 三.3
—    each computer in use and each piece of software on it stands in 附件8       二.2
—    附件7 follows 附件6                                                         一.12
—    领导小组: 组长, 副组长 and members of five departments                      责任制度 一(一)
==== ====================================================================== =========
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from appliance.ledger.model import (
    Allocation,
    Asset,
    AssetState,
    DeclaredRecord,
    FreeListEntry,
    InstallAction,
    InstallLogEntry,
    Leader,
    LedgerKind,
    Licence,
    LicenceType,
    RowProblem,
    RowRef,
    SoftwareType,
)
from appliance.ledger.text import key
from config.message import Message

HALF_YEAR_DAYS = 183
GIVEN = ("受赠", "调剂", "捐赠", "赠送", "划拨")
"""Words of the remark that say software was not bought."""

TERMS: dict[str, str] = {
    "purchased_on": "采购时间",
    "amount_fen": "采购金额",
    "licence_type": "许可类型",
    "quantity": "许可数量",
    "usable_versions": "可使用版本",
    "valid_until": "许可期限",
    "perpetual": "许可期限",
    "serial_tail": "序列号",
}
"""The fields of rules 2, 4 and 5 by their official headers."""


def shared_number(earlier: DeclaredRecord, later: DeclaredRecord) -> Message | None:
    """Rules 1 and 2 about two rows that bear one 软件编号; None when they are alike or no 附件7 rows."""
    if not (isinstance(earlier, Licence) and isinstance(later, Licence)):
        return None
    if later.software_type is earlier.software_type is SoftwareType.FREE:
        if key(earlier.name) == key(later.name):
            return None  # 一.8: versions of one free software share its number
        names = {"first_name": earlier.name, "name": later.name}
        return Message("ledger.rule_5_names", {**names, "software_no": later.software_no, "row": later.ref.row})
    if (key(earlier.name), key(earlier.version)) != (key(later.name), key(later.version)):
        return Message.of("ledger.rule_1", software_no=later.software_no, first=earlier.ref.row, row=later.ref.row)
    differing = _differing(earlier, later)
    if later.software_type is SoftwareType.COMMERCIAL and differing:
        names = "、".join(differing)
        return Message.of(
            "ledger.rule_2", software_no=later.software_no, first=earlier.ref.row, row=later.ref.row, columns=names
        )
    return None


def _differing(one: Licence, other: Licence) -> list[str]:
    return list(dict.fromkeys(label for name, label in TERMS.items() if getattr(one, name) != getattr(other, name)))


def of_licences(rows: Sequence[Licence]) -> Iterator[RowProblem]:
    """Rules 3, 4, 5 and 8 about the rows of 附件7."""
    for row in rows:
        yield from _of_licence(row)
    yield from _free_numbers(row for row in rows if row.software_type is SoftwareType.FREE)
    commercial = [row for row in rows if row.software_type is SoftwareType.COMMERCIAL]
    other = [row for row in commercial if row.licence_type is not LicenceType.SITE]
    if other:
        counts = {"rows": len(other), "total": len(commercial)}
        yield RowProblem(RowRef(other[0].ref.file, other[0].ref.sheet, 0), "", Message("ledger.rule_8", counts), False)


def _of_licence(row: Licence) -> Iterator[RowProblem]:
    if row.software_type is SoftwareType.COMMERCIAL:
        bought = [TERMS[name] for name in ("purchased_on", "amount_fen") if getattr(row, name) is not None]
        if bought and any(word in row.remark for word in GIVEN):
            yield _breach(row.ref, "ledger.rule_3", bought)
        return
    filled = list(dict.fromkeys(label for name, label in TERMS.items() if getattr(row, name)))
    if row.software_type is SoftwareType.OEM:
        filled = [label for label in filled if not (label == "许可类型" and row.licence_type is LicenceType.OEM)]
    elif row.version:
        filled.insert(0, "软件版本")
    if filled:
        yield _breach(row.ref, "ledger.rule_4" if row.software_type is SoftwareType.OEM else "ledger.rule_5", filled)


def _breach(ref: RowRef, code: str, columns: Sequence[str]) -> RowProblem:
    names = "、".join(columns)
    return RowProblem(ref, names, Message(code, {"columns": names}), rejected=False)


def _free_numbers(rows: Iterable[Licence]) -> Iterator[RowProblem]:
    first: dict[str, Licence] = {}
    for row in rows:
        earlier = first.setdefault(key(row.name), row)
        if earlier is not row:
            params = {"name": row.name, "first": earlier.ref.row, "row": row.ref.row}
            yield RowProblem(row.ref, "软件编号", Message("ledger.rule_5_number", params), rejected=False)


def of_install_log(rows: Sequence[InstallLogEntry]) -> Iterator[RowProblem]:
    """Rule 6: a second version installed on one computer while the first one was never removed."""
    history: dict[tuple[str, str], list[InstallLogEntry]] = defaultdict(list)
    for row in rows:
        history[key(row.computer_no), key(row.software_name or row.software_no)].append(row)
    for entries in history.values():
        present: dict[str, InstallLogEntry] = {}
        for row in sorted(entries, key=_order):
            if row.action is InstallAction.UNINSTALL:
                present.pop(key(row.version), None)
                continue
            earlier = next((old for version, old in present.items() if version != key(row.version)), None)
            if earlier:
                params = {"computer": row.computer_no, "old": earlier.version, "new": row.version}
                yield RowProblem(row.ref, "", Message("ledger.rule_6", params), rejected=False)
            present[key(row.version)] = row


def _order(row: InstallLogEntry) -> tuple[date, bool, int]:
    return (row.done_on or date.min, row.action is InstallAction.INSTALL, row.ref.row)


def of_refresh(
    kind: LedgerKind, file_id: str, filled_on: date | None, log: Sequence[InstallLogEntry], as_of: date
) -> Iterator[RowProblem]:
    """Rule 7 about 附件7 or 附件8: when it was filled in, against the visit's date and the newest row of 附件9."""
    if kind not in (LedgerKind.LICENCES, LedgerKind.ALLOCATIONS):
        return
    ref = RowRef(file_id, "", 0)
    if filled_on is None:
        yield RowProblem(ref, "填表日期", Message("ledger.rule_7_undated", {}), rejected=False)
    elif (as_of - filled_on).days > HALF_YEAR_DAYS:
        days = (as_of - filled_on).days
        params = {"filled_on": filled_on.isoformat(), "days": days}
        yield RowProblem(ref, "填表日期", Message("ledger.rule_7", params), rejected=False)
    newest = max((row.done_on for row in log if row.done_on), default=None)
    if newest and filled_on and (newest - filled_on).days > HALF_YEAR_DAYS:
        params = {"filled_on": filled_on.isoformat(), "newest": newest.isoformat()}
        yield RowProblem(ref, "填表日期", Message("ledger.rule_7_log", params), rejected=False)


def of_allocations(rows: Sequence[Allocation], licences: Sequence[Licence]) -> Iterator[RowProblem]:
    """附件8 rows whose 软件编号 is missing or stands in no row of 附件7."""
    known = {key(licence.software_no) for licence in licences}
    for row in rows:
        if not row.software_no:
            yield RowProblem(row.ref, "软件编号", Message("ledger.rule_number_missing", {}), rejected=False)
        elif known and key(row.software_no) not in known:
            params = {"software_no": row.software_no}
            yield RowProblem(row.ref, "软件编号", Message("ledger.rule_number_unknown", params), rejected=False)


SHOWN_NUMBERS = 10
MEMBERS: dict[str, tuple[str, ...]] = {
    "信息化": ("信息", "网络", "科技", "技术", "数据"),
    "办公厅（室）": ("办公",),
    "人事": ("人事", "人力", "组织", "干部"),
    "财务": ("财务", "计财", "会计", "规划财务"),
    "资产管理": ("资产", "后勤", "国资", "总务", "行政", "机关事务", "财务"),
}
"""The departments whose heads are members, and words by which their names are known (资产 is often kept by 财务)."""


def of_sheets(log: Sequence[InstallLogEntry], licences: Sequence[Licence]) -> Iterator[RowProblem]:
    """附件9 beside 附件7: sheets of numbers that 附件7 does not know, and numbers without a sheet."""
    known, kept = ({key(row.software_no) for row in rows if row.software_no} for rows in (licences, log))
    seen: set[str] = set()
    for row in log if known else ():
        if row.software_no and key(row.software_no) not in known | seen:
            seen.add(key(row.software_no))
            params = {"software_no": row.software_no}
            yield RowProblem(row.ref, "软件编号", Message("ledger.rule_number_unknown", params), rejected=False)
    lacking = [row for row in licences if key(row.software_no) not in kept]
    if kept and lacking:
        names = "、".join(row.software_no for row in lacking[:SHOWN_NUMBERS])
        ref = RowRef(lacking[0].ref.file, lacking[0].ref.sheet, 0)
        yield RowProblem(ref, "", Message("ledger.rule_sheets", {"count": len(lacking), "numbers": names}), False)


def of_free_list(entries: Sequence[FreeListEntry], licences: Sequence[Licence]) -> Iterator[RowProblem]:
    """附件6 and the free software of 附件7 name the same software; nothing is said while one of the two is missing."""
    if not (entries and licences):
        return
    listed = {key(entry.name) for entry in entries}
    free = [row for row in licences if row.software_type is SoftwareType.FREE]
    for row in free:
        if key(row.name) not in listed:
            yield RowProblem(row.ref, "软件名称", Message("ledger.rule_free_unlisted", {"name": row.name}), False)
    known = {key(row.name) for row in free}
    for entry in entries:
        if key(entry.name) not in known:
            known.add(key(entry.name))
            yield RowProblem(entry.ref, "软件名称", Message("ledger.rule_free_missing", {"name": entry.name}), False)


def of_computers(assets: Sequence[Asset], allocations: Sequence[Allocation]) -> Iterator[RowProblem]:
    """Computers in use whose 计算机编号 stands in no row of 附件8; those without a number cannot be looked up."""
    used = {key(row.computer_no) for row in allocations}
    for asset in assets if used else ():
        numbers = {key(number) for number in (asset.computer_no, asset.asset_no, asset.hostname) if number}
        if asset.is_computer and asset.state is AssetState.IN_USE and asset.computer_no and not numbers & used:
            params = {"computer": asset.computer_no, "asset": asset.asset_no}
            yield RowProblem(asset.ref, "计算机编号", Message("ledger.rule_computer_missing", params), rejected=False)


def of_leaders(rows: Sequence[Leader]) -> Iterator[RowProblem]:
    """附件1: one 组长, a 副组长, and members of the departments that the 责任制度 names."""
    if not rows:
        return
    ref = RowRef(rows[0].ref.file, rows[0].ref.sheet, 0)
    deputies = [row for row in rows if "副组长" in row.role]
    heads = [row for row in rows if "组长" in row.role and "副组长" not in row.role]
    if len(heads) != 1:
        yield RowProblem(ref, "分工", Message("ledger.rule_leader_head", {"count": len(heads)}), rejected=False)
    if not deputies:
        yield RowProblem(ref, "分工", Message("ledger.rule_leader_deputy", {}), rejected=False)
    told = " ".join(f"{row.department} {row.post} {row.remark}" for row in rows)
    missing = [name for name, words in MEMBERS.items() if not any(word in told for word in words)]
    if missing:
        params = {"departments": "、".join(missing)}
        yield RowProblem(ref, "部门", Message("ledger.rule_leader_members", params), rejected=False)
