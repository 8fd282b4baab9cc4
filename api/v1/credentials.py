"""Credentials: written, listed without their secrets, replaced, removed; a secret is never read back."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.v1.common import ONE, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import CredentialBody, CredentialPath, InspectionPath, SecretBody
from appliance.visits import logins as use
from credentials.model import CredentialScope

credentials = APIBlueprint(
    "credentials", __name__, abp_tags=tag("credentials"), abp_security=SECURITY, abp_responses=PROBLEM
)


@credentials.get(f"{ONE}/credentials")
def list_credentials(path: InspectionPath) -> Any:
    """Credentials without secrets."""
    return answer({"items": use.list_all(appliance(), path.inspection_id), "next": None})


@credentials.post(f"{ONE}/credentials")
def add_credential(path: InspectionPath, body: CredentialBody) -> Any:
    """Keep a credential in the vault."""
    entry = use.Entry(
        body.kind,
        body.protocol,
        body.username,
        body.domain,
        body.secret,
        CredentialScope(tuple(body.ranges)),
        body.label,
        body.sudo,
    )
    return answer(use.add(appliance(), path.inspection_id, entry), 201)


@credentials.put(f"{ONE}/credentials/<credential_id>/secret")
def reenter_secret(path: CredentialPath, body: SecretBody) -> Any:
    """Enter the password again, as after a freeze."""
    return answer(use.reenter(appliance(), path.inspection_id, path.credential_id, body.secret))


@credentials.delete(f"{ONE}/credentials/<credential_id>")
def remove_credential(path: CredentialPath) -> Any:
    """Delete a credential."""
    use.remove(appliance(), path.inspection_id, path.credential_id)
    return "", 204
