"""The end of an inspection, and the proof that stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import EndingBody, InspectionPath
from appliance.visits import ending as use

endings = APIBlueprint("endings", __name__, abp_tags=tag("endings"), abp_security=SECURITY, abp_responses=PROBLEM)


@endings.post(f"{ONE}/ending")
def end(path: InspectionPath, body: EndingBody) -> Any:
    """Verify the office's copy, then destroy credentials and keys and remove the inspection from this appliance."""
    return accepted(use.start(appliance(), path.inspection_id, Path(body.copy_path), body.same_medium_reason))


@endings.get(f"{ONE}/ending")
def get_ending(path: InspectionPath) -> Any:
    """What stays of an ended inspection: copy, digests, times, and the lines of the appliance's own custody log."""
    return answer(use.proof(appliance(), path.inspection_id))
