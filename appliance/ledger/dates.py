"""Dates and terms as ledgers write them.

A date is read as the span of days it may mean: ``2021-03-05`` is one day, ``2021年3月`` a month, ``2021`` a year.
A purchase takes the first day of its span, a right of use (许可期限) the last one: what the unit did not write is not
held against it.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from appliance.ledger.cells import Reading, Unreadable
from appliance.ledger.columns import Words
from appliance.ledger.text import Cell, folded, key

EXCEL_EPOCH = date(1899, 12, 30)
"""Day 0 of the 1900 date system for every serial after 1900-02-28 (ECMA-376 part 1, 18.17.4.1)."""

SERIALS = range(20_000, 80_000)  # 1954 … 2119
YEARS = range(1980, 2100)

_TOKEN = re.compile(
    r"(?<![\d.])(?:"
    r"(\d{4})[年./-](\d{1,2})[月./-](\d{1,2})[日号]?"
    r"|(\d{4})[年./-](\d{1,2})(?:月份?)?"
    r"|(\d{4})(\d{2})(\d{2})"
    r"|(\d{4})(\d{2})"
    r"|(\d{4})年?度?"
    r")(?!\d)"
)
_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?=$|[^\d:])")
_WORDS_AROUND = re.compile(r"[有效期限至到起自从止截日月前授权许可使用采购时间为于~—–:,;()\-]*")
_DURATION = re.compile(
    r"(?:有效期|期限|授权|许可|使用期)?:?(\d{1,3}|[一二两三四五六七八九十]{1,3})(年|个?月)(?:期|授权|有效|使用权)?"
)
_DIGITS = {word: number for number, word in enumerate("零一二三四五六七八九")} | {"两": 2}


@dataclass(frozen=True, slots=True)
class Span:
    """The days a written date may mean, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Term:
    """许可期限: the last day of the right of use, or perpetual; neither when nothing is stated."""

    valid_until: date | None = None
    perpetual: bool = False


def read_date(cell: Cell, words: Words) -> Reading[Span | None]:
    """The one date of a cell; None when blank. Raises Unreadable."""
    spans = _spans(cell, words)
    if not spans:
        return Reading(None)
    if len(spans) > 1:
        raise Unreadable("ledger.several_dates", value=folded(cell))
    return Reading(spans[0], ("ledger.month_ambiguous",) if _lost_zero(cell) else ())


def read_term(cell: Cell, words: Words, purchased: Span | None) -> Reading[Term]:
    """A right of use: a last day, a range, a duration from the purchase, or a word for perpetual. Raises Unreadable.

    A duration ends on the day with the number of the purchase day (民法典 第二百零一条、第二百零二条).
    """
    text = key(folded(cell))
    if any(word in text for word in words.perpetual):
        return Reading(Term(perpetual=True))
    if match := _DURATION.fullmatch(text):
        return _duration(_months(match[1], match[2]), purchased)
    if text.startswith("9999"):
        return Reading(Term(perpetual=True))
    spans = _spans(cell, words)
    return Reading(Term(max(span.last for span in spans)) if spans else Term())


def _spans(cell: Cell, words: Words) -> list[Span]:
    if isinstance(cell, date):
        return [_day(cell.year, cell.month, cell.day, folded(cell))]
    text = folded(cell)
    if not text or key(text) in words.blank:
        return []
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text) and int(text[:5]) in SERIALS:
        day = EXCEL_EPOCH + timedelta(days=int(text[:5]))
        return [Span(day, day)]
    return _written(text)


def _written(text: str) -> list[Span]:
    plain = "".join(_TIME.sub("", text).split())
    matches = list(_TOKEN.finditer(plain))
    if not matches or not _WORDS_AROUND.fullmatch(_TOKEN.sub("", plain)):
        raise Unreadable("ledger.not_a_date", value=text)
    return [_span([int(part) for part in match.groups() if part], text) for match in matches]


def _span(parts: list[int], text: str) -> Span:
    if len(parts) == 3:
        return _day(parts[0], parts[1], parts[2], text)
    if len(parts) == 2:
        first = _day(parts[0], parts[1], 1, text).first
        return Span(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
    return Span(_day(parts[0], 1, 1, text).first, date(parts[0], 12, 31))


def _day(year: int, month: int, day: int, text: str) -> Span:
    try:
        found = date(year, month, day)
    except ValueError:
        raise Unreadable("ledger.not_a_date", value=text) from None
    if year not in YEARS:
        raise Unreadable("ledger.date_out_of_range", value=text, first=YEARS.start, last=YEARS.stop - 1)
    return Span(found, found)


def _lost_zero(cell: Cell) -> bool:
    """``2021.1`` typed as a number may have been 2021.10 (October); the file cannot tell."""
    return isinstance(cell, float) and re.fullmatch(r"\d{4}\.1", repr(cell)) is not None


def _months(count: str, unit: str) -> int:
    return _small_number(count) * (12 if unit == "年" else 1)


def _small_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


def _duration(months: int, purchased: Span | None) -> Reading[Term]:
    if purchased is None:
        raise Unreadable("ledger.term_without_purchase")
    index = purchased.last.year * 12 + purchased.last.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if months == 0 or year not in YEARS:
        raise Unreadable("ledger.term_out_of_range")
    day = min(purchased.last.day, calendar.monthrange(year, month)[1])
    return Reading(Term(date(year, month, day)), ("ledger.term_computed",))
