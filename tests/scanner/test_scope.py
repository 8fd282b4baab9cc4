"""An authorisation is checked before it is stored; a scope holds exactly its addresses, and only in its window."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.messages import catalogue, render
from config.problems import BadInput, Problem, Refused
from scanner.scope import Authorisation, Scope, check_authorisation, require

BEIJING = timezone(timedelta(hours=8))
OPENS = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
CLOSES = datetime(2026, 11, 24, 18, 0, tzinfo=BEIJING)

GOOD = Authorisation(
    id="01JD0000000000000000000000",
    ranges=("10.1.0.0/24", "10.1.2.10-10.1.2.20", "fd00::1"),
    exclusions=("10.1.0.8/30",),
    not_before=OPENS,
    not_after=CLOSES,
    document_no="测版检〔2026〕3号",
    signer="王某",
    no_classified=True,
    signed_on=date(2026, 11, 20),
    recorded_at="2026-11-20T10:00:00.000+08:00",
)

FAULTS = [
    ("no document number", {"document_no": " "}, "scope.no_document_no"),
    ("no signer", {"signer": ""}, "scope.no_signer"),
    ("no range", {"ranges": ()}, "scope.no_ranges"),
    ("a host name for a range", {"ranges": ("pc1.unit.local",)}, "scope.bad_range"),
    ("an option for a range", {"ranges": ("-iL /etc/hosts",)}, "scope.bad_range"),
    ("two addresses in one range", {"ranges": ("10.1.0.1 10.1.0.2",)}, "scope.bad_range"),
    ("a shortened end", {"ranges": ("10.1.0.1-20",)}, "scope.bad_range"),
    ("mixed versions", {"ranges": ("10.1.0.1-fd00::1",)}, "scope.bad_range"),
    ("a zone", {"ranges": ("fe80::1%eth0",)}, "scope.bad_range"),
    ("a zone in a network", {"ranges": ("fe80::%eth0/64",)}, "scope.bad_range"),
    ("a prefix that does not exist", {"ranges": ("10.1.0.0/33",)}, "scope.bad_range"),
    ("a leading zero, octal to some", {"ranges": ("10.1.0.010",)}, "scope.bad_range"),
    ("an address inside its network", {"ranges": ("10.1.0.5/24",)}, "scope.host_bits"),
    ("a reversed range", {"ranges": ("10.1.0.9-10.1.0.1",)}, "scope.reversed_range"),
    ("a range inside another", {"ranges": ("10.1.0.0/16", "fd00::1", "10.1.7.7")}, "scope.overlap"),
    ("the same range twice", {"ranges": ("10.1.0.0/24", "10.1.0.0/24")}, "scope.overlap"),
    ("a public range", {"ranges": ("8.8.8.0/24",)}, "scope.public_range"),
    ("a range that leaves 10/8", {"ranges": ("10.255.255.0-11.0.0.3",)}, "scope.public_range"),
    ("a mapped public address", {"ranges": ("::ffff:8.8.8.8",)}, "scope.public_range"),
    ("multicast", {"ranges": ("239.1.1.1",)}, "scope.never_allowed"),
    ("everything", {"ranges": ("0.0.0.0/0",), "public_confirmed": True}, "scope.never_allowed"),
    ("an exclusion elsewhere", {"exclusions": ("10.9.0.1",)}, "scope.exclusion_outside"),
    ("an exclusion half outside", {"exclusions": ("10.1.0.250-10.1.1.5",)}, "scope.exclusion_outside"),
    ("everything excluded", {"ranges": ("10.1.0.0/30",), "exclusions": ("10.1.0.0/30",)}, "scope.nothing_left"),
    ("a whole /11", {"ranges": ("10.0.0.0/11",), "exclusions": ()}, "scope.too_large"),
    ("an IPv6 network", {"ranges": ("fd00::/64",), "exclusions": ()}, "scope.too_large"),
    ("a reversed window", {"not_before": CLOSES, "not_after": OPENS}, "scope.window_reversed"),
    ("a window without offset", {"not_before": OPENS.replace(tzinfo=None)}, "scope.window_without_offset"),
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_faulty_authorisation_is_refused_with_a_sentence(change: dict[str, object], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_authorisation(replace(GOOD, **change))  # type: ignore[arg-type]
    assert caught.value.message.code == code
    assert code in catalogue()
    assert "（未知）" not in render(caught.value.message)


def test_overlapping_ranges_are_both_named() -> None:
    with pytest.raises(BadInput) as caught:
        check_authorisation(replace(GOOD, ranges=("10.1.0.0/24", "10.1.0.200-10.1.1.9"), exclusions=()))
    assert "“10.1.0.0/24”与“10.1.0.200-10.1.1.9”重叠" in render(caught.value.message)


def test_a_sound_authorisation_passes() -> None:
    check_authorisation(GOOD)


def test_an_exclusion_may_span_two_adjacent_ranges() -> None:
    check_authorisation(replace(GOOD, ranges=("10.1.0.0/25", "10.1.0.128/25"), exclusions=("10.1.0.120-10.1.0.140",)))


def test_public_addresses_pass_when_the_document_names_them() -> None:
    check_authorisation(replace(GOOD, ranges=("59.192.4.0/24",), exclusions=(), public_confirmed=True))


def test_a_scope_holds_its_ranges_without_the_exclusions() -> None:
    scope = Scope.of(GOOD)
    assert scope.size == 256 - 4 + 11 + 1
    assert [scope.contains(a) for a in ("10.1.0.7", "10.1.0.8", "10.1.0.11", "10.1.0.12")] == [True, False, False, True]
    assert [scope.contains(a) for a in ("10.1.2.9", "10.1.2.10", "fd00::1", "fd00:0:0::1")] == [False, True, True, True]


@pytest.mark.parametrize(
    "text", ["", "pc1", "10.1.0", "10.1.0.1 ", "10.1.0.1/32", "::ffff:10.1.0.1", "fd00::1%eth0", "010.1.0.1"]
)
def test_what_is_no_plain_literal_is_in_no_scope(text: str) -> None:
    assert not Scope.of(GOOD).contains(text)


def test_a_segment_cuts_the_scope_and_never_widens_it() -> None:
    scope = Scope.of(GOOD, "10.1.2.0/24")
    assert list(scope.addresses()) == [f"10.1.2.{n}" for n in range(10, 21)]


def test_a_segment_outside_the_authorisation_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        Scope.of(GOOD, "10.7.0.0/24")
    assert caught.value.message.code == "scope.segment_outside"


SECOND = timedelta(seconds=1)
REFUSALS = [
    ("without the statement", {"no_classified": False}, OPENS, "scope.no_statement"),
    ("unsigned", {"signed_on": None}, OPENS, "scope.unsigned"),
    ("a second early", {}, OPENS - SECOND, "scope.window_not_open"),
    ("a second late", {}, CLOSES + SECOND, "scope.window_closed"),
    ("late by another zone's clock", {}, (CLOSES + SECOND).astimezone(UTC), "scope.window_closed"),
]


@pytest.mark.parametrize(("change", "at", "code"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_no_scan_starts_without_permission_now(change: dict[str, object], at: datetime, code: str) -> None:
    authorisation = replace(GOOD, **change)  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        require(authorisation, at)
    assert caught.value.message.code == code
    assert "（未知）" not in render(caught.value.message)
    assert not Scope.of(authorisation).permits("10.1.0.1", at)


@pytest.mark.parametrize("at", [OPENS, CLOSES, OPENS + timedelta(hours=5)])
def test_inside_the_window_only_addresses_in_scope_are_permitted(at: datetime) -> None:
    require(GOOD, at)
    assert Scope.of(GOOD).permits("10.1.0.1", at)
    assert not Scope.of(GOOD).permits("10.1.1.1", at)


FIRST_ADDRESS, UNIVERSE = int(ip_address("10.0.0.192")), 128  # crosses a /24, so that text order is not number order
Span = tuple[int, int]
spans = st.tuples(st.integers(0, UNIVERSE - 1), st.integers(0, 40)).map(
    lambda s: (s[0], min(s[0] + s[1], UNIVERSE - 1))
)


def written(span: Span) -> str:
    first, last = (str(ip_address(FIRST_ADDRESS + n)) for n in span)
    return first if first == last else f"{first}-{last}"


def members(chosen: list[Span]) -> set[int]:
    return {n for first, last in chosen for n in range(first, last + 1)}


@settings(max_examples=2000, deadline=None)
@given(st.lists(spans, max_size=5), st.lists(spans, max_size=5), st.none() | spans)
def test_a_scope_equals_the_set_of_its_addresses(
    ranges: list[Span], exclusions: list[Span], segment: Span | None
) -> None:
    expected = members(ranges) - members(exclusions)
    expected &= members([segment]) if segment else expected
    authorisation = replace(GOOD, ranges=tuple(map(written, ranges)), exclusions=tuple(map(written, exclusions)))
    try:
        scope = Scope.of(authorisation, written(segment) if segment else None)
    except Problem:
        assert segment is not None
        assert not expected
        return
    universe = [str(ip_address(FIRST_ADDRESS + n)) for n in range(UNIVERSE)]
    assert {n for n, address in enumerate(universe) if scope.contains(address)} == expected
    assert list(scope.addresses()) == [universe[n] for n in sorted(expected)]
    assert scope.size == len(expected)


@settings(max_examples=300, deadline=None)
@given(st.lists(spans, min_size=2, max_size=5))
def test_overlap_is_found_exactly_when_an_address_is_in_two_ranges(ranges: list[Span]) -> None:
    shared = sum(last - first + 1 for first, last in ranges) > len(members(ranges))
    authorisation = replace(GOOD, ranges=tuple(map(written, ranges)), exclusions=())
    with pytest.raises(BadInput, match=r"scope\.overlap") if shared else nullcontext():
        check_authorisation(authorisation)
