"""The Flask application: one process, loopback only."""

from __future__ import annotations

from flask import Flask
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from api import auth, problems, turns
from api.auth import Gate
from api.pages import pages
from api.v1 import BLUEPRINTS
from appliance.context import Appliance

TRUSTED_HOSTS = ["127.0.0.1", "localhost"]
FORM_OVERHEAD = 1 << 20


def create_app(appliance: Appliance, gate: Gate) -> Flask:
    """Build the application around one appliance."""
    app = OpenAPI(
        __name__,
        info=Info(title="核正 Hezheng API", version="1"),
        security_schemes={"session": {"type": "apiKey", "in": "cookie", "name": auth.COOKIE}},
        validation_error_callback=problems.invalid_request,
        doc_prefix="/api/v1",
    )
    app.config.update(
        TRUSTED_HOSTS=TRUSTED_HOSTS,
        MAX_CONTENT_LENGTH=(appliance.settings.ledger.file_limit_mb << 20) + FORM_OVERHEAD,
        MAX_FORM_MEMORY_SIZE=FORM_OVERHEAD,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
    )
    app.json.ensure_ascii = False  # pyright: ignore[reportAttributeAccessIssue]  DefaultJSONProvider has it
    app.extensions["appliance"] = appliance
    app.extensions["gate"] = gate
    problems.register(app, appliance.ids)
    auth.register(app, gate)
    turns.register(app)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(pages)
    return app
