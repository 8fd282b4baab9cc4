"""Use case: join the partial captures of one inspection by several laptops into one inspection, and judge it anew.

The parts are sealed inspections of this appliance (usually imported). Their bundles are verified and read again, in a
limited child (:mod:`appliance.visits.joining`); what it makes aside appears whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence.merging import PARTS, Conflict
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.store import inspections as store
from appliance.store.database import Row, dumps
from appliance.visits import auditing, strangers
from appliance.visits.ending import KIND as ENDING
from appliance.visits.joining import RECORD, Choices, require_decided
from appliance.visits.merge_parts import own_catalogue, paths_of
from appliance.visits.sealing import known_signers
from config.clock import rfc3339
from config.durable import move_folder, private_folder, remove_folder
from config.message import Message
from config.problems import Conflict as Conflicting
from config.problems import EnvironmentProblem

KIND = "merge"
ASIDE = "merge-"


def list_conflicts(appliance: Appliance, inspection_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What must be decided before these inspections are merged. Raises as :func:`start`."""
    paths = paths_of(appliance, inspection_ids)
    return list(strangers.ask(appliance, strangers.COMPARE, [*paths.values()], _asked(appliance, paths))["conflicts"])


def start(appliance: Appliance, inspection_ids: Sequence[str], choices: Choices) -> Job:
    """Merge as a job; its result names the new inspection and the counts of its audit.

    Raises NotFound, Refused ``merge.not_sealed``, ``merge.other_unit``, ``merge.other_kind`` or
    ``merge.other_authorisation``, BadInput ``merge.too_few``, ``merge.twice`` or ``merge.unknown_choice``, Conflict
    ``merge.undecided``, or ``merge.busy`` while another merge or the end of an inspection is at work.
    """
    require_decided([_conflict(one) for one in list_conflicts(appliance, inspection_ids)], choices)
    with appliance.jobs.deciding:
        if any(job.kind in (KIND, ENDING) for job in appliance.jobs.running()):
            raise Conflicting("merge.busy")
        return appliance.jobs.start(KIND, "hosts", "", lambda job: merge(appliance, inspection_ids, choices, job))


def merge(appliance: Appliance, inspection_ids: Sequence[str], choices: Choices, job: Job) -> dict[str, Any]:
    """Make the merged inspection and judge it. Raises as :func:`start`, EnvironmentProblem when the disk is full."""
    row = _joined(appliance, inspection_ids, choices, job)
    with appliance.index() as index:
        own = {name: row[name] for name in ("id", "unit_id", "kind", "created_at")}
        store.index_inspection(index, own)
    appliance.log(row["id"], "inspection.merged", parts=" ".join(inspection_ids), choices=dumps(dict(choices)))
    with appliance.open_inspection(row["id"]) as (db, _):
        return {"inspection": row["id"], **auditing.run(appliance, row["id"], db, job)}


def _joined(appliance: Appliance, inspection_ids: Sequence[str], choices: Choices, job: Job) -> Row:
    """The merged inspection's own row; its folder is in its place."""
    for left in appliance.folder.run.glob(f"{ASIDE}*"):
        remove_folder(left)
    paths = paths_of(appliance, inspection_ids)
    row: Row = {"id": appliance.ids.new()}
    aside = DataFolder(appliance.folder.run / f"{ASIDE}{row['id']}")

    def decide(told: Row) -> Row:
        row.update(_own_row(appliance, told))
        appliance.log_own("inspection.merging", inspection=row["id"], parts=" ".join(inspection_ids))
        private_folder(aside.inspections)
        merged = {"merged_at": rfc3339(appliance.clock.now()), "merged_by": appliance.operator}
        return {"aside": str(aside.root), "row": row, **merged}

    def progress(done: int, total: int) -> None:
        job.progress(done, total, KIND)

    try:
        asked = _asked(appliance, paths) | {"choices": dict(choices)}
        strangers.ask(appliance, strangers.JOIN, [*paths.values()], asked, decide, progress, job.cancelled)
        move_folder(aside.inspections / row["id"], appliance.folder.inspections / row["id"])
    except OSError as error:
        raise EnvironmentProblem("imports.cannot_write", detail=str(error.strerror)) from error
    finally:
        remove_folder(aside.root)
    return row


def _asked(appliance: Appliance, paths: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "parts": {inspection_id: str(path) for inspection_id, path in paths.items()},
        "known": sorted(known_signers(appliance)),
        "catalogue": own_catalogue(appliance),
        "titles": {kind.value: form.title for kind, form in appliance.columns.forms.items()},
    }


def _conflict(said: Mapping[str, Any]) -> Conflict:
    return Conflict(said["key"], Message.from_json(said["reason"]), tuple(said["choices"]))


def _own_row(appliance: Appliance, told: Row) -> Row:
    """The merged inspection's own row but for its id. Raises BadInput for a policy that is not here."""
    appliance.policy(told["policy"])
    with appliance.index() as index:
        unit = store.find_unit(index, told["unit"])
    assert unit is not None, "an inspection of the unit is here"
    return told | {"unit_id": unit["id"], "sealed_at": None}


def origin(appliance: Appliance, inspection_id: str) -> dict[str, Any] | None:
    """``merged_at, merged_by, parts, conflicts`` of a merged inspection; None for any other. Raises NotFound."""
    file = appliance.folder.inspection(inspection_id).root / PARTS / RECORD
    return json.loads(file.read_bytes()) if file.exists() else None
