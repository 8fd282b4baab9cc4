"""Use cases: explain one verdict, or any number of any rate, down to raw values and ledger rows."""

from __future__ import annotations

from typing import Any

from appliance.context import Appliance
from appliance.judgement import explain
from appliance.model import Product
from appliance.store import audits as audit_store
from appliance.store import explanations as store
from appliance.store import records as record_store
from appliance.store.database import Db, Row
from appliance.visits import recognising
from appliance.visits.auditing import latest
from config.message import Message
from config.problems import NotFound

SHOWN_NUMBERS = 50
HOST_RATES = {
    "coverage_rate": "collected",
    "asset_match_rate": "",
    "asset_match_rate.quantity": "",
    "client_rate": "client",
    "power_on_rate": "",
}
"""Rates over the asset ledger, and the column of ``audit_hosts`` that their numerator asks for."""
PARTS_BY_NAME = {
    "client_rate.xinchuang": ("client_rate", ("xinchuang", "yes")),
    "client_rate.other": ("client_rate", ("xinchuang", "no")),
}


def verdict(appliance: Appliance, inspection_id: str, verdict_id: str) -> dict[str, Any]:
    """``verdict, rule, policy, basis, host, observed, ledger, proofs, position, decisions, objections``.

    ``basis``: as-of date, phase, policy profile, catalogue version. Raises NotFound.
    """
    with appliance.inspection(inspection_id) as (db, folder):
        audit = latest(db)
        found = audit_store.get_verdict(db, audit["id"], verdict_id)
        if found is None:
            raise NotFound("audit.no_verdict", id=verdict_id[:40])
        head = audit["head"]
        products = recognising.corrected(appliance, folder).products
        return {
            "verdict": {**found, "observations": found["observations"][: explain.SHOWN_OBSERVATIONS]},
            "rule": explain.rule_text(found["rule"]).to_json(),
            "policy": Message(found["policy"]).to_json(),
            "basis": {name: head[name] for name in ("as_of", "phase", "catalogue")} | {"policy": head["policy"]["id"]},
            "host": store.host(db, audit["id"], found["host_id"]) if found["host_id"] else None,
            "observed": _observed(db, found["observations"], products.get(found["product_id"])),
            "observed_in_all": len(found["observations"]),
            "ledger": [store.ledger_row(db, text) for text in found["ledger_rows"]],
            "proofs": store.proofs_of(db, _numbers(db, found)),
            "position": [p for p in audit["positions"] if p["product_id"] == found["product_id"]],
            **_said(db, found),
        }


def _observed(db: Db, observations: list[str], product: Product | None) -> list[dict[str, Any]]:
    shown = explain.by_facts(observations[: explain.SHOWN_OBSERVATIONS])
    read = {facts_id: store.facts(db, facts_id) or {} for facts_id in shown}
    return [
        {"facts": facts_id, "origin": read[facts_id].get("origin"), **record}
        for facts_id, wanted in shown.items()
        for record in explain.raw_values(read[facts_id], wanted, product)
    ]


def _numbers(db: Db, found: Row) -> set[str]:
    rows = (store.ledger_row(db, text)["record"] for text in found["ledger_rows"])
    return {found["software_no"], *(str(row.get("software_no", "")) for row in rows if row)} - {""}


def _said(db: Db, found: Row) -> dict[str, list[Row]]:
    place = found["host_id"], found["product_id"]
    kinds = ("decisions", "objections")
    rows = record_store.documents(db, kinds)
    return {
        kind: [row for row in rows if row["kind"] == kind and (row["host_id"], row["product_id"]) == place]
        for kind in kinds
    }


def position(appliance: Appliance, inspection_id: str, software_no: str, after: int, limit: int) -> dict[str, Any]:
    """``software_no, positions, ledger, proofs, allocations, surplus, kind, items, next`` of one 软件编号.

    ``positions``: its rows with ``text``; ``items``: every copy of their product, which together draw on the rows that
    cover it (which copy sits on which row nobody can say unless 附件8 does). Raises NotFound.
    """
    with appliance.inspection(inspection_id) as (db, _):
        audit = latest(db)
        mine = [row for row in audit["positions"] if row["software_no"] == software_no]
        if not mine:
            known = "、".join(row["software_no"] for row in audit["positions"][:SHOWN_NUMBERS])
            raise NotFound("audit.no_position", software_no=software_no[:40], known=known or None)
        product_id = mine[0]["product_id"]
        rows = store.verdicts_of_product(db, audit["id"], product_id, after, limit + 1)
        return {
            "software_no": software_no,
            "positions": [{**row, "said": explain.position_text(row).to_json()} for row in mine],
            "ledger": [store.ledger_row(db, row["row"]) for row in mine],
            "proofs": store.proofs_of(db, {software_no}),
            "allocations": store.allocated(db, software_no, limit),
            "surplus": store.surplus_of_product(db, audit["id"], product_id),
            "kind": "verdicts",
            "items": [{"sequence": sequence, **document} for sequence, document in rows[:limit]],
            "next": rows[limit - 1][0] if len(rows) > limit else None,
        }


