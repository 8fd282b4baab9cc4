"""整改: where a notice stands, and the figures of a month. Pure.

A notice (整改通知, or 现场整改 when it is settled on the spot) names findings and a deadline. What happens to it is
only ever added: replies, papers, extensions, 约谈, reminders, and outcomes: the inspector accepts or returns a reply. A
finding is closed by an accepted outcome alone; a follow-up inspection may show that it was not (反弹).

Sources: S0 五 (现场整改、下发整改通知、约谈负责人), S2 (提出整改时限, 写出整改报告), S4 (检查整改落实情况统计表,
每月 18 日前报送; it names the form and gives no layout: the columns here are ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from appliance.judgement.base_rates import rectification_rate
from appliance.judgement.declared import Rectification, RectificationState
from appliance.model import Rate

NOT_FOR_THE_UNIT = frozenset({"not_collected", "not_restored", "suspected_nat", "identity_open", "os_unrecognised"})
"""Kinds of findings that ask the inspectors to act: no notice names them unless a person does."""
REPORT_DAY = 18
"""S4: the monthly figures are due by this day."""


class NoticeKind(StrEnum):
    """How a unit was told."""

    ON_SITE = "on_site"  # 现场整改
    NOTICE = "notice"  # 整改通知


class EventKind(StrEnum):
    """What happened to a notice."""

    REPLY = "reply"
    EXTENSION = "extension"
    TALK = "talk"  # 约谈
    REMINDER = "reminder"
    OUTCOME = "outcome"


class NoticeState(StrEnum):
    """Where a notice stands on a day."""

    OPEN = "open"
    REPLIED = "replied"  # everything that is still open has been answered and waits for the inspector
    OVERDUE = "overdue"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``keys`` empty = all findings of the notice; ``on`` is the day that counts."""

    kind: EventKind
    on: date
    at: str  # RFC 3339: when it was entered; decides the order
    keys: tuple[str, ...] = ()
    until: date | None = None  # of an extension
    accepted: bool | None = None  # of an outcome


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice with all that happened to it, in order."""

    id: str
    kind: NoticeKind
    issued_on: date
    deadline: date | None
    keys: tuple[str, ...]
    number: str = ""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A notice on a day. ``closed``: key → the day it was accepted."""

    state: NoticeState
    deadline: date | None
    days_left: int | None
    closed: Mapping[str, date] = field(default_factory=dict[str, date])
    replied: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()


def standing(notice: Notice, today: date) -> Standing:
    """Where a notice stands. Events after ``today`` have not happened yet."""
    closed: dict[str, date] = {}
    replied: set[str] = set()
    returned: set[str] = set()
    deadline = notice.deadline
    for event in (one for one in notice.events if one.on <= today):
        keys = set(event.keys or notice.keys)
        if event.kind is EventKind.EXTENSION:
            deadline = event.until
        elif event.kind is EventKind.REPLY:
            replied |= keys
            returned -= keys
        elif event.kind is EventKind.OUTCOME and event.accepted:
            closed |= {key: event.on for key in sorted(keys) if key not in closed}
            returned -= keys
        elif event.kind is EventKind.OUTCOME:
            returned |= keys
            replied -= keys
            closed = {key: day for key, day in closed.items() if key not in keys}
    left = set(notice.keys) - closed.keys()
    days = (deadline - today).days if deadline else None
    state = _state(left, replied, days)
    waiting = frozenset(replied - closed.keys())
    return Standing(state, deadline, days if left else None, closed, waiting, frozenset(returned))


def _state(left: set[str], replied: set[str], days: int | None) -> NoticeState:
    if not left:
        return NoticeState.CLOSED
    if left <= replied:
        return NoticeState.REPLIED
    return NoticeState.OVERDUE if days is not None and days < 0 else NoticeState.OPEN


def states(
    notices: Iterable[Notice], followed: Mapping[str, RectificationState], today: date
) -> dict[str, Rectification]:
    """Every finding that a notice names: closed when an outcome accepted it. What a follow-up found goes before."""
    found: dict[str, Rectification] = {}
    for notice in notices:
        now = standing(notice, today)
        for key in notice.keys:
            closed = key in now.closed or (key in found and found[key].state is RectificationState.CLOSED)
            state = RectificationState.CLOSED if closed else RectificationState.OPEN
            found[key] = Rectification(key, followed.get(key, state))
    for key, state in followed.items():
        found.setdefault(key, Rectification(key, state))
    return found


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """One unit, one month. The counts named ``…_month`` are of the month alone, the others stand at its end."""

    notices_month: int
    findings_month: int
    replies_month: int
    closed_month: int
    extensions_month: int
    talks_month: int
    overdue: int
    rate: Rate


def month_figures(notices: Iterable[Notice], first: date, last: date) -> MonthFigures:
    """The figures of S4 for one unit; ``first`` and ``last`` are the month's days."""
    issued = [notice for notice in notices if notice.issued_on <= last]
    stands = [standing(notice, last) for notice in issued]
    new = [notice for notice in issued if notice.issued_on >= first]
    happened = [e for notice in issued for e in notice.events if first <= e.on <= last]
    closed = {key: day for stand in stands for key, day in stand.closed.items()}
    return MonthFigures(
        notices_month=len(new),
        findings_month=len({key for notice in new for key in notice.keys}),
        replies_month=_count(happened, EventKind.REPLY),
        closed_month=sum(first <= day <= last for day in closed.values()),
        extensions_month=_count(happened, EventKind.EXTENSION),
        talks_month=_count(happened, EventKind.TALK),
        overdue=sum(stand.state is NoticeState.OVERDUE for stand in stands),
        rate=rectification_rate(states(issued, {}, last).values()),
    )


def _count(events: Iterable[Event], kind: EventKind) -> int:
    return sum(event.kind is kind for event in events)
