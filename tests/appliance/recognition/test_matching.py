"""Hosts are matched to asset rows by evidence, never by guess."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ledger.model import Asset, AssetState, RowRef
from appliance.model import Match
from appliance.recognition import identity
from appliance.recognition.matching import HostView, match_hosts
from config.messages import render
from config.problems import BadInput
from scanner.model import Identity

MAC_A, MAC_B = "00:1a:2b:00:00:0a", "00:1a:2b:00:00:0b"


def asset(
    number: str,
    *,
    serials: tuple[str, ...] = (),
    macs: tuple[str, ...] = (),
    hostname: str = "",
    addresses: tuple[str, ...] = (),
    quantity: int = 1,
    computer_no: str = "",
) -> Asset:
    return Asset(
        RowRef("ledger", "固定资产", 2),
        number,
        quantity=quantity,
        serials=serials,
        macs=macs,
        hostname=hostname,
        addresses=addresses,
        computer_no=computer_no,
    )


def host(
    name: str, *, serial: str | None = None, mac: str | None = None, hostname: str | None = None, address: str = ""
) -> HostView:
    return HostView(name, address, mac, Identity(serial=serial, hostname=hostname))


def one(view: HostView, *assets: Asset) -> Match:
    return match_hosts([view], assets)[0]


def codes(match: Match) -> list[str]:
    return [message.code for message in match.conflicts]


def test_each_kind_of_evidence_matches_alone() -> None:
    assert one(host("h", serial="PF-1A2B"), asset("A", serials=("pf1a2b",))) == Match("h", "A", ("serial",), 8)
    assert one(host("h", mac=MAC_A.upper()), asset("A", macs=(MAC_A,))) == Match("h", "A", ("mac",), 4)
    assert one(host("h", hostname="PC1.unit.lan"), asset("A", hostname="pc1")) == Match("h", "A", ("hostname",), 2)
    assert one(host("h", address="10.1.1.5"), asset("A", addresses=("10.1.1.5",))) == Match("h", "A", ("address",), 1)


def test_the_computer_number_stands_for_an_absent_host_name() -> None:
    assert one(host("h", hostname="DA-007"), asset("A", computer_no="da-007")).asset == "A"
    assert one(host("h", hostname="DA-007"), asset("A", computer_no="da-007", hostname="pc9")).asset is None


def test_a_second_network_card_is_evidence_too() -> None:
    view = HostView("h", "10.1.1.5", MAC_A, Identity(macs=(MAC_B,)))
    assert one(view, asset("A", macs=(MAC_B,))).basis == ("mac",)


def test_a_host_on_no_ledger_row_is_unmatched_without_conflict() -> None:
    assert one(host("h", serial="PF1A2B"), asset("A", serials=("PF9Z9Z",))) == Match("h", None)


def test_a_host_known_by_address_alone_can_be_matched_or_not() -> None:
    bare = HostView("h", "10.1.1.5")
    assert one(bare, asset("A", serials=("PF1A2B",), addresses=("10.1.1.5",))) == Match("h", "A", ("address",), 1)
    assert one(bare, asset("A", serials=("PF1A2B",))) == Match("h", None)


@pytest.mark.parametrize(
    "junk",
    ["Default string", "To be filled by O.E.M.", "System Serial Number", "00000000", "N/A", "无", "123456789", "-"],
)
def test_junk_serials_count_for_nothing(junk: str) -> None:
    assert identity.serial(junk) == ""
    assert one(host("h", serial=junk), asset("A", serials=(junk,))) == Match("h", None)
    named = one(host("h", serial=junk, hostname="pc1"), asset("A", serials=("PF1A2B",), hostname="pc1"))
    assert named == Match("h", "A", ("hostname",), 2)


@pytest.mark.parametrize("junk", ["00:00:00:00:00:00", "00-50-56-C0-00-08", "0a00.2700.0003", "02:42:ac:11:00:02", "x"])
def test_macs_that_many_computers_share_count_for_nothing(junk: str) -> None:
    assert one(host("h", mac=junk), asset("A", macs=(junk,))) == Match("h", None)


def test_an_installers_default_name_counts_for_nothing() -> None:
    assert one(host("h", hostname="localhost.localdomain"), asset("A", hostname="localhost")) == Match("h", None)


def test_serial_wins_over_mac_and_the_conflict_is_recorded() -> None:
    found = one(host("h", serial="PF1A2B", mac=MAC_A), asset("A", serials=("PF1A2B",)), asset("B", macs=(MAC_A,)))
    assert (found.asset, found.basis, codes(found)) == ("A", ("serial",), ["matching.mac_elsewhere"])
    assert "B" in render(found.conflicts[0])


def test_a_serial_outweighs_all_other_evidence_together() -> None:
    view = host("h", serial="PF1A2B", mac=MAC_A, hostname="pc1", address="10.1.1.5")
    rival = asset("B", macs=(MAC_A,), hostname="pc1", addresses=("10.1.1.5",))
    found = one(view, rival, asset("A", serials=("PF1A2B",)))
    assert found.asset == "A"
    assert codes(found) == ["matching.mac_elsewhere", "matching.hostname_elsewhere", "matching.address_elsewhere"]


def test_a_tie_between_two_assets_stays_unmatched_with_the_conflict() -> None:
    found = one(host("h", hostname="pc1"), asset("B", hostname="pc1"), asset("A", hostname="pc1"))
    assert (found.asset, codes(found)) == (None, ["matching.several_assets"])
    assert "A、B" in render(found.conflicts[0])


def test_more_evidence_breaks_a_tie() -> None:
    view = host("h", hostname="pc1", address="10.1.1.5")
    assert one(view, asset("A", hostname="pc1"), asset("B", hostname="pc1", addresses=("10.1.1.5",))).asset == "B"


def test_two_hosts_with_equal_claims_on_one_asset_are_both_named_and_neither_merged() -> None:
    clones = [host("h1", serial="PF1A2B"), host("h2", serial="PF1A2B")]
    found = match_hosts(clones, [asset("A", serials=("PF1A2B",))])
    assert [m.asset for m in found] == [None, None]
    assert [codes(m) for m in found] == [["matching.several_hosts"]] * 2
    assert "h1、h2" in render(found[0].conflicts[0])


def test_the_stronger_claim_gets_the_asset_and_the_weaker_host_is_told() -> None:
    hosts = [host("h1", hostname="pc1"), host("h2", serial="PF1A2B")]
    found = match_hosts(hosts, [asset("A", serials=("PF1A2B",), hostname="pc1")])
    assert [(m.host_id, m.asset) for m in found] == [("h1", None), ("h2", "A")]
    assert codes(found[0]) == ["matching.already_matched"]


def test_a_replaced_machine_with_the_old_name_and_address_is_not_taken_for_the_old_one() -> None:
    view = host("h", serial="NEW123", hostname="pc1", address="10.1.1.5")
    found = one(view, asset("A", serials=("OLD456",), hostname="pc1", addresses=("10.1.1.5",)))
    assert (found.asset, codes(found)) == (None, ["matching.weak_against_serial"])


def test_a_mac_that_agrees_is_kept_though_the_serial_differs_and_both_are_shown() -> None:
    found = one(host("h", serial="NEW123", mac=MAC_A), asset("A", serials=("OLD456",), macs=(MAC_A,)))
    assert (found.asset, codes(found)) == ("A", ["matching.serial_differs"])
    assert "new123" in render(found.conflicts[0])


def test_what_differs_on_a_matched_pair_is_recorded_and_what_is_absent_is_not() -> None:
    view = host("h", serial="PF1A2B", mac=MAC_A, hostname="pc1", address="10.1.1.5")
    sparse = one(view, asset("A", serials=("PF1A2B",)))
    other = one(view, asset("A", serials=("PF1A2B",), macs=(MAC_B,), hostname="pc2", addresses=("10.1.1.6",)))
    assert sparse.conflicts == ()
    assert codes(other) == ["matching.mac_differs", "matching.hostname_differs", "matching.address_differs"]


def test_a_card_of_thirty_without_serials_is_filled_only_by_evidence() -> None:
    card = asset("C", quantity=30, addresses=("10.1.1.1", "10.1.1.2"))
    hosts = [host(f"h{n}", address=f"10.1.1.{n}", serial=f"PF{n}XYZ") for n in range(1, 6)]
    found = match_hosts(hosts, [card])
    assert [m.asset for m in found] == ["C", "C", None, None, None]
    assert all(m.conflicts == () for m in found)


def test_a_card_is_never_filled_over_its_quantity() -> None:
    card = asset("C", quantity=2, addresses=("10.1.1.1", "10.1.1.2", "10.1.1.3"))
    found = match_hosts([host(f"h{n}", address=f"10.1.1.{n}") for n in (1, 2, 3)], [card])
    assert [m.asset for m in found] == [None] * 3
    assert {code for m in found for code in codes(m)} == {"matching.several_hosts"}


def test_a_printer_on_the_ledger_matches_no_computer_and_a_scrapped_computer_does() -> None:
    ref = RowRef("ledger", "固定资产", 2)
    printer = Asset(ref, "P", addresses=("10.1.1.5",), is_computer=False)
    scrapped = Asset(ref, "S", serials=("PF1A2B",), state=AssetState.SCRAPPED)
    assert one(host("h", serial="PF1A2B", address="10.1.1.5"), printer, scrapped).asset == "S"


def test_a_repeated_asset_number_is_refused_by_name() -> None:
    with pytest.raises(BadInput) as caught:
        match_hosts([], [asset("A"), asset("A")])
    assert "A" in render(caught.value.message)


def test_an_error_in_the_junk_file_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "identity_junk.toml"
    file.write_text('serials = []\nmacs = "x"\nhostnames = []\n', "utf-8")
    with pytest.raises(BadInput) as caught:
        identity.junk(file)
    assert (caught.value.message.params["file"], caught.value.message.params["key"]) == (file.name, "macs")


SERIALS = st.sampled_from(["", "PF0001", "PF0002", "PF0003", "Default string"])
MACS = st.sampled_from(["", MAC_A, MAC_B, "00:50:56:c0:00:08"])
NAMES = st.sampled_from(["", "pc1", "pc2", "localhost"])
ADDRESSES = st.sampled_from(["10.1.1.1", "10.1.1.2", "10.1.1.3"])
HOSTS = st.lists(st.tuples(SERIALS, MACS, NAMES, ADDRESSES), max_size=8).map(
    lambda rows: [host(f"h{n}", serial=s, mac=m, hostname=h, address=a) for n, (s, m, h, a) in enumerate(rows)]
)
ASSETS = st.lists(
    st.tuples(st.sets(SERIALS), st.sets(MACS), NAMES, st.sets(ADDRESSES), st.integers(1, 3)), max_size=6
).map(
    lambda rows: [
        asset(f"A{n}", serials=tuple(s), macs=tuple(m), hostname=h, addresses=tuple(a), quantity=q)
        for n, (s, m, h, a, q) in enumerate(rows)
    ]
)


@settings(deadline=None)
@given(HOSTS, ASSETS, st.data())
def test_the_order_of_input_never_matters(hosts: list[HostView], assets: list[Asset], data: st.DataObject) -> None:
    expected = match_hosts(hosts, assets)

    shuffled_hosts = data.draw(st.permutations(hosts))
    shuffled_assets = data.draw(st.permutations(assets))
    assert match_hosts(shuffled_hosts, shuffled_assets) == expected


@given(HOSTS, ASSETS)
def test_no_asset_is_over_its_quantity_and_no_match_without_evidence(
    hosts: list[HostView], assets: list[Asset]
) -> None:
    found = match_hosts(hosts, assets)
    used = Counter(m.asset for m in found if m.asset)
    assert all(used[a.asset_no] <= a.quantity for a in assets)
    assert sorted(m.host_id for m in found) == sorted(h.host_id for h in hosts)
    assert all(bool(m.asset) == bool(m.basis) == bool(m.score) for m in found)
