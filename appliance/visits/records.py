"""Use cases: desk decisions, objections and their answers, and the papers entered by hand beside the ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import ValidationError

from appliance.context import Appliance
from appliance.judgement.declared import Answer, Declared, SiteScope
from appliance.ledger.model import EarlierFinding, Leader, LedgerKind
from appliance.ledger.unit_tree import build_tree, covered
from appliance.model import Decision
from appliance.store import audits as audit_store
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as ledger_store
from appliance.store import records as store
from appliance.store.database import Db, Row
from appliance.visits import ledgers_in_force as in_force
from appliance.visits.declared_ledgers import from_ledgers
from config.clock import rfc3339
from config.invalid import fault
from config.message import Param
from config.problems import BadInput, Conflict, NotFound


def declared(db: Db) -> Declared:
    """All declared records and decisions of an inspection: the ledgers in force, and what was entered by hand."""
    ledgers, entered = from_ledgers(db), store.load(db)
    if scopes := entered.get("site_scopes"):
        entered["site_scopes"] = tuple(_over_tree(db, scopes))
    names = ledgers.keys() | entered.keys()
    return Declared(**{name: (*ledgers.get(name, ()), *entered.get(name, ())) for name in names})


def _over_tree(db: Db, scopes: Iterable[SiteScope]) -> Iterator[SiteScope]:
    """Site licences with the departments below those named: a superior unit's licence covers its sub-units."""
    tree = build_tree(inspection_store.read(db)["unit"], in_force.subunits(db))
    departments = [asset.department for asset in in_force.assets_in_force(db) if asset.department]
    for scope in scopes:
        yield replace(scope, departments=covered(scope.departments, tree, departments)) if scope.departments else scope


def in_force_rows(
    appliance: Appliance, inspection_id: str, kind: LedgerKind, after: int, limit: int
) -> list[tuple[int, Row]]:
    """``(sequence, row)`` of one kind in force, all files together; what stands in several files is there once."""
    with appliance.inspection(inspection_id) as (db, _):
        found = ledger_store.documents_in_force(db, kind)
    return [(number, row) for number, row in enumerate(found, 1) if number > after][:limit]


def earlier_findings(appliance: Appliance, inspection_id: str) -> tuple[EarlierFinding, ...]:
    """The findings of an earlier inspection that came as a ledger (last year's Excel): a baseline nobody sealed."""
    with appliance.inspection(inspection_id) as (db, _):
        return in_force.earlier_findings(db)


def leaders(appliance: Appliance, inspection_id: str) -> tuple[Leader, ...]:
    """领导小组成员 of S1c 附件1, as the form 附件1 and the document check need them."""
    with appliance.inspection(inspection_id) as (db, _):
        return in_force.leaders(db)


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
        raise BadInput("record.bad_field", kind=kind, **_fault(error)) from error
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "record.entered", kind=kind, record=record_id)
        return store.save(db, record_id, kind, now, record)


def _fault(error: ValidationError | TypeError) -> dict[str, Param]:
    return fault(error) if isinstance(error, ValidationError) else {"field": "fields", "detail": str(error)}


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
