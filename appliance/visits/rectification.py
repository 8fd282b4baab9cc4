"""Use cases of 整改: notices with deadlines, replies and papers, extensions, 约谈, outcomes, reminders, figures.

A unit's 整改 lies beside its inspections and not in them: it goes on when an inspection is sealed, and after its end.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from appliance.context import Appliance
from appliance.evidence.manifest import portable_name
from appliance.judgement import rectification as judge
from appliance.judgement.declared import Rectification, RectificationState
from appliance.judgement.documents import rate_document
from appliance.judgement.rectification import EventKind, NoticeKind
from appliance.store import audits as audit_store
from appliance.store import comparisons as comparison_store
from appliance.store import inspections as inspection_store
from appliance.store import rectifications as store
from appliance.store.database import Db, Row, opened
from appliance.visits import recognising
from config.clock import rfc3339
from config.durable import private_folder, replace_file, sync_folder
from config.message import Message
from config.problems import BadInput, Conflict, NotFound

MAKING = Lock()
FIGURES = ("notices", "findings", "replies", "closed", "extensions", "talks")


def folder_of(appliance: Appliance, unit_id: str) -> Path:
    """Where a unit's 整改 lies."""
    return appliance.folder.root / "units" / unit_id


@contextmanager
def _unit(appliance: Appliance, unit_id: str) -> Generator[Db]:
    with opened(_file(appliance, unit_id), store.RECTIFICATION) as db:
        yield db


def _file(appliance: Appliance, unit_id: str) -> Path:
    return folder_of(appliance, unit_id) / "rectification.db"


def _make(appliance: Appliance, unit_id: str) -> None:
    """Make a unit's file before its first notice; two first notices at once must not both make it."""
    file = _file(appliance, unit_id)
    with MAKING:
        if not file.exists():
            private_folder(file.parent)
            with opened(file, store.RECTIFICATION, create=True):
                pass


def _indexed(appliance: Appliance, inspection_id: str) -> Row:
    """An inspection as the index knows it, also when it is sealed or ended. Raises NotFound."""
    with appliance.index() as index:
        for row in inspection_store.list_inspections(index, "", -1):
            if row["id"] == inspection_id:
                return row
    raise NotFound("inspection.not_found", id=inspection_id[:40])


def _today(appliance: Appliance) -> date:
    return appliance.clock.now().date()


def issue(
    appliance: Appliance,
    inspection_id: str,
    kind: NoticeKind,
    number: str,
    deadline: date | None,
    keys: Iterable[str] = (),
    note: str = "",
    issued_on: date | None = None,
) -> Row:
    """Tell the unit what to rectify: findings by key, or all that are the unit's to rectify.

    Raises BadInput for a key that is no finding, a deadline before the day of issue or a notice without one; Conflict
    when there is nothing to rectify.
    """
    row = _indexed(appliance, inspection_id)
    day = issued_on or _today(appliance)
    if kind is NoticeKind.NOTICE and deadline is None:
        raise BadInput("rectification.no_deadline")
    if deadline is not None and deadline < day:
        raise BadInput("rectification.deadline_passed", deadline=deadline.isoformat(), issued_on=day.isoformat())
    items = _items(appliance, inspection_id, tuple(keys))
    notice: Row = {"id": appliance.ids.new(), "inspection_id": inspection_id, "kind": kind, "number": number}
    notice |= {"issued_on": day.isoformat(), "deadline": deadline.isoformat() if deadline else None}
    notice |= {"entered_at": rfc3339(appliance.clock.now()), "entered_by": appliance.operator, "note": note}
    _make(appliance, row["unit_id"])
    with _unit(appliance, row["unit_id"]) as db:
        store.save_notice(db, notice, items)
    return _fed(appliance, row, notice["id"])


def findings_to_choose(appliance: Appliance, inspection_id: str) -> list[Row]:
    """Findings of the newest audit as a notice holds them, each with ``key``, ``for_unit`` (whether a notice names it
    unless others are chosen) and ``notices``, those it is in already: number, state of the finding there.

    Raises Conflict before the first audit.
    """
    found, named = _judged(appliance, inspection_id), dict[str, list[Row]]()
    for brief in notices(appliance, inspection_id):
        for item in notice(appliance, brief["id"])["items"]:
            named.setdefault(item["key"], []).append({"number": brief["number"], "state": item["state"]})
    own = {key: row["kind"] not in judge.NOT_FOR_THE_UNIT for key, row in found.items()}
    return [{**row, "key": key, "for_unit": own[key], "notices": named.get(key, [])} for key, row in found.items()]


