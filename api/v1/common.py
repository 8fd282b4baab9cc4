"""What the blueprints share."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, current_app, jsonify
from flask_openapi3.models.tag import Tag

from api.auth import Gate
from api.present import shown
from appliance.context import Appliance
from appliance.jobs import Job, describe

PREFIX = "/api/v1"
ONE = f"{PREFIX}/inspections/<inspection_id>"


PROBLEM: dict[Any, Any] = {
    "default": {
        "description": "RFC 9457 problem",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "code", "params", "exit"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "code": {"type": "string"},
                        "params": {"type": "object"},
                        "exit": {"type": "integer"},
                    },
                }
            }
        },
    }
}
SECURITY: list[dict[str, list[str]]] = [{"session": []}]


def tag(name: str) -> list[Tag]:
    """One tag a blueprint."""
    return [Tag(name=name)]


def appliance() -> Appliance:
    """The appliance behind this application."""
    return cast(Appliance, current_app.extensions["appliance"])


def gate() -> Gate:
    """The gate of this application."""
    return cast(Gate, current_app.extensions["gate"])


def answer(document: Any, status: int = 200) -> tuple[Response, int]:
    """A JSON answer with rendered messages."""
    return jsonify(shown(document)), status


def accepted(job: Job) -> tuple[Response, int]:
    """202 with the job, and where to ask for it."""
    response, _ = answer(describe(job))
    response.headers["Location"] = f"{PREFIX}/jobs/{job.id}"
    return response, 202
