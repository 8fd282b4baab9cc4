"""When a schedule is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.schedule.rules import (
    AfterNotice,
    Once,
    Rule,
    Weekly,
    check_rule,
    due_between,
    next_due,
    rule_from_json,
    rule_to_json,
)
from config.problems import BadInput

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Shanghai
WEEKLY = Weekly((1, 3), ("09:30", "15:00"), "Asia/Shanghai")


def test_a_weekly_time_is_meant_in_the_schedules_own_zone() -> None:
    assert next_due(WEEKLY, NOW) == datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
    assert len(due_between(WEEKLY, NOW, NOW + timedelta(days=7))) == 4


def test_thirty_days_after_the_notice_is_one_moment() -> None:
    rule = AfterNotice(date(2026, 11, 2), 30, "09:00", "Asia/Shanghai")
    assert next_due(rule, NOW) == datetime(2026, 12, 2, 1, 0, tzinfo=UTC)
    assert next_due(rule, NOW + timedelta(days=60)) is None


def test_once_is_due_once() -> None:
    rule = Once(NOW + timedelta(hours=1))
    assert due_between(rule, NOW, NOW + timedelta(days=1)) == (NOW + timedelta(hours=1),)
    assert due_between(rule, NOW + timedelta(hours=1), NOW + timedelta(days=1)) == ()


def test_a_change_to_summer_time_and_back_gives_one_moment_a_day() -> None:
    rule = Weekly((1, 2, 3, 4, 5, 6, 7), ("02:30",), "Europe/Berlin")
    for start in (datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC)):
        assert len(due_between(rule, start, start + timedelta(days=7))) == 7


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Once(datetime(2026, 1, 1)), "schedule.without_offset"),  # noqa: DTZ001
        (Weekly((), ("09:00",), "Asia/Shanghai"), "schedule.no_days"),
        (Weekly((8,), ("09:00",), "Asia/Shanghai"), "schedule.no_days"),
        (Weekly((1,), ("9.00",), "Asia/Shanghai"), "schedule.bad_time"),
        (Weekly((1,), ("09:00",), "../etc/passwd"), "schedule.bad_zone"),
        (AfterNotice(date(9999, 12, 31), 30, "09:00", "Asia/Shanghai"), "schedule.bad_year"),
    ],
)
def test_a_bad_rule_is_refused(rule: Rule, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_rule(rule)
    assert refused.value.message.code == code


@pytest.mark.parametrize("rule", [WEEKLY, Once(NOW), AfterNotice(date(2026, 1, 1), 30, "09:00", "Asia/Shanghai")])
def test_a_rule_is_stored_and_read_back(rule: Rule) -> None:
    assert rule_from_json(rule_to_json(rule)) == rule


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]))
def test_two_looks_see_the_same_moments_as_one(first: int, second: int, zone: str) -> None:
    rule = Weekly((1, 4, 7), ("00:00", "02:30", "23:59"), zone)
    middle, end = NOW + timedelta(minutes=first), NOW + timedelta(minutes=first + second)
    assert due_between(rule, NOW, middle) + due_between(rule, middle, end) == due_between(rule, NOW, end)
