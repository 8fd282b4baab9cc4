"""Use case: what an inspection has come to so far — counts for the page, the demo and the printed record."""

from __future__ import annotations

from typing import Any

from appliance.context import Appliance
from appliance.ledger.model import AssetState
from appliance.recognition.matching import match_hosts
from appliance.recognition.sameness import Sameness
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.store import single_machine as offline_store
from appliance.store.database import Db
from appliance.visits import one_computer
from appliance.visits.inspections import authorisation_in_force
from appliance.visits.known_hosts import KnownHosts
from appliance.visits.ledgers_in_force import assets_in_force
from appliance.visits.scanning import is_candidate
from appliance.visits.views import computers
from config.message import Message
from scanner.model import Outcome
from scanner.scope import Scope


def summarise(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """``discovered, computers, collected, installations, products, not_collected, verdicts, findings, rates …``."""
    with appliance.inspection(inspection_id) as (db, _):
        known = KnownHosts.of(db)
        same = one_computer.sameness(db, known)
        summary: dict[str, Any] = {"inspection": store.read(db), **_network(db, known, same)}
        summary["not_collected"] = _not_collected(db, known, same)
        summary |= _judged(db)
        summary["bundles"] = store.list_bundles(db)
    return summary


def _network(db: Db, known: KnownHosts, same: Sameness) -> dict[str, int]:
    collected, installations = host_store.collected(db)
    return {
        "discovered": len(known.hosts),
        "computers": len(computers(one_computer.standing(known.hosts, same))),
        "collected": collected,
        "installations": installations,
        **offline_store.hosts_by_source(db),
    }


def _judged(db: Db) -> dict[str, Any]:
    audit = audit_store.latest_audit(db)
    if audit is None:
        return {"audit": None, "products": 0, "verdicts": {}, "findings": {}, "rates": {}, "positions": []}
    products = audit["head"]["counts"]["products"]
    counts = audit_store.counts(db, audit["id"])
    named = {name: audit[name] for name in ("rates", "positions")}
    return {"audit": audit["id"], "digest": audit["digest"], "products": products, **counts, **named}


def _not_collected(db: Db, known: KnownHosts, same: Sameness) -> list[dict[str, Any]]:
    """Computers that were not read, listed ones that are off included: address, outcome, reason, asset_no."""
    hosts = one_computer.standing(known.hosts, same)
    results = host_store.latest_results(db)
    missing: list[dict[str, Any]] = []
    for stored in hosts:
        _, outcome, reason = results.get(stored.id, ("", None, None))
        if is_candidate(stored) and outcome is not Outcome.READ:
            row = {"address": stored.host.address, "outcome": outcome, "asset_no": None}
            missing.append(row | {"reason": reason.to_json() if reason else None})
    return missing + _switched_off(db, known, same)


def _switched_off(db: Db, known: KnownHosts, same: Sameness) -> list[dict[str, Any]]:
    """Listed computers in scope that no discovered host matches."""
    assets = assets_in_force(db)
    if store.authorisation_in_force(db) is None:
        return []
    scope = Scope.of(authorisation_in_force(db))
    hosts = [stored for stored in known.hosts if is_candidate(stored)]
    seen = one_computer.views(hosts, known.identities, same)
    found = {match.asset for match in match_hosts(seen, assets)}
    reason = Message.of("scan.not_seen").to_json()
    return [
        {"address": asset.addresses[0], "outcome": Outcome.UNREACHABLE, "asset_no": asset.asset_no, "reason": reason}
        for asset in assets
        if asset.is_computer
        and asset.state is not AssetState.SCRAPPED
        and asset.asset_no not in found
        and asset.addresses
        and scope.contains(asset.addresses[0])
    ]