def rate(
    appliance: Appliance, inspection_id: str, name: str, number: str, part: store.Part | None, after: int, limit: int
) -> dict[str, Any]:
    """``name, number, part, value, rate, definition, items, next``: what one number counts. Raises NotFound.

    ``part``: a dimension (department, kind, xinchuang) and one of its groups; None for the whole unit. ``items``:
    verdicts for software rates, computers or assets for rates over the asset ledger, records for the others.
    """
    with appliance.inspection(inspection_id) as (db, _):
        audit = latest(db)
        if (part or name in PARTS_BY_NAME) and not store.has_parts(db, audit["id"]):
            raise NotFound("audit.no_parts")
        found = _rates_of(audit, part).get(name)
        if found is None:
            raise NotFound("audit.no_rate", name=name[:60], known="、".join(sorted(_rates_of(audit, part))))
        own = audit["head"]["policy"].get("rate_definitions", {}).get(name)
        head = {
            "name": name,
            "number": number,
            "part": {"dimension": part[0], "group": part[1]} if part else None,
            "value": found[number],
            "rate": found,
            "definition": own or Message(found["definition"]).to_json(),
        }
        return {**head, **_items(db, audit, (name, number), part, after, limit)}


def _rates_of(audit: Row, part: store.Part | None) -> Row:
    if part is None:
        return audit["rates"]
    groups = audit["head"]["breakdowns"].get(part[0], {})
    if part[1] not in groups:
        known = "、".join(group for group in groups if group)
        raise NotFound("audit.no_group", group=part[1][:60], known=known or None)
    return groups[part[1]]


def _items(
    db: Db, audit: Row, what: tuple[str, str], part: store.Part | None, after: int, limit: int
) -> dict[str, Any]:
    name, number = what
    switches = audit["head"]["policy"]["switches"]
    by_computer = part is None and switches["legal_rate_mode"]["value"] == "computer"
    if by_computer and name.startswith("legal_rate"):
        name = f"computer_{name}"
    if wanted := explain.counted(name, number, switches["audited_categories"]["value"]):
        return _verdicts(db, audit["id"], wanted, part, after, limit)
    if by_mark := explain.counted_by_computer(name, number):
        rows = store.computers_counted(db, audit["id"], *by_mark, after, limit + 1)
        return _paged("hosts", [{**row, "worst": explain.worst_of(row.pop("mark"))} for row in rows], limit)
    name, part = PARTS_BY_NAME.get(name, (name, part))
    if name in HOST_RATES:
        return _over_the_ledger(db, audit["id"], (name, number), part, after, limit)
    return _paged("records", store.papers_of(db, name, after, limit + 1), limit)


def _verdicts(
    db: Db, audit_id: str, wanted: explain.Counted, part: store.Part | None, after: int, limit: int
) -> dict[str, Any]:
    """A surplus at product level is on no computer, so in no part."""
    if part:
        rows, surplus = store.verdicts_counted_in(db, audit_id, wanted.cells(), part, after, limit + 1), []
    else:
        rows = store.verdicts_counted(db, audit_id, wanted.cells(), after, limit + 1)
        surplus = store.product_level(db, audit_id, wanted.categories)
    shown = [{"sequence": sequence, **document} for sequence, document in rows[:limit]]
    more = rows[limit - 1][0] if len(rows) > limit else None
    return {"kind": "verdicts", "surplus": surplus, "items": shown, "next": more}


def _over_the_ledger(
    db: Db, audit_id: str, what: tuple[str, str], part: store.Part | None, after: int, limit: int
) -> dict[str, Any]:
    """The upper bound of a rate counts computers that were not read as if they had been found."""
    name, number = what
    bound = number == "upper" and name in ("client_rate", "power_on_rate")
    if bound and name == "client_rate":
        return _paged("assets", store.unread_assets(db, audit_id, part, after, limit + 1), limit)
    if number != "d" and not bound:
        return _paged("hosts", store.listed_hosts(db, audit_id, HOST_RATES[name], part, after, limit + 1), limit)
    page = _paged("assets", store.base_assets(db, audit_id, part, after, limit + 1), limit)
    if name == "asset_match_rate" and page["next"] is None:
        page["items"] += store.unlisted_hosts(db, audit_id, part, limit)
    return page


def _paged(kind: str, rows: list[Row], limit: int) -> dict[str, Any]:
    return {"kind": kind, "items": rows[:limit], "next": rows[limit - 1]["sequence"] if len(rows) > limit else None}
