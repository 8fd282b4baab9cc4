"""``/api/v1``: plural nouns; lists are ``{items, next}``; long work answers 202 with a job."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint

from api.v1.backups import backups
from api.v1.bundles import bundles
from api.v1.catalogue import catalogue
from api.v1.changes import changes
from api.v1.collectors import collectors
from api.v1.credentials import credentials
from api.v1.endings import endings
from api.v1.follow_ups import follow_ups
from api.v1.hosts import hosts
from api.v1.imports import imports
from api.v1.inspections import inspections
from api.v1.ledgers import ledgers
from api.v1.policies import policies
from api.v1.records import records
from api.v1.rectification import rectification
from api.v1.results import results
from api.v1.scans import scans
from api.v1.schedules import schedules
from api.v1.system import system

BLUEPRINTS: tuple[APIBlueprint, ...] = (
    system,
    inspections,
    ledgers,
    credentials,
    scans,
    schedules,
    hosts,
    collectors,
    results,
    records,
    follow_ups,
    rectification,
    bundles,
    changes,
    imports,
    endings,
    backups,
    catalogue,
    policies,
)