def _items(appliance: Appliance, inspection_id: str, keys: tuple[str, ...]) -> dict[str, Row]:
    found = _judged(appliance, inspection_id)
    if unknown := [key for key in keys if key not in found]:
        raise BadInput("rectification.no_finding", key=unknown[0][:120])
    wanted = keys or [key for key, row in found.items() if row["kind"] not in judge.NOT_FOR_THE_UNIT]
    if not wanted:
        raise Conflict("rectification.nothing_to_rectify")
    return {key: found[key] for key in wanted}


def _judged(appliance: Appliance, inspection_id: str) -> dict[str, Row]:
    """By key, the findings of the newest audit as a notice holds them. Raises Conflict before the first."""
    with appliance.inspection(inspection_id) as (db, folder):
        audit = audit_store.latest_audit(db)
        if audit is None:
            raise Conflict("follow_up.baseline_not_judged")
        found = {row["key"]: row for _, row in audit_store.list_findings(db, audit["id"], -1, -1, {})}
        hosts = {row["host_id"]: row for row in comparison_store.audit_hosts(db, audit["id"])}
        products = recognising.corrected(appliance, folder).products
    names = {one.id: one.name for one in products.values()}
    return {key: _item(row, hosts, names) for key, row in found.items()}


def _item(finding: Row, hosts: Mapping[str, Row], names: Mapping[str, str]) -> Row:
    host = hosts.get(finding["subject"], {})
    own = {name: host.get(name, "") for name in ("address", "hostname", "asset_no")}
    told = {name: finding[name] for name in ("kind", "subject", "product_id", "details")}
    return {**told, "product_name": names.get(finding["product_id"], ""), **own}


def add_event(
    appliance: Appliance,
    notice_id: str,
    kind: EventKind,
    text: str = "",
    keys: Iterable[str] = (),
    until: date | None = None,
    accepted: bool | None = None,
    person: str = "",
    on: date | None = None,
) -> Row:
    """Add a reply, an extension, a talk, a reminder or an outcome. Raises NotFound, BadInput."""
    unit = _unit_of_notice(appliance, notice_id)
    with _unit(appliance, unit["unit_id"]) as db:
        notice = store.load_notice(db, unit)
        _check_event(notice, kind, tuple(keys), until, accepted)
        document: Row = {"text": text, "keys": list(keys), "person": person, "accepted": accepted}
        document["until"] = until.isoformat() if until else None
        day = (on or _today(appliance)).isoformat()
        event: Row = {"id": appliance.ids.new(), "notice_id": notice_id, "kind": kind, "on": day}
        event |= {"entered_at": rfc3339(appliance.clock.now()), "entered_by": appliance.operator}
        store.save_event(db, {**event, "document": document})
    return _fed(appliance, _indexed(appliance, unit["inspection_id"]), notice_id)


def _check_event(
    notice: judge.Notice, kind: EventKind, keys: tuple[str, ...], until: date | None, accepted: bool | None
) -> None:
    if unknown := [key for key in keys if key not in notice.keys]:
        raise BadInput("rectification.not_in_notice", key=unknown[0][:120])
    if kind is EventKind.EXTENSION and (until is None or (notice.deadline and until <= notice.deadline)):
        raise BadInput("rectification.bad_extension", deadline=str(notice.deadline or ""))
    if kind is EventKind.OUTCOME and accepted is None:
        raise BadInput("rectification.no_outcome")


def _unit_of_notice(appliance: Appliance, notice_id: str) -> Row:
    """A notice's row with its unit_id. Raises NotFound."""
    for unit_id in _units(appliance):
        with _unit(appliance, unit_id) as db:
            if row := store.notice_row(db, notice_id):
                return {**row, "unit_id": unit_id}
    raise NotFound("rectification.no_notice", id=notice_id[:40])


def _units(appliance: Appliance) -> Iterator[str]:
    """Units that have 整改 at all."""
    with appliance.index() as index:
        ids = [row["id"] for row in inspection_store.list_units(index)]
    return (unit_id for unit_id in ids if _file(appliance, unit_id).exists())


