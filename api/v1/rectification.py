"""整改: notices, replies, papers, extensions, 约谈, outcomes, what is due, and the figures of a month."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from flask import send_file
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import InspectionPath, Request, Text, Ulid, Upload
from appliance.judgement.rectification import EventKind, NoticeKind
from appliance.visits import rectification as use

rectification = APIBlueprint(
    "rectification", __name__, abp_tags=tag("rectification"), abp_security=SECURITY, abp_responses=PROBLEM
)
Key = Annotated[str, Field(min_length=1, max_length=400)]


class NoticePath(BaseModel):
    notice_id: Ulid


class PaperPath(NoticePath):
    paper_id: Ulid


class NoticeBody(Request):
    """``keys``: the findings; none = all that are the unit's to rectify."""

    kind: NoticeKind = NoticeKind.NOTICE
    number: Text = ""
    deadline: date | None = None
    issued_on: date | None = None
    keys: Annotated[list[Key], Field(max_length=100_000, default_factory=list)]
    note: Text = ""


class EventBody(Request):
    """``keys``: the findings it is about; none = all of the notice."""

    kind: EventKind
    text: Text = ""
    keys: Annotated[list[Key], Field(max_length=100_000, default_factory=list)]
    until: date | None = None
    accepted: bool | None = None
    person: Text = ""
    on: date | None = None


class PaperForm(BaseModel):
    file: Upload


class DueQuery(Request):
    within: Annotated[int, Field(ge=0, le=3650)] = 7


class MonthPath(BaseModel):
    year: Annotated[int, Field(ge=2000, le=9000)]
    month: Annotated[int, Field(ge=1, le=12)]


@rectification.post(f"{ONE}/notices")
def issue_notice(path: InspectionPath, body: NoticeBody) -> Any:
    """下发整改通知, or 现场整改."""
    args = (body.kind, body.number, body.deadline, body.keys, body.note, body.issued_on)
    return answer(use.issue(appliance(), path.inspection_id, *args), 201)


@rectification.get(f"{ONE}/notices")
def list_notices(path: InspectionPath) -> Any:
    """The notices of an inspection and where they stand."""
    return answer({"items": use.notices(appliance(), path.inspection_id), "next": None})


@rectification.get(f"{ONE}/notices/findings")
def list_choices(path: InspectionPath) -> Any:
    """Findings that a notice may name: whether it does unless others are chosen, and the notices they are in."""
    return answer({"items": use.findings_to_choose(appliance(), path.inspection_id), "next": None})


@rectification.get(f"{ONE}/rectification")
def get_progress(path: InspectionPath) -> Any:
    """整改率 of an inspection's findings, by its notices and by the newest follow-up."""
    return answer(use.progress(appliance(), path.inspection_id))


@rectification.get(f"{PREFIX}/notices/<notice_id>")
def get_notice(path: NoticePath) -> Any:
    """A notice with its findings, what happened, and its papers."""
    return answer(use.notice(appliance(), path.notice_id))


@rectification.post(f"{PREFIX}/notices/<notice_id>/events")
def add_event(path: NoticePath, body: EventBody) -> Any:
    """A reply, an extension, 约谈, a reminder, or the outcome of a reply."""
    args = (body.kind, body.text, body.keys, body.until, body.accepted, body.person, body.on)
    return answer(use.add_event(appliance(), path.notice_id, *args), 201)


@rectification.post(f"{PREFIX}/notices/<notice_id>/papers")
def add_paper(path: NoticePath, form: PaperForm) -> Any:
    """Keep a paper that came with a reply."""
    name, data = form.file.filename or "", form.file.stream.read()
    return answer(use.add_paper(appliance(), path.notice_id, name, data), 201)


@rectification.get(f"{PREFIX}/notices/<notice_id>/papers/<paper_id>/file")
def get_paper(path: PaperPath) -> Any:
    """A paper as it came."""
    file, name = use.paper_file(appliance(), path.notice_id, path.paper_id)
    return send_file(file, as_attachment=True, download_name=name)


@rectification.get(f"{PREFIX}/rectification/due")
def list_due(query: DueQuery) -> Any:
    """Reminders over all units: overdue, ending soon, or answered and waiting for us."""
    return answer({"items": use.due(appliance(), query.within), "next": None})


@rectification.get(f"{PREFIX}/rectification/months/<int:year>/<int:month>")
def get_month(path: MonthPath) -> Any:
    """The monthly figures of S4, a row a unit and the sums."""
    return answer(use.monthly(appliance(), path.year, path.month))
