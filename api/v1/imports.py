"""Bundles of other laptops: taking them over, and judging them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import BundlePath, FileNameQuery, ImportBody, InspectionPath, LookBody, MergeBody, PartsBody
from appliance.visits import handed_in, merging, replaying
from appliance.visits import imports as use

imports = APIBlueprint("imports", __name__, abp_tags=tag("imports"), abp_security=SECURITY, abp_responses=PROBLEM)


@imports.get(f"{PREFIX}/imports")
def list_imports() -> Any:
    """Inspections that came here in a bundle; they can be viewed and compared with, and never changed."""
    return answer({"items": use.list_all(appliance()), "next": None})


@imports.post(f"{PREFIX}/imports/files")
def hand_in(query: FileNameQuery) -> Any:
    """Keep a bundle that comes as the body until it is taken over; ``path`` is what the others take. The server accepts
    1 GiB; a larger one is given by its path.
    """
    size = request.content_length or 0
    request.max_content_length = size  # the limit of other uploads does not hold here
    path = handed_in.receive(appliance(), query.name, request.stream, size)
    return answer({"path": str(path), "name": path.name}, 201)


@imports.post(f"{PREFIX}/imports/looks")
def look(body: LookBody) -> Any:
    """Verify a bundle that lies on this computer: whose it is, of which unit, and whether the signer is known."""
    return accepted(use.look(appliance(), Path(body.path)))


@imports.post(f"{PREFIX}/imports")
def take_over(body: ImportBody) -> Any:
    """Verify a bundle that lies on this computer and take it over as a read-only inspection."""
    return accepted(use.start(appliance(), Path(body.path), body.signer or None))


@imports.post(f"{ONE}/bundles/<bundle_id>/replays")
def replay(path: BundlePath) -> Any:
    """Judge a bundle of this appliance again from its raw answers, and compare."""
    return accepted(replaying.start(appliance(), path.inspection_id, path.bundle_id))


@imports.post(f"{PREFIX}/merges/conflicts")
def list_conflicts(body: PartsBody) -> Any:
    """What must be decided before partial captures of one inspection are merged. Nothing is changed."""
    return answer({"items": merging.list_conflicts(appliance(), body.inspections), "next": None})


@imports.post(f"{PREFIX}/merges")
def merge(body: MergeBody) -> Any:
    """Join partial captures of one inspection into a new one, and judge it; every conflict must be decided."""
    return accepted(merging.start(appliance(), body.inspections, body.choices))


@imports.get(f"{ONE}/parts")
def get_parts(path: InspectionPath) -> Any:
    """Where a merged inspection comes from, and how conflicts were decided; nothing for any other."""
    return answer(merging.origin(appliance(), path.inspection_id) or {"parts": [], "conflicts": []})