def add_paper(appliance: Appliance, notice_id: str, name: str, data: bytes) -> Row:
    """Keep a paper that came with a reply, as it is; it is named by its digest in the record."""
    notice = _unit_of_notice(appliance, notice_id)
    paper_id = appliance.ids.new()
    folder = private_folder(folder_of(appliance, notice["unit_id"]) / "papers")
    file = f"{paper_id}-{portable_name(name)}"
    replace_file(folder / file, data)
    sync_folder(folder)
    row: Row = {"id": paper_id, "notice_id": notice_id, "name": name, "file": file}
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    row |= {"entered_at": rfc3339(appliance.clock.now()), "entered_by": appliance.operator}
    with _unit(appliance, notice["unit_id"]) as db:
        store.save_paper(db, row)
    return row


def paper_file(appliance: Appliance, notice_id: str, paper_id: str) -> tuple[Path, str]:
    """Where a paper lies, and its name as it came. Raises NotFound."""
    notice = _unit_of_notice(appliance, notice_id)
    with _unit(appliance, notice["unit_id"]) as db:
        row = store.paper(db, paper_id)
    if row is None or row["notice_id"] != notice_id:
        raise NotFound("rectification.no_paper", id=paper_id[:40])
    return folder_of(appliance, notice["unit_id"]) / "papers" / row["file"], row["name"]


def notice(appliance: Appliance, notice_id: str) -> Row:
    """A notice with its findings, what happened, its papers, and where it stands today."""
    row = _unit_of_notice(appliance, notice_id)
    with _unit(appliance, row["unit_id"]) as db:
        return _document(db, row, _today(appliance))


def _document(db: Db, row: Row, today: date) -> Row:
    now = judge.standing(store.load_notice(db, row), today)
    shown = [{**item, **_item_state(now, item["key"])} for item in store.notice_items(db, row["id"])]
    events, papers = store.notice_events(db, row["id"]), store.papers(db, row["id"])
    return {**row, **_standing(now, len(shown)), "items": shown, "events": events, "papers": papers}


def _item_state(now: judge.Standing, key: str) -> Row:
    if key in now.closed:
        return {"state": "accepted", "closed_on": now.closed[key].isoformat()}
    state = "returned" if key in now.returned else "replied" if key in now.replied else "open"
    return {"state": state, "closed_on": None}


def _standing(now: judge.Standing, size: int) -> Row:
    due = now.deadline.isoformat() if now.deadline else None
    counts = {"findings": size, "closed": len(now.closed), "open": size - len(now.closed)}
    return {"state": now.state, "due": due, "days_left": now.days_left, **counts}


def notices(appliance: Appliance, inspection_id: str) -> list[Row]:
    """The notices of an inspection, without their findings."""
    row = _indexed(appliance, inspection_id)
    if not _file(appliance, row["unit_id"]).exists():
        return []
    with _unit(appliance, row["unit_id"]) as db:
        return [_brief(db, one, _today(appliance)) for one in store.notice_rows(db, inspection_id)]


def _brief(db: Db, row: Row, today: date) -> Row:
    loaded = store.load_notice(db, row)
    talks = sum(event.kind is EventKind.TALK for event in loaded.events)
    return {**row, **_standing(judge.standing(loaded, today), len(loaded.keys)), "talks": talks}


def due(appliance: Appliance, within: int) -> list[Row]:
    """Reminders: notices of all units that end within so many days, are overdue, or wait for our answer."""
    today, found = _today(appliance), list[Row]()
    for unit_id, name in _named_units(appliance):
        with _unit(appliance, unit_id) as db:
            for row in store.notice_rows(db):
                one: Row = {"unit": name, **_brief(db, row, today)}
                late = one["days_left"] is not None and one["days_left"] <= within
                if one["open"] and (late or one["state"] == judge.NoticeState.REPLIED):
                    found.append(one)
    return sorted(found, key=lambda one: (one["days_left"] is None, one["days_left"] or 0, one["id"]))


def _named_units(appliance: Appliance) -> list[tuple[str, str]]:
    with appliance.index() as index:
        names = {row["id"]: row["name"] for row in inspection_store.list_units(index)}
    return [(unit_id, names[unit_id]) for unit_id in _units(appliance)]


def accepted(appliance: Appliance, inspection_id: str) -> dict[str, Message]:
    """Findings of an inspection that accepted replies closed: key → how."""
    with appliance.index() as index:
        rows = [r for r in inspection_store.list_inspections(index, "", -1) if r["id"] == inspection_id]
    if not rows or rows[0]["unit_id"] not in set(_units(appliance)):
        return {}
    found: dict[str, Message] = {}
    with _unit(appliance, rows[0]["unit_id"]) as db:
        for row in store.notice_rows(db, inspection_id):
            for key, day in judge.standing(store.load_notice(db, row), _today(appliance)).closed.items():
                number = row["number"] or row["id"]
                found[key] = Message.of("follow_up.closed_by_reply", at=day.isoformat(), notice=number)
    return found


