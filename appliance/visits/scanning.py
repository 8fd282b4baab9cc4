"""Use cases of a scan: start, resume, pause, continue, cancel; :mod:`appliance.visits.scan_run` does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.context import Appliance
from appliance.jobs import SCAN, Job
from appliance.store import fleet as fleet_store
from appliance.store import inspections as inspection_store
from appliance.store import scans as store
from appliance.store.database import Db, Row
from appliance.visits.candidates import is_candidate
from appliance.visits.inspections import authorisation_in_force
from appliance.visits.keeping import remove_leftovers
from appliance.visits.network_check import remember
from appliance.visits.scan_run import ScanOptions, ScanRun
from config.clock import rfc3339
from config.problems import BadInput, Conflict, NotFound, Refused
from config.settings import Discovery
from scanner.discovery import chunks, find_nmap, may_send_raw, plan_discovery
from scanner.ranges import Interval, holds, parse_address, parse_range
from scanner.scope import Scope, require

__all__ = ["ScanOptions", "cancel", "is_candidate", "list_all", "pause", "presence", "resume", "running_job", "start"]


def start(appliance: Appliance, inspection_id: str, options: ScanOptions, scheduled: str = "") -> Job:
    """Start a scan as a job. Raises Refused without authorisation, statement or window, or with a locked vault.

    ``scheduled``: the id that the schedule chose for it. A scan that a person starts is where the unit's network is.
    """
    with appliance.jobs.deciding, appliance.open_inspection(inspection_id) as (db, _):
        _check_idle(appliance, inspection_id)
        authorisation = authorisation_in_force(db)
        require(authorisation, appliance.clock.now())
        _check_vault(appliance, inspection_id, options)
        scope = Scope.of(authorisation, options.segment)
        if options.canary is not None and not scope.contains(options.canary):
            raise BadInput("scan.canary_outside", address=options.canary)
        options = replace(options, canary=options.canary and str(parse_address(options.canary)))
        scan_id = scheduled or appliance.ids.new()
        appliance.log(inspection_id, "scan.started", scan=scan_id, authorisation=authorisation.id, size=scope.size)
        row: Row = {"id": scan_id, "started_at": rfc3339(appliance.clock.now())}
        row |= {"authorisation_id": authorisation.id, "options": options.to_json()}
        segments = [(s["id"], s["range"]) for s in inspection_store.list_segments(db)]
        store.create(db, row, cut(scope, segments, appliance.settings.discovery))
        return _run(appliance, inspection_id, scan_id, by_person=not scheduled)


def resume(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """Go on with a scan that was paused, cancelled or cut off. What was committed is not read again."""
    with appliance.jobs.deciding, appliance.open_inspection(inspection_id) as (db, folder):
        _check_idle(appliance, inspection_id)
        scan = find(db, scan_id)
        if scan["state"] not in (
            *store.RESUMABLE,
            store.RUNNING,
        ):  # running, yet idle: its end found no room on the disk
            raise Conflict("scan.not_resumable", id=scan_id)
        require(authorisation_in_force(db), appliance.clock.now())
        _check_vault(appliance, inspection_id, ScanOptions(**scan["options"]))
        remove_leftovers(db, folder)
        appliance.log(inspection_id, "scan.resumed", scan=scan_id)
        store.update(db, scan_id, state=store.RUNNING, problem=None)
        return _run(appliance, inspection_id, scan_id, by_person=True)


def cut(scope: Scope, segments: list[tuple[str, str]], settings: Discovery) -> list[tuple[tuple[str, ...], str | None]]:
    """Cut a scope into chunks that never cross the border of a segment: ``(addresses, segment id or None)``."""
    belonging = [(name, parse_range(text)) for name, text in segments]
    addresses = list(scope.addresses())
    of = {a: _segment(a, belonging) for a in addresses} if belonging else {}
    starts = [a for before, a in zip([None, *addresses], addresses, strict=False) if of.get(before or "") != of.get(a)]
    ordered = plan_discovery(addresses, settings, privileged=may_send_raw(find_nmap()))
    plan = replace(ordered, starts=frozenset(starts))
    return [(chunk.addresses, of.get(chunk.addresses[0])) for chunk in chunks(plan)]


def _segment(address: str, segments: list[tuple[str, Interval]]) -> str | None:
    parsed = parse_address(address)
    return next((name for name, span in segments if parsed is not None and holds((span,), parsed)), None)


def find(db: Db, scan_id: str) -> Row:
    """One scan. Raises NotFound."""
    scan = store.get(db, scan_id)
    if scan is None:
        raise NotFound("scan.not_found", id=scan_id[:40])
    return scan


def list_all(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All scans of an inspection."""
    with appliance.inspection(inspection_id) as (db, _):
        return [_as_it_is(appliance, inspection_id, scan) for scan in store.list_all(db)]


def _as_it_is(appliance: Appliance, inspection_id: str, scan: Row) -> Row:
    """A scan that stopped when nothing could be stored any more is interrupted, whatever its row still says."""
    running = {job.kind for job in appliance.jobs.running(inspection_id)}
    stale = scan["state"] == store.RUNNING and f"{SCAN}{scan['id']}" not in running
    return {**scan, "state": store.INTERRUPTED} if stale else scan


def running_job(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """The job of a running scan. Raises Conflict when it does not run."""
    for job in appliance.jobs.running(inspection_id):
        if job.kind == f"{SCAN}{scan_id}":
            return job
    raise Conflict("scan.not_running", id=scan_id[:40])


def cancel(appliance: Appliance, inspection_id: str, scan_id: str) -> Job:
    """Stop a scan now: workers and nmap are ended by pid. It can be resumed."""
    job = running_job(appliance, inspection_id, scan_id)
    appliance.log(inspection_id, "scan.cancelled", scan=scan_id)
    job.cancelled.set()
    return job


def pause(appliance: Appliance, inspection_id: str, scan_id: str, paused: bool) -> Job:
    """Start no further hosts (those being read are finished) and end the sweep, or go on."""
    job = running_job(appliance, inspection_id, scan_id)
    appliance.log(inspection_id, "scan.paused" if paused else "scan.continued", scan=scan_id)
    if paused:
        job.paused.set()
    else:
        job.question = None
        job.paused.clear()
    return job


def presence(appliance: Appliance, inspection_id: str, after: str, limit: int) -> list[Row]:
    """Every address ever seen: first and last time, how often."""
    with appliance.inspection(inspection_id) as (db, _):
        return fleet_store.presence(db, after, limit)


def _check_idle(appliance: Appliance, inspection_id: str) -> None:
    if any(job.kind.startswith(SCAN) for job in appliance.jobs.running(inspection_id)):
        raise Conflict("scan.already_running")
    appliance.jobs.require_none(inspection_id, "seal")
    appliance.jobs.require_room_for_scan()


def _check_vault(appliance: Appliance, inspection_id: str, options: ScanOptions) -> None:
    needed = not options.discover_only and appliance.vault.list(inspection_id)
    if needed and appliance.vault.locked:
        raise Refused("scan.vault_locked")


def _run(appliance: Appliance, inspection_id: str, scan_id: str, *, by_person: bool) -> Job:
    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id) as (db, folder):
            ended = ScanRun(appliance, inspection_id, find(db, scan_id), db, folder, job).run()
            if by_person:
                remember(appliance, db, scan_id)
            return ended

    return appliance.jobs.start(f"{SCAN}{scan_id}", "addresses", inspection_id, work)
