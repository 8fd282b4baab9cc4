"""Hosts and facts."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.present import page
from api.v1.common import ONE, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import FactsBody, HostPath, InspectionPath, PageQuery
from appliance.visits import host_facts as use
from appliance.visits import host_view

hosts = APIBlueprint("hosts", __name__, abp_tags=tag("hosts"), abp_security=SECURITY, abp_responses=PROBLEM)


@hosts.get(f"{ONE}/hosts")
def list_hosts(path: InspectionPath, query: PageQuery) -> Any:
    """Discovered hosts with the outcome of collecting them."""
    rows = use.list_hosts(appliance(), path.inspection_id, query.after, query.limit + 1)
    return page(rows, query.limit, lambda row: row["id"])


@hosts.get(f"{ONE}/hosts/<host_id>")
def get_host(path: HostPath) -> Any:
    """One host."""
    return answer(use.get_host(appliance(), path.inspection_id, path.host_id))


@hosts.get(f"{ONE}/hosts/<host_id>/complete")
def get_complete(path: HostPath) -> Any:
    """One computer complete: what was read, what was not and why, and the raw record that each value came from."""
    return answer(host_view.complete(appliance(), path.inspection_id, path.host_id))


@hosts.get(f"{ONE}/hosts/<host_id>/facts")
def get_facts(path: HostPath) -> Any:
    """``hezheng.facts/1`` of one host, as collected."""
    return answer(use.get_facts(appliance(), path.inspection_id, path.host_id))


@hosts.get(f"{ONE}/facts")
def list_facts(path: InspectionPath, query: PageQuery) -> Any:
    """Facts of all hosts, in order of host id."""
    rows = use.list_facts(appliance(), path.inspection_id, query.after, query.limit + 1)
    return page(rows, query.limit, lambda row: row["host_id"])


@hosts.post(f"{ONE}/facts")
def import_facts(path: InspectionPath, body: FactsBody) -> Any:
    """Import ``hezheng.facts/1`` that came on USB."""
    return answer(use.import_facts(appliance(), path.inspection_id, body.document()), 201)
