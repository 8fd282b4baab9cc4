"""A workbook → a preview: accepted records, rejected rows with reasons, and why every other row holds no record.

Of the previewed sheet ``rows_read = rows_accepted + rows_rejected + rows_skipped``, always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from appliance.ledger import columns as columns_file
from appliance.ledger import statistics
from appliance.ledger.cells import Unreadable
from appliance.ledger.columns import Columns, Form, Words
from appliance.ledger.dates import read_date
from appliance.ledger.headers import SEARCHED, Header, find_header, foreign_headers, header_key
from appliance.ledger.model import DeclaredRecord, LedgerKind, RowProblem, RowRef
from appliance.ledger.reading import Sheet, Workbook, undisturbed
from appliance.ledger.tallying import Tally, add_sheet
from appliance.ledger.text import Cell, clean, folded, key
from config.message import Message
from config.problems import BadInput

SAMPLED, SAMPLES, SAMPLE_LENGTH = 30, 3, 40
"""Rows looked at for samples of a column, samples shown, and characters of each."""

SECRET = frozenset(("serial",))
"""Fields whose cells hold product keys: no sample of them is kept."""

_LONG_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{14,}([0-9A-Za-z]{5})")
_FILLED_ON = re.compile(r"(?:填表|填报|制表)?日期\s*[:：]?\s*(\d{4}\s*[年./-]\s*\d{1,2}(?:\s*[月./-]\s*\d{1,2})?)")


@dataclass(frozen=True, slots=True)
class Heading:
    """One column: its header, the field it was taken for (empty: not understood) and what stands below it.

    Long codes in the samples are cut to their end: the column may hold product keys.
    """

    header: str
    field: str
    samples: tuple[str, ...]


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
    filled_on: date | None = None  # 填表日期 above the table
    headings: tuple[Heading, ...] = ()  # of the previewed table, from left to right


def preview(
    kind: LedgerKind,
    workbook: Workbook,
    file_id: str,
    *,
    sheet: str | None = None,
    columns: Columns | None = None,
    taught: Mapping[str, str] | None = None,
) -> ImportPreview:
    """Read the sheet that fits ``kind`` best, or the one named; all that fit where the form has a sheet an entry.

    ``taught``: header → field, or empty for a column to leave out, as corrected for this unit before.

    Raises BadInput ``ledger.no_such_sheet``, ``no_header``, ``wrong_form`` and ``missing_column`` (which names the
    column and what headers were seen).
    """
    columns = columns or columns_file.standard()
    if kind is LedgerKind.STATISTICS:
        return _statistics(workbook, file_id, columns, sheet)
    form = _taught(columns.forms[kind], taught or {})
    chosen, header = _choose(workbook, form, sheet)
    _check_header(chosen, header, form)
    sheets = [(chosen, header)]
    if form.every_sheet and sheet is None:
        sheets = [(one, own) for one in workbook.sheets if (own := find_header(one.rows, form)) and _is_form(own, form)]
        sheets = sheets or [(chosen, header)]
    tally = Tally()
    with undisturbed():
        for one, own in sheets:
            add_sheet(tally, one, own, form, columns, file_id)
    tally.problems.extend(_other_sheets(workbook, [one for one, _ in sheets], form, file_id))
    read = sum(len(one.rows) for one, _ in sheets)
    mapping = {field: header.texts(field) for field in header.columns}
    names = "、".join(one.name for one, _ in sheets)
    found = _preview(kind, names, read, tally, (header.row, mapping, header.unmapped()))
    return replace(found, filled_on=_filled_on(chosen, header, columns.words), headings=_headings(chosen, header))


def _headings(sheet: Sheet, header: Header) -> tuple[Heading, ...]:
    fields = {position: field for field, positions in header.columns.items() for position in positions}
    below = list(islice((cells for number, cells in sheet.rows if number > header.row), SAMPLED))
    return tuple(
        Heading(text, fields.get(place, ""), _samples(below, place, fields.get(place, "")))
        for place, text in enumerate(header.seen)
        if text
    )


def _samples(rows: Sequence[Sequence[Cell]], place: int, field: str) -> tuple[str, ...]:
    texts = (clean(cells[place])[:SAMPLE_LENGTH] for cells in rows if place < len(cells) and field not in SECRET)
    distinct = dict.fromkeys(_LONG_CODE.sub(r"…\1", text) for text in texts if text)
    return tuple(islice(distinct, SAMPLES))


def _filled_on(sheet: Sheet, header: Header, words: Words) -> date | None:
    """The date of ``填表日期：2026年10月31日`` above the table; None when there is none that can be read."""
    for number, cells in sheet.rows:
        text = " ".join(folded(cell) for cell in cells if cell is not None) if number < header.first_row else ""
        if match := _FILLED_ON.search(text):
            try:
                span = read_date(match[1], words).value
            except Unreadable:
                return None
            return span.last if span else None
        if number >= header.first_row:
            break
    return None


Understood = tuple[int, Mapping[str, tuple[str, ...]], tuple[str, ...]]
"""Row of the header, field → headers, and headers that were not understood."""


def _preview(kind: LedgerKind, sheet: str, rows_read: int, tally: Tally, header: Understood) -> ImportPreview:
    skipped = sum(map(len, tally.skipped.values()))
    return ImportPreview(
        kind=kind,
        sheet=sheet,
        header_row=header[0],
        mapping=header[1],
        accepted=tuple(tally.accepted.values()),
        problems=tuple(tally.problems),
        rows_read=rows_read,
        rows_accepted=rows_read - skipped - tally.rejected,
        rows_rejected=tally.rejected,
        rows_skipped=skipped,
        skipped={reason: tuple(numbers) for reason, numbers in tally.skipped.items()},
        unmapped=header[2],
    )


def _statistics(workbook: Workbook, file_id: str, columns: Columns, name: str | None) -> ImportPreview:
    """S1c 附件5: five small tables one below the other. Raises BadInput."""
    sheets = [sheet for sheet in workbook.sheets if name is None or sheet.name == name]
    if not sheets:
        raise BadInput("ledger.no_such_sheet", sheet=name, sheets=_names(workbook))
    chosen = max(sheets, key=statistics.parts)
    if statistics.parts(chosen) < statistics.FEWEST_PARTS:
        raise BadInput("ledger.no_statistics", sheets=_names(workbook))
    tally = Tally()
    statistics.add_sheet(tally, chosen, columns.words, file_id)
    return _preview(LedgerKind.STATISTICS, chosen.name, len(chosen.rows), tally, (0, {}, ()))


def _taught(form: Form, taught: Mapping[str, str]) -> Form:
    """The form with headers as corrected by hand. Raises BadInput ``ledger.no_such_field``."""
    if not taught:
        return form
    by_header = dict(form.by_header)
    for header, field in taught.items():
        if field and field not in form.labels:
            raise BadInput("ledger.no_such_field", field=field, title=form.title)
        for word in {key(header), header_key(header)}:
            by_header[word] = (field, -1)
            if not field:
                del by_header[word]
    foreign = form.other_forms - {word for header in taught for word in (key(header), header_key(header))}
    return replace(form, by_header=by_header, other_forms=foreign)


def guess_kind(workbook: Workbook, columns: Columns | None = None) -> LedgerKind | None:
    """The ledger whose columns the file shows: all required ones, none of another form; None when none or two fit."""
    forms = (columns or columns_file.standard()).forms.values()
    scores = {form.kind: _fit(workbook, form) for form in forms}
    scores[LedgerKind.STATISTICS] = max((3 * statistics.parts(sheet) for sheet in workbook.sheets), default=0)
    best = max(scores.values())
    kinds = [kind for kind, score in scores.items() if score == best]
    if len(kinds) > 1:
        kinds = [form.kind for form in forms if form.kind in kinds and form.wins_ties]
    return kinds[0] if best and len(kinds) == 1 else None


def _fit(workbook: Workbook, form: Form) -> int:
    """The most recognised columns that any sheet shows for this form; 0 when it is not this form."""
    headers = (find_header(sheet.rows, form) for sheet in workbook.sheets)
    complete = (header for header in headers if header and _is_form(header, form) and header.shows(form.told_by))
    return max((len(header.columns) for header in complete), default=0)


def _is_form(header: Header, form: Form) -> bool:
    complete = all(field in header.columns for field in form.required)
    told_apart = not form.one_of or any(field in header.columns for field in form.one_of)
    return complete and told_apart and not foreign_headers(header, form)


def _choose(workbook: Workbook, form: Form, name: str | None) -> tuple[Sheet, Header]:
    sheets = [sheet for sheet in workbook.sheets if name is None or sheet.name == name]
    if not sheets:
        raise BadInput("ledger.no_such_sheet", sheet=name, sheets=_names(workbook))
    found = [(sheet, header) for sheet in sheets if (header := find_header(sheet.rows, form))]
    if not found:
        expected = "、".join(list(form.labels.values())[1:6])
        seen = "、".join(_likely_header(sheets))[:500]
        params = {"title": form.title, "sheets": _names(workbook), "expected": expected}
        raise BadInput("ledger.no_header", **params, kind=form.kind, seen=seen)
    return max(found, key=lambda pair: (_is_form(pair[1], form), len(pair[1].columns)))


def _likely_header(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    """The row near the top of the first sheet with rows that names most columns, in words."""
    rows = next((sheet.rows[:SEARCHED] for sheet in sheets if sheet.rows), ())
    texts = (tuple(clean(cell) for cell in cells if isinstance(cell, str) and cell.strip()) for _, cells in rows)
    return max(texts, key=len, default=())


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
            kind=form.kind,
        )


def _other_sheets(workbook: Workbook, chosen: Sequence[Sheet], form: Form, file_id: str) -> Iterator[RowProblem]:
    """A note for each sheet with rows that this preview does not read."""
    for sheet in workbook.sheets:
        if sheet not in chosen and sheet.rows:
            header = find_header(sheet.rows, form)
            code = "ledger.same_form_on_other_sheet" if header and _is_form(header, form) else "ledger.sheet_not_read"
            reason = Message(code, {"sheet": sheet.name, "rows": len(sheet.rows)})
            yield RowProblem(RowRef(file_id, sheet.name, 0), "", reason, rejected=False)
