"""Why a verdict is what it is: the raw values behind its observations, and which verdicts a number counts. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from appliance.judgement.copies import entry_ref, states_of
from appliance.judgement.tallies import MARKED, MARKS
from appliance.model import Category, Decision, Product, SoftwareOrigin
from config.message import Message
from scanner.model import LicenceState

Document = Mapping[str, Any]
_STATE = TypeAdapter(LicenceState)
GROUPS = ("installations", "licence_states", "traces", "antivirus", "floating_licences")
SINGLE = ("os", "identity")
BY_COMPUTER: Mapping[str, Mapping[str, str]] = {
    "computer_legal_rate": {"n": "lL", "lower": "lL", "upper": "lLvV", "d": "lLvVuU"},
    "computer_domestic_rate": {"n": "LV", "lower": "LV", "upper": "LV", "d": "lLvVuU"},
}
"""The letters of computers that the numbers of rates by computer count; ``excluded`` counts none."""
SHOWN_OBSERVATIONS = 50
"""A verdict at product level rests on every copy; so many are shown raw, the others are counted."""


def rule_text(rule: str) -> Message:
    """The rule in words."""
    return Message(f"rule.{rule}")


def raw_values(facts: Document, observations: Iterable[str], product: Product | None) -> Iterator[dict[str, Any]]:
    """What the machine said about a product: ``{observation, group, values}``; values that are null are left out.

    A raw record may speak of much else: of its entries only those named, of its licence states only the product's. A
    system's verdict rests on the computer's identity too (maker, serial).
    """
    wanted = set(observations)
    if product is None or product.category is Category.OPERATING_SYSTEM:
        for group in SINGLE:
            if record := facts.get(group):
                own = {record.get("observation") or "identity"} if group == "identity" else set[str]()
                yield from _raw(group, record, wanted | own)
    for group in GROUPS:
        for record in facts.get(group) or ():
            if group != "licence_states" or product is None or _speaks_of(record, product):
                yield from _raw(group, record, wanted)


def _speaks_of(record: Document, product: Product) -> bool:
    return bool(states_of(product, (_STATE.validate_python(record),)))


def _raw(group: str, record: Document, wanted: set[str]) -> Iterator[dict[str, Any]]:
    observation, source = record.get("observation") or "", record.get("source") or ""
    known_as = {observation, source} if group != "installations" else {entry_ref(observation, source)}
    if group in SINGLE and not observation:
        known_as.add(group)
    if named := sorted(known_as & wanted):
        values = {name: value for name, value in record.items() if value not in (None, "", [])}
        yield {"observation": named[0].partition("#")[0], "group": group, "values": values}


def position_text(position: Document) -> Message:
    """许可缺口 or 闲置 of one row in words; 至少 and 至多 while copies are still open or computers unread."""
    names = ("software_no", "installs", "quantity", "gap", "idle")
    params = {name: position[name] for name in names}
    open_ended = "_bounded" if position["at_least"] else ""
    if position["quantity"] is None and not position["ended"]:
        return Message("audit.position_uncounted", params)
    if position["ended"]:
        return Message("audit.position_ended", params)
    kind = "gap" if position["gap"] else "idle" if position["idle"] else "even"
    return Message(f"audit.position_{kind}{open_ended}", params)


def by_facts(observations: Iterable[str]) -> dict[str, list[str]]:
    """``"<facts id>/<observation>"`` → observations by facts id."""
    found: dict[str, list[str]] = {}
    for text in observations:
        facts_id, _, observation = text.partition("/")
        found.setdefault(facts_id, []).append(observation)
    return found


Cell = tuple[str, str, bool, str]
"""Category, decision, official, origin: verdicts on computers are stored in order within each cell."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Which verdicts on computers a number of a software rate counts."""

    categories: tuple[str, ...]
    decisions: tuple[Decision, ...]
    official: bool
    domestic_only: bool = False

    def cells(self) -> Iterator[Cell]:
        """Without ``official``: copies on 实有账无 computers, and those that are 不计入."""
        origins = (SoftwareOrigin.DOMESTIC.value,) if self.domestic_only else ("", *(o.value for o in SoftwareOrigin))
        for category, decision, origin in itertools.product(self.categories, self.decisions, origins):
            yield category, decision.value, self.official, origin
            if decision is Decision.EXCLUDED:
                yield category, decision.value, True, origin


def counted(name: str, number: str, audited: Iterable[str]) -> Counted | None:
    """None for a rate that counts computers or papers.

    Copies that R14 moves to 非正版 by count stay among the decisions of their machines; the product-level verdicts
    beside them say how many.
    """
    base, _, category = name.partition(".")
    if base not in ("legal_rate", "domestic_rate", "copy_legal_rate"):
        return None
    categories = (Category(category).value,) if category else tuple(sorted(audited))
    if number == "excluded":
        return Counted(categories, tuple(Decision), official=False)
    if number == "d":
        return Counted(categories, tuple(MARKS), official=True)
    domestic = base == "domestic_rate"
    wide = number == "upper" or (domestic and number == "n")
    decisions = (Decision.LICENSED, *((Decision.TO_VERIFY,) if wide else ()))
    return Counted(categories, decisions, official=True, domestic_only=domestic)


def counted_by_computer(name: str, number: str) -> tuple[int, str] | None:
    """Which place of a computer's marks a rate by computer looks at, and the letters that a number counts.

    None for every other rate. Marks: :data:`appliance.judgement.tallies.MARKS`.
    """
    base, _, category = name.partition(".")
    if base not in BY_COMPUTER:
        return None
    if category:
        category = Category(category).value
    return MARKED.index(category), BY_COMPUTER[base].get(number, "")


def worst_of(mark: str) -> str:
    """The decision that a letter of a computer's marks stands for."""
    return next(decision.value for decision, letter in MARKS.items() if letter == mark.lower())
