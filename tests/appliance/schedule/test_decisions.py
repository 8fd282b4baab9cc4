"""Whether the clock is believed, and whether the hosts that answer are the unit's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.schedule.quorum import KnownHost, Told, compare, verdict
from appliance.schedule.reliable_clock import Reading, doubt

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
LAST = Reading(NOW, 1000.0, "boot")


def after(wall: timedelta, boottime: float, boot: str = "boot") -> str | None:
    message = doubt(LAST, Reading(NOW + wall, 1000.0 + boottime, boot))
    return message.code if message else None


@pytest.mark.parametrize(
    ("wall", "boottime", "boot", "code"),
    [
        (timedelta(seconds=30), 30.0, "boot", None),
        (timedelta(hours=9), 9 * 3600.0, "boot", None),  # suspend: the time since boot counts it
        (timedelta(seconds=60), 30.0, "boot", None),  # NTP put it right
        (timedelta(days=365), 30.0, "boot", "schedule.clock_jumped"),
        (timedelta(days=-365), 30.0, "boot", "schedule.clock_jumped"),
        (timedelta(0), 86400.0, "boot", "schedule.clock_jumped"),
        (timedelta(days=3), 10.0, "another boot", None),
        (timedelta(days=-1), 10.0, "another boot", "schedule.clock_behind"),
        (timedelta(days=365), 10.0, "another boot", "schedule.clock_ahead"),
    ],
)
def test_the_clock_is_believed_when_it_moved_as_far_as_the_time_since_boot(
    wall: timedelta, boottime: float, boot: str, code: str | None
) -> None:
    assert after(wall, boottime, boot) == code


def test_a_change_of_the_zone_moves_no_clock() -> None:
    elsewhere = (NOW + timedelta(seconds=30)).astimezone(UTC).isoformat()
    assert doubt(LAST, Reading(datetime.fromisoformat(elsewhere), 1030.0, "boot")) is None


def told(**answers: str) -> dict[str, Told]:
    return {address: Told(answer) for address, answer in answers.items()}


KEYS = [KnownHost("a", key="AAAA"), KnownHost("b", key="BBBB")]
NAMES = [KnownHost(a, name=f"pc-{a}") for a in "cdefg"]


@pytest.mark.parametrize(
    ("known", "answers", "passes"),
    [
        ("keys", {"a": "same"}, True),  # one SSH key is a proof
        ("keys", {"a": "other"}, False),
        ("keys", {"a": "same", "b": "other"}, False),
        ("names", {"c": "same", "d": "same"}, False),  # two names of five
        ("names", {"c": "same", "d": "same", "e": "same"}, True),
        ("names", {"c": "same", "d": "same", "e": "same", "f": "other"}, True),
        ("names", {"c": "nothing", "d": "nothing"}, False),
        ("one name", {"c": "same"}, False),
        ("two names", {"c": "same", "d": "same"}, True),
        ("none", {}, False),
    ],
)
def test_enough_known_hosts_must_agree(known: str, answers: dict[str, str], passes: bool) -> None:
    hosts = {"keys": KEYS, "names": NAMES, "one name": NAMES[:1], "two names": NAMES[:2], "none": []}[known]
    assert (verdict(hosts, told(**answers)) is None) is passes


def test_a_computer_that_is_off_says_nothing_and_another_key_speaks_against() -> None:
    assert compare(KEYS[0], None, None) is Told.NOTHING
    assert compare(KEYS[0], "ZZZZ", "anything") is Told.OTHER
    assert compare(NAMES[0], None, "pc-c") is Told.SAME
    assert compare(NAMES[0], None, "") is Told.NOTHING
