"""差异表: the official client's result beside ours, computer by computer, over the newest audit."""

from __future__ import annotations

from typing import Any

from appliance.context import Appliance
from appliance.judgement.differences import differences
from appliance.store import audits as store
from appliance.visits import recognising, records


def listed(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """Each product on which the two sides differ, on computers that both speak of.

    ``{asset_no, product_id, name, official, ours, verdict}``: ``official`` and ``ours`` are decisions, empty where that
    side knows nothing of the product; ``name`` is the client's name of it, else ours. Empty before the first audit.
    """
    with appliance.inspection(inspection_id) as (db, folder):
        audit = store.latest_audit(db)
        official = records.declared(db).official
        rows = store.judged_on_assets(db, audit["id"], [one.asset_no for one in official]) if audit else []
        ours = {(row["asset_no"], row["product_id"]): (row["decision"], row["id"]) for row in rows}
        names = {row["product_id"]: row["product_name"] for row in rows}
        lines = differences(official, ours, recognising.corrected(appliance, folder))
    return [
        {
            "asset_no": line.asset_no,
            "product_id": line.product_id,
            "name": line.name or names.get(line.product_id, line.product_id),
            "official": line.official,
            "ours": line.ours,
            "verdict": line.verdict,
        }
        for line in lines
    ]
