"""Find the header of a sheet and tell data rows from the rest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.ledger.cells import is_blank
from appliance.ledger.columns import Form, Words
from appliance.ledger.reading import Row
from appliance.ledger.text import Cell, clean, folded, key

SEARCHED = 40
"""Rows of a sheet in which a header is looked for."""

FEWEST = 2
"""Recognised columns without which a row is no header."""

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】|<[^<>]*>")
_LONGEST_LABEL = 24
_EDGES = "*:：·、.。_- "
_UNFILLED = frozenset(
    ("row_no", "software_type", "commercial_mark", "oem_mark", "free_mark", "install_mark", "uninstall_mark", "role")
)


@dataclass(frozen=True, slots=True)
class Header:
    """A recognised header: ``row`` is its last row; ``columns`` are the 0-based positions of a field, best first."""

    first_row: int
    row: int
    columns: Mapping[str, tuple[int, ...]]
    seen: tuple[str, ...]

    def texts(self, field: str) -> tuple[str, ...]:
        """The headers of the field as they stand in the file; empty when absent."""
        return tuple(self.seen[position] for position in self.columns.get(field, ()))

    def shows(self, fields: Sequence[str]) -> bool:
        """Whether all these fields have a column."""
        return all(field in self.columns for field in fields)

    def unmapped(self) -> tuple[str, ...]:
        """Headers that are no known field."""
        known = {position for positions in self.columns.values() for position in positions}
        return tuple(text for position, text in enumerate(self.seen) if text and position not in known)


def find_header(rows: Sequence[Row], form: Form) -> Header | None:
    """The row, or pair of rows, near the top with the most recognised columns; the upper one of equals."""
    found = list(_candidates(rows[:SEARCHED], form))
    best = max(found, key=lambda header: (len(header.columns), header.first_row == header.row), default=None)
    return best if best and len(best.columns) >= FEWEST else None


def header_key(text: str) -> str:
    """A header as it is compared: no brackets (units, remarks), required marks, spaces, case or full-width forms."""
    plain = unicodedata.normalize("NFKC", text)
    return key(_BRACKETS.sub("", plain)).strip(_EDGES) or key(plain).strip(_EDGES)


def foreign_headers(header: Header, form: Form) -> tuple[str, ...]:
    """Headers that show the sheet to be another form."""
    return tuple(text for text in header.unmapped() if header_key(text) in form.other_forms)


def skip_reason(row: Row, header: Header, words: Words) -> str | None:
    """The code of why a row below the header holds no record; None for a data row."""
    number, cells = row
    if number <= header.row:
        return "ledger.skip_header" if number >= header.first_row else _above(cells)
    first = next((cell for cell in cells if not is_blank(cell, words)), None)
    if first is None:
        return "ledger.skip_blank"
    if _is_numbering(cells):
        return "ledger.skip_header"
    if spoken := _spoken(clean(first), words):
        return spoken
    if _is_unfilled(cells, header, words):
        return "ledger.skip_unfilled"
    return _repeated(cells, header) if clean(first) in header.seen else None


def plainly_data(header: Header, words: Words) -> Callable[[Row], bool]:
    """A quick look that spares most rows :func:`skip_reason`: True only when that would find no reason.

    A row is plainly data when its first cell is a number or plain text that no word of the forms begins like, and so
    is a cell outside the columns that a form prints itself.
    """
    spoken = (*words.blank, *words.total, *words.note, *words.example, *map(key, header.seen))
    openers = frozenset(word[:1] for word in spoken) | frozenset("1(_ ")
    printed = {position for field in _UNFILLED for position in header.columns.get(field, ())}

    def speaks(cell: Cell) -> bool:
        if isinstance(cell, str):
            return cell.isascii() and cell[:1].lower() not in openers
        return cell is not None and cell != 1

    def check(row: Row) -> bool:
        number, cells = row
        if number <= header.row:
            return False
        for position, cell in enumerate(cells):
            if cell is not None:
                if not speaks(cell):
                    return False
                if position not in printed:
                    return True
        return False

    return check


def _above(cells: Sequence[Cell]) -> str:
    return "ledger.skip_title" if any(cell is not None for cell in cells) else "ledger.skip_blank"


def _spoken(first: str, words: Words) -> str | None:
    """What the first filled cell says about its row."""
    plain = key(first)
    if len(plain) > _LONGEST_LABEL and ":" not in plain:
        return None
    head = re.split(r"[:(]", plain, maxsplit=1)[0].strip(_EDGES)
    if head in words.total:
        return "ledger.skip_total"
    if head in words.example:
        return "ledger.skip_example"
    if plain in words.note or (head in words.note and head != plain):
        return "ledger.skip_note"
    return None


def _repeated(cells: Sequence[Cell], header: Header) -> str | None:
    """A header printed again on each page."""
    texts = [header_key(clean(cell)) for cell in cells]
    filled = [(text, header_key(seen)) for text, seen in zip(texts, header.seen, strict=False) if text]
    same = sum(text == seen for text, seen in filled)
    return "ledger.skip_repeated_header" if same >= FEWEST and same == len(filled) else None


def _is_unfilled(cells: Sequence[Cell], header: Header, words: Words) -> bool:
    """A numbered or pre-printed line of the form (``4 | OEM软件 | —``) that nobody filled in."""
    printed = {position for field in _UNFILLED for position in header.columns.get(field, ())}
    return all(is_blank(cell, words) for position, cell in enumerate(cells) if position not in printed)


def _candidates(rows: Sequence[Row], form: Form) -> Iterator[Header]:
    for index, (number, cells) in enumerate(rows):
        texts = [clean(cell) for cell in cells]
        if not any(texts):
            continue
        yield Header(number, number, _columns([(text,) for text in texts], form), tuple(texts))
        if index + 1 < len(rows) and (pair := _pair(texts, [clean(cell) for cell in rows[index + 1][1]], form)):
            names, seen = pair
            yield Header(number, rows[index + 1][0], _columns(names, form), seen)


def _pair(upper: list[str], lower: list[str], form: Form) -> tuple[list[tuple[str, ...]], tuple[str, ...]] | None:
    """Two rows read as one header: a group over its columns, or a word broken over two rows.

    Names per column, most telling first, and what is shown for it. None when the lower row is no part of a header:
    each of its cells must be recognised, and there must be at least two.
    """
    width = max(len(upper), len(lower))
    upper = upper + [""] * (width - len(upper))
    lower = lower + [""] * (width - len(lower))
    names = [_stacked(group, own, low) for group, own, low in zip(_spread(upper), upper, lower, strict=True)]
    filled = [position for position, low in enumerate(lower) if low]
    if len(filled) < FEWEST or any(not _field(names[position], form) for position in filled):
        return None
    return names, tuple(own + low if low else own for own, low in zip(upper, lower, strict=True))


def _stacked(group: str, own: str, low: str) -> tuple[str, ...]:
    return (group + low, low) if low else (own,)


def _spread(texts: list[str]) -> Iterator[str]:
    """Carry a merged group header over the empty cells to its right."""
    last = ""
    for text in texts:
        last = text or last
        yield last


def _columns(names: Sequence[tuple[str, ...]], form: Form) -> Mapping[str, tuple[int, ...]]:
    """Positions of each field; of several columns the one with the more official header comes first."""
    found: dict[str, list[tuple[int, int]]] = {}
    for position, texts in enumerate(names):
        if known := _field(texts, form):
            field, rank = known
            found.setdefault(field, []).append((rank, position))
    return {field: tuple(position for _, position in sorted(places)) for field, places in found.items()}


def _field(texts: tuple[str, ...], form: Form) -> tuple[str, int] | None:
    keys = (word for text in texts if text for word in (key(text), header_key(text)))
    return next((form.by_header[word] for word in keys if word in form.by_header), None)


def _is_numbering(cells: Sequence[Cell]) -> bool:
    """Whether the cells count 1, 2, 3 …: the line of column numbers that some forms print under the header."""
    texts = [folded(cell).strip("()栏 ") for cell in cells[:4] if cell is not None]
    if texts[:2] != ["1", "2"]:
        return False
    texts = [folded(cell).strip("()栏 ") for cell in cells if cell is not None]
    return len(texts) > FEWEST and texts == [str(number) for number in range(1, len(texts) + 1)]
