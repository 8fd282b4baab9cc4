"""Computers without the network: the collector's kit, the folders that come back, and 手工登记."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Annotated, Any, Literal

from flask import send_file
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.v1.common import ONE, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import InspectionPath, Name, Request, Text, Upload
from appliance.visits import collector as use
from appliance.visits import manual
from config.problems import BadInput
from scanner.model import LicenceStatus, Platform

collectors = APIBlueprint(
    "collectors", __name__, abp_tags=tag("collectors"), abp_security=SECURITY, abp_responses=PROBLEM
)


class FolderForm(BaseModel):
    """All files of one folder, each under its own name."""

    files: list[Upload]
    again: bool = False


class ProgramBody(Request):
    name: Name
    version: Text | None = None
    publisher: Text | None = None


class PaperBody(Request):
    """A photo of the activation screen, or the scan of the signed sheet: JPEG, PNG or PDF."""

    kind: Literal["photo", "signature"]
    base64: Annotated[str, Field(max_length=28_000_000)]


class ManualBody(Request):
    """What a person read off a computer. ``activation`` null: the screen did not say."""

    asset_no: Name
    department: Name
    person: Name
    platform: Platform
    os_name: Name
    activation: LicenceStatus | None
    activation_text: Text = ""
    signed_by: Name
    hostname: Text | None = None
    os_version: Text | None = None
    maker: Text | None = None
    model: Text | None = None
    serial: Text | None = None
    software: Annotated[list[ProgramBody], Field(default_factory=list[ProgramBody], max_length=500)]
    papers: Annotated[list[PaperBody], Field(max_length=20)]


@collectors.post(f"{ONE}/collector")
def make_collector(path: InspectionPath) -> Any:
    """The files for a stick as a zip: the collectors for Windows and Linux, which carry this inspection's nonce."""
    made = use.make(appliance(), path.inspection_id)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(made):
            archive.writestr(name, made[name])
    packed.seek(0)
    return send_file(packed, "application/zip", as_attachment=True, download_name=f"hezheng-{path.inspection_id}.zip")


@collectors.post(f"{ONE}/offline-readings")
def import_folder(path: InspectionPath, form: FolderForm) -> Any:
    """Take over one folder that a collector wrote; ``again`` where the computer was read before."""
    files = {(file.filename or "").replace("\\", "/").rpartition("/")[2]: file.read() for file in form.files}
    return answer(use.import_folder(appliance(), path.inspection_id, files, form.again), 201)


@collectors.get(f"{ONE}/offline-readings")
def list_readings(path: InspectionPath) -> Any:
    """All readings without the network, in order of entry; ``source`` is ``single_machine`` or ``manual``."""
    return answer({"items": use.list_readings(appliance(), path.inspection_id), "next": None})


@collectors.post(f"{ONE}/manual-readings")
def enter_by_hand(path: InspectionPath, body: ManualBody) -> Any:
    """手工登记 of one computer, with the photo of its activation screen and the user's signature."""
    fields = body.model_dump(exclude={"papers", "software"})
    software = tuple(manual.Program(**program.model_dump()) for program in body.software)
    entry = manual.Entry(**fields, software=software)
    papers = [manual.Paper(paper.kind, _decoded(paper)) for paper in body.papers]
    return answer(manual.enter(appliance(), path.inspection_id, entry, papers), 201)


def _decoded(paper: PaperBody) -> bytes:
    try:
        return base64.b64decode(paper.base64, validate=True)
    except ValueError as error:  # binascii.Error is one; so is a character beyond ASCII
        raise BadInput("manual.bad_paper", paper=paper.kind, limit_mb=manual.LARGEST_PAPER_MB) from error
