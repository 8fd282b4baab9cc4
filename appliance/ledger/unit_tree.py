"""The unit's tree: departments and 所属事业单位 below the unit, as S0 附件2 or a list of units declares it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appliance.ledger.model import Subunit
from appliance.ledger.text import key

_STEPS = re.compile(r"[/\\>→]+")
"""Between the steps of a department written as a path: ``信息中心/网络科``."""


@dataclass(frozen=True, slots=True)
class UnitTree:
    """``children``: what lies directly below a unit; names are comparison keys. ``names``: how each was written."""

    root: str
    children: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]

    def below(self, name: str) -> frozenset[str]:
        """Keys of a unit and of all below it; a ring of superiors ends where it began."""
        found: set[str] = set()
        waiting = [key(name)]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += self.children.get(current, ())
        return frozenset(found)


def build_tree(unit: str, subunits: Iterable[Subunit]) -> UnitTree:
    """The tree of ``unit``; a row without a superior lies directly below it."""
    root = key(unit)
    children: dict[str, list[str]] = {}
    names: dict[str, str] = {root: unit}
    for row in subunits:
        own = key(row.name)
        names.setdefault(own, row.name)
        if own != root:
            children.setdefault(key(row.parent) or root, []).append(own)
    return UnitTree(root, {parent: tuple(below) for parent, below in children.items()}, names)


def covered(named: Iterable[str], tree: UnitTree, departments: Iterable[str]) -> tuple[str, ...]:
    """Whom a licence for ``named`` units covers: they, all below them, and the ``departments`` written like one of them
    or as a path through one. Empty = the whole unit: it was named itself.

    A superior covers those below it, never the other way round.
    """
    named = tuple(named)
    keys = frozenset[str]().union(*(tree.below(name) for name in named))
    if tree.root in keys:
        return ()
    declared = (tree.names[one] for one in sorted(keys) if one in tree.names)
    written = (text for text in sorted(set(departments)) if keys & {key(step) for step in (text, *_STEPS.split(text))})
    return tuple(dict.fromkeys((*named, *declared, *written)))
