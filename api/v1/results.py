"""Audits, verdicts, findings, rates, and the summary of an inspection."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api.present import page
from api.v1.common import ONE, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import FindingQuery, InspectionPath, VerdictPath, VerdictQuery
from appliance.visits import auditing as use
from appliance.visits import differing
from appliance.visits.summary import summarise

results = APIBlueprint("results", __name__, abp_tags=tag("results"), abp_security=SECURITY, abp_responses=PROBLEM)
PAGING = {"after", "limit"}


@results.post(f"{ONE}/audits")
def start_audit(path: InspectionPath) -> Any:
    """Judge what is stored."""
    return accepted(use.start(appliance(), path.inspection_id))


@results.get(f"{ONE}/rates")
def get_rates(path: InspectionPath) -> Any:
    """Rates, licence positions and head of the newest audit."""
    return answer(use.rates(appliance(), path.inspection_id))


@results.get(f"{ONE}/verdicts")
def list_verdicts(path: InspectionPath, query: VerdictQuery) -> Any:
    """Verdicts of the newest audit in canonical order."""
    rows = use.verdicts(appliance(), path.inspection_id, query.after, query.limit + 1, _filters(query))
    return _page(rows, query.limit)


@results.get(f"{ONE}/verdicts/<verdict_id>")
def get_verdict(path: VerdictPath) -> Any:
    """One verdict with its reasons, observations and ledger rows."""
    return answer(use.verdict(appliance(), path.inspection_id, path.verdict_id))


@results.get(f"{ONE}/findings")
def list_findings(path: InspectionPath, query: FindingQuery) -> Any:
    """Findings of the newest audit."""
    rows = use.findings(appliance(), path.inspection_id, query.after, query.limit + 1, _filters(query))
    return _page(rows, query.limit)


@results.get(f"{ONE}/differences")
def list_differences(path: InspectionPath) -> Any:
    """差异表: where the official client and the newest audit differ, computer by computer."""
    return answer({"items": differing.listed(appliance(), path.inspection_id), "next": None})


@results.get(f"{ONE}/summary")
def get_summary(path: InspectionPath) -> Any:
    """What the inspection has come to so far."""
    return answer(summarise(appliance(), path.inspection_id))


def _filters(query: VerdictQuery | FindingQuery) -> dict[str, str]:
    return {name: str(value) for name, value in query.model_dump(exclude=PAGING, exclude_none=True).items()}


def _page(rows: list[tuple[int, Any]], limit: int) -> dict[str, Any]:
    items = [{"sequence": sequence, **document} for sequence, document in rows]
    return page(items, limit, lambda item: item["sequence"])
