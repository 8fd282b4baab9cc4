"""A card of many computers becomes as many computers, and nothing is handed out by guess."""

from __future__ import annotations

from appliance.ledger.cards import split
from appliance.ledger.model import Asset
from appliance.visits.ledgers_in_force import linked
from tests.appliance.ledger.messy import at
from tests.appliance.ledger.messy_forms import ComputerLink


def test_as_many_serials_as_computers_are_handed_out_in_order() -> None:
    found = list(split(Asset(at(2), "GD-1", quantity=3, serials=("A1", "A2", "A3"), macs=("m1", "m2"))))
    assert [(one.label, one.serial, one.mac) for one in found] == [
        ("GD-1 (1/3)", "A1", ""),
        ("GD-1 (2/3)", "A2", ""),
        ("GD-1 (3/3)", "A3", ""),
    ]


def test_a_card_without_serials_is_still_as_many_computers() -> None:
    assert len(list(split(Asset(at(2), "GD-1", quantity=30)))) == 30
    assert [one.label for one in split(Asset(at(2), "GD-1", serials=("A1",)))] == ["GD-1"]


def test_a_link_fills_what_the_asset_row_leaves_blank_and_overrides_nothing() -> None:
    assets = (Asset(at(2), "gd-1", hostname="BGS"), Asset(at(3), "GD-2"))
    links = [ComputerLink(at(2), "PC-1", "GD-1", "ANDERS", ("10.0.0.1",))]
    first, second = linked(assets, links)
    assert (first.computer_no, first.hostname, first.addresses) == ("PC-1", "BGS", ("10.0.0.1",))
    assert second == assets[1]
