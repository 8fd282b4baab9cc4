"""Sealing, and the sealed file."""

from __future__ import annotations

from typing import Any

from flask import send_file
from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import BundlePath, InspectionPath
from appliance.visits import sealing as use

bundles = APIBlueprint("bundles", __name__, abp_tags=tag("bundles"), abp_security=SECURITY, abp_responses=PROBLEM)


@bundles.get(f"{ONE}/bundles")
def list_bundles(path: InspectionPath) -> Any:
    """Sealed bundles with their digests."""
    return answer({"items": use.list_bundles(appliance(), path.inspection_id), "next": None})


@bundles.post(f"{ONE}/bundles")
def seal(path: InspectionPath) -> Any:
    """Seal the inspection; afterwards it can only be read."""
    return accepted(use.start(appliance(), path.inspection_id))


@bundles.get(f"{ONE}/bundles/<bundle_id>/file")
def get_bundle(path: BundlePath) -> Any:
    """The bundle as a zip."""
    return send_file(use.bundle_path(appliance(), path.inspection_id, path.bundle_id), as_attachment=True)


@bundles.get(f"{PREFIX}/signers")
def list_signers() -> Any:
    """Fingerprints of the keys that sealed this appliance's bundles."""
    return answer({"items": sorted(use.known_signers(appliance())), "next": None})
