"""Writes the workbooks of the made-up unit from its CSV files: ``python -m tests.lab.make_ledgers``.

The CSV is the source; the workbook has what real ones have: merged title rows, numbers as numbers, some dates as dates.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.lab import demo_unit

ISO_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
WRITTEN = datetime(2026, 10, 31, tzinfo=UTC).replace(tzinfo=None)

Cell = str | int | date | None


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a source file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def cell(text: str) -> Cell:
    """What a clerk's spreadsheet program makes of the text: whole numbers and ISO dates are typed, the rest is text."""
    if not text:
        return None
    if ISO_DATE.match(text):
        return date.fromisoformat(text)
    return int(text) if text.isdecimal() and not text.startswith("0") and len(text) < 9 else text


def workbook(title: str, rows: Sequence[Sequence[str]]) -> Workbook:
    """One sheet; rows with a single filled cell are titles merged over the whole width."""
    book = Workbook()
    book.properties.created = book.properties.modified = WRITTEN
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    width = max(len(row) for row in rows)
    for number, row in enumerate(rows, start=1):
        sheet.append([cell(text) for text in row])
        if sum(bool(text) for text in row) == 1:
            sheet.merge_cells(start_row=number, end_row=number, start_column=1, end_column=width)
    return book


def workbook_paths() -> list[Path]:
    """The workbooks among the unit's ledgers; the source of each is the CSV file beside it."""
    return [path for path in demo_unit.ledgers().values() if path.suffix == ".xlsx"]


def main() -> None:
    """Write every workbook beside its source."""
    for path in workbook_paths():
        workbook(path.stem, read_rows(path.with_suffix(".csv"))).save(path)
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
