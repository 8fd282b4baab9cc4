"""The pure rules of the fleet: order, remaining time, circuit breaker, and what an ending says of a credential."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.selection import LoginResult
from scanner.discovery_plan import DiscoveryPlan, chunks
from scanner.endings import login_result
from scanner.order import Signs, by_leaving, missed_sweeps
from scanner.pace import Pace
from scanner.silence import Breaker

EARLY, LATE = "2026-11-02T09:00:00.000+08:00", "2026-11-02T09:05:00.000+08:00"
DESKTOP = Signs(frozenset({135, 445}), EARLY)


def test_those_that_may_leave_come_first_and_servers_last() -> None:
    hosts = {
        "server system": Signs(frozenset({445}), LATE, server_system=True),
        "two web ports": Signs(frozenset({80, 443, 445}), LATE),
        "one web port": Signs(frozenset({22, 80}), LATE),
        "desktop seen early": DESKTOP,
        "desktop seen late": Signs(frozenset({135, 445}), LATE),
        "missed once": Signs(frozenset({445}), EARLY, missed=1),
        "random MAC": Signs(frozenset({445}), EARLY, random_mac=True),
        "notebook": Signs(frozenset({445}), LATE, chassis="notebook"),
    }
    assert by_leaving(hosts.items()) == [
        "notebook", "missed once", "random MAC", "desktop seen late", "desktop seen early", "one web port",
        "server system", "two web ports",
    ]  # fmt: skip


def test_an_account_is_proven_at_the_host_that_is_most_surely_the_units_own() -> None:
    stranger = Signs(frozenset({445}), LATE, random_mac=True)
    desktop = Signs(frozenset({445}), EARLY)
    listed = Signs(frozenset({445}), EARLY, in_ledger=True)
    read = Signs(frozenset({445}), EARLY, read_before=True)
    penguin, server = Signs(frozenset({22}), EARLY), Signs(frozenset({22}), EARLY, in_ledger=True, server_system=True)
    named = {"stranger": stranger, "desktop": desktop}
    assert by_leaving(named.items()) == ["desktop", "stranger"]
    named |= {"listed": listed, "penguin": penguin, "server": server}
    assert by_leaving(named.items()) == ["listed", "server", "stranger", "desktop", "penguin"]
    named |= {"read": read}
    assert by_leaving(named.items()) == ["read", "server", "stranger", "desktop", "listed", "penguin"]


def test_a_sweep_that_did_not_find_a_host_counts_against_its_staying() -> None:
    assert missed_sweeps([{"a", "b"}, {"a"}, {"a"}], ["a", "b"]) == {"a": 0, "b": 2}


def test_nothing_is_said_of_the_time_left_before_there_is_something_to_say_it_from() -> None:
    pace = Pace(0.0)
    for second in (1, 2, 3, 4):
        pace.finished(float(second))
        assert pace.remaining(10, float(second)) is None
    pace.finished(5.0)
    assert pace.remaining(10, 5.0) == 10
    assert pace.remaining(0, 5.0) == 0


def test_the_time_left_grows_while_nothing_moves() -> None:
    pace = Pace(0.0)
    for second in range(1, 11):
        pace.finished(float(second))
    assert pace.remaining(10, 10.0) == 10
    assert pace.remaining(10, 30.0) == 30


@given(st.lists(st.floats(0.1, 5), min_size=5, max_size=200), st.integers(1, 1000))
def test_the_estimate_is_exact_for_an_even_pace_and_never_negative(steps: list[float], left: int) -> None:
    uneven, even, at = Pace(0.0), Pace(0.0), 0.0
    for number, step in enumerate(steps, 1):
        at += step
        uneven.finished(at)
        even.finished(float(number))
    said = uneven.remaining(left, at)
    assert said is None or said >= 0
    assert even.remaining(left, float(len(steps))) == left


@pytest.mark.parametrize(
    ("answering", "silent", "trips"), [(20, 4, False), (20, 5, True), (200, 10, False), (200, 11, True)]
)
def test_the_breaker_needs_five_hosts_and_more_than_five_percent(answering: int, silent: int, trips: bool) -> None:
    breaker = Breaker(answering)
    asked = [breaker.silent(f"10.0.0.{n}", float(n)) for n in range(silent)]
    assert [question is not None for question in asked] == [False] * (silent - 1) + [trips]


def test_silences_more_than_a_minute_apart_or_of_one_host_do_not_add_up() -> None:
    breaker = Breaker(20)
    assert not any(breaker.silent(f"10.0.0.{n}", n * 16.0) for n in range(20))
    assert not any(breaker.silent("10.0.0.1", 1000.0 + n) for n in range(20))


@pytest.mark.parametrize(
    ("kind", "code", "result"),
    [
        ("LogonRefused", "login.refused", LoginResult.REFUSED),
        ("LogonRefused", "login.locked", LoginResult.LOCKED),
        ("LogonRefused", "login.must_change", LoginResult.MUST_CHANGE),
        ("LogonRefused", "ssh.cut_at_login", LoginResult.UNANSWERED),
        ("AccessDenied", "smb.logon_restricted", LoginResult.RESTRICTED),
        ("AccessDenied", "login.guest_refused", LoginResult.UNREACHABLE),
        ("Untrusted", "smb.forged_answer", LoginResult.UNTRUSTED),
        ("TimedOut", "smb.silent", LoginResult.UNREACHABLE),
    ],
)
def test_what_the_end_of_a_login_says_of_its_password(kind: str, code: str, result: LoginResult) -> None:
    assert login_result(kind, code) is result


def test_a_chunk_never_crosses_the_start_of_a_segment() -> None:
    addresses = tuple(f"10.0.0.{n}" for n in range(1, 9))
    plan = DiscoveryPlan(addresses, (445,), True, 4, frozenset({"10.0.0.3"}))
    assert [len(chunk.addresses) for chunk in chunks(plan)] == [2, 4, 2]
    again = DiscoveryPlan(addresses, (445,), True, 256, frozenset(chunk.addresses[0] for chunk in chunks(plan)))
    assert [chunk.addresses for chunk in chunks(again)] == [chunk.addresses for chunk in chunks(plan)]