def progress(appliance: Appliance, inspection_id: str) -> Row:
    """``rate`` (整改率) and ``items`` of an inspection: by its notices, and by the newest follow-up based on it."""
    row = _indexed(appliance, inspection_id)
    loaded: list[judge.Notice] = []
    if _file(appliance, row["unit_id"]).exists():
        with _unit(appliance, row["unit_id"]) as db:
            loaded = [store.load_notice(db, one) for one in store.notice_rows(db, inspection_id)]
    found = judge.states(loaded, _followed(appliance, row), _today(appliance))
    items = [{"key": key, "state": one.state} for key, one in sorted(found.items())]
    return {"rate": rate_document(judge.rectification_rate(found.values())), "items": items}


def _followed(appliance: Appliance, row: Row) -> dict[str, RectificationState]:
    """By key, what the newest follow-up found of an inspection's findings."""
    found: dict[str, RectificationState] = {}
    for head in _comparisons(appliance, row["unit_id"]):
        if head["baseline"]["inspection"] == row["id"]:
            with appliance.inspection(head["inspection_id"]) as (db, _):
                found = comparison_store.states_by_key(db, head["id"])
    return found


def _comparisons(appliance: Appliance, unit_id: str) -> Iterator[Row]:
    """The newest comparison of each follow-up inspection of a unit that is still here, oldest inspection first."""
    with appliance.index() as index:
        rows = inspection_store.list_inspections(index, "", -1)
    for row in rows:
        here = (appliance.folder.inspections / row["id"] / "inspection.db").exists()
        if row["unit_id"] == unit_id and row["kind"] == "follow_up" and here:
            with appliance.inspection(row["id"]) as (db, _):
                newest = comparison_store.latest_comparison(db)
            if newest:
                yield {"id": newest["id"], "inspection_id": row["id"], "at": newest["created_at"], **newest["head"]}


def _fed(appliance: Appliance, row: Row, notice_id: str) -> Row:
    """Let the inspection's own 整改率 know while it may still change; returns the notice."""
    here = (appliance.folder.inspections / row["id"] / "inspection.db").exists()
    if here:
        with appliance.inspection(row["id"]) as (db, _):
            own = inspection_store.read(db)
            if not own["sealed_at"] and not own["finalised_at"]:
                states = {one["key"]: one["state"] for one in progress(appliance, row["id"])["items"]}
                at = rfc3339(appliance.clock.now())
                said = [Rectification(key, state, entered_at=at) for key, state in states.items()]
                comparison_store.save_rectifications(db, appliance.ids.new, at, appliance.operator, said)
    return notice(appliance, notice_id)


def monthly(appliance: Appliance, year: int, month: int) -> dict[str, Any]:
    """The figures of S4's 检查整改落实情况统计表: a row a unit, and the sums (n and d are added, never percentages)."""
    first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
    rows: list[Row] = []
    for unit_id, name in _named_units(appliance):
        with _unit(appliance, unit_id) as db:
            loaded = [store.load_notice(db, row) for row in store.notice_rows(db)]
        figures = judge.month_figures(loaded, first, min(last, _today(appliance)))
        counts = {one: getattr(figures, f"{one}_month") for one in FIGURES}
        rate = {"n": figures.rate.n, "d": figures.rate.d}
        rows.append(
            {
                "unit": name,
                **counts,
                "overdue": figures.overdue,
                "rate": rate,
                **_found_again(appliance, unit_id, first, last),
            }
        )
    names = (*FIGURES, "overdue", *FOUND_AGAIN)
    total: Row = {name: sum(row[name] for row in rows) for name in names}
    total["rate"] = {part: sum(row["rate"][part] for row in rows) for part in ("n", "d")}
    report = date(year + month // 12, month % 12 + 1, judge.REPORT_DAY)
    return {"month": f"{year:04}-{month:02}", "report_by": report.isoformat(), "units": rows, "total": total}


FOUND_AGAIN = ("reappeared", "moved", "not_rechecked")


def _found_again(appliance: Appliance, unit_id: str, first: date, last: date) -> dict[str, int]:
    """反弹, 异机再现 and 无法复核 of the follow-ups compared in a month."""
    heads = [h for h in _comparisons(appliance, unit_id) if first <= date.fromisoformat(h["at"][:10]) <= last]
    return {name: sum(head["outcomes"][name] for head in heads) for name in FOUND_AGAIN}
