"""Where a computer belongs when rates are broken down: its department, its kind, whether it is 信创. Pure."""

from __future__ import annotations

from typing import NamedTuple

from appliance.ledger.model import Asset, AssetCategory

DIMENSIONS = ("department", "kind", "xinchuang")

_BY_CHASSIS = {
    AssetCategory.DESKTOP: {
        "desktop": 3, "low_profile_desktop": 4, "pizza_box": 5, "mini_tower": 6, "tower": 7, "all_in_one": 13,
        "space_saving": 15, "lunch_box": 16, "sealed_pc": 24, "mini_pc": 35, "stick_pc": 36,
    },
    AssetCategory.NOTEBOOK: {
        "portable": 8, "laptop": 9, "notebook": 10, "docking_station": 12, "sub_notebook": 14, "convertible": 31,
        "detachable": 32,
    },
    AssetCategory.TABLET: {"hand_held": 11, "tablet": 30},
    AssetCategory.SERVER: {"main_server": 17, "rack_mount": 23, "multi_system": 25, "blade": 28, "blade_enclosure": 29},
}  # fmt: skip
_KINDS = {
    text: kind for kind, words in _BY_CHASSIS.items() for word, number in words.items() for text in (word, str(number))
}
"""DSP0134 table 17, by its words and by its numbers: Linux tells the number."""


class Place(NamedTuple):
    """``kind``: a value of :class:`AssetCategory`; ``xinchuang``: ``yes``, ``no`` or, where nobody says, empty."""

    department: str
    kind: str
    xinchuang: str


NOWHERE = Place("", AssetCategory.OTHER.value, "")


def place_of(asset: Asset | None, chassis: str | None) -> Place:
    """What the ledger says of a listed computer, so that each rate has it in one group; else what its chassis says.

    >>> place_of(None, "10").kind
    'notebook'
    """
    if asset is None:
        return Place("", _KINDS.get(chassis or "", AssetCategory.OTHER).value, "")
    stated = "" if asset.xinchuang is None else "yes" if asset.xinchuang else "no"
    return Place(asset.department, (asset.category or AssetCategory.OTHER).value, stated)
