"""Policy profiles: those that came with the program, and a campaign's own."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from api.v1.common import PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import Request
from appliance.visits import policies as use

policies = APIBlueprint("policies", __name__, abp_tags=tag("policies"), abp_security=SECURITY, abp_responses=PROBLEM)


class PolicyBody(Request):
    text: Annotated[str, Field(min_length=1, max_length=100_000)]


@policies.get(f"{PREFIX}/policies")
def list_policies() -> Any:
    """Every profile with its switches, their sources and the sentences of its rates."""
    return answer({"items": use.listed(appliance()), "next": None})


@policies.post(f"{PREFIX}/policies")
def add_policy(body: PolicyBody) -> Any:
    """Keep a campaign's own profile, a TOML file as those in ``config/policies``; it is never changed afterwards."""
    return answer(use.add(appliance(), body.text), 201)
