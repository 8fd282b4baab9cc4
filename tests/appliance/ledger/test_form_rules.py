"""The ledger rules of S1c: each breach is a finding, and no row is lost for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appliance.ledger import form_rules
from appliance.ledger.importing import preview
from appliance.ledger.model import (
    Allocation,
    Asset,
    AssetState,
    FreeListEntry,
    InstallAction,
    InstallLogEntry,
    Leader,
    LedgerKind,
    Licence,
    LicenceType,
    RowProblem,
    SoftwareType,
)
from config.messages import render
from tests.appliance.ledger import files
from tests.appliance.ledger.messy import at
from tests.appliance.ledger.test_importing import read

SITE, OEM, FREE = LicenceType.SITE, SoftwareType.OEM, SoftwareType.FREE
BOUGHT = date(2021, 3, 5)


def licence(row: int, number: str, name: str = "甲", **fields: Any) -> Licence:
    return Licence(at(row), number, name, **fields)


def told(found: Iterable[RowProblem]) -> list[tuple[int, str]]:
    """Row and code; every sentence is complete, and nothing is rejected."""
    problems = list(found)
    assert not any(problem.rejected for problem in problems)
    assert not [text for text in (render(p.reason) for p in problems) if text.startswith("ledger.") or "未知）" in text]
    return [(problem.ref.row, problem.reason.code.removeprefix("ledger.")) for problem in problems]


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (["RJ1", "乙", "11", "商业", "2021-03-05", 5], "rule_1"),
        (["RJ1", "甲", "12", "商业", "2021-03-05", 5], "rule_1"),
        (["RJ1", "甲", "11", "商业", "2022-03-05", 5], "rule_2"),
        (["RJ1", "甲", "11", "商业", "2021-03-05", 6], "rule_2"),
    ],
)
def test_one_number_for_different_software_names_both_rows(tmp_path: Path, second: list[Any], code: str) -> None:
    header = ["软件编号", "软件名称", "软件版本", "软件类型", "采购时间", "许可数量"]
    first = ["RJ1", "甲", "11", "商业", "2021-03-05", 5]
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [header, first, second]})
    found = preview(LedgerKind.LICENCES, read(path), "f1")
    assert found.rows_accepted == 1
    assert [problem.reason.code for problem in found.problems] == ["ledger.duplicate", f"ledger.{code}"]


@pytest.mark.parametrize(
    ("row", "breaches"),
    [
        (licence(2, "1", licence_type=SITE, quantity=None, purchased_on=BOUGHT), []),
        (licence(2, "1", licence_type=SITE, remark="上级单位调剂"), []),
        (licence(2, "1", licence_type=SITE, remark="上级单位调剂", amount_fen=1), [(2, "rule_3")]),
        (licence(2, "1", software_type=OEM, version="11"), []),
        (licence(2, "1", software_type=OEM, licence_type=LicenceType.OEM), []),
        (licence(2, "1", software_type=OEM, quantity=5), [(2, "rule_4")]),
        (licence(2, "1", software_type=FREE), []),
        (licence(2, "1", software_type=FREE, version="7"), [(2, "rule_5")]),
        (licence(2, "1", software_type=FREE, perpetual=True), [(2, "rule_5")]),
        (licence(2, "1", licence_type=LicenceType.VOLUME, quantity=5), [(0, "rule_8")]),
    ],
)
def test_each_row_of_the_summary_is_held_against_its_rules(row: Licence, breaches: list[tuple[int, str]]) -> None:
    assert told(form_rules.of_licences([row])) == breaches


def test_free_software_of_one_name_has_one_number_whatever_its_versions() -> None:
    rows = [licence(2, "1", "7-Zip", software_type=FREE), licence(3, "2", "7-zip ", software_type=FREE)]
    assert told(form_rules.of_licences(rows)) == [(3, "rule_5_number")]


def logged(row: int, action: InstallAction, version: str, day: int) -> InstallLogEntry:
    return InstallLogEntry(at(row), "RJ1", "甲", action, "PC-1", version, done_on=date(2021, 3, day))


def test_an_upgrade_is_a_removal_and_an_installation() -> None:
    install, remove = InstallAction.INSTALL, InstallAction.UNINSTALL
    right = [logged(2, install, "10", 1), logged(3, install, "11", 5), logged(4, remove, "10", 5)]
    assert told(form_rules.of_install_log(right)) == []
    assert told(form_rules.of_install_log(right[:2])) == [(3, "rule_6")]


@pytest.mark.parametrize(
    ("filled_on", "as_of", "codes"),
    [
        (date(2026, 6, 30), date(2026, 11, 1), []),
        (date(2026, 1, 31), date(2026, 11, 1), ["rule_7"]),
        (None, date(2026, 11, 1), ["rule_7_undated"]),
    ],
)
def test_the_summary_is_refreshed_every_half_year(filled_on: date | None, as_of: date, codes: list[str]) -> None:
    found = told(form_rules.of_refresh(LedgerKind.LICENCES, "f1", filled_on, [], as_of))
    assert [code for _, code in found] == codes


def test_the_summary_must_follow_the_log() -> None:
    log = [logged(2, InstallAction.INSTALL, "10", 5)]
    found = form_rules.of_refresh(LedgerKind.ALLOCATIONS, "f1", date(2020, 6, 30), log, date(2020, 7, 1))
    assert told(found) == [(0, "rule_7_log")]


def test_allocated_software_stands_in_the_summary() -> None:
    rows = [
        Allocation(at(2), "PC", "RJ1", "甲"),
        Allocation(at(3), "PC", "RJ2", "乙"),
        Allocation(at(4), "PC", "", "丙"),
    ]
    found = told(form_rules.of_allocations(rows, [licence(2, "rj1")]))
    assert found == [(3, "rule_number_unknown"), (4, "rule_number_missing")]


def test_the_date_of_the_form_is_read_from_above_the_table(tmp_path: Path) -> None:
    grid = [
        ["软件使用情况汇总表"],
        ["填表人：张三", None, "填表日期：２０２６年 6 月 30 日"],
        ["软件编号", "软件名称"],
        ["1", "甲"],
    ]
    found = preview(LedgerKind.LICENCES, read(files.xlsx(tmp_path / "a.xlsx", {"表": grid})), "f1")
    assert found.filled_on == date(2026, 6, 30)


def test_free_software_of_two_names_has_two_numbers_and_versions_share_one() -> None:
    first = licence(2, "1", "7-Zip", software_type=FREE)
    other = form_rules.shared_number(first, licence(3, "1", "Notepad++", software_type=FREE))
    assert other
    assert other.code == "ledger.rule_5_names"
    assert "7-Zip" in render(other)
    assert form_rules.shared_number(first, licence(3, "1", "7-zip", version="22", software_type=FREE)) is None


def test_oem_software_of_two_versions_has_two_numbers() -> None:
    said = form_rules.shared_number(
        licence(2, "1", version="10", software_type=OEM), licence(3, "1", version="11", software_type=OEM)
    )
    assert said
    assert said.code == "ledger.rule_1"


def test_each_number_of_the_summary_has_its_sheet_of_installs_and_each_sheet_its_number() -> None:
    log = [
        replace(logged(2, InstallAction.INSTALL, "10", 1), software_no="RJ9"),
        logged(3, InstallAction.INSTALL, "1", 1),
    ]
    rows = [licence(2, "rj1"), licence(3, "RJ2")]
    assert told(form_rules.of_sheets(log, rows)) == [(2, "rule_number_unknown"), (0, "rule_sheets")]
    assert told(form_rules.of_sheets(log[1:], rows[:1])) == []
    assert told(form_rules.of_sheets([], rows)) == []  # no 附件9 was handed in: another matter


def test_the_summary_follows_the_list_of_free_software() -> None:
    entries = [
        FreeListEntry(at(2), "1", "7-Zip"),
        FreeListEntry(at(3), "1", "7-ZIP", "22"),
        FreeListEntry(at(4), "2", "乙"),
    ]
    rows = [
        licence(2, "1", "7-zip", software_type=FREE),
        licence(3, "3", "丙", software_type=FREE),
        licence(4, "4", "丁"),
    ]
    assert told(form_rules.of_free_list(entries, rows)) == [(3, "rule_free_unlisted"), (4, "rule_free_missing")]
    assert told(form_rules.of_free_list([], rows)) == []


def test_every_computer_in_use_stands_in_the_list_of_who_uses_what() -> None:
    used = [Allocation(at(2), "pc-1", "RJ1", "甲")]
    assets = [
        Asset(at(2), "GD-1", computer_no="PC-1"),
        Asset(at(3), "GD-2", computer_no="PC-2"),
        Asset(at(4), "GD-3", computer_no="PC-3", state=AssetState.IDLE),
        Asset(at(5), "GD-4", computer_no="PC-4", is_computer=False),
        Asset(at(6), "GD-5"),
    ]
    assert told(form_rules.of_computers(assets, used)) == [(3, "rule_computer_missing")]
    assert told(form_rules.of_computers(assets, [])) == []


def leader(row: int, role: str, department: str) -> Leader:
    return Leader(at(row), role, "某人", department, "负责人")


def test_the_leading_group_has_a_head_a_deputy_and_the_departments_of_the_duty_rules() -> None:
    whole = [leader(2, "组长", "局领导"), leader(3, "副组长", "局领导")]
    whole += [
        leader(4 + n, "成员", name) for n, name in enumerate(("信息中心", "办公室", "人事处", "财务处", "后勤处"))
    ]
    assert told(form_rules.of_leaders(whole)) == []
    assert told(form_rules.of_leaders(whole[1:])) == [(0, "rule_leader_head")]
    assert told(form_rules.of_leaders([whole[0], *whole[2:]])) == [(0, "rule_leader_deputy")]
    assert told(form_rules.of_leaders([*whole[:4], *whole[5:]])) == [(0, "rule_leader_members")]
    assert told(form_rules.of_leaders([])) == []
