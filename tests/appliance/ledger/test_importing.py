"""Ledgers as they come: every row is accounted for, and every record is the one worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.ledger.importing import ImportPreview, guess_kind, preview
from appliance.ledger.model import (
    Asset,
    AssetCategory,
    LedgerKind,
    RowRef,
)
from appliance.ledger.reading import Workbook, read_table
from config import settings
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput
from tests.appliance.ledger import files, messy_assets, messy_forms, messy_licences
from tests.appliance.ledger.make_ledgers import FOLDER, FORMATS, file_of, password_of
from tests.appliance.ledger.messy import Messy, at
from tests.appliance.ledger.messy_assets import asset

LIMITS = settings.load(environment={}).ledger.model_copy(update={"child_seconds": 30})
ASSETS, LICENCES, FREE = LedgerKind.ASSETS, LedgerKind.LICENCES, LedgerKind.FREE_LIST
LICENCE = files.LICENCE_HEADER
MESSY = {**messy_assets.MESSY, **messy_licences.MESSY, **messy_forms.MESSY}


def read(path: Path) -> Workbook:
    return read_table(path, LIMITS, SystemClock())


def codes(found: ImportPreview, rejected: bool) -> dict[int, set[str]]:
    answer: dict[int, set[str]] = {}
    for problem in found.problems:
        if problem.rejected is rejected:
            answer.setdefault(problem.ref.row, set()).add(problem.reason.code.removeprefix("ledger."))
    return answer


def accounted(found: ImportPreview) -> bool:
    """Rows add up, and a rejected row always has a reason whose sentence is complete."""
    sentences = [render(problem.reason) for problem in found.problems]
    assert not [text for text in sentences if text.startswith("ledger.") or "（未知）" in text]
    rejected = {problem.ref.row for problem in found.problems if problem.rejected}
    assert len(rejected) == found.rows_rejected
    return found.rows_read == found.rows_accepted + found.rows_rejected + found.rows_skipped


def outcome(path: Path, case: Messy) -> tuple[object, ...]:
    """What came of a file, in the shape of :func:`expectation`."""
    found = preview(case.kind, read_table(path, LIMITS, SystemClock(), password_of(path)), "f1")
    assert accounted(found)
    kept = {row: notes for row, notes in codes(found, rejected=False).items() if row not in case.rejected}
    skipped = {reason.removeprefix("ledger."): rows for reason, rows in found.skipped.items()}
    records = [replace(one, ref=replace(one.ref, sheet="表")) for one in found.accepted]
    return records, codes(found, rejected=True), kept, skipped


def expectation(case: Messy) -> tuple[object, ...]:
    """Records, rejected rows, notes of the others, rows passed over: as worked out by hand."""
    return list(case.accepted), case.rejected, case.notes, case.skipped


def as_expected(path: Path, case: Messy) -> bool:
    """Whether the format of this file can hold what the case is about."""
    try:
        return outcome(path, case) == expectation(case)
    except (AssertionError, BadInput):
        return False


@pytest.mark.parametrize("name", MESSY)
def test_a_messy_ledger_gives_the_records_worked_out_by_hand(name: str) -> None:
    case = MESSY[name]
    assert outcome(file_of("messy", name), case) == expectation(case)


@pytest.mark.parametrize("name", MESSY)
def test_the_kind_of_ledger_is_guessed_from_its_header(name: str) -> None:
    case, path = MESSY[name], file_of("messy", name)
    assert guess_kind(read_table(path, LIMITS, SystemClock(), password_of(path))) == (
        case.kind if case.guessed else LedgerKind.ALLOCATIONS
    )


def test_forty_messy_ledgers_stand_in_every_format_that_units_hand_in() -> None:
    stored = [path.name.partition(".")[2] for path in (FOLDER / "messy").iterdir()]
    assert len(stored) == len(MESSY) >= 40
    assert {ending: stored.count(ending) for ending in FORMATS if stored.count(ending) < 2} == {}


def refused(kind: LedgerKind, workbook: Workbook, sheet: str | None = None) -> BadInput:
    with pytest.raises(BadInput) as caught:
        preview(kind, workbook, "f1", sheet=sheet)
    return caught.value


def test_a_missing_column_is_named_with_the_headers_that_were_seen(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["资产名称", "数量", "部门"], ["电脑", 1, "办公室"]]})
    sentence = render(refused(ASSETS, read(path)).message)
    assert "资产编号" in sentence
    assert "资产名称、数量、部门" in sentence


def test_a_file_without_a_header_is_refused_naming_the_columns_expected(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["随便", "写的"], [1, 2]]})
    assert "资产编号" in render(refused(ASSETS, read(path)).message)
    assert guess_kind(read(path)) is None


@pytest.mark.parametrize("kind", [ASSETS, LICENCES, FREE])
def test_another_form_is_not_taken_for_this_one(tmp_path: Path, kind: LedgerKind) -> None:
    annex_8 = ["序号", "部门", "姓名", "计算机编号", "资产编号", "软件编号", "软件名称", "软件版本", "安装日期"]
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [annex_8, [1, "办", "张", "PC1", "G1", "RJ1", "甲", "1", "2021"]]})
    assert refused(kind, read(path)).message.code == "ledger.wrong_form"
    assert guess_kind(read(path)) is LedgerKind.ALLOCATIONS


def test_sheets_that_are_not_read_are_told(tmp_path: Path) -> None:
    good = [["资产编号", "名称"], ["1", "电脑"]]
    path = files.xlsx(tmp_path / "a.xlsx", {"说明": [["填表说明"]], "机关": good, "下属": good})
    found = preview(ASSETS, read(path), "f1")
    assert found.sheet == "机关"
    told = {problem.ref.sheet: problem.reason.code for problem in found.problems}
    assert told == {"说明": "ledger.sheet_not_read", "下属": "ledger.same_form_on_other_sheet"}
    assert preview(ASSETS, read(path), "f1", sheet="下属").accepted == (
        replace(asset(2, "1", name="电脑"), ref=at(2, "下属")),
    )
    assert refused(ASSETS, read(path), "没有").message.code == "ledger.no_such_sheet"


def test_a_duplicate_names_both_rows(tmp_path: Path) -> None:
    path = files.xlsx(
        tmp_path / "a.xlsx", {"表": [["资产编号", "名称"], ["G1", "电脑"], ["G2", "电脑"], ["G1", "电脑"]]}
    )
    (problem,) = preview(ASSETS, read(path), "f1").problems
    assert (problem.ref.row, problem.column) == (4, "资产编号")
    assert dict(problem.reason.params) == {"value": "G1", "first": 2, "row": 4}


def test_columns_that_were_not_understood_are_listed(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["资产编号", "名称", "星座"], ["G1", "电脑", "双鱼"]]})
    found = preview(ASSETS, read(path), "f1")
    assert found.unmapped == ("星座",)
    assert found.mapping == {"asset_no": ("资产编号",), "name": ("名称",)}


def test_a_gbk_table_with_tabs_is_a_ledger_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "台账.xls"
    grid = [["某局资产"], ["资产编号", "资产名称", "数量"], ["GD-1", "台式机", "3"], ["合计", "", "3"]]
    path.write_bytes(files.csv_text(grid, "\t").encode("gbk"))
    found = preview(ASSETS, read(path), "f1")
    assert found.accepted == (
        Asset(RowRef("f1", "", 3), "GD-1", quantity=3, name="台式机", category=AssetCategory.DESKTOP),
    )
    assert accounted(found)


def test_no_full_product_key_is_left_in_anything_that_is_stored(tmp_path: Path) -> None:
    key = "VK7JG-NPHTM-C97JM-9MPGT-3V66T"
    grid = [
        LICENCE,
        [1, *[key] * (len(LICENCE) - 1)],
        [2, "RJ2", key, key, "商业", key, key, key, 1, key, "永久", key, key],
    ]
    found = preview(LICENCES, read(files.xlsx(tmp_path / "a.xlsx", {"表": grid})), "f1")
    assert "NPHTM" not in repr(found)
    assert found.rows_rejected == 1
    assert accounted(found)
