"""What scans changed on computers, and putting it back."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import InspectionPath, Request, Text, Ulid
from appliance.visits import changes as use
from appliance.visits import recovery

changes = APIBlueprint("changes", __name__, abp_tags=tag("changes"), abp_security=SECURITY, abp_responses=PROBLEM)


class ChangePath(InspectionPath):
    entry: Ulid


class SettlementBody(Request):
    note: Text


@changes.get(f"{ONE}/changes")
def list_changes(path: InspectionPath) -> Any:
    """Every change to a computer and how it was undone; open ones still wait for it."""
    return answer({"items": use.list_all(appliance(), path.inspection_id), "next": None})


@changes.post(f"{PREFIX}/recovery")
def recover() -> Any:
    """Put back what cut-off scans left changed, in all inspections."""
    return accepted(recovery.start(appliance()))


@changes.post(f"{ONE}/changes/<entry>/settlement")
def settle(path: ChangePath, body: SettlementBody) -> Any:
    """Close an entry on a person's word, with a note of who put the computer back and how; nothing is sent."""
    return answer(recovery.settle(appliance(), path.inspection_id, path.entry, body.note))
