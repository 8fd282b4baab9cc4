"""Inspections, authorisations, segments, custody."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.present import page
from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import (
    AuthorisationBody,
    InspectionBody,
    InspectionChange,
    InspectionPath,
    PageQuery,
    ReopeningBody,
    SegmentBody,
    UnitBody,
)
from appliance.visits import inspections as use
from scanner.scope import Authorisation

inspections = APIBlueprint(
    "inspections", __name__, abp_tags=tag("inspections"), abp_security=SECURITY, abp_responses=PROBLEM
)


@inspections.get(f"{PREFIX}/inspections")
def list_inspections(query: PageQuery) -> Any:
    """Inspections in order of making."""
    rows = use.list_all(appliance(), query.after, query.limit + 1)
    return page(rows, query.limit, lambda row: row["id"])


@inspections.post(f"{PREFIX}/inspections")
def create_inspection(body: InspectionBody) -> Any:
    """Open an inspection of a unit, named by id or name, or of a new unit."""
    a, unit = appliance(), body.unit
    if isinstance(unit, UnitBody):
        use.check_kind(a, body.kind, body.policy)
        unit = str(use.create_unit(a, unit.name, unit.system, unit.region, unit.parent_id)["id"])
    return answer(use.create(a, unit, body.kind, body.as_of, body.policy), 201)


@inspections.get(ONE)
def get_inspection(path: InspectionPath) -> Any:
    """One inspection."""
    return answer(use.get(appliance(), path.inspection_id))


@inspections.patch(ONE)
def change_inspection(path: InspectionPath, body: InspectionChange) -> Any:
    """Move to another phase or as-of date."""
    return answer(use.change(appliance(), path.inspection_id, body.phase, body.as_of))


@inspections.post(f"{ONE}/reopenings")
def reopen(path: InspectionPath, body: ReopeningBody) -> Any:
    """Take 定稿 back, with a reason; the phase is ``after_proof`` again."""
    return answer(use.reopen(appliance(), path.inspection_id, body.reason), 201)


@inspections.get(f"{ONE}/reopenings")
def list_reopenings(path: InspectionPath) -> Any:
    """Reopenings, oldest first."""
    return answer({"items": use.list_reopenings(appliance(), path.inspection_id), "next": None})


@inspections.get(f"{ONE}/authorisations")
def list_authorisations(path: InspectionPath) -> Any:
    """Authorisations, oldest first; the last is in force."""
    return answer({"items": use.list_authorisations(appliance(), path.inspection_id), "next": None})


@inspections.post(f"{ONE}/authorisations")
def authorise(path: InspectionPath, body: AuthorisationBody) -> Any:
    """Record a written permission; nothing is sent before one is in force."""
    fields: dict[str, Any] = body.model_dump()
    fields |= {"ranges": tuple(body.ranges), "exclusions": tuple(body.exclusions)}
    recorded = use.authorise(appliance(), path.inspection_id, Authorisation(id="", recorded_at="", **fields))
    return answer({"id": recorded.id, "recorded_at": recorded.recorded_at}, 201)


@inspections.get(f"{ONE}/segments")
def list_segments(path: InspectionPath) -> Any:
    """Segments of the unit."""
    return answer({"items": use.list_segments(appliance(), path.inspection_id), "next": None})


@inspections.post(f"{ONE}/segments")
def add_segment(path: InspectionPath, body: SegmentBody) -> Any:
    """Name one address range inside the authorisation."""
    return answer(use.add_segment(appliance(), path.inspection_id, body.range, body.label), 201)
