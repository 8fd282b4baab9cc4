"""Install dates that contradict each other are found, and honest histories never are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.windows.dates import AFTER_KEY_WRITE, BEFORE_FOLDER, IN_FUTURE, conflict

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
CHINA = timedelta(hours=8)


def rfc(moment: datetime) -> str:
    return moment.isoformat()


def forged(number: int) -> tuple[str, str, str, str]:
    """Twenty ways to lie: dated back after a fresh install, dated forward, a clock set ahead; each its own dates."""
    fresh = NOW - timedelta(days=1 + number)
    back = fresh.date() - timedelta(days=30 * (number + 1))
    if number < 10:  # installed just before the visit, the date written by hand set back by months to years
        return back.isoformat(), rfc(fresh + timedelta(hours=number)), rfc(fresh), BEFORE_FOLDER
    if number < 14:  # set back long after the install
        made = NOW - timedelta(days=200 + number)
        return back.replace(year=2019).isoformat(), rfc(NOW - timedelta(days=1)), rfc(made), BEFORE_FOLDER
    if number < 18:  # set forward, so that an old copy looks as new as the invoice
        made = NOW - timedelta(days=400 * (number - 12))
        return (NOW.date() - timedelta(days=number)).isoformat(), rfc(made), rfc(made), AFTER_KEY_WRITE
    ahead = NOW + timedelta(days=90 * (number - 16))
    return ahead.date().isoformat(), rfc(ahead), rfc(ahead), IN_FUTURE


def honest(number: int) -> tuple[str | None, str | None, str | None]:
    """Honest histories: plain, updated, repaired, moved to another disk, without a date, around midnight."""
    installed = NOW - timedelta(days=3 + 17 * number % 2900, hours=number % 24, minutes=number)
    day = (installed + CHINA).date().isoformat()  # the installer writes the local day
    later = installed + (NOW - installed) * ((number % 7 + 1) / 8)
    copied = NOW - timedelta(days=number % 60)
    return (
        (day, rfc(installed), rfc(installed)),
        (day, rfc(installed + timedelta(minutes=20)), rfc(installed - timedelta(minutes=5))),
        (day, rfc(later), rfc(installed)),  # an update rewrote the key
        (day, rfc(installed), rfc(min(copied, NOW))),  # the disk was copied file by file
        ((later + CHINA).date().isoformat(), rfc(later), rfc(installed)),  # a repair writes the date anew
        (None, rfc(later), rfc(installed)),
        (day, rfc(installed), None),
        (day, None, rfc(later)),  # WMI tells no last write
        ((NOW + CHINA).date().isoformat(), rfc(NOW), rfc(NOW)),  # installed this very morning
        (
            day,
            rfc(installed + timedelta(days=1)),
            rfc(installed + timedelta(days=1)),
        ),  # an installer that ran overnight
    )[number % 10]


def test_each_of_twenty_forged_histories_is_found_and_named() -> None:
    for number in range(20):
        installed, written, made, rule = forged(number)
        assert conflict(installed, written, made, rfc(NOW)) == rule, number


def test_none_of_two_hundred_honest_histories_is_accused() -> None:
    histories = {honest(number) for number in range(200)}
    assert len(histories) > 150
    assert [dates for number in range(200) if conflict(*(dates := honest(number)), rfc(NOW))] == []


@pytest.mark.parametrize("now", [None, rfc(NOW)])
def test_a_date_alone_contradicts_nothing(now: str | None) -> None:
    assert conflict("2019-05-06", None, None, now) is None
    assert conflict(None, None, None, now) is None


FIRST, LAST = datetime(1601, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
MOMENTS = st.none() | st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(rfc)


@given(st.none() | st.dates(date(1990, 1, 1), date(9999, 12, 31)).map(date.isoformat), MOMENTS, MOMENTS, MOMENTS)
@settings(max_examples=200)
def test_any_dates_are_compared_without_an_error(
    installed: str | None, written: str | None, made: str | None, now: str | None
) -> None:
    assert conflict(installed, written, made, now) in (None, IN_FUTURE, AFTER_KEY_WRITE, BEFORE_FOLDER)


def test_the_hour_of_the_day_decides_nothing() -> None:
    for hour in range(24):
        written = datetime.combine(date(2024, 5, 6), time(hour), UTC)
        assert conflict("2024-05-06", rfc(written), rfc(written), rfc(NOW)) is None
