"""Rates: integers, bounds, and what is left out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.judgement.audit import run_audit
from appliance.judgement.declared import Declared, Disposal
from appliance.judgement.rates import percent
from appliance.judgement.tallies import Count
from appliance.ledger.model import LicenceType, SoftwareType
from scanner.model import LicenceState, LicenceStatus
from tests.appliance.judgement.world import Unit, asset, entry


@pytest.mark.parametrize(
    ("n", "d", "shown"),
    [
        (0, 0, None),
        (0, 7, "0.00"),
        (7, 7, "100.00"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 800, "0.13"),
        (1, 801, "0.12"),
    ],
)
def test_a_percentage_is_rounded_half_up_in_integers(n: int, d: int, shown: str | None) -> None:
    assert percent(n, d) == shown


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_percentage_is_never_off_by_more_than_half_a_hundredth(n: int, d: int) -> None:
    text = percent(n, d)
    assert text is not None
    assert abs(Fraction(text) - Fraction(100 * n, d)) <= Fraction(1, 200)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 120))
def test_a_surplus_moves_copies_and_loses_none(licensed: int, unlicensed: int, open_: int, over: int) -> None:
    count = Count(licensed, unlicensed, open_)
    count.charge(over)
    assert count.copies == licensed + unlicensed + open_
    assert min(count.licensed, count.unlicensed, count.to_verify) >= 0
    assert count.surplus == min(over, licensed + open_)


def wps(unit: Unit, *hosts: str, listed: bool = True) -> None:
    for host in hosts:
        unit.add(host, entry("WPS Office", "2019"), listed=listed)


def test_min_of_installs_and_quantity_is_licensed_by_count() -> None:
    unit = Unit()
    wps(unit, "h1", "h2", "h3")
    unit.buy("S1", "WPS Office", 2)
    rate = run_audit(unit.inputs()).rates["legal_rate.office"]
    assert (rate.n, rate.d, rate.lower, rate.upper, rate.final) == (2, 3, 2, 2, True)
    assert rate.breakdown["surplus"] == 1


def test_exactly_the_quantity_is_no_surplus() -> None:
    unit = Unit()
    wps(unit, "h1", "h2")
    unit.buy("S1", "WPS Office", 2)
    assert (run_audit(unit.inputs()).rates["legal_rate.office"].n, run_audit(unit.inputs()).positions[0].gap) == (2, 0)


def test_open_copies_are_the_upper_bound_and_the_rate_is_preliminary() -> None:
    unit = Unit()
    wps(unit, "h1", "h2")
    unit.add("h3", entry("LibreOffice"))
    unit.buy("S1", "WPS Office", 5)
    rate = run_audit(unit.inputs()).rates["legal_rate.office"]
    assert (rate.n, rate.d, rate.lower, rate.upper, rate.final) == (2, 3, 2, 3, False)


def test_unlisted_computers_are_counted_apart() -> None:
    unit = Unit()
    wps(unit, "h1")
    wps(unit, "h2", listed=False)
    unit.buy("S1", "WPS Office", 5)
    run = run_audit(unit.inputs())
    rate = run.rates["legal_rate.office"]
    assert (rate.n, rate.d, rate.excluded) == (1, 1, 1)
    assert run.positions[0].installs == 2  # they use seats all the same
    assert "not_on_ledger" in {finding.kind for finding in run.findings}


def test_the_surplus_that_unlisted_computers_cause_stays_out_of_the_official_rate() -> None:
    unit = Unit()
    wps(unit, "h9")
    wps(unit, "h1", listed=False)
    unit.buy("S1", "WPS Office", 1)
    run = run_audit(unit.inputs())
    assert (run.rates["legal_rate.office"].n, run.rates["legal_rate.office"].d) == (1, 1)
    assert next(v for v in run.verdicts() if v.rule == "R14").remarks[0].code == "verdict.surplus_apart"


def test_domestic_copies_that_are_not_licensed_leave_the_numerator() -> None:
    unit = Unit()
    wps(unit, "h1", "h2", "h3")
    unit.add("h4", entry("LibreOffice"))
    unit.buy("S1", "WPS Office", 2)
    rate = run_audit(unit.inputs()).rates["domestic_rate.office"]
    assert (rate.n, rate.d) == (2, 4)


def test_in_box_parts_and_updates_are_in_neither_part_of_a_rate() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office"), entry("WPS Office 更新包"), entry("VC++ 运行库"))
    assert run_audit(unit.inputs()).rates["domestic_rate"].d == 1


def test_a_category_without_copies_prints_not_applicable() -> None:
    unit = Unit()
    wps(unit, "h1")
    rate = run_audit(unit.inputs()).rates["legal_rate.industrial"]
    assert percent(rate.n, rate.d) is None


def test_the_total_adds_the_audited_categories_only() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office"), entry("WinRAR"))
    rates = run_audit(unit.inputs()).rates
    assert (rates["legal_rate"].d, rates["legal_rate.other"].d) == (1, 1)


def test_coverage_counts_by_quantity_and_only_what_was_fully_read() -> None:
    unit = Unit()
    wps(unit, "h1")
    unit.add_closed("h2")
    unit.add("h3")  # an empty list of software is not collected
    unit.assets.append(asset("ZC-30", 30))
    rate = run_audit(unit.inputs()).rates["coverage_rate"]
    assert (rate.n, rate.d) == (1, 33)


def test_found_and_listed_agree_over_their_union() -> None:
    unit = Unit()
    wps(unit, "h1")
    unit.add_closed("h2")
    wps(unit, "h3", listed=False)
    unit.assets.append(asset("ZC-lost", 2))
    rate = run_audit(unit.inputs()).rates["asset_match_rate"]
    assert (rate.n, rate.d, rate.breakdown["unlisted"]) == (2, 5, 1)


def test_a_disposed_computer_leaves_the_base_only_with_its_papers() -> None:
    unit = Unit()
    wps(unit, "h1")
    unit.assets.append(asset("ZC-old"))
    assert run_audit(unit.inputs()).rates["coverage_rate"].d == 2
    assert (
        run_audit(unit.inputs(declared=Declared(disposals=(Disposal("ZC-old", "处置批复 3 号"),))))
        .rates["coverage_rate"]
        .d
        == 1
    )


def test_gap_and_idle_are_at_least_and_at_most_while_computers_are_unread() -> None:
    unit = Unit()
    wps(unit, "h1", "h2", "h3")
    unit.buy("S1", "WPS Office", 2)
    unit.buy("S2", "AutoCAD", 4)
    short, idle = run_audit(unit.inputs()).positions
    assert (short.gap, short.idle, short.at_least) == (1, 0, False)
    assert (idle.gap, idle.idle) == (0, 4)
    unit.add_closed("h4")
    assert all(position.at_least for position in run_audit(unit.inputs()).positions)


def test_two_rows_share_their_installs_so_that_no_seat_is_wasted() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office", "2016"))
    unit.add("h2", entry("WPS Office", "2019"))
    unit.buy("S1", "WPS Office", 1, version="2016", usable_versions=("2016", "2019"))
    unit.buy("S2", "WPS Office", 1, version="2016")
    run = run_audit(unit.inputs())
    assert [(p.installs, p.gap) for p in run.positions] == [(1, 0), (1, 0)]
    assert run.rates["legal_rate.office"].n == 2


def test_oem_site_and_free_rows_have_no_position() -> None:
    unit = Unit()
    unit.buy("S1", "Windows 10", software_type=SoftwareType.OEM)
    unit.buy("S2", "WPS Office", licence_type=LicenceType.SITE)
    unit.buy("S3", "LibreOffice", software_type=SoftwareType.FREE)
    assert run_audit(unit.inputs()).positions == ()


def test_an_oem_system_uses_no_volume_seat() -> None:
    unit = Unit()
    state = LicenceState("wmi", "Windows", "windows", LicenceStatus.LICENSED, channel="OEM_DM", delivered_edition="Pro")
    unit.add("h1", entry("WPS Office"), os="Windows 10", states=(state,))
    unit.buy("S1", "Windows 10", 3)
    assert (run_audit(unit.inputs()).positions[0].installs, run_audit(unit.inputs()).positions[0].idle) == (0, 3)


def test_an_unread_system_that_may_be_oem_leaves_the_position_open() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office"), os="Windows 10")
    unit.buy("S1", "Windows 10", 3)
    unit.buy("S2", "Windows 10", software_type=SoftwareType.OEM)
    position = run_audit(unit.inputs()).positions[0]
    assert (position.installs, position.at_least) == (0, True)
