"""Tables for a terminal: Chinese characters take two cells, a cell that is too wide is folded, nothing is cut off.

Widths: https://www.unicode.org/reports/tr11/ (W and F are wide; A is narrow in a terminal, as in ``wcwidth``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

GAP = "  "
INDENT = "    "
EMPTY = "—"
NARROWEST = 8
"""No column is folded below this many cells; a terminal that is narrower still folds the lines itself."""


def cells(text: str) -> int:
    """How many terminal cells ``text`` takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """``text`` filled up with blanks to ``width`` cells."""
    return text + " " * (width - cells(text))


def folded(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, at a blank where there is one."""
    return [line for part in text.split("\n") for line in _folded(part, width)] or [""]


def _folded(text: str, width: int) -> Iterator[str]:
    while cells(text) > width:
        end = _fitting(text, width)
        blank = text.rfind(" ", 1, end + 1)
        end = blank if blank > end // 2 else end
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def _fitting(text: str, width: int) -> int:
    """How many characters fit into ``width`` cells, at least one."""
    used = 0
    for index, character in enumerate(text):
        used += _cells_of(character)
        if used > width:
            return max(index, 1)
    return len(text)


@dataclass(frozen=True, slots=True)
class Layout:
    """``width``: cells of the terminal, None for no limit. ``whole``: columns never folded, as people copy what stands
    there. ``under``: columns of sentences; where the table is too wide they stand below their row.
    """

    width: int | None = None
    whole: frozenset[int] = frozenset()
    under: frozenset[int] = frozenset()


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], layout: Layout) -> list[str]:
    """Aligned lines below a line of heads."""
    natural = [_widest(column) for column in zip(heads, *rows, strict=True)]
    fits = layout.width is None or _total(natural) <= layout.width
    under = frozenset[int]() if fits else layout.under - {0}
    beside = [n for n in range(len(heads)) if n not in under]
    widths = [natural[n] for n in beside]
    if layout.width is not None:
        widths = _shrunk(widths, layout.width, frozenset(k for k, n in enumerate(beside) if n in layout.whole))
    lines = [*_row([heads[n] for n in beside], widths), GAP.join("-" * one for one in widths)]
    for row in rows:
        lines += _row([row[n] for n in beside], widths)
        lines += _below([(heads[n], row[n]) for n in sorted(under)], layout.width or 0)
    return lines


def _widest(column: Sequence[str]) -> int:
    return max(cells(line) for text in column for line in text.split("\n"))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _below(fields: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """What stands below a row, indented; nothing for an empty field."""
    for head, text in fields:
        if text != EMPTY:
            yield from (INDENT + line for line in folded(f"{head}：{text}", max(width - len(INDENT), NARROWEST)))


def _shrunk(natural: Sequence[int], width: int, whole: frozenset[int]) -> list[int]:
    """Column widths that fit: the widest column that may be folded gives way first."""
    widths = list(natural)
    while _total(widths) > width:
        free = [n for n, one in enumerate(widths) if n not in whole and one > NARROWEST]
        if not free:
            break
        widest = max(free, key=lambda n: widths[n])
        widths[widest] -= 1
    return widths


def _row(texts: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    folds = [folded(text, width) for text, width in zip(texts, widths, strict=True)]
    for parts in zip_longest(*folds, fillvalue=""):
        yield GAP.join(padded(part, width) for part, width in zip(parts, widths, strict=True)).rstrip()
