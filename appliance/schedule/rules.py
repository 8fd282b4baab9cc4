"""When a schedule is due: once, weekly, or some days after a notice. Pure.

A weekly time is a wall time in the schedule's own zone: changing the laptop's zone moves nothing. A time that a change
to summer time skips is the moment it would have been; one that happens twice is its first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, TypeAdapter

from config.problems import BadInput

ONE_DAY = timedelta(days=1)
YEARS = range(2000, 2200)
A_WEEK_AND_MORE = 9  # days in which every weekly rule is due at least once


class ScheduleKind(StrEnum):
    """What a schedule starts."""

    RESCAN = "rescan"  # 回头看: discovery and collection
    PRESENCE = "presence"  # 开机巡检: discovery alone, for 开机率


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment, with its offset."""

    at: datetime
    type: Literal["once"] = "once"


@dataclass(frozen=True, slots=True)
class Weekly:
    """On ``days`` (1 is Monday, 7 Sunday) at ``times`` (``HH:MM``)."""

    days: tuple[int, ...]
    times: tuple[str, ...]
    zone: str
    type: Literal["weekly"] = "weekly"


@dataclass(frozen=True, slots=True)
class AfterNotice:
    """``days`` after the day of a 整改通知, at ``time``."""

    noticed_on: date
    days: int
    time: str
    zone: str
    type: Literal["after_notice"] = "after_notice"


Rule = Once | Weekly | AfterNotice
_RULE: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="type")])


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """As stored."""
    return _RULE.dump_python(rule, mode="json")


def rule_from_json(document: object) -> Rule:
    """Inverse of :func:`rule_to_json`."""
    return _RULE.validate_python(document)


def check_rule(rule: Rule) -> None:
    """Raises BadInput with the first fault of what was entered."""
    if isinstance(rule, Once):
        _check_year(rule.at.year)
        if rule.at.tzinfo is None:
            raise BadInput("schedule.without_offset")
        return
    if isinstance(rule, AfterNotice):
        _check_year(rule.noticed_on.year)
    if rule.zone not in available_timezones():
        raise BadInput("schedule.bad_zone", zone=rule.zone)
    for text in rule.times if isinstance(rule, Weekly) else (rule.time,):
        _check_time(text)
    if isinstance(rule, Weekly) and not (rule.times and rule.days and set(rule.days) <= set(range(1, 8))):
        raise BadInput("schedule.no_days")


def due_between(rule: Rule, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """Moments of the rule later than ``after`` and not later than ``until``, in order, in UTC."""
    return tuple(sorted({moment for moment in _moments(rule, after, until) if after < moment <= until}))


def next_due(rule: Rule, after: datetime) -> datetime | None:
    """The first moment later than ``after``, or None when there is none any more."""
    if isinstance(rule, Weekly):
        return due_between(rule, after, after + A_WEEK_AND_MORE * ONE_DAY)[0]
    return next((moment for moment in _moments(rule, after, after) if moment > after), None)


def _moments(rule: Rule, after: datetime, until: datetime) -> Iterator[datetime]:
    if isinstance(rule, Once):
        yield rule.at.astimezone(UTC)
    elif isinstance(rule, AfterNotice):
        yield _moment(rule.noticed_on + rule.days * ONE_DAY, rule.time, rule.zone)
    else:
        zone = ZoneInfo(rule.zone)
        day, last = after.astimezone(zone).date() - ONE_DAY, until.astimezone(zone).date() + ONE_DAY
        while day <= last:
            if day.isoweekday() in rule.days:
                yield from (_moment(day, text, rule.zone) for text in rule.times)
            day += ONE_DAY


def _moment(day: date, text: str, zone: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), ZoneInfo(zone)).astimezone(UTC)


def _check_year(year: int) -> None:
    if year not in YEARS:
        raise BadInput("schedule.bad_year", year=year)


def _check_time(text: str) -> None:
    try:
        datetime.strptime(text, "%H:%M")  # noqa: DTZ007  a time of day has no zone
    except ValueError:
        raise BadInput("schedule.bad_time", time=text[:20]) from None
