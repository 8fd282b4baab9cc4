"""The data rows of one sheet, read a column at a time: a value that repeats down a column is read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from appliance.ledger.cells import Reading, Unreadable, is_blank
from appliance.ledger.columns import Columns, Words
from appliance.ledger.headers import Header
from appliance.ledger.model import RowProblem, RowRef
from appliance.ledger.text import Cell, clean, folded, lost_digits
from config.message import Message

T = TypeVar("T")
V = TypeVar("V")


class Rows:
    """Data rows being read: a field gives one value a row, and what is wrong with a row is collected under its index.

    ``head`` holds what stands above the table and speaks of all its rows (field → cell).
    """

    def __init__(
        self,
        refs: Sequence[RowRef],
        cells: Sequence[Sequence[Cell]],
        header: Header,
        columns: Columns,
        head: Mapping[str, Cell] | None = None,
    ) -> None:
        self.refs = refs
        self.words: Words = columns.words
        self.columns = columns
        self.head = head or {}
        self.problems: dict[int, list[RowProblem]] = {}
        self.rejected: set[int] = set()
        self._header = header
        self._cells = cells
        self._width = min(map(len, cells), default=0)

    def __len__(self) -> int:
        return len(self.refs)

    def has(self, field: str) -> bool:
        """Whether the ledger has this column."""
        return field in self._header.columns

    def headers(self, field: str) -> tuple[str, ...]:
        """The headers of the field as they stand in the file."""
        return self._header.texts(field)

    def every(self, field: str) -> list[list[Cell]]:
        """Each column of the field, the one with the most official header first."""
        return [self._column(place) for place in self._header.columns.get(field, ())]

    def cells(self, field: str) -> list[Cell]:
        """For each row the first cell of the field that says something."""
        columns = self.every(field)
        if not columns:
            return [self.head.get(field)] * len(self)
        filled = [self._filled(column) for column in columns]
        if len(filled) == 1:
            return filled[0]
        return [next((cell for cell in row if cell is not None), None) for row in zip(*filled, strict=True)]

    def _column(self, place: int) -> list[Cell]:
        if place < self._width:
            return _without_bools([row[place] for row in self._cells])
        return _without_bools([row[place] if place < len(row) else None for row in self._cells])

    def _filled(self, column: list[Cell]) -> list[Cell]:
        openers = self.words.blank_openers
        perhaps = [
            cell for cell in set(column) if not isinstance(cell, str) or cell[:1] in openers or not cell.isascii()
        ]
        blank = {cell for cell in perhaps if cell is not None and is_blank(cell, self.words)}
        return [None if cell in blank else cell for cell in column] if blank else column

    def text(self, field: str) -> list[str]:
        """The field as people wrote it."""
        return each(self.cells(field), clean)

    def plain(self, field: str) -> list[str]:
        """The field with full-width forms made plain: for codes, numbers and versions."""
        return each(self.cells(field), folded)

    def note(self, index: int, field: str, reason: Message, rejected: bool = False) -> None:
        """Record what is odd, or why the row is rejected."""
        column = "、".join(self._header.texts(field))
        self.problems.setdefault(index, []).append(RowProblem(self.refs[index], column, reason, rejected))
        if rejected:
            self.rejected.add(index)

    def identity(self, field: str) -> list[str]:
        """A number that names the row: it must be there, and whole."""
        return self._settled(field, self.cells(field), _read_identity, "", must=True)

    def required(self, field: str) -> list[str]:
        """A text without which the row says nothing."""
        return self._settled(field, self.text(field), _read_required, "", must=True)

    def take(
        self, field: str, read: Callable[[Cell, Words], Reading[T]], default: T, *, must: bool | Sequence[bool] = False
    ) -> list[T]:
        """Read the field; where it cannot be read, ``must`` (for all or each row) rejects, otherwise a note is left."""
        return self._settled(field, self.cells(field), read, default, must)

    def take_with(
        self,
        field: str,
        others: Sequence[V],
        read: Callable[[Cell, V], Reading[T]],
        default: T,
        *,
        must: bool | Sequence[bool] = False,
    ) -> list[T]:
        """As :meth:`take`, with one more value of the same row (hashable)."""
        pairs = list(zip(self.cells(field), others, strict=True))
        return self._settled(field, pairs, lambda pair, _: read(pair[0], pair[1]), default, must)

    def join(self, field: str, read: Callable[[Cell, Words], Reading[tuple[T, ...]]]) -> list[tuple[T, ...]]:
        """Read every column of the field and put the values together, without repeats."""
        nothing: tuple[T, ...] = ()
        found = [self._settled(field, column, read, nothing, must=False) for column in self.every(field)]
        if len(found) == 1:
            return found[0]
        if not found:
            return [nothing] * len(self)
        return [tuple(dict.fromkeys(value for values in row for value in values)) for row in zip(*found, strict=True)]

    def _settled(
        self,
        field: str,
        values: Sequence[V],
        read: Callable[[V, Words], Reading[T]],
        default: T,
        must: bool | Sequence[bool],
    ) -> list[T]:
        known: dict[V, T] = {}
        odd: dict[V, tuple[Message, ...]] = {}
        failed: set[V] = set()
        for value in set(values):
            try:
                reading = read(value, self.words)
            except Unreadable as unreadable:
                known[value], odd[value] = default, (unreadable.reason,)
                failed.add(value)
            else:
                known[value] = reading.value
                if reading.notes:
                    odd[value] = tuple(Message(code, {"value": _shown(value)}) for code in reading.notes)
        for index, value in enumerate(values) if odd else ():
            rejected = value in failed and (must if isinstance(must, bool) else must[index])
            for reason in odd.get(value, ()):
                self.note(index, field, reason, rejected)
        return [known[value] for value in values]


def each(values: Sequence[V], work: Callable[[V], T]) -> list[T]:
    """``work`` of every value, done once for equal ones."""
    known = {value: work(value) for value in set(values)}
    return [known[value] for value in values]


def _without_bools(column: list[Cell]) -> list[Cell]:
    """TRUE and 1 are equal to Python, not to a reader of forms."""
    if bool not in set(map(type, column)):
        return column
    return [clean(cell) if isinstance(cell, bool) else cell for cell in column]


def _shown(value: Any) -> str:
    """The cell that a note speaks of; of a cell with its companion, the cell."""
    return folded(value[0] if isinstance(value, tuple) else value)


def _read_identity(cell: Cell, _: Words) -> Reading[str]:
    if cell is None:
        raise Unreadable("ledger.missing_value")
    if lost_digits(cell):
        raise Unreadable("ledger.digits_lost")
    return Reading(folded(cell))


def _read_required(text: str, _: Words) -> Reading[str]:
    if not text:
        raise Unreadable("ledger.missing_value")
    return Reading(text)
