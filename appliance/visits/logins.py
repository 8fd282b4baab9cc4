"""Use cases of credentials; what leaves here never holds a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from appliance.context import Appliance
from appliance.store import fleet as fleet_store
from appliance.store import inspections as store
from config.problems import BadInput
from credentials.model import Credential, CredentialKind, CredentialScope, CredentialState, LoginProtocol
from credentials.selection import CredentialProgress


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person enters."""

    kind: CredentialKind
    protocol: LoginProtocol
    username: str
    domain: str
    secret: str = field(repr=False)
    scope: CredentialScope
    label: str
    sudo: bool = False


def add(appliance: Appliance, inspection_id: str, entry: Entry) -> dict[str, Any]:
    """Keep a credential. Raises Refused with a locked vault."""
    with appliance.open_inspection(inspection_id) as (db, _):
        unit = store.read(db)["unit_id"]
        if entry.sudo and entry.protocol is not LoginProtocol.SSH:
            raise BadInput("vault.sudo_is_for_ssh")
        account = {"username": entry.username, "domain": entry.domain, "protocol": str(entry.protocol)}
        account |= {"sudo": "yes"} if entry.sudo else {}
        added = appliance.vault.add(
            unit,
            inspection_id,
            entry.kind,
            entry.protocol,
            entry.username,
            entry.domain,
            entry.secret,
            entry.scope,
            entry.label,
            entry.sudo,
        )
        appliance.log(inspection_id, "credential.entered", credential=added.id, **account)
    return describe(added, None)


def reenter(appliance: Appliance, inspection_id: str, credential_id: str, secret: str) -> dict[str, Any]:
    """Replace a secret; a frozen credential is unproven again, also in a scan that runs."""
    with appliance.open_inspection(inspection_id) as (db, _):
        entered = appliance.vault.reenter(inspection_id, credential_id, secret)
        appliance.log(inspection_id, "credential.reentered", credential=credential_id)
        fleet_store.forget_progress(db, credential_id)
    for job in appliance.jobs.running(inspection_id):
        job.reentered.put(credential_id)
    return describe(entered, None)


def remove(appliance: Appliance, inspection_id: str, credential_id: str) -> None:
    """Delete a credential."""
    with appliance.inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "credential.removed", credential=credential_id)
        appliance.vault.remove(inspection_id, credential_id)
        fleet_store.forget_progress(db, credential_id)


def list_all(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """Credentials without secrets; works while the vault is locked."""
    with appliance.inspection(inspection_id) as (db, _):
        known = fleet_store.load_progress(db)
    return [
        describe(credential, known[credential.id][1] if credential.id in known else None)
        for credential in appliance.vault.list(inspection_id)
    ]


def describe(credential: Credential, progress: CredentialProgress | None) -> dict[str, Any]:
    """A credential as JSON, with its state in the newest scan; there is no secret in it."""
    state = progress.state if progress else CredentialState.UNPROVEN
    reason = progress.frozen_reason if progress else None
    return {
        "id": credential.id,
        "kind": credential.kind,
        "protocol": credential.protocol,
        "username": credential.username,
        "domain": credential.domain,
        "ranges": list(credential.scope.ranges),
        "label": credential.label,
        "sudo": credential.sudo,
        "created_at": credential.created_at,
        "state": state,
        "frozen_reason": reason.to_json() if reason else None,
    }
