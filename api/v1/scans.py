"""Scans and SSH host keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.present import page
from api.v1.common import ONE, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import InspectionPath, KeysBody, PresenceQuery, ScanBody, ScanPath
from appliance.jobs import describe
from appliance.visits import host_keys, scanning
from appliance.visits.scanning import ScanOptions

scans = APIBlueprint("scans", __name__, abp_tags=tag("scans"), abp_security=SECURITY, abp_responses=PROBLEM)


@scans.get(f"{ONE}/scans")
def list_scans(path: InspectionPath) -> Any:
    """Scans, oldest first."""
    return answer({"items": scanning.list_all(appliance(), path.inspection_id), "next": None})


@scans.post(f"{ONE}/scans")
def start_scan(path: InspectionPath, body: ScanBody) -> Any:
    """Start a scan: discovery, then collection."""
    return accepted(scanning.start(appliance(), path.inspection_id, ScanOptions(**body.model_dump())))


@scans.post(f"{ONE}/scans/<scan_id>/resume")
def resume_scan(path: ScanPath) -> Any:
    """Go on with a scan that is not running; hosts with a committed result are not read again."""
    return accepted(scanning.resume(appliance(), path.inspection_id, path.scan_id))


@scans.post(f"{ONE}/scans/<scan_id>/pause")
def pause_scan(path: ScanPath) -> Any:
    """Start no further hosts."""
    return answer(describe(scanning.pause(appliance(), path.inspection_id, path.scan_id, paused=True)))


@scans.post(f"{ONE}/scans/<scan_id>/continue")
def continue_scan(path: ScanPath) -> Any:
    """Go on after a pause."""
    return answer(describe(scanning.pause(appliance(), path.inspection_id, path.scan_id, paused=False)))


@scans.post(f"{ONE}/scans/<scan_id>/cancel")
def cancel_scan(path: ScanPath) -> Any:
    """Stop now."""
    return answer(describe(scanning.cancel(appliance(), path.inspection_id, path.scan_id)))


@scans.get(f"{ONE}/presence")
def list_presence(path: InspectionPath, query: PresenceQuery) -> Any:
    """Every address ever seen: when first, when last, how often."""
    rows = scanning.presence(appliance(), path.inspection_id, query.after, query.limit + 1)
    return page(rows, query.limit, lambda row: row["address"])


@scans.get(f"{ONE}/host-keys")
def list_host_keys(path: InspectionPath) -> Any:
    """SSH host keys with their state."""
    return answer({"items": [asdict(k) for k in host_keys.list_keys(appliance(), path.inspection_id)], "next": None})


@scans.post(f"{ONE}/host-keys/confirmation")
def confirm_host_keys(path: InspectionPath, body: KeysBody) -> Any:
    """A person confirms first-seen keys."""
    return answer({"confirmed": host_keys.confirm_keys(appliance(), path.inspection_id, body.fingerprints)})
