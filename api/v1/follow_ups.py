"""回头看: the baseline, the comparison, its lines and changes, and rows of last year's list that need a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from api.present import page
from api.v1.common import ONE, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import InspectionPath, Name, Request, SequenceQuery
from appliance.judgement.comparison import Followed
from appliance.visits import baselines
from appliance.visits import follow_up as use

follow_ups = APIBlueprint(
    "follow_ups", __name__, abp_tags=tag("follow-ups"), abp_security=SECURITY, abp_responses=PROBLEM
)
PAGING = {"after", "limit"}


class BaselineBody(Request):
    """``source``: id of an inspection, path of a bundle on this laptop, nothing for the imported list."""

    kind: Literal["inspection", "bundle", "list"]
    source: Annotated[str, Field(max_length=4096)] = ""
    signer: Annotated[str, Field(max_length=200)] | None = None


class LineQuery(SequenceQuery):
    outcome: Followed | None = None
    kind: Annotated[str, Field(max_length=40)] | None = None
    host_id: Annotated[str, Field(max_length=26)] | None = None


class ChangeQuery(SequenceQuery):
    area: Literal["asset", "licence", "computer", "software"] | None = None
    change: Annotated[str, Field(max_length=20)] | None = None


class LinePath(InspectionPath):
    sequence: Annotated[int, Field(ge=0, le=1 << 53)]


class RowBody(Request):
    """``host_id`` empty: the row speaks of none of this visit's computers."""

    row: Name
    host_id: Annotated[str, Field(max_length=26)] = ""


@follow_ups.post(f"{ONE}/baseline")
def choose_baseline(path: InspectionPath, body: BaselineBody) -> Any:
    """Name what this follow-up is compared with; the newest one counts."""
    return answer(baselines.choose(appliance(), path.inspection_id, body.kind, body.source, body.signer), 201)


@follow_ups.get(f"{ONE}/baseline")
def get_baseline(path: InspectionPath) -> Any:
    """The baseline that counts."""
    return answer(baselines.current(appliance(), path.inspection_id))


@follow_ups.get(f"{ONE}/baseline/doubts")
def list_doubts(path: InspectionPath) -> Any:
    """Rows of last year's list that wait for a person's word."""
    return answer({"items": use.doubtful_rows(appliance(), path.inspection_id), "next": None})


@follow_ups.post(f"{ONE}/baseline/rows")
def say_row(path: InspectionPath, body: RowBody) -> Any:
    """A person's word on which computer a row of last year's list speaks of."""
    return answer(use.say_row(appliance(), path.inspection_id, body.row, body.host_id), 201)


@follow_ups.post(f"{ONE}/comparisons")
def start_comparison(path: InspectionPath) -> Any:
    """Compare the newest audit with the baseline."""
    return accepted(use.start(appliance(), path.inspection_id))


@follow_ups.get(f"{ONE}/comparison")
def get_comparison(path: InspectionPath) -> Any:
    """Counts by outcome, 整改率, and how the computers were joined, of the newest comparison."""
    return answer(use.latest(appliance(), path.inspection_id))


@follow_ups.get(f"{ONE}/comparison/lines")
def list_lines(path: InspectionPath, query: LineQuery) -> Any:
    """What became of each finding, with the evidence of both visits."""
    return _page(use.lines(appliance(), path.inspection_id, query.after, query.limit + 1, _filters(query)), query.limit)


@follow_ups.get(f"{ONE}/comparison/lines/<int:sequence>")
def get_line(path: LinePath) -> Any:
    """One line with the verdicts of both visits."""
    return answer(use.line(appliance(), path.inspection_id, path.sequence))


@follow_ups.get(f"{ONE}/comparison/changes")
def list_changes(path: InspectionPath, query: ChangeQuery) -> Any:
    """What changed of assets, licences, computers and software since the baseline."""
    rows = use.changed(appliance(), path.inspection_id, query.after, query.limit + 1, _filters(query))
    return _page(rows, query.limit)


def _filters(query: LineQuery | ChangeQuery) -> dict[str, str]:
    return {name: str(value) for name, value in query.model_dump(exclude=PAGING, exclude_none=True).items()}


def _page(rows: list[tuple[int, Any]], limit: int) -> dict[str, Any]:
    items = [{"sequence": sequence, **document} for sequence, document in rows]
    return page(items, limit, lambda item: item["sequence"])
