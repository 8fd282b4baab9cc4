"""Why a verdict is what it is: the raw values behind its observations, and which verdicts a number counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from appliance.judgement.copies import entry_ref, states_of
from appliance.model import Category, Decision, Product
from config.message import Message
from scanner.model import LicenceState

Document = Mapping[str, Any]
_STATE = TypeAdapter(LicenceState)
GROUPS = ("installations", "licence_states", "traces", "antivirus", "floating_licences")
SINGLE = ("os", "identity")
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


def counted(name: str, number: str, audited: Iterable[str]) -> dict[str, Any] | None:
    """Which verdicts on computers a number of a software rate counts: ``{categories, decisions, official, origin}``.

    None for a rate that counts computers or papers. ``official`` False: copies on 实有账无 computers, and those that
    are 不计入. Copies that R14 moves to 非正版 by count stay among the decisions of their machines; the product-level
    verdicts beside them say how many.
    """
    base, _, category = name.partition(".")
    if base not in ("legal_rate", "domestic_rate", "copy_legal_rate"):
        return None
    categories = [Category(category).value] if category else sorted(audited)
    judged = [Decision.LICENSED.value, Decision.UNLICENSED.value, Decision.TO_VERIFY.value]
    if number == "excluded":
        return {
            "categories": categories,
            "decisions": [*judged, Decision.EXCLUDED.value],
            "official": False,
            "origin": "",
        }
    decisions, origin = judged, ""
    if number != "d":
        wide = number == "upper" or (base == "domestic_rate" and number == "n")
        decisions = [Decision.LICENSED.value, *([Decision.TO_VERIFY.value] if wide else [])]
        origin = "domestic" if base == "domestic_rate" else ""
    return {"categories": categories, "decisions": decisions, "official": True, "origin": origin}


def counted_by_computer(name: str, audited: Iterable[str]) -> list[str]:
    """The categories of a rate that counts computers by their worst product; empty for every other rate."""
    base, _, category = name.partition(".")
    if base not in ("computer_legal_rate", "computer_domestic_rate"):
        return []
    return [Category(category).value] if category else sorted(audited)


def computer_decisions(number: str) -> tuple[str, ...]:
    """The worst decisions of the computers that a number counts."""
    fine, still_open, bad = (d.value for d in (Decision.LICENSED, Decision.TO_VERIFY, Decision.UNLICENSED))
    return {"d": (fine, still_open, bad), "upper": (fine, still_open), "excluded": ()}.get(number, (fine,))
