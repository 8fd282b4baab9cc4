"""After a start: what a killed process left behind. Whole inspections come into the index, copies are removed.

An inspection's folder appears before the index knows of it. A cut between the two leaves people's data where nobody
sees it and nobody can end it.
"""

from __future__ import annotations

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.store import endings as ending_store
from appliance.store import inspections as store
from appliance.store.database import Row, opened
from appliance.store.endings import Stage
from appliance.store.schema import INSPECTION
from appliance.visits import sealing
from config.durable import remove_folder
from config.ids import is_ulid
from config.problems import NotFound

PASSING = ("import-*", "merge-*", "backup-*", "hezheng-replay-*", "drill*")
"""Folders in ``DATA/run`` that hold copies of inspections while something is made of them."""


def recover(appliance: Appliance) -> int:
    """Call it before anything else runs. Returns how many inspections, or seals of them, came into the index."""
    for pattern in PASSING:
        for left in appliance.folder.run.glob(pattern):
            remove_folder(left)
    with appliance.index() as index:
        known = {row["id"] for row in store.list_inspections(index, "", -1)}
    here = sorted(path.name for path in appliance.folder.inspections.iterdir() if is_ulid(path.name))
    found = sum(_adopted(appliance, name) for name in here if name not in known)
    for name in here:
        _remove_ended(appliance, name)
    return found + sealing.recover(appliance)


def _adopted(appliance: Appliance, inspection_id: str) -> bool:
    """Whether it is whole; one that was just being made holds nothing yet."""
    folder = InspectionFolder(appliance.folder.inspections / inspection_id)
    row = _own_row(folder)
    if row is None:
        return False
    appliance.log_own("inspection.adopted", inspection=inspection_id, unit=row["unit"])
    with appliance.index() as index, index.atomic():
        unit = store.find_unit(index, row["unit_id"]) or store.find_unit(index, row["unit"])
        if unit is None:
            unit = {"id": row["unit_id"], "name": row["unit"], "system": "", "region": "", "parent_id": None}
            store.save_unit(index, unit | {"created_at": row["created_at"]})
        own = {name: row[name] for name in ("id", "kind", "created_at")}
        store.index_inspection(index, own | {"unit_id": unit["id"]})
    return True


def _own_row(folder: InspectionFolder) -> Row | None:
    try:
        with opened(folder.database, INSPECTION) as db:
            return db.first("SELECT * FROM inspection WHERE id = ?", [folder.root.name])
    except NotFound:
        return None


def _remove_ended(appliance: Appliance, inspection_id: str) -> None:
    """A bundle of an ended inspection that was just being taken over again: its end still stands in the index."""
    with appliance.index() as index:
        ended = ending_store.read(index, inspection_id)
    if ended is not None and ended["stage"] == Stage.DONE:
        remove_folder(appliance.folder.inspections / inspection_id)
