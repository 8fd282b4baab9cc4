"""A workbook → a preview: accepted records, rejected rows with reasons, and why every other row holds no record.

Of the previewed sheet ``rows_read = rows_accepted + rows_rejected + rows_skipped``, always.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from appliance.ledger import columns as columns_file
from appliance.ledger.columns import Columns, Form
from appliance.ledger.headers import Header, find_header, foreign_headers, plainly_data, skip_reason
from appliance.ledger.kinds import KINDS, Kind
from appliance.ledger.model import DeclaredRecord, LedgerKind, RowProblem, RowRef
from appliance.ledger.reading import Merge, Row, Sheet, Workbook, undisturbed
from appliance.ledger.rows import Rows
from appliance.ledger.text import Cell
from config.message import Message
from config.problems import BadInput


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would bring, before anybody accepts it.

    ``mapping``: field → headers as they stand in the file. ``unmapped``: headers that were not understood.
    ``skipped``: code of the reason → row numbers. ``problems`` holds rejected rows and notes on accepted ones;
    a problem with row 0 speaks of the file.
    """

    kind: LedgerKind
    sheet: str
    header_row: int
    mapping: Mapping[str, tuple[str, ...]]
    accepted: tuple[DeclaredRecord, ...]
    problems: tuple[RowProblem, ...]
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    rows_skipped: int
    skipped: Mapping[str, tuple[int, ...]]
    unmapped: tuple[str, ...]


@dataclass
class _Tally:
    """What the rows of one sheet came to."""

    accepted: dict[Hashable, DeclaredRecord]
    problems: list[RowProblem]
    skipped: dict[str, list[int]]
    rejected: int = 0

    def skip(self, reason: str, number: int) -> None:
        self.skipped.setdefault(reason, []).append(number)


def preview(
    kind: LedgerKind,
    workbook: Workbook,
    file_id: str,
    *,
    sheet: str | None = None,
    columns: Columns | None = None,
) -> ImportPreview:
    """Read the sheet that fits ``kind`` best, or the one named.

    Raises BadInput ``ledger.no_such_sheet``, ``no_header``, ``wrong_form`` and ``missing_column`` (which names the
    column and what headers were seen).
    """
    columns = columns or columns_file.standard()
    form = columns.forms[kind]
    chosen, header = _choose(workbook, form, sheet)
    _check_header(chosen, header, form)
    with undisturbed():
        tally = _tally(chosen, header, form, columns, file_id)
    tally.problems.extend(_other_sheets(workbook, chosen, form, file_id))
    return ImportPreview(
        kind=kind,
        sheet=chosen.name,
        header_row=header.row,
        mapping={field: header.texts(field) for field in header.columns},
        accepted=tuple(tally.accepted.values()),
        problems=tuple(tally.problems),
        rows_read=len(chosen.rows),
        rows_accepted=len(tally.accepted),
        rows_rejected=tally.rejected,
        rows_skipped=sum(map(len, tally.skipped.values())),
        skipped={reason: tuple(numbers) for reason, numbers in tally.skipped.items()},
        unmapped=header.unmapped(),
    )


def guess_kind(workbook: Workbook, columns: Columns | None = None) -> LedgerKind | None:
    """The ledger whose columns the file shows: all required ones, none of another form; None when none or two fit."""
    forms = (columns or columns_file.standard()).forms.values()
    scores = {form.kind: _fit(workbook, form) for form in forms}
    best = max(scores.values())
    kinds = [kind for kind, score in scores.items() if score == best]
    return kinds[0] if best and len(kinds) == 1 else None


def _fit(workbook: Workbook, form: Form) -> int:
    """The most recognised columns that any sheet shows for this form; 0 when it is not this form."""
    headers = (find_header(sheet.rows, form) for sheet in workbook.sheets)
    complete = (header for header in headers if header and _is_form(header, form))
    return max((len(header.columns) for header in complete), default=0)


