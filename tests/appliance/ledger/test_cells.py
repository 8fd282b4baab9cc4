"""Cell readers: whatever stands in a cell, they answer, note or refuse, and never fall over."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from appliance.ledger import cells, columns, computers, dates, identifiers
from appliance.ledger.cells import Unreadable
from appliance.ledger.text import Cell, clean, folded, lines
from config.messages import catalogue

COLUMNS = columns.standard()
WORDS = COLUMNS.words
FEW = with_settings(max_examples=150, deadline=None)
DAYS = st.dates(date(1980, 1, 1), date(2099, 12, 31))
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.text(max_size=60),
    st.text("0123456789年月日./-:至到永久万元¥,;、台套 ☑□ABCDEF", max_size=40),
)
READERS: dict[str, Callable[[Cell], Any]] = {
    "count": lambda cell: cells.read_count(cell, WORDS),
    "quantity": lambda cell: cells.read_quantity(cell, WORDS),
    "amount": lambda cell: cells.read_amount(cell, WORDS, "万元"),
    "yes or no": lambda cell: cells.read_yes_no(cell, WORDS),
    "software type": lambda cell: cells.read_software_type(cell, WORDS),
    "licence type": lambda cell: cells.read_licence_type(cell, WORDS),
    "list": lambda cell: cells.read_list(cell, WORDS),
    "date": lambda cell: dates.read_date(cell, WORDS),
    "term": lambda cell: dates.read_term(cell, WORDS, dates.Span(date(2021, 3, 1), date(2021, 3, 31))),
    "macs": lambda cell: identifiers.read_macs(cell, WORDS),
    "addresses": lambda cell: identifiers.read_addresses(cell, WORDS),
    "serials": lambda cell: identifiers.read_serials(cell, WORDS),
    "key tail": lambda cell: identifiers.read_key_tail(cell, WORDS),
    "computer": lambda cell: computers.read_is_computer(clean(cell), clean(cell), "", False, COLUMNS.computers),
}


@pytest.mark.parametrize("name", READERS)
@FEW
@given(cell=CELLS)
def test_any_cell_is_answered_or_refused_with_a_known_sentence(name: str, cell: Cell) -> None:
    try:
        notes = getattr(READERS[name](cell), "notes", ())
    except Unreadable as unreadable:
        notes = (unreadable.reason.code,)
    assert set(notes) <= catalogue().keys()


@FEW
@given(
    day=DAYS, style=st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%Y-%m-%d 00:00:00"])
)
def test_a_day_is_read_the_same_however_it_is_written(day: date, style: str) -> None:
    expected = dates.Span(day, day)
    assert dates.read_date(day.strftime(style), WORDS).value == expected
    assert dates.read_date(day, WORDS).value == expected
    assert dates.read_date(float((day - dates.EXCEL_EPOCH).days), WORDS).value == expected


@FEW
@given(day=DAYS, style=st.sampled_from(["%Y年%m月", "%Y-%m", "%Y.%m", "%Y/%m", "%Y%m"]))
def test_a_month_is_a_span_from_its_first_to_its_last_day(day: date, style: str) -> None:
    span = dates.read_date(day.strftime(style), WORDS).value
    assert span == dates.Span(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))


@FEW
@given(day=DAYS, years=st.integers(1, 10))
def test_a_term_in_years_ends_on_the_day_of_the_purchase_or_the_end_of_its_month(day: date, years: int) -> None:
    try:
        until = dates.read_term(f"{years}年", WORDS, dates.Span(day, day)).value.valid_until
    except Unreadable:
        assert day.year + years >= 2100
        return
    assert until is not None
    assert (until.year, until.month) == (day.year + years, day.month)
    assert until.day == day.day or (until + timedelta(days=1)).day == 1


@FEW
@given(octets=st.binary(min_size=6, max_size=6), mark=st.sampled_from(["-", ":", ".", " ", ""]), upper=st.booleans())
def test_a_mac_is_read_the_same_in_every_notation(octets: bytes, mark: str, upper: bool) -> None:
    plain = octets.hex(":")
    text = octets.hex(mark) if mark else octets.hex()
    dotted = ".".join(octets.hex()[i : i + 4] for i in (0, 4, 8))
    expected = () if set(octets) in ({0}, {255}) else (plain,)
    for written in (text, dotted):
        assert identifiers.read_macs(written.upper() if upper else written, WORDS).value == expected


@FEW
@given(
    key=st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=25, max_size=25), around=st.text(" 密钥：,", max_size=5)
)
def test_a_product_key_never_survives_reading(key: str, around: str) -> None:
    written = around + "-".join(key[i : i + 5] for i in range(0, 25, 5)) + around
    for text in (clean(written), folded(written), lines(written)):
        assert key[5:10] + "-" not in text
    assert identifiers.read_key_tail(written, WORDS).value == key[-5:]
    assert identifiers.read_key_tail(key, WORDS).value == key[-5:]


@FEW
@given(number=st.integers(1, 1_000_000), unit=st.sampled_from(["", "台", "套", " 个"]))
def test_a_count_is_read_with_unit_commas_and_full_width_digits(number: int, unit: str) -> None:
    wide = str(number).translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"})
    for written in (f"{number}{unit}", f"{number:,}{unit}", wide + unit, number, float(number)):
        assert cells.read_count(written, WORDS).value == cells.Count(number)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("永久", dates.Term(perpetual=True)),
        ("永久使用，服务期至2024-12-31", dates.Term(perpetual=True)),
        ("至2024年12月", dates.Term(date(2024, 12, 31))),
        ("有效期：2021年1月1日—2023年12月31日", dates.Term(date(2023, 12, 31))),
        ("2021-2024", dates.Term(date(2024, 12, 31))),
        ("—", dates.Term()),
        (None, dates.Term()),
        (date(2025, 6, 30), dates.Term(date(2025, 6, 30))),
    ],
)
def test_terms_are_read_as_a_person_reads_them(term: Cell, expected: dates.Term) -> None:
    assert dates.read_term(term, WORDS, None).value == expected
