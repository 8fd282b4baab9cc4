"""The application over a data folder, for the service and for one command alike."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from api.app import create_app
from api.auth import Gate, write_api_token
from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.visits import ending, handed_in, inspections, leftovers, schedule_site
from config.clock import Clock
from config.settings import load


@dataclass(frozen=True, slots=True)
class Built:
    """An application and what stands behind it."""

    app: Flask
    appliance: Appliance
    gate: Gate


def build(folder: DataFolder, clock: Clock) -> Built:
    """Build the application over a data folder whose lock is held."""
    settings = load(folder.root)
    appliance = Appliance.open(folder, settings, clock)
    ending.recover(appliance)
    leftovers.recover(appliance)
    inspections.recover(appliance)
    handed_in.discard_all(appliance)
    schedule_site.desk(appliance).recover()
    gate = Gate(clock, write_api_token(folder.run))
    return Built(create_app(appliance, gate), appliance, gate)
