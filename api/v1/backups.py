"""Backing up the whole appliance; restoring happens while nothing runs, by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import PREFIX, PROBLEM, SECURITY, accepted, appliance, tag
from api.v1.schemas import BackupBody
from appliance.visits import backup as use

backups = APIBlueprint("backups", __name__, abp_tags=tag("backups"), abp_security=SECURITY, abp_responses=PROBLEM)


@backups.post(f"{PREFIX}/backups")
def back_up(body: BackupBody) -> Any:
    """Write a backup of everything but the vault and the keys to a new file, or into a folder."""
    return accepted(use.start(appliance(), Path(body.path)))
