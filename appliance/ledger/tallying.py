"""The rows of one sheet → accepted records, rejected rows with reasons, and why every other row holds no record."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from appliance.ledger.cells import is_blank
from appliance.ledger.columns import Columns, Form, Words
from appliance.ledger.headers import Header, find_header, plainly_data, skip_reason
from appliance.ledger.kinds import KINDS, Kind
from appliance.ledger.model import DeclaredRecord, RowProblem, RowRef
from appliance.ledger.reading import Merge, Row, Sheet
from appliance.ledger.rows import Rows
from appliance.ledger.text import Cell
from config.message import Message

Cells = tuple[Cell, ...]


@dataclass(slots=True)
class Tally:
    """What rows came to. ``accepted`` is by what may stand only once."""

    accepted: dict[Hashable, DeclaredRecord] = field(default_factory=dict[Hashable, DeclaredRecord])
    problems: list[RowProblem] = field(default_factory=list[RowProblem])
    skipped: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    rejected: int = 0

    def skip(self, reason: str, number: int) -> None:
        """Account for a row that holds no record."""
        self.skipped.setdefault(reason, []).append(number)


def add_sheet(tally: Tally, sheet: Sheet, header: Header, form: Form, columns: Columns, file_id: str) -> None:
    """Read the rows of a sheet whose header is known."""
    refs, data = _data_rows(sheet, header, form, columns, file_id, tally)
    data = _carried_down(data, header, form, columns.words)
    rows = Rows(refs, data, header, columns, _head(sheet, header, form))
    shared = _merged_quantities(sheet, header)
    for index, ref in enumerate(rows.refs) if shared else ():
        if area := shared.get(ref.row):
            reason = Message.of("ledger.merged_quantity", first=area.first_row, last=area.last_row)
            rows.note(index, "quantity", reason, rejected=True)
    _file(rows, KINDS[form.kind], tally)


def _data_rows(
    sheet: Sheet, header: Header, form: Form, columns: Columns, file_id: str, tally: Tally
) -> tuple[list[RowRef], list[tuple[Cell, ...]]]:
    refs: list[RowRef] = []
    data: list[tuple[Cell, ...]] = []
    is_data = plainly_data(header, columns.words)
    for row, (number, filled) in zip(sheet.rows, _filled_down(sheet, header, form), strict=True):
        if not is_data(row) and (reason := skip_reason(row, header, columns.words)):
            tally.skip(reason, number)
        else:
            refs.append(RowRef(file_id, sheet.name, number))
            data.append(filled)
    return refs, data


def _carried_down(data: list[Cells], header: Header, form: Form, words: Words) -> list[Cells]:
    """An empty cell of such a column repeats the row above: a person's or computer's rows in 附件8."""
    places = [place for name in form.carry_down for place in header.columns.get(name, ())]
    if not places:
        return data
    last: dict[int, Cell] = {}
    carried: list[Cells] = []
    for cells in data:
        row = list(cells) + [None] * (max(places) + 1 - len(cells))
        for place in places:
            if is_blank(row[place], words):
                row[place] = last.get(place)
            else:
                last[place] = row[place]
        carried.append(tuple(row))
    return carried


def _head(sheet: Sheet, header: Header, form: Form) -> Mapping[str, Cell]:
    """What stands once above the table: a small table of its own, its values in the row below its headers."""
    above = tuple(row for row in sheet.rows if row[0] < header.first_row)
    found = find_header(above, replace(form, by_header=form.head)) if form.head else None
    if found is None:
        return {}
    values = dict(above).get(found.row + 1, ())
    return {name: values[places[0]] for name, places in found.columns.items() if places[0] < len(values)}


def _file(rows: Rows, kind: Kind, tally: Tally) -> None:
    """Read the rows and put each where it belongs."""
    for index, record in enumerate(kind.read(rows)):
        identity = kind.identity(record)
        earlier = tally.accepted.get(identity)
        if earlier is not None and index not in rows.rejected:
            value, row = str(getattr(record, kind.named_by)), rows.refs[index].row
            reason = Message.of("ledger.duplicate", value=value, first=earlier.ref.row, row=row)
            rows.note(index, kind.named_by, reason, rejected=True)
            if breach := kind.sharing(earlier, record):
                rows.note(index, kind.named_by, breach)
        if index not in rows.rejected:
            tally.accepted[identity] = record
        if problems := rows.problems.get(index):
            tally.problems.extend(problems)
    tally.rejected += len(rows.rejected)


def _filled_down(sheet: Sheet, header: Header, form: Form) -> Iterator[Row]:
    """The rows, with a merged cell of a describing column (部门 …) repeated for every row it spans."""
    fields = form.fill_down & header.columns.keys()
    places = {place for field in fields for place in header.columns[field]}
    fill = _fills(sheet, header, places)
    if not fill:
        yield from sheet.rows
        return
    for number, cells in sheet.rows:
        yield number, _with(cells, fill.get(number, {}))


def _fills(sheet: Sheet, header: Header, places: set[int]) -> Mapping[int, Mapping[int, Cell]]:
    """Row number → position → value from the top of its merged area."""
    values = dict(sheet.rows)
    fill: dict[int, dict[int, Cell]] = {}
    for merge in sheet.merges:
        top = values.get(merge.first_row, ())
        if merge.first_column not in places or merge.first_row <= header.row or merge.first_column >= len(top):
            continue
        for number in range(merge.first_row + 1, min(merge.last_row, sheet.rows[-1][0]) + 1):
            fill.setdefault(number, {})[merge.first_column] = top[merge.first_column]
    return fill


def _with(cells: tuple[Cell, ...], fill: Mapping[int, Cell]) -> tuple[Cell, ...]:
    if not any(cell is not None for cell in cells) or not fill:
        return cells
    width = max(len(cells), max(fill) + 1)
    padded = (*cells, *(None for _ in range(width - len(cells))))
    return tuple(fill.get(place, cell) if cell is None else cell for place, cell in enumerate(padded))


def _merged_quantities(sheet: Sheet, header: Header) -> Mapping[int, Merge]:
    """Rows that share one 数量 cell: nobody can tell whose number it is."""
    places = header.columns.get("quantity", ())
    areas = (
        merge
        for merge in sheet.merges
        if merge.first_column in places and merge.first_row > header.row and merge.last_row > merge.first_row
    )
    last = sheet.rows[-1][0]
    return {number: merge for merge in areas for number in range(merge.first_row, min(merge.last_row, last) + 1)}
