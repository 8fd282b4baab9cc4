"""Use case: put back what cut-off scans had changed on inspected computers (``hezheng recover``, and when a scan ends).

Each open entry of ``changes-to-targets.jsonl`` is taken up once: the service's present state is read first, and only
what still stands as we set it is changed back. A host that cannot be reached keeps its entry, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.store.database import Db
from appliance.visits.changes import FILE, Change, Changes, all_open, answered, log_change, open_changes
from appliance.visits.inspections import authorisation_in_force, list_present
from config.clock import rfc3339
from config.message import Message
from config.problems import Conflict, NotFound, Problem, Refused
from credentials.selection import PORTS
from scanner import process
from scanner.endings import cause_of
from scanner.errands import RESTORE_HOST
from scanner.host_limits import MIB, smb_limits
from scanner.process import Child, ChildEnded, Limits
from scanner.raw import error_from_json
from scanner.scope import Scope, require
from scanner.service_state import Rung, Step
from scanner.session import SessionError

KIND = "recover"
SETTLED_BY_HAND = "settled_by_hand"
POLL_SECONDS = 0.2
Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one entry; ``reason`` says why it is still open."""

    change: Change
    reason: Message | None = None

    def to_json(self) -> dict[str, Any]:
        """``{"entry", "address", "restored", "reason"}``."""
        reason = self.reason.to_json() if self.reason else None
        return {
            "entry": self.change.entry,
            "address": self.change.address,
            "restored": self.reason is None,
            "reason": reason,
        }


def count_open(appliance: Appliance) -> int:
    """Open entries of all inspections."""
    return len(all_open(appliance.folder))


def start(appliance: Appliance) -> Job:
    """Recover all inspections as a job, or join the one that runs.

    Raises Refused with a locked vault when something is open.
    """

    def work(job: Job) -> dict[str, Any]:
        items = list(_all(appliance, job))
        return {"items": items, "open": sum(not item["restored"] for item in items)}

    with appliance.jobs.deciding:
        if running := next((job for job in appliance.jobs.running() if job.kind == KIND), None):
            return running
        if count_open(appliance) and appliance.vault.locked:
            raise Refused("change.vault_locked")
        return appliance.jobs.start(KIND, "hosts", "", work)


def settle(appliance: Appliance, inspection_id: str, entry: str, note: str) -> dict[str, Any]:
    """Close an entry on a person's word: the host was put back by the unit, or will never answer again.

    Nothing is sent. Raises NotFound, Refused without a note, Conflict while something is at work on the entry.
    """
    if not note:
        raise Refused("change.note_missing")
    for job in appliance.jobs.running():
        if job.kind == KIND or job.inspection_id == inspection_id:
            raise Conflict("inspection.busy", kind=job.kind.partition(":")[0])
    with appliance.open_inspection(inspection_id, although_final=True) as (_, folder):
        change = next((one for one in open_changes(folder.root / FILE) if one.entry == entry), None)
        if change is None:
            raise NotFound("change.no_open_entry", entry=entry)
        word = {"after": None, "left": SETTLED_BY_HAND, "note": note, "operator": appliance.operator}
        line = {"step": Step.CLOSED, **word}
        Changes.of(appliance, folder, permitted=False).write(entry, change.about, line)
        log_change(appliance, inspection_id, entry, change.address, line)
        return Change(entry, (*change.lines, {**line, "at": rfc3339(appliance.clock.now())})).to_json()


def _all(appliance: Appliance, job: Job) -> Iterator[dict[str, Any]]:
    for row in list_present(appliance):
        with appliance.inspection(row["id"]) as (db, folder):
            for found in recover(appliance, row["id"], db, folder, job.cancelled.is_set):
                job.progress(job.done + 1, job.total + 1, "recover")
                yield {"inspection": row["id"], **found.to_json()}


def recover(
    appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, stopped: Stopped
) -> list[Recovered]:
    """Take up every open entry of one inspection, one host after the other."""
    file = folder.root / FILE
    changes = Changes.of(appliance, folder, permitted=True)
    refused: set[str] = set()
    found: list[Recovered] = []
    for change in open_changes(file):
        if stopped():
            break
        try:
            if change.about["credential"] in refused:
                raise Refused("change.credential_refused", address=change.address)
            _recover_one(_Recovery(appliance, inspection_id, db, changes, change, stopped))
        except Problem as problem:
            found.append(Recovered(change, problem.message))
        except SessionError as error:
            if error.reason.code.startswith("login."):
                refused.add(change.about["credential"])  # a password that was refused is not tried at the next host
            found.append(Recovered(change, error.reason))
        else:
            found.append(Recovered(change))
        finally:
            changes.locks.release(change.address)
    return found


@dataclass(frozen=True, slots=True)
class _Recovery:
    appliance: Appliance
    inspection_id: str
    db: Db
    changes: Changes
    change: Change
    stopped: Stopped

    def write(self, line: dict[str, Any]) -> None:
        """Make one line durable in the journal and in the custody log."""
        self.changes.announce(self.change.about, line)
        log_change(self.appliance, self.inspection_id, self.change.entry, self.change.address, line)


def _recover_one(recovery: _Recovery) -> None:
    change, appliance = recovery.change, recovery.appliance
    recovery.changes.resume(change)
    if change.lines[0]["rung"] == Rung.TRIGGER and change.lines[0]["before"] is None:
        recovery.write({"step": Step.CLOSED, "after": None, "left": "unknown_before"})
        return  # nothing of ours to put back, and no state to compare with
    _require_scope(recovery)
    unlocked = appliance.vault.reveal(recovery.inspection_id, change.about["credential"])
    credential = unlocked.credential
    settings = appliance.settings.scan
    job = {
        "address": change.address,
        "port": PORTS[credential.protocol],
        "username": credential.username,
        "domain": credential.domain,
        "secret": unlocked.secret,
        "limits": smb_limits(settings),
        "lines": [dict(line) for line in change.lines],
        "age_seconds": change.age_seconds(appliance.clock),
    }
    wall = settings.host_deadline_seconds
    limits = Limits(wall, settings.worker_cpu_seconds, settings.worker_memory_mb, MIB, MIB)
    child = process.start(RESTORE_HOST, job, limits, appliance.clock)
    try:
        _listen(recovery, child)
    except ChildEnded as ended:
        outcome = cause_of(ended, wall)
        raise SessionError(outcome[1].code, **outcome[1].params) from ended
    finally:
        child.kill()


def _require_scope(recovery: _Recovery) -> None:
    """Also what is put back is sent inside the authorisation only. Raises Refused."""
    authorisation, now = authorisation_in_force(recovery.db), recovery.appliance.clock.now()
    require(authorisation, now)
    if not Scope.of(authorisation).permits(recovery.change.address, now):
        raise Refused("change.out_of_scope", address=recovery.change.address)


def _listen(recovery: _Recovery, child: Child) -> None:
    while True:
        while not wait([child.connection], timeout=min(POLL_SECONDS, child.seconds_left)):
            if recovery.stopped():
                raise SessionError("change.stopped", address=recovery.change.address)
            if not child.seconds_left:
                break
        message = child.receive()
        if message is None:
            return
        if "change" in message:
            child.answer(answered(lambda line=message["change"]: recovery.write(line)))
        elif "refused" in message:
            raise error_from_json(message["refused"])
