"""Why a verdict is what it is: the raw values behind its observations, and which verdicts a number counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from appliance.model import Category, Decision
from config.message import Message

Document = Mapping[str, Any]
GROUPS = ("installations", "licence_states", "traces", "antivirus", "floating_licences")
SINGLE = ("os", "identity")
SHOWN_OBSERVATIONS = 50
"""A verdict at product level rests on every copy; so many are shown raw, the others are counted."""


def rule_text(rule: str) -> Message:
    """The rule in words."""
    return Message(f"rule.{rule}")


def raw_values(facts: Document, observations: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What the machine said, record by record: ``{observation, group, values}``; values that are null are left out."""
    wanted = set(observations)
    for group in SINGLE:
        if record := facts.get(group):
            yield from _raw(group, record, wanted)
    for group in GROUPS:
        for record in facts.get(group) or ():
            yield from _raw(group, record, wanted)


def _raw(group: str, record: Document, wanted: set[str]) -> Iterator[dict[str, Any]]:
    known_as = {record.get("observation") or "", record.get("source") or ""}
    if group == "os" and not record.get("observation"):
        known_as.add("os")
    if named := sorted(known_as & wanted):
        values = {name: value for name, value in record.items() if value not in (None, "", [])}
        yield {"observation": named[0], "group": group, "values": values}


def by_facts(observations: Iterable[str]) -> dict[str, list[str]]:
    """``"<facts id>/<observation id>"`` → observation ids by facts id."""
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
