"""The made-up unit is consistent: its data, its ledgers and the result worked out by hand agree with each other."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import Any

from openpyxl import load_workbook

from tests.lab import demo_unit, make_ledgers
from tests.lab.plans import LinuxPc, WindowsPc

EXPECTED: dict[str, Any] = json.loads((demo_unit.DATA / "expected.json").read_text(encoding="utf-8"))
RATED = [copy for copy in EXPECTED["copies"] if copy["host"] != "UOS1"]


def ledger(name: str, encoding: str = "utf-8") -> list[list[str]]:
    with (demo_unit.DATA / "ledgers" / name).open(encoding=encoding, newline="") as lines:
        return list(csv.reader(lines))


def rate(name: str) -> tuple[int, int, int, int]:
    found = EXPECTED["rates"][name]
    return found["n"], found["d"], found["lower"], found["upper"]


def test_the_counted_entries_are_the_entries_in_the_data() -> None:
    for plan in demo_unit.host_plans("secret"):
        folder = next((demo_unit.DATA / "hosts").glob(f"*-{plan.name}"))
        programs = demo_unit.read_table(folder / "software.csv")
        packages = demo_unit.read_table(folder / "packages.csv")
        if not (programs or packages):
            continue
        expected = EXPECTED["hosts"][plan.name]
        named = sum(bool(row["DisplayName"]) for row in programs) + sum(not row["status"] for row in packages)
        assert (named, len(programs) - sum(bool(row["DisplayName"]) for row in programs)) == (
            expected["installations"],
            expected["skipped"],
        )
        assert plan.address == expected["address"]


def test_the_totals_are_the_sums_of_their_parts() -> None:
    hosts = [host for host in EXPECTED["hosts"].values() if "installations" in host]
    assert len(hosts) == EXPECTED["collected"]
    assert sum(host["installations"] for host in hosts) == EXPECTED["installations"]
    assert sum(host["skipped"] for host in hosts) == EXPECTED["skipped"]
    products = {copy["product"] for copy in EXPECTED["copies"]} | {p for host in hosts for p in host["others"]}
    assert len(products) == EXPECTED["products"]
    lines = Counter(line["decision"] for line in [*EXPECTED["copies"], *EXPECTED["product_level"]])
    assert dict(lines) == EXPECTED["verdicts"]
    assert len(EXPECTED["unlisted_free"]) == EXPECTED["findings"]["unlisted_free"]
    assert sum(position["gap"] for position in EXPECTED["positions"]) == EXPECTED["gap"]
    assert sum(position["idle"] for position in EXPECTED["positions"]) == EXPECTED["idle"]


def test_the_legal_rate_moves_the_surplus_from_licensed_to_unlicensed_by_count() -> None:
    surplus = sum(line["quantity"] for line in EXPECTED["product_level"])
    licensed = sum(copy["decision"] == "licensed" for copy in RATED) - surplus
    open_copies = sum(copy["decision"] == "to_verify" for copy in RATED)
    assert rate("legal_rate") == (licensed, len(RATED), licensed, licensed + open_copies)
    for kind in ("legal_rate", "domestic_rate"):
        parts = [rate(f"{kind}.{category}") for category in ("operating_system", "office", "antivirus", "industrial")]
        assert tuple(map(sum, zip(*parts, strict=True))) == rate(kind)


def test_the_workbooks_hold_what_their_csv_says() -> None:
    for path in make_ledgers.workbook_paths():
        sheet = load_workbook(path).worksheets[0]
        width = sheet.max_column
        found = [[value.date() if hasattr(value, "date") else value for value in row] for row in sheet.values]  # pyright: ignore
        rows = make_ledgers.read_rows(path.with_suffix(".csv"))
        assert found == [[*(make_ledgers.cell(text) for text in row), *[None] * (width - len(row))] for row in rows], (
            path.name
        )


def test_the_free_list_is_gbk_and_its_numbers_are_those_of_the_licence_ledger() -> None:
    listed = {row[1]: row[2] for row in ledger("可使用免费软件清单.csv", "gbk") if row[1].startswith("RJ")}
    rows = {row[1]: row for row in ledger("软件使用情况汇总表.csv") if len(row) > 1 and row[1].startswith("RJ")}
    assert listed == {number: row[2] for number, row in rows.items() if row[4] == "免费软件"}
    counted = {number for number, row in rows.items() if row[8].isdecimal()}
    assert counted == {position["software_no"] for position in EXPECTED["positions"]}
    assert {proof["software_no"] for proof in demo_unit.described_unit()["proofs"]} <= set(rows)


def test_the_asset_rows_name_the_machines_that_stand_on_the_network() -> None:
    rows = {row[0]: row for row in ledger("固定资产.csv") if row[0].startswith("ZC")}
    plans = {plan.name: plan for plan in demo_unit.host_plans("secret")}
    for name, host in EXPECTED["hosts"].items():
        if host["asset"] is None:
            continue
        row, plan = rows[host["asset"]], plans[name]
        assert row[8] == plan.address
        assert isinstance(plan, WindowsPc | LinuxPc)
        assert plan.hardware is not None
        assert row[6] == ("" if name == "PC6" else plan.hardware.serial)  # nobody filled in the firmware of PC6
        assert "".join(c for c in row[7] if c.isalnum()).lower() == plan.mac.replace(":", "")
    computers = [row for row in rows.values() if row[1].startswith("A020101")]
    assert EXPECTED["rates"]["coverage_rate"]["d"] == sum(int(row[3]) for row in computers)


def test_each_hive_plants_product_keys_that_must_never_be_shown() -> None:
    keys = demo_unit.product_keys()
    assert len(keys) == 3
    assert all(len(key) == 29 for key in keys)


def test_each_activation_rule_is_shown_on_a_computer_that_answers_over_wmi() -> None:
    computers = demo_unit.wmi_computers()
    shown = {copy["rule"]: copy["host"] for copy in EXPECTED["copies"] if copy["host"] in computers}
    assert {"R1", "R2", "R3", "R6", "R8", "R9", "R10", "R11"} <= set(shown)
    assert set(shown.values()) == set(computers)
    unread = {copy["host"] for copy in EXPECTED["copies"] if copy["rule"] == "R31"}
    assert not unread & set(computers)


def test_wmi_names_the_same_serial_as_the_firmware() -> None:
    plans = {plan.name: plan for plan in demo_unit.host_plans("secret")}
    for name, spaces in demo_unit.wmi_computers().items():
        plan, (_, rows) = plans[name], spaces["root/cimv2"]["Win32_BIOS"]
        assert isinstance(plan, WindowsPc)
        assert plan.hardware is not None
        assert rows[0]["SerialNumber"] == plan.hardware.serial


def test_only_the_refusing_host_has_another_password() -> None:
    logins = {plan.name: plan.password for plan in demo_unit.host_plans("s") if isinstance(plan, WindowsPc | LinuxPc)}
    assert {name for name, password in logins.items() if password != "s"} == {"PC3"}
