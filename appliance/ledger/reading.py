"""Read a ledger file into plain rows, in a limited child: the file is a stranger's."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from appliance.ledger import child
from appliance.ledger.text import Cell
from config.clock import Clock
from config.message import Message
from config.problems import BadInput
from config.settings import Ledger
from scanner import process
from scanner.process import MIB, Limits

PATIENCE = 4
"""Wall clock to processor time: while a scan keeps every core busy, a good file needs its seconds all the same."""

Row = tuple[int, tuple[Cell, ...]]
"""Row number as a person counts (from 1) and its cells, from column A, without the empty ones at the end."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged area: rows from 1, columns from 0, both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; a csv file is one sheet with an empty name."""

    name: str
    rows: tuple[Row, ...]
    merges: tuple[Merge, ...] = ()


@dataclass(frozen=True, slots=True)
class Workbook:
    """What a file holds. ``format`` is by content: xlsx, xls, ods, xlsb or csv; ``encoding`` is set for csv."""

    sheets: tuple[Sheet, ...]
    format: str
    encoding: str = ""


def read_table(path: Path, settings: Ledger, clock: Clock, password: str | None = None) -> Workbook:
    """Read a workbook or csv file within the limits of ``settings``.

    Raises BadInput, always with what to do: ``ledger.no_file``, ``file_too_big``, ``empty``, ``encrypted``,
    ``wrong_password``, ``disguised``, ``malformed``, ``truncated``, ``bomb``, ``far_cell``, ``too_many_rows``,
    ``too_many_columns``, ``too_many_cells``, ``unknown_encoding``, ``too_slow``, ``too_much_memory``,
    ``too_much_text``, ``encrypted_unsupported``.
    """
    _check_file(path, settings)
    job = {"path": str(path), "password": password, "limits": settings.model_dump()}
    limits = Limits(settings.child_seconds * PATIENCE, settings.child_seconds, settings.child_memory_mb)
    try:
        with undisturbed():
            workbook = _collect(process.run(child.parse, job, limits, clock))
    except process.ChildEnded as ended:
        _look_closer(job, limits, clock)
        raise _explain(ended, settings) from ended
    if not any(cells for sheet in workbook.sheets for _, cells in sheet.rows):
        raise BadInput("ledger.empty")
    return workbook


@contextmanager
def undisturbed() -> Generator[None]:
    """Put off the search for cyclic garbage: rows hold none, and walking all of them takes a third of the time.

    Two threads in here at once only bring the search back early.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check_file(path: Path, settings: Ledger) -> None:
    if not path.is_file():
        raise BadInput("ledger.no_file", file=path.name)
    size = path.stat().st_size
    if size == 0:
        raise BadInput("ledger.empty")
    if size > settings.file_limit_mb * MIB:
        raise BadInput("ledger.file_too_big", size_mb=-(-size // MIB), limit_mb=settings.file_limit_mb)


def _look_closer(job: Mapping[str, Any], limits: Limits, clock: Clock) -> None:
    """Raise BadInput when a second child can name what made the reader die."""
    with contextlib.suppress(process.ChildEnded):  # it died as well: the first death is explained
        _collect(process.run(child.inspect, job, limits, clock))


def _explain(ended: process.ChildEnded, settings: Ledger) -> BadInput:
    match ended:
        case process.DeadlinePassed():
            return BadInput("ledger.too_slow", seconds=settings.child_seconds)
        case process.TooMuchOutput():
            return BadInput("ledger.too_much_text")
        case process.ChildCrashed() if ended.out_of_time:
            return BadInput("ledger.too_slow", seconds=settings.child_seconds)
        case process.ChildCrashed() if ended.trace and not ended.out_of_memory:
            return BadInput("ledger.malformed", detail=ended.trace.strip().rpartition("\n")[2][:200])
        case _:  # ended by a signal: the readers abort when memory runs out
            return BadInput("ledger.too_much_memory", limit_mb=settings.child_memory_mb)


def _collect(words: Iterator[Mapping[str, Any]]) -> Workbook:
    """Put together what the child sends (see :mod:`appliance.ledger.child` for the shapes)."""
    head: Mapping[str, Any] = {"format": "", "encoding": ""}
    sheets: list[tuple[str, list[Row], list[Merge]]] = []
    for word in words:
        if "problem" in word:
            problem = Message.from_json(word["problem"])
            raise BadInput(problem.code, **problem.params)
        if "format" in word:
            head = word
        elif "sheet" in word:
            sheets.append((word["sheet"], [], [Merge(*area) for area in word["merges"]]))
        else:
            cells = (map(_cell, row) for row in word["rows"]) if word["dated"] else word["rows"]
            sheets[-1][1].extend(enumerate(map(tuple, cells), word["first"]))
    done = tuple(Sheet(name, tuple(rows), tuple(merges)) for name, rows, merges in sheets)
    return Workbook(done, str(head["format"]), str(head["encoding"]))


def _cell(value: Any) -> Cell:
    """Dates travel as ``{"d": "2021-03-05"}`` and ``{"t": "2021-03-05T10:00:00"}``; the rest as JSON has it."""
    if isinstance(value, dict):
        return date.fromisoformat(value["d"]) if "d" in value else datetime.fromisoformat(value["t"])
    return value
