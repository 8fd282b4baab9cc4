"""Use case: photos and papers that belong to what is entered at the desk; they are sealed with the inspection."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.context import Appliance
from appliance.evidence.manifest import portable_name
from appliance.store.database import Row
from appliance.visits.second_seal import KINDS
from config.durable import replace_file
from config.problems import BadInput, NotFound

STEM_LENGTH = 60


def keep(appliance: Appliance, inspection_id: str, name: str, data: bytes) -> Row:
    """Keep one file: ``file`` (its name here), ``name`` (as it came), sha256, bytes, and ``paper``, what a decision or
    an objection writes among its papers.

    Raises BadInput ``record.not_a_paper`` for what is neither photo nor paper, Refused once it is final or sealed.
    """
    known = portable_name(name)
    suffix = Path(known).suffix.lower()
    if not data.startswith(KINDS.get(suffix, ())):
        raise BadInput("record.not_a_paper", name=known, known="、".join(sorted(KINDS)))
    with appliance.open_inspection(inspection_id) as (_, folder):
        file = f"{appliance.ids.new()}-{Path(known).stem[:STEM_LENGTH]}{suffix}"
        digest = hashlib.sha256(data).hexdigest()
        appliance.log(inspection_id, "attachment.received", file=file, sha256=digest, bytes=len(data))
        replace_file(folder.attachments / file, data)
    told = {"file": file, "name": known, "sha256": digest, "bytes": len(data)}
    return {**told, "paper": f"{file} sha256:{digest}"}


def path_of(appliance: Appliance, inspection_id: str, file: str) -> Path:
    """Where a kept file lies. Raises NotFound."""
    with appliance.inspection(inspection_id) as (_, folder):
        for path in folder.attachments.iterdir():
            if path.name == file:
                return path
    raise NotFound("record.no_attachment", name=file[:80])
