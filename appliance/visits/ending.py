"""Use case: end an inspection — the office's copy verified elsewhere, then keys, credentials and folder destroyed.

Once the copy is verified the stage is in the index, and whatever happens the rest is done: at once, or at the next
start. Every step may be done twice. What stays is the proof: the row in the index and the appliance's own custody log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.evidence.custody import Head
from appliance.jobs import Job
from appliance.store import endings as store
from appliance.store import inspections as inspection_store
from appliance.store import schedules as schedule_store
from appliance.store.database import Row
from appliance.store.endings import Stage
from appliance.visits.changes import FILE, open_changes
from appliance.visits.office_copy import verify_copies
from config.clock import rfc3339
from config.durable import move_folder, remove_folder
from config.problems import Conflict, EnvironmentProblem, NotFound, Problem, Refused

KIND = "end"
WHOLE = ("backup", "merge")
"""Work on several inspections, which holds copies of this one: what it makes must not outlive the proof of the end."""


def start(appliance: Appliance, inspection_id: str, copy: Path, same_medium_reason: str = "") -> Job:
    """End as a job. ``copy`` is the office's copy of the sealed bundle, or the folder where it lies.

    ``same_medium_reason``: why a copy on the same medium, or on one that is lost with the power, is enough.
    Raises Refused for a copy in our own data folder, Conflict before the seal, while something runs, or while a change
    to a computer is not put back. The job fails with BadInput, Refused or Negative when the copy is not good; nothing
    is destroyed then.
    """
    if copy.resolve().is_relative_to(appliance.folder.root.resolve()):
        raise Refused("ending.copy_inside", path=str(copy))
    with appliance.inspection(inspection_id) as (db, folder):
        if not inspection_store.list_bundles(db):
            raise Conflict("ending.not_sealed")
        if left := open_changes(folder.root / FILE):
            raise Conflict("ending.open_changes", count=len(left))

    def work(job: Job) -> dict[str, Any]:
        _verify(appliance, inspection_id, copy, same_medium_reason)
        return _go_on(appliance, inspection_id, job)

    with appliance.jobs.deciding:
        appliance.jobs.require_none(inspection_id)
        if any(job.kind in WHOLE for job in appliance.jobs.running("")):
            raise Conflict("ending.busy")
        return appliance.jobs.start(KIND, "steps", inspection_id, work)


def recover(appliance: Appliance) -> int:
    """After a start: finish what was cut off. Returns how many could not be finished; their reason is in the log."""
    with appliance.index() as index:
        cut_off = [row["inspection_id"] for row in store.list_open(index)]
    return sum(not _finished(appliance, inspection_id) for inspection_id in cut_off)


def proof(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """What is left of an ended inspection. Raises NotFound."""
    with appliance.index() as index:
        row = store.read(index, inspection_id)
    if row is None:
        raise NotFound("ending.none", id=inspection_id)
    return {"inspection": inspection_id, "stage": row["stage"], **row["document"]}


def _finished(appliance: Appliance, inspection_id: str) -> bool:
    try:
        _go_on(appliance, inspection_id, None)
    except Problem as problem:
        appliance.log_own("inspection.ending_stuck", inspection=inspection_id, reason=problem.message.code)
        return False
    return True


def _verify(appliance: Appliance, inspection_id: str, copy: Path, same_medium_reason: str) -> None:
    reason = same_medium_reason.strip()
    with appliance.inspection(inspection_id) as (db, folder):
        bundles = verify_copies(folder, inspection_store.list_bundles(db), copy, reason)
        unit, kind = (inspection_store.read(db)[name] for name in ("unit", "kind"))
    head = appliance.custody_head(inspection_id)
    digests = " ".join(bundle["digest"] for bundle in bundles)
    begun = {
        "unit": unit,
        "kind": kind,
        "bundles": bundles,
        "same_medium_reason": reason,
        "operator": appliance.operator,
    }
    begun |= {"started_at": rfc3339(appliance.clock.now()), "custody": _head_json(head)}
    appliance.log_own(
        "inspection.ending",
        inspection=inspection_id,
        unit=unit,
        digests=digests,
        copy=str(copy),
        same_medium_reason=reason,
        custody_seq=head.seq,
        custody_sha256=head.sha256,
    )
    with appliance.index() as index:
        store.begin(index, inspection_id, begun)


def _go_on(appliance: Appliance, inspection_id: str, job: Job | None) -> dict[str, Any]:
    """Do every step that is not certain yet."""
    while (found := proof(appliance, inspection_id))["stage"] != Stage.DONE:
        if job is not None:
            job.progress(list(Stage).index(found["stage"]), len(STEPS), "ending")
        STEPS[Stage(found["stage"])](appliance, inspection_id, found)
    return found


def _destroy_credentials(appliance: Appliance, inspection_id: str, _found: Row) -> None:
    names = len(appliance.vault.list(inspection_id))
    appliance.log_own("inspection.credentials_destroyed", inspection=inspection_id, credentials=names)
    appliance.vault.destroy_inspection(inspection_id)
    _reach(appliance, inspection_id, Stage.CREDENTIALS, credentials=names)


def _remove_folder(appliance: Appliance, inspection_id: str, found: Row) -> None:
    folder, going = appliance.folder.inspections / inspection_id, appliance.folder.ending(inspection_id)
    files = sum(path.is_file() for path in (folder if folder.exists() else going).rglob("*"))
    appliance.log_own("inspection.folder_removed", inspection=inspection_id, files=files)
    appliance.close_custody(inspection_id)
    try:
        move_folder(folder, going)  # from here on nothing opens it any more
        remove_folder(going)
        for copies in (*appliance.folder.run.glob("backup-*"), *appliance.folder.run.glob("drill*")):
            remove_folder(copies)  # what a backup or a drill that was killed left
    except OSError as error:
        raise EnvironmentProblem("ending.cannot_remove", path=str(going), detail=str(error.strerror)) from error
    _reach(appliance, inspection_id, Stage.FOLDER, files=max(files, found.get("files", 0)))


def _record_proof(appliance: Appliance, inspection_id: str, _found: Row) -> None:
    with appliance.index() as index:
        for schedule in schedule_store.in_force(index):
            if schedule.inspection_id == inspection_id:
                schedule_store.cancel(index, schedule.id, appliance.clock.now(), appliance.operator)
    head = appliance.log_own("inspection.ended", inspection=inspection_id)
    ended_at = rfc3339(appliance.clock.now())
    backups = _backups_of(appliance, inspection_id)
    _reach(appliance, inspection_id, Stage.DONE, ended_at=ended_at, log=_head_json(head), backups=backups)


def _backups_of(appliance: Appliance, inspection_id: str) -> list[str]:
    """Backups that hold it: they lie where we cannot reach, so people are told of them."""
    return [
        str(entry.params["path"])
        for entry in custody.entries(appliance.folder.custody)
        if entry.action == "appliance.backed_up" and inspection_id in str(entry.params["inspections"]).split()
    ]


STEPS: Mapping[Stage, Callable[[Appliance, str, Row], None]] = {
    Stage.VERIFIED: _destroy_credentials,
    Stage.CREDENTIALS: _remove_folder,
    Stage.FOLDER: _record_proof,
}


def _reach(appliance: Appliance, inspection_id: str, stage: Stage, **found: Any) -> None:
    with appliance.index() as index:
        store.reach(index, inspection_id, stage, **found)


def _head_json(head: Head) -> dict[str, Any]:
    return {"seq": head.seq, "sha256": head.sha256}
