"""The child that opens a stranger's file. It sends up, in this order:

``{"format": "xlsx", "encoding": ""}``, then for each sheet ``{"sheet": name, "merges": [[row, column, row, column]]}``
followed by ``{"first": number, "rows": [[cell, …], …], "dated": false}`` (``dated``: with dates);
or ``{"problem": {"code": …, "params": {…}}}`` and nothing more.

A dense grid of far-apart cells makes the reader abort the process. Looking for them takes as long as half the reading,
so it is done where reading failed: here when the reader still could say so, else in a child of its own (``inspect``).
"""

from __future__ import annotations

import datetime
import io
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msoffcrypto
import msoffcrypto.exceptions
import python_calamine as calamine

from appliance.ledger import archive, sniffing
from config.problems import BadInput
from config.settings import Ledger
from scanner.process import Emit, Job

BATCH = 500_000
"""Characters and cells sent at once; far below the length limit of one message."""

_PERHAPS_FAR_CELLS = frozenset(
    f"ledger.{name}" for name in ("malformed", "truncated", "too_many_rows", "too_many_columns", "too_many_cells")
)
_TEXT = frozenset((str,))
_PLAIN = frozenset((str, int, float, bool))


def parse(job: Job, emit: Emit) -> None:
    """Target of :func:`scanner.process.run`: job ``{"path", "password", "limits"}``."""
    _reporting(_send, job, emit)


def inspect(job: Job, emit: Emit) -> None:
    """The same job for a file at which :func:`parse` died: sends the problem, or nothing when none is seen."""
    _reporting(_look, job, emit)


def _reporting(work: Callable[[bytes, str | None, Ledger, Emit], None], job: Job, emit: Emit) -> None:
    limits = Ledger.model_validate(job["limits"])
    try:
        work(Path(job["path"]).read_bytes(), job["password"], limits, emit)
    except BadInput as refusal:
        emit({"problem": refusal.message.to_json()})


def _look(data: bytes, password: str | None, limits: Ledger, emit: Emit) -> None:
    plain = _decrypted(data, password) if data.startswith(sniffing.OLE) else data
    if plain.startswith(sniffing.ZIP):
        archive.check_cells(archive.open_archive(plain), limits)


def _send(data: bytes, password: str | None, limits: Ledger, emit: Emit) -> None:
    if data.startswith(sniffing.OLE):
        data = _decrypted(data, password)
    if data.startswith(sniffing.OLE):
        _send_workbook(data, "xls", limits, emit)
    elif data.startswith(sniffing.ZIP):
        container = archive.open_archive(data)
        try:
            _send_workbook(data, sniffing.zip_format(container), limits, emit)
        except BadInput as refusal:
            if refusal.message.code in _PERHAPS_FAR_CELLS:
                archive.check_cells(container, limits)
            raise
    else:
        _send_text(data, limits, emit)


def _send_text(data: bytes, limits: Ledger, emit: Emit) -> None:
    sniffing.refuse_disguised(data)
    text, encoding = sniffing.decode(data)
    emit({"format": "csv", "encoding": encoding})
    emit({"sheet": "", "merges": []})
    _send_rows(sniffing.text_rows(text), 0, _Counter(limits), emit)


def _decrypted(data: bytes, password: str | None) -> bytes:
    """The workbook inside an encrypted container; the data itself when it is not encrypted."""
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(data))
        if not office.is_encrypted():
            return data
    except msoffcrypto.exceptions.FileFormatError:
        return data  # an OLE file that is no Office document of 97 or later: the workbook reader says what it thinks
    except (OSError, struct.error) as error:  # sectors missing
        raise BadInput("ledger.truncated") from error
    if password is None:
        raise BadInput("ledger.encrypted")
    return _decrypt(office, password)


def _decrypt(office: Any, password: str) -> bytes:
    plain = io.BytesIO()
    try:
        office.load_key(password=password, verify_password=True)
        office.decrypt(plain)
    except (msoffcrypto.exceptions.InvalidKeyError, msoffcrypto.exceptions.DecryptionError) as error:
        raise BadInput("ledger.wrong_password") from error
    return plain.getvalue()


class _Counter:
    """Counts what has been sent of the whole file. Raises BadInput when a limit is passed."""

    def __init__(self, limits: Ledger) -> None:
        self._limits = limits
        self._rows = 0
        self._cells = 0

    def row(self, width: int) -> None:
        """Count one row of ``width`` cells."""
        self._rows += 1
        self._cells += width
        if self._rows > self._limits.rows_limit:
            raise BadInput("ledger.too_many_rows", limit=self._limits.rows_limit)
        if width > self._limits.columns_limit:
            raise BadInput("ledger.too_many_columns", limit=self._limits.columns_limit)
        if self._cells > self._limits.cells_limit:
            raise BadInput("ledger.too_many_cells", limit=self._limits.cells_limit)


def _send_workbook(data: bytes, kind: str, limits: Ledger, emit: Emit) -> None:
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        emit({"format": kind, "encoding": ""})
        counter = _Counter(limits)
        for name in _worksheets(workbook):
            sheet = workbook.get_sheet_by_name(name)
            emit({"sheet": name, "merges": [list(area) for area in _merges(sheet)]})
            _send_rows(sheet.iter_rows(), sheet.start[1] if sheet.start else 0, counter, emit)
    except calamine.PasswordError as error:
        raise BadInput("ledger.encrypted_unsupported") from error
    except calamine.ZipError as error:
        raise BadInput("ledger.truncated") from error
    except calamine.CalamineError as error:
        raise BadInput("ledger.malformed", detail=str(error)[:200]) from error


def _worksheets(workbook: calamine.CalamineWorkbook) -> Iterator[str]:
    """Names of the sheets with cells, hidden ones too: nothing is dropped because it was hidden."""
    for sheet in workbook.sheets_metadata:
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet:
            yield sheet.name


def _merges(sheet: calamine.CalamineSheet) -> Iterator[tuple[int, int, int, int]]:
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        yield top + 1, left, bottom + 1, right


def _send_rows(rows: Iterable[Sequence[Any]], offset: int, counter: _Counter, emit: Emit) -> None:
    """Send rows in batches; ``offset`` empty cells stand before the first cell of each."""
    batch: list[list[Any]] = []
    first, held, dated = 1, 0, False
    margin: list[Any] = [None] * offset
    for row in rows:
        kinds = set(map(type, row))
        if kinds <= _TEXT:  # nearly every row of a ledger
            cells = [*margin, *[cell.strip() or None for cell in row]]
            held += len("".join(row))
        else:
            dated = dated or not kinds <= _PLAIN
            cells = margin + [(cell.strip() or None) if cell.__class__ is str else _plain(cell) for cell in row]
            held += sum(len(cell) for cell in row if cell.__class__ is str)
        while cells and cells[-1] is None:
            cells.pop()
        counter.row(len(cells))
        batch.append(cells)
        held += 1 + len(cells)
        if held >= BATCH:
            emit({"first": first, "rows": batch, "dated": dated})
            first, batch, held, dated = first + len(batch), [], 0, False
    if batch:
        emit({"first": first, "rows": batch, "dated": dated})


def _plain(cell: Any) -> Any:
    """A cell as JSON. Times of day and durations become text."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if isinstance(cell, datetime.datetime):
        return {"t": cell.isoformat()}
    return {"d": cell.isoformat()} if isinstance(cell, datetime.date) else str(cell)