def _is_form(header: Header, form: Form) -> bool:
    return all(field in header.columns for field in form.required) and not foreign_headers(header, form)


def _choose(workbook: Workbook, form: Form, name: str | None) -> tuple[Sheet, Header]:
    sheets = [sheet for sheet in workbook.sheets if name is None or sheet.name == name]
    if not sheets:
        raise BadInput("ledger.no_such_sheet", sheet=name, sheets=_names(workbook))
    found = [(sheet, header) for sheet in sheets if (header := find_header(sheet.rows, form))]
    if not found:
        expected = "、".join(list(form.labels.values())[1:6])
        raise BadInput("ledger.no_header", title=form.title, sheets=_names(workbook), expected=expected)
    return max(found, key=lambda pair: (_is_form(pair[1], form), len(pair[1].columns)))


def _names(workbook: Workbook) -> str:
    return "、".join(sheet.name for sheet in workbook.sheets if sheet.name)


def _check_header(sheet: Sheet, header: Header, form: Form) -> None:
    if foreign := foreign_headers(header, form):
        raise BadInput("ledger.wrong_form", title=form.title, columns="、".join(foreign))
    if missing := [form.labels[field] for field in form.required if field not in header.columns]:
        seen = "、".join(text for text in header.seen if text)
        raise BadInput(
            "ledger.missing_column",
            title=form.title,
            columns="、".join(missing),
            sheet=sheet.name,
            row=header.row,
            seen=seen[:500],
        )


def _tally(sheet: Sheet, header: Header, form: Form, columns: Columns, file_id: str) -> _Tally:
    tally = _Tally({}, [], {})
    rows = Rows(*_data_rows(sheet, header, form, columns, file_id, tally), header, columns)
    shared = _merged_quantities(sheet, header)
    for index, ref in enumerate(rows.refs) if shared else ():
        if area := shared.get(ref.row):
            reason = Message.of("ledger.merged_quantity", first=area.first_row, last=area.last_row)
            rows.note(index, "quantity", reason, rejected=True)
    _file(rows, KINDS[form.kind], tally)
    return tally


def _data_rows(
    sheet: Sheet, header: Header, form: Form, columns: Columns, file_id: str, tally: _Tally
) -> tuple[list[RowRef], list[tuple[Cell, ...]]]:
    refs: list[RowRef] = []
    data: list[tuple[Cell, ...]] = []
    is_data = plainly_data(header, columns.words)
    for row in _filled_down(sheet, header, form):
        if not is_data(row) and (reason := skip_reason(row, header, columns.words)):
            tally.skip(reason, row[0])
        else:
            refs.append(RowRef(file_id, sheet.name, row[0]))
            data.append(row[1])
    return refs, data


def _file(rows: Rows, kind: Kind, tally: _Tally) -> None:
    """Read the rows and put each where it belongs."""
    for index, record in enumerate(kind.read(rows)):
        identity = kind.identity(record)
        earlier = tally.accepted.get(identity)
        if earlier is not None and index not in rows.rejected:
            value, row = str(getattr(record, kind.named_by)), rows.refs[index].row
            reason = Message.of("ledger.duplicate", value=value, first=earlier.ref.row, row=row)
            rows.note(index, kind.named_by, reason, rejected=True)
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


def _other_sheets(workbook: Workbook, chosen: Sheet, form: Form, file_id: str) -> Iterator[RowProblem]:
    """A note for each sheet with rows that this preview does not read."""
    for sheet in workbook.sheets:
        if sheet is not chosen and sheet.rows:
            header = find_header(sheet.rows, form)
            code = "ledger.same_form_on_other_sheet" if header and _is_form(header, form) else "ledger.sheet_not_read"
            reason = Message(code, {"sheet": sheet.name, "rows": len(sheet.rows)})
            yield RowProblem(RowRef(file_id, sheet.name, 0), "", reason, rejected=False)
