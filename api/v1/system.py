"""Session, status, vault, jobs, units."""

from __future__ import annotations

from typing import Any

from flask import make_response
from flask_openapi3.blueprint import APIBlueprint

from api.auth import COOKIE, SESSION_SECONDS
from api.v1.common import PREFIX, PROBLEM, SECURITY, answer, appliance, gate, tag
from api.v1.schemas import JobPath, PassphraseBody, SessionBody, UnitBody
from appliance.jobs import describe
from appliance.version import VERSION
from appliance.visits import inspections as use
from appliance.visits import office, recovery
from config.problems import EnvironmentProblem
from scanner.discovery import find_nmap, may_send_raw

system = APIBlueprint("system", __name__, abp_tags=tag("system"), abp_security=SECURITY, abp_responses=PROBLEM)


@system.post(f"{PREFIX}/session")
def open_session(body: SessionBody) -> Any:
    """Exchange the launch token, once, for the session cookie."""
    session = gate().open_session(body.token)
    response = make_response("", 204)
    response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="Strict", path="/")
    return response


@system.post(f"{PREFIX}/launch-token")
def new_launch_token() -> Any:
    """A fresh launch token for another browser; the one before is void."""
    return answer({"token": gate().new_launch_token()}, 201)


@system.get(f"{PREFIX}/status")
def status() -> Any:
    """Version, whether the vault is open, whether bundles are encrypted, what runs or ran, how discovery will send."""
    a = appliance()
    return answer(
        {
            "version": VERSION,
            "vault": {"exists": a.vault.exists(), "locked": a.vault.locked},
            "encrypts": office.certificate_file(a).exists(),
            "jobs_ended": a.jobs.ended,  # before those that run: one that ends meanwhile counts the next time
            "jobs": [describe(job) for job in a.jobs.running()],
            "discovery_mode": _discovery_mode(),
            "open_changes": recovery.count_open(a),
            "catalogue": {"version": a.catalogue.version, "digest": a.catalogue.digest},
            "reference_problems": [problem.to_json() for problem in a.reference_problems],
        }
    )


@system.get(f"{PREFIX}/jobs/<job_id>")
def get_job(path: JobPath) -> Any:
    """One job."""
    return answer(describe(appliance().jobs.get(path.job_id)))


@system.post(f"{PREFIX}/vault")
def create_vault(body: PassphraseBody) -> Any:
    """Make the vault; it is left unlocked."""
    appliance().vault.create(body.passphrase)
    return answer({"exists": True, "locked": False}, 201)


@system.post(f"{PREFIX}/vault/unlock")
def unlock_vault(body: PassphraseBody) -> Any:
    """Open the vault."""
    a = appliance()
    a.vault.unlock(body.passphrase)
    if recovery.count_open(a) and not a.jobs.running():
        recovery.start(a)  # what a crash left changed waits for nothing else
    return answer({"exists": True, "locked": False})


@system.post(f"{PREFIX}/vault/lock")
def lock_vault() -> Any:
    """Forget the vault's key."""
    appliance().vault.lock()
    return answer({"exists": appliance().vault.exists(), "locked": True})


@system.get(f"{PREFIX}/units")
def list_units() -> Any:
    """All units."""
    return answer({"items": use.list_units(appliance()), "next": None})


@system.post(f"{PREFIX}/units")
def create_unit(body: UnitBody) -> Any:
    """Record a unit."""
    return answer(use.create_unit(appliance(), body.name, body.system, body.region, body.parent_id), 201)


def _discovery_mode() -> str:
    """``raw``, ``connect``, or ``missing`` when there is no nmap."""
    try:
        return "raw" if may_send_raw(find_nmap()) else "connect"
    except EnvironmentProblem:
        return "missing"
