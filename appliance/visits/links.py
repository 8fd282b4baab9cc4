"""Use cases around accepted ledgers: the editable link 计算机编号 ↔ 资产编号 ↔ host, and form findings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from appliance.context import Appliance
from appliance.ledger.model import ComputerLink, RowRef
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as store
from appliance.visits import ledgers_in_force
from config.clock import rfc3339
from config.problems import BadInput, NotFound

BY_HAND = "hand"
"""The file of a link that was entered by hand."""


def list_links(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """All links by 计算机编号; ``by_hand`` says which were entered or corrected here."""
    with appliance.inspection(inspection_id) as (db, _):
        return [_shown(link) for link in store.list_links(db)]


def _shown(link: ComputerLink) -> dict[str, Any]:
    return {**asdict(link), "by_hand": link.ref.file == BY_HAND}


def set_link(
    appliance: Appliance, inspection_id: str, computer_no: str, asset_no: str, hostname: str, addresses: tuple[str, ...]
) -> dict[str, Any]:
    """Enter or correct one link. Raises BadInput when it links nothing."""
    link = ComputerLink(RowRef(BY_HAND, "", 0), computer_no.strip(), asset_no.strip(), hostname.strip(), addresses)
    if not link.computer_no or not (link.asset_no or link.hostname or link.addresses):
        raise BadInput("ledger.links_nothing")
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "ledger.linked", computer=link.computer_no, asset=link.asset_no)
        store.save_link(db, link, rfc3339(appliance.clock.now()), appliance.operator)
    return _shown(link)


def delete_link(appliance: Appliance, inspection_id: str, computer_no: str) -> None:
    """Take back a link entered by hand; one from a file speaks again. Raises NotFound."""
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "ledger.unlinked", computer=computer_no)
        if not store.delete_link(db, computer_no):
            raise NotFound("ledger.no_link", computer=computer_no[:40])


def form_findings(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """Breaches of the ledger rules of S1c in the ledgers in force: file, sheet, row, column, reason."""
    with appliance.inspection(inspection_id) as (db, _):
        as_of = date.fromisoformat(inspection_store.read(db)["as_of"])
        names = {row["id"]: row["name"] for row in store.list_files(db)}
        return [
            {
                "file_id": problem.ref.file,
                "file": names.get(problem.ref.file, ""),
                "sheet": problem.ref.sheet,
                "row": problem.ref.row,
                "column": problem.column,
                "rejected": problem.rejected,
                "reason": problem.reason.to_json(),
            }
            for problem in ledgers_in_force.form_findings(db, as_of)
        ]
