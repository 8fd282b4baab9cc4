"""Use cases: desk decisions, objections and their answers, and the papers entered by hand beside the ledgers."""

from __future__ import annotations

from pydantic import ValidationError

from appliance.context import Appliance
from appliance.judgement.declared import Answer, Declared
from appliance.model import Decision
from appliance.store import audits as audit_store
from appliance.store import records as store
from appliance.store.database import Db, Row
from appliance.visits.declared_ledgers import from_ledgers
from config.clock import rfc3339
from config.problems import BadInput, Conflict, NotFound

BY_VERDICT = ("decisions", "objections")


def declared(db: Db) -> Declared:
    """All declared records and decisions of an inspection: the ledgers in force, and what was entered by hand."""
    ledgers, entered = from_ledgers(db), store.load(db)
    names = ledgers.keys() | entered.keys()
    return Declared(**{name: (*ledgers.get(name, ()), *entered.get(name, ())) for name in names})


def add(appliance: Appliance, inspection_id: str, kind: str, fields: Row) -> Row:
    """Enter one record. Raises BadInput ``record.unknown_kind``, ``record.bad_field``."""
    if kind not in store.KINDS:
        raise BadInput("record.unknown_kind", kind=kind[:40], known="、".join(sorted(store.KINDS)))
    now, record_id = rfc3339(appliance.clock.now()), appliance.ids.new()
    stamped: Row = {"ref": {"file": record_id, "sheet": kind, "row": 1}} if kind == "purchases" else {}
    if kind not in ("purchases", "official"):
        stamped = {"id": record_id, "entered_at": now, "entered_by": appliance.operator}
    try:
        record = store.parse(kind, {**fields, **stamped})
    except (ValidationError, TypeError) as error:
        raise BadInput("record.bad_field", kind=kind, detail=_detail(error)) from error
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "record.entered", kind=kind, record=record_id)
        return store.save(db, record_id, kind, now, record)


def _detail(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ".".join(str(part) for part in first["loc"]) + ": " + first["msg"]
    return str(error)


def listed(appliance: Appliance, inspection_id: str, kinds: tuple[str, ...] = ()) -> list[Row]:
    """Records in order of entry; all kinds when none is named."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.documents(db, kinds or tuple(store.KINDS))


def decide(
    appliance: Appliance, inspection_id: str, verdict_id: str, decision: Decision, reason: str, papers: tuple[str, ...]
) -> Row:
    """上机复核 of one verdict of the newest audit; counts from the next audit on. Raises NotFound."""
    place = _place(appliance, inspection_id, verdict_id)
    fields = {**place, "decision": decision, "reason": reason, "papers": papers}
    return add(appliance, inspection_id, "decisions", fields)


def object_to(appliance: Appliance, inspection_id: str, verdict_id: str, reason: str, papers: tuple[str, ...]) -> Row:
    """The unit's objection to one verdict of the newest audit. Raises NotFound."""
    place = _place(appliance, inspection_id, verdict_id)
    return add(appliance, inspection_id, "objections", {**place, "reason": reason, "papers": papers})


def answer(
    appliance: Appliance, inspection_id: str, objection_id: str, said: Answer, text: str, decision: Decision | None
) -> Row:
    """The reviewer's answer, a record of its own. Raises NotFound; BadInput when an upheld one says not what follows;
    Conflict when it was answered before.
    """
    if (said is Answer.UPHELD) != (decision is not None):
        raise BadInput("record.answer_needs_decision")
    with appliance.inspection(inspection_id) as (db, _):
        found = store.get(db, "objections", objection_id)
        if found is None:
            raise NotFound("record.not_found", id=objection_id[:40])
        same = [r for r in store.documents(db, ["objections"]) if r["host_id"] == found["host_id"]]
        newest = [r for r in same if r["product_id"] == found["product_id"]][-1]
    if newest["answer"] != Answer.PENDING or newest["id"] != objection_id:
        raise Conflict("record.already_answered")
    kept = {name: found[name] for name in ("host_id", "product_id", "reason", "papers")}
    now = rfc3339(appliance.clock.now())
    answered = {"answer": said, "answer_text": text, "decision": decision, "answered_at": now}
    fields = {**kept, **answered, "reviewer": appliance.operator}
    return add(appliance, inspection_id, "objections", fields)


def _place(appliance: Appliance, inspection_id: str, verdict_id: str) -> dict[str, str]:
    with appliance.inspection(inspection_id) as (db, _):
        audit = audit_store.latest_audit(db)
        found = audit_store.get_verdict(db, audit["id"], verdict_id) if audit else None
    if found is None:
        raise NotFound("audit.no_verdict", id=verdict_id[:40])
    return {"host_id": found["host_id"], "product_id": found["product_id"]}
