"""Pure readers of one cell: numbers, money, yes/no and the words of the forms.

Each takes the raw cell and returns a :class:`Reading`: the value and the codes of what is odd about it. A cell that
cannot be read raises :class:`Unreadable`; where a verdict would rest on it, its row is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Generic, NamedTuple, TypeVar

from appliance.ledger.columns import Words
from appliance.ledger.model import LicenceType, SoftwareType
from appliance.ledger.text import Cell, folded, key, lines
from config.message import Message, Param

T = TypeVar("T")

MOST = 1_000_000
"""A greater quantity on one row is taken for a mistyped number."""

_COUNT = re.compile(
    r"([+-]?\d{1,3}(?:,\d{3})+|[+-]?\d+)(?:\.0+)?\s*(?:台|套|个|份|点|用户|节点|人|名|许可|只|件|部|台套|台/套|台\(套\))?"
)
_MONEY = re.compile(r"(?:人民币|RMB|CNY|[¥￥])?:?(-?\d{1,12}(?:\.\d+)?)(万元|万|元|元整)?", re.IGNORECASE)
_UNCHECKED = "□☐○"
_CHECKED = "☑☒■√✓✔●"
_BOXED = re.compile(rf"([{_CHECKED}{_UNCHECKED}])\s*([^{_CHECKED}{_UNCHECKED}\s]+)")
_LONGEST_BLANK = 16
_LIST = re.compile(r"[、,，;；\n|]+")


class Reading(NamedTuple, Generic[T]):
    """A value and the message codes of what is odd about it (the row is still accepted)."""

    value: T
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """The cell cannot be read; ``reason`` says why and what is expected."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code, params)
        self.reason = Message(code, params)


@dataclass(frozen=True, slots=True)
class Count:
    """A quantity; ``number`` None with ``site`` False is a blank cell."""

    number: int | None = None
    site: bool = False


def is_blank(cell: Cell, words: Words) -> bool:
    """Whether the cell says nothing: empty, a dash, underscores to write on, 无, an error value."""
    if cell is None:
        return True
    if isinstance(cell, str):
        if cell.isascii() and cell[:1] not in words.blank_openers:
            return False
        if len(cell) > _LONGEST_BLANK:
            return not cell.strip("_ ")
    text = key(folded(cell))
    return text in words.blank or not text.strip("_")


def read_count(cell: Cell, words: Words) -> Reading[Count]:
    """``30``, ``３０台``, ``1,000``, 场地 or 不限. Raises Unreadable otherwise, below 0 and above a million."""
    if is_blank(cell, words):
        return Reading(Count())
    text = folded(cell)
    if key(text) in words.site:
        return Reading(Count(site=True))
    match = _COUNT.fullmatch(text)
    if isinstance(cell, bool) or not match:
        raise Unreadable("ledger.not_a_number", value=text)
    number = int(match[1].replace(",", ""))
    if not 0 <= number <= MOST:
        raise Unreadable("ledger.number_out_of_range", value=text, most=MOST)
    return Reading(Count(number))


def read_quantity(cell: Cell, words: Words) -> Reading[Count]:
    """As :func:`read_count`, at least 1 where a number stands."""
    reading = read_count(cell, words)
    if reading.value.number == 0:
        raise Unreadable("ledger.quantity_below_one", value=folded(cell))
    return reading


def read_amount(cell: Cell, words: Words, unit: str = "") -> Reading[int | None]:
    """Money in fen (分); ``unit`` is the one of the header (元, 万元). Raises Unreadable."""
    if is_blank(cell, words):
        return Reading(None)
    text = folded(cell)
    plain = key(text).replace(",", "")
    match = _MONEY.fullmatch(plain.removesuffix("整"))
    if isinstance(cell, bool) or not match or Decimal(match[1]) < 0:
        raise Unreadable("ledger.not_an_amount", value=text)
    factor = 10_000 if "万" in (match[2] or unit) else 1
    return Reading(int((Decimal(match[1]) * factor * 100).to_integral_value(ROUND_HALF_UP)))


def read_yes_no(cell: Cell, words: Words) -> Reading[bool | None]:
    """是/否, 信创/非信创, √/×; None when blank, and with a note when not understood."""
    if is_blank(cell, words) and key(folded(cell)) not in words.yes_no:
        return Reading(None)
    answer = words.yes_no.get(key(folded(cell)))
    return Reading(answer, () if answer is not None else ("ledger.not_yes_or_no",))


def read_word(cell: Cell, table: Mapping[str, T], words: Words) -> T | None:
    """The meaning of a word of a form; None when blank. Raises Unreadable for a word that is not in the table."""
    if is_blank(cell, words) and key(folded(cell)) not in table:
        return None
    text = folded(cell)
    meaning = table.get(key(text))
    if meaning is None:
        raise Unreadable("ledger.unknown_word", value=text)
    return meaning


def read_software_type(cell: Cell, words: Words) -> Reading[SoftwareType | None]:
    """``OEM软件``, ``oem``, or one ticked box of ``☑商业软件 □OEM软件 □免费软件``; None when nothing is ticked."""
    text = lines(cell)
    if not any(mark in text for mark in _CHECKED + _UNCHECKED):
        return Reading(read_word(cell, words.software_types, words))
    ticked = [label for mark, label in _BOXED.findall(text) if mark in _CHECKED]
    if len(ticked) > 1:
        raise Unreadable("ledger.several_types", value=folded(cell))
    return Reading(read_word(ticked[0], words.software_types, words) if ticked else None)


def read_marks(cells: Mapping[SoftwareType, Cell], words: Words) -> Reading[SoftwareType | None]:
    """The ticked one of three columns 商业软件 | OEM软件 | 免费软件. Raises Unreadable when several are ticked."""
    ticked = [kind for kind, cell in cells.items() if _is_ticked(cell, kind, words)]
    if len(ticked) > 1:
        raise Unreadable("ledger.several_types", value="、".join(folded(cells[kind]) for kind in ticked))
    return Reading(ticked[0] if ticked else None)


def read_licence_type(cell: Cell, words: Words) -> Reading[LicenceType | None]:
    """许可类型; an unknown word is ``other`` with a note."""
    try:
        return Reading(read_word(cell, words.licence_types, words))
    except Unreadable:
        return Reading(LicenceType.OTHER, ("ledger.unknown_licence_type",))


def read_list(cell: Cell, words: Words) -> tuple[str, ...]:
    """Entries separated by 、 , ; | or line breaks, without blanks and repeats."""
    if is_blank(cell, words):
        return ()
    parts = (" ".join(part.split()) for part in _LIST.split(lines(cell)))
    return tuple(dict.fromkeys(part for part in parts if part))


def _is_ticked(cell: Cell, kind: SoftwareType, words: Words) -> bool:
    text = key(folded(cell))
    return words.yes_no.get(text) is True or words.software_types.get(text) is kind
