"""软件正版化工作信息统计表 (S1c 附件5): five small tables one below the other, each under a numbered title."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from appliance.ledger.cells import Unreadable, is_blank, read_amount, read_count
from appliance.ledger.columns import Words
from appliance.ledger.model import RowProblem, RowRef, Statistic
from appliance.ledger.reading import Sheet
from appliance.ledger.tallying import Tally
from appliance.ledger.text import Cell, clean, folded, key

FEWEST_PARTS = 3
"""A sheet with fewer numbered titles is another form."""

TEXTS = 1
"""The part whose values are names and telephone numbers."""

BOUGHT = 4
"""The part with amounts of money."""

TITLES = ("部门情况", "人员情况", "计算机情况", "采购情况", "许可情况")
_ORDINALS = "一二三四五"
_TITLE = re.compile(rf"([{_ORDINALS}])\s*[、.．,]?")
_ROW_LABELS = frozenset(("国内", "国外", "合计", "国产", "总计"))


def parts(sheet: Sheet) -> int:
    """How many of the five titles the sheet shows."""
    return len({part for _, cells in sheet.rows if (part := _part(cells))})


def add_sheet(tally: Tally, sheet: Sheet, words: Words, file_id: str) -> None:
    """Read the sheet: one Statistic for each filled cell below a header."""
    part, labels = 0, list[str]()
    for number, cells in sheet.rows:
        texts = [clean(cell) for cell in cells]
        if not any(texts):
            tally.skip("ledger.skip_blank", number)
        elif found := _part(cells):
            part, labels = found, []
            tally.skip("ledger.skip_header", number)
        elif not part:
            tally.skip("ledger.skip_title", number)
        elif not labels or _is_second_header(cells, words):
            labels = _stack(labels, texts)
            tally.skip("ledger.skip_header", number)
        else:
            _add_row(tally, RowRef(file_id, sheet.name, number), part, labels, cells, words)


def _part(cells: Sequence[Cell]) -> int:
    first = key(next((clean(cell) for cell in cells if cell is not None), ""))
    match = _TITLE.match(first)
    return _ORDINALS.index(match[1]) + 1 if match and TITLES[_ORDINALS.index(match[1])] in first else 0


def _is_second_header(cells: Sequence[Cell], words: Words) -> bool:
    """许可数 and 金额 below the kinds of software: no row label, no number."""
    filled = [key(folded(cell)) for cell in cells if not is_blank(cell, words)]
    return bool(filled) and is_blank(cells[0], words) and all("许可数" in text or "金额" in text for text in filled)


def _stack(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Labels of two header rows, the upper one carried over the columns that it spans."""
    if not upper:
        return list(lower)
    width = max(len(upper), len(lower))
    last, spread = "", list[str]()
    for text in [*upper, *[""] * (width - len(upper))]:
        last = text or last
        spread.append(last)
    return [f"{group} {low}".strip() for group, low in zip(spread, [*lower, *[""] * (width - len(lower))], strict=True)]


def _add_row(tally: Tally, ref: RowRef, part: int, labels: Sequence[str], cells: Sequence[Cell], words: Words) -> None:
    label = clean(cells[0]) if cells and key(clean(cells[0])) in _ROW_LABELS else ""
    start = 1 if label else 0
    filled = [(place, cell) for place, cell in enumerate(cells) if place >= start and not is_blank(cell, words)]
    if not filled:
        tally.skip("ledger.skip_unfilled", ref.row)
        return
    faults = list(_faults(ref, part, labels, filled, words))
    tally.problems.extend(faults)
    if faults:
        tally.rejected += 1
        return
    for place, cell in filled:
        column = labels[place] if place < len(labels) else ""
        value = folded(cell) if part in (TEXTS, BOUGHT) else str(read_count(cell, words).value.number)
        record = Statistic(ref, part, label, column, value)
        tally.accepted[ref.row, place] = record


def _faults(
    ref: RowRef, part: int, labels: Sequence[str], filled: Sequence[tuple[int, Cell]], words: Words
) -> Iterator[RowProblem]:
    """Counts and amounts must be numbers."""
    for place, cell in filled if part != TEXTS else ():
        try:
            (read_amount if part == BOUGHT else read_count)(cell, words)
        except Unreadable as unreadable:
            yield RowProblem(ref, labels[place] if place < len(labels) else "", unreadable.reason)
