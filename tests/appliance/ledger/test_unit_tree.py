"""The unit's tree: a superior's licence covers what lies below it, never the other way round."""

from __future__ import annotations

import pytest

from appliance.ledger.model import Subunit
from appliance.ledger.unit_tree import build_tree, covered
from tests.appliance.ledger.messy import at

TREE = build_tree(
    "某局",
    [
        Subunit(at(2), "某局"),
        Subunit(at(3), "信息中心"),  # no superior stated: directly below the unit
        Subunit(at(4), "网络科", "信息中心"),
        Subunit(at(5), "机房组", "网络科 "),
        Subunit(at(6), "某所", "某局"),
    ],
)
DEPARTMENTS = ["信息中心", "网络科", "信息中心/运维", "财务科", "机房组", "某所"]


@pytest.mark.parametrize(
    ("named", "whom"),
    [
        (["信息中心"], {"信息中心", "网络科", "机房组", "信息中心/运维"}),
        (["网络科"], {"网络科", "机房组"}),
        (["机房组"], {"机房组"}),
        (["财务科"], {"财务科"}),  # no row of the tree, but a department of the asset ledger
        (["某所", "财务科"], {"某所", "财务科"}),
        (["某局"], set[str]()),  # the unit itself: everybody
        (["Ｘ部"], {"Ｘ部"}),
    ],
)
def test_a_licence_covers_the_named_units_and_those_below(named: list[str], whom: set[str]) -> None:
    assert set(covered(named, TREE, DEPARTMENTS)) == whom


def test_units_that_are_each_other_s_superior_end_in_a_finite_tree() -> None:
    tree = build_tree("某局", [Subunit(at(2), "甲", "乙"), Subunit(at(3), "乙", "甲")])
    assert set(covered(["甲"], tree, [])) == {"甲", "乙"}


def test_without_a_tree_a_licence_covers_what_it_names() -> None:
    assert covered(["财务科"], build_tree("某局", []), ["财务科", "办公室"]) == ("财务科",)
