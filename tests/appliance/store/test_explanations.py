"""What a stored number leads to: page by page exactly what it counts, in audits of today and in older ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.judgement import explain
from appliance.judgement.audit import AuditRun, run_audit
from appliance.judgement.documents import rate_document
from appliance.ledger.model import Allocation, AssetCategory, LedgerKind, RowRef
from appliance.store import audits, explanations, ledgers, records
from appliance.store.database import Db, Row, opened
from appliance.store.marks import fill_marks
from appliance.store.schema import INSPECTION
from tests.appliance.judgement.world import Unit, entry

NOW = "2026-11-02T09:00:00+08:00"
KIND = LedgerKind.ALLOCATIONS


def _unit() -> Unit:
    """Every decision, both origins, computers off the ledger; nothing over its licence, so rates count verdicts."""
    unit = Unit()
    unit.add("h1", entry("WPS Office", "2019"), entry("奇安信天擎"), os="Windows 10")
    unit.add("h2", entry("WPS Office", "2019"), entry("Microsoft Office", "2019"), entry("看图个人版"))
    unit.add("h3", entry("LibreOffice"), entry("火绒个人版"), entry("WinRAR"), listed=False)
    unit.add("h4", entry("AutoCAD", "2020"), entry("看图个人版"), os="神秘系统")
    unit.add("h5", entry("WPS Office", "2019"), os="银河麒麟桌面操作系统")
    unit.buy("S1", "WPS Office", 9)
    return unit


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Db]:
    with opened(tmp_path / "inspection.db", INSPECTION, create=True) as db:
        yield db


def _store(db: Db, unit: Unit) -> AuditRun:
    run = run_audit(unit.inputs())

    def after() -> Iterator[Row]:
        rates = {name: rate_document(rate) for name, rate in run.rates.items()}
        said = {"head": run.head, "rates": rates, "positions": [], "digest": "", "findings": []}
        yield {**said, "hosts": run.hosts(), "assets": run.assets()}

    audits.save_audit(db, {"id": "a1", "created_at": NOW}, run.both(), after())
    return run


def _pages(read: Callable[[int], list[int]]) -> list[int]:
    """Everything, two at a time."""
    found: list[int] = []
    while page := read(found[-1] if found else -1):
        found += page
    return found


def _counted(db: Db, name: str, number: str, audited: list[str]) -> list[int]:
    wanted, marked = explain.counted(name, number, audited), explain.counted_by_computer(name, number)

    def read(after: int) -> list[int]:
        if wanted:
            return [seq for seq, _ in explanations.verdicts_counted(db, "a1", wanted.cells(), after, 2)]
        assert marked
        return [row["sequence"] for row in explanations.computers_counted(db, "a1", *marked, after, 2)]

    return _pages(read)


def _all_numbers(db: Db, run: AuditRun) -> dict[tuple[str, str], tuple[int, int]]:
    audited = sorted(run.head["policy"]["switches"]["audited_categories"]["value"])
    names = [name for name in run.rates if name.partition(".")[0].endswith(("legal_rate", "domestic_rate"))]
    return {
        (name, number): (len(found), getattr(run.rates[name], number))
        for name in names
        for number in ("n", "d", "excluded", "lower", "upper")
        for found in [_counted(db, name, number, audited)]
        if len(set(found)) == len(found) and found == sorted(found)
    }


def test_every_number_of_a_software_rate_leads_page_by_page_to_exactly_what_it_counts(db: Db) -> None:
    numbers = _all_numbers(db, _store(db, _unit()))
    assert len(numbers) >= 100
    assert {place: pair for place, pair in numbers.items() if pair[0] != pair[1]} == {}
    assert {name.partition(".")[0] for (name, _), (_, value) in numbers.items() if value} == {
        "legal_rate",
        "domestic_rate",
        "computer_legal_rate",
        "computer_domestic_rate",
    }


def _in_parts(unit: Unit) -> Unit:
    """Its computers in two departments, of several kinds, and one of them of no stated 信创."""
    said = {
        "h1": ("财务科", AssetCategory.DESKTOP, False),
        "h2": ("财务科", AssetCategory.NOTEBOOK, True),
        "h4": ("规划科", AssetCategory.DESKTOP, False),
        "h5": ("规划科", AssetCategory.NONE, None),
    }
    for n, asset in enumerate(unit.assets):
        department, kind, xinchuang = said[asset.asset_no.removeprefix("ZC-")]
        unit.assets[n] = replace(asset, department=department, category=kind, xinchuang=xinchuang)
    return unit


def _counted_in(db: Db, place: tuple[str, str, tuple[str, str]], audited: list[str]) -> list[int]:
    name, number, part = place
    if wanted := explain.counted(name, number, audited):
        return _pages(
            lambda after: [s for s, _ in explanations.verdicts_counted_in(db, "a1", wanted.cells(), part, after, 2)]
        )
    if number == "d":
        return _pages(lambda after: [r["sequence"] for r in explanations.base_assets(db, "a1", part, after, 2)])
    return _pages(
        lambda after: [r["sequence"] for r in explanations.listed_hosts(db, "a1", "collected", part, after, 2)]
    )


@pytest.mark.parametrize("few", [0, explanations.FEW])  # through the computers, and through the verdicts
def test_every_number_of_a_part_leads_to_exactly_what_it_counts_and_the_parts_add_up(
    db: Db, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "FEW", few)
    run = _store(db, _in_parts(_unit()))
    audited, parts = sorted(run.head["policy"]["switches"]["audited_categories"]["value"]), run.head["breakdowns"]
    numbers: dict[tuple[str, str, tuple[str, str]], int] = {
        (name, number, (dimension, group)): rate[number]
        for dimension, groups in parts.items()
        for group, rates in groups.items()
        for name, rate in rates.items()
        if name.partition(".")[0] in ("legal_rate", "domestic_rate", "coverage_rate")
        for number in ("n", "d", "excluded", "lower", "upper")
        if not (name == "coverage_rate" and number == "excluded")
    }
    assert len(numbers) >= 200
    assert {place: n for place, n in numbers.items() if len(_counted_in(db, place, audited)) != n} == {}
    assert set(parts["department"]) == {"", "财务科", "规划科"}
    assert set(parts["kind"]) == {"desktop", "notebook", "other"}
    assert set(parts["xinchuang"]) == {"", "no", "yes"}
    for name in ("legal_rate", "legal_rate.office", "domestic_rate", "coverage_rate", "asset_match_rate"):
        for groups in parts.values():
            for number in ("n", "d", "upper"):
                of_parts = sum(rates[name][number] for rates in groups.values() if name in rates)
                assert of_parts == getattr(run.rates[name], number), (name, number)


def test_an_audit_from_before_the_parts_is_known_as_such(db: Db) -> None:
    _store(db, _unit())
    assert explanations.has_parts(db, "a1")
    db.execute("UPDATE audit_hosts SET kind = NULL")
    assert not explanations.has_parts(db, "a1")


def test_an_audit_older_than_the_marks_counts_the_same_computers(db: Db) -> None:
    _store(db, _unit())
    marks = "SELECT host_id, marks FROM audit_hosts ORDER BY host_id"
    own = db.rows(marks)
    assert len({row["marks"] for row in own}) > 2
    db.execute("UPDATE audit_hosts SET marks = ''")
    fill_marks(db)
    assert db.rows(marks) == own


def test_a_surplus_is_shown_without_the_observations_that_its_verdict_keeps(db: Db) -> None:
    unit = _unit()
    unit.licences.clear()
    unit.buy("S1", "WPS Office", 1)
    _store(db, unit)
    (shown,) = explanations.product_level(db, "a1", ["office"])
    assert explanations.surplus_of_product(db, "a1", "wps") == [shown]
    whole = audits.get_verdict(db, "a1", shown["id"])
    assert whole is not None
    assert len(whole.pop("observations")) == 3
    assert shown == whole


def _allocations(db: Db, file_id: str, count: int) -> None:
    row = {"id": file_id, "kind": KIND, "name": file_id, "sha256": "", "received_at": NOW, "filled_on": None}
    records = [Allocation(RowRef(file_id, "表", n), f"{file_id}-{n}", "RJ1", "WPS Office") for n in range(count)]
    ledgers.save_file(db, {**row, "counts": {}, "mapping": {}, "headers": []}, KIND, records, ())
    ledgers.accept_file(db, file_id)


def test_papers_are_numbered_and_read_in_pages_from_one_file_and_from_several(db: Db) -> None:
    def read(after: int) -> list[int]:
        return [row["sequence"] for row in explanations.papers_of(db, "ledger_match_rate", after, 2)]

    assert _pages(read) == []
    _allocations(db, "f1", 5)
    assert _pages(read) == [0, 1, 2, 3, 4]
    alone = explanations.papers_of(db, "ledger_match_rate", -1, 5)
    _allocations(db, "f2", 3)
    assert _pages(read) == [*range(8)]
    assert explanations.papers_of(db, "ledger_match_rate", -1, 5) == alone, "the same rows, read another way"
    assert [row["computer_no"] for row in explanations.allocated(db, "RJ1", 6)] == [
        *(f"f1-{n}" for n in range(5)),
        "f2-0",
    ]


def test_entered_papers_come_after_the_rows_of_the_ledger(db: Db) -> None:
    for n in range(3):
        fields = {"ref": {"file": "", "sheet": "", "row": n}, "name": f"软件 {n}", "origin": "domestic", "sets": 1}
        records.save(db, f"r{n}", "purchases", NOW, records.parse("purchases", fields))
    first, last = (explanations.papers_of(db, "domestic_purchase_rate", after, 2) for after in (-1, 1))
    assert [(row["sequence"], row["name"]) for row in (*first, *last)] == [(n, f"软件 {n}") for n in range(3)]
