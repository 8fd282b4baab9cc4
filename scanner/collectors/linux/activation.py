"""Whether 麒麟 and UOS say that they are activated.

麒麟 keeps its activation code in ``/etc/.kyactivation`` (or a file of that name with a suffix). That one is there and
not empty is the sign that scripts go by; the code itself is a key and is never read. ``term`` in ``/etc/.kyinfo`` is
the end of the technical service (服务期): no proof of activation, and no end of the right of use. UOS is asked by
``uos-activator-cmd -q``. Neither maker publishes these formats; the words are those that public administration scripts
look for. An answer in other words gives no status and keeps the words, so that a person can judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from config.message import Message
from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, ask
from scanner.collectors.linux.commands import ACTIVATION
from scanner.collectors.linux.os import parse_pairs
from scanner.model import LicenceState, LicenceStatus, Platform, SkippedEntry
from scanner.session import LinuxSession

KYLIN_CODE = "/etc/.kyactivation"
UOS_TOOL = "uos-activator-cmd -q"
TIMED_OUT = "124"  # timeout(1)
REASON_CHARACTERS = 200
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})")

STATES = (
    (
        LicenceStatus.TRIAL_EXPIRED,
        re.compile(r"试用(?:期|授权)?已?(?:过期|到期|结束)|trial[^\n]{0,20}(?:expired|ended)", re.IGNORECASE),
    ),
    (
        LicenceStatus.UNLICENSED,
        re.compile(
            r"未激活|未授权|(?:激活|授权)(?:已)?(?:失效|过期)|\bun-?(?:activated|authori[sz]ed)"
            r"|\bnot\s+(?:been\s+)?(?:activated|authori[sz]ed)|\b(?:lapsed?|expired)\b",
            re.IGNORECASE,
        ),
    ),
    (LicenceStatus.TRIAL, re.compile(r"试用|\btrial\b", re.IGNORECASE)),
    (
        LicenceStatus.LICENSED,
        re.compile(r"已激活|已授权|免费授权|永久授权|\b(?:activated|authori[sz]ed)\b", re.IGNORECASE),
    ),
)
"""Looked for in this order: the first that the answer says is its state."""


def collect(session: LinuxSession) -> Iterator[LicenceState | SkippedEntry]:
    """Yield the activation of 麒麟 and of UOS where the computer has one; nothing on other systems."""
    answer = ask(session, ACTIVATION)
    if "kylin" in answer.sections:
        yield parse_kylin(answer)
    if "uos" in answer.sections:
        yield parse_uos(answer)


def parse_kylin(answer: Answer) -> LicenceState:
    """The state of 麒麟. ``term=2025-12-18`` / ``code=present``, ``code=empty`` or ``code=absent``"""
    pairs = parse_pairs(answer.lines("kylin"))
    status = {"present": LicenceStatus.LICENSED, "absent": LicenceStatus.UNLICENSED}.get(pairs.get("code", ""))
    return LicenceState(
        source=KYLIN_CODE,
        name="Kylin",
        application="kylin",
        status=status,
        status_reason=f"{KYLIN_CODE}: {pairs.get('code', 'unread')}",
        service_until=parse_day(pairs.get("term", "")),
        observation=answer.observation,
    )


def parse_uos(answer: Answer) -> LicenceState | SkippedEntry:
    """The state of UOS. ``激活状态：已激活`` · ``Activation status: trial, expires 2026-03-01``; silence is skipped."""
    code = answer.first("exit")
    said = " / ".join(line.strip() for line in answer.lines("uos"))
    if not said or code == TIMED_OUT:
        return SkippedEntry(
            UOS_TOOL, Message.of("linux.activation_silent", tool=UOS_TOOL, exit=code), answer.observation
        )
    status = parse_status(said)
    until = parse_day(said)
    return LicenceState(
        source=UOS_TOOL,
        name="UOS",
        application="uos",
        status=status,
        status_reason=said[:REASON_CHARACTERS],
        evaluation_end=until if status in (LicenceStatus.TRIAL, LicenceStatus.TRIAL_EXPIRED) else None,
        valid_until=until if status is LicenceStatus.LICENSED else None,
        observation=answer.observation,
    )


def parse_status(said: str) -> LicenceStatus | None:
    """What an answer in words says; None when it says nothing that is known."""
    return next((status for status, words in STATES if words.search(said)), None)


def parse_day(text: str) -> str | None:
    """The first date of a text as ISO date: ``2025-12-18``, ``2025年12月18日``, ``2025/1/2``; None for no real day."""
    return next(_days(_DATE.finditer(text)), None)


def _days(found: Iterable[re.Match[str]]) -> Iterator[str]:
    for match in found:
        year, month, day = map(int, match.groups())
        if 1 <= month <= 12 and 1 <= day <= 31 and year >= 1990:
            try:
                yield date(year, month, day).isoformat()
            except ValueError:  # the 31st of a shorter month
                continue


COLLECTOR: LinuxCollector = Collector("linux.activation", 1, Platform.LINUX, collect)
