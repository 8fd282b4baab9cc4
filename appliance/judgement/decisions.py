"""Desk decisions and objections: records that survive a re-run and show on the verdict. Pure.

The newest record about one product on one computer counts. An upheld objection is answered after the desk check, so it
stands above it; a pending or rejected one only shows. What the rule said stays readable beside what people decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from appliance.judgement.declared import Answer, Declared, DeskDecision, Objection
from appliance.model import Decision
from appliance.rules.model import Ruling
from config.message import Message

Place = tuple[str, str]  # host id ("" at product level), product id
R = TypeVar("R", DeskDecision, Objection)
RULE, DESK, OBJECTION = "rule", "desk", "objection"


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided, by place."""

    decisions: Mapping[Place, DeskDecision] = field(default_factory=dict[Place, DeskDecision])
    objections: Mapping[Place, Objection] = field(default_factory=dict[Place, Objection])

    @classmethod
    def of(cls, declared: Declared) -> Decided:
        """The newest record of each place."""
        return cls(_newest(declared.decisions), _newest(declared.objections))

    def decision(self, host_id: str, product_id: str) -> Decision | None:
        """What people decided there, or None."""
        place = host_id, product_id
        objection, desk = self.objections.get(place), self.decisions.get(place)
        if objection and objection.answer is Answer.UPHELD and objection.decision is not None:
            return objection.decision
        return desk.decision if desk else None

    def apply(self, ruling: Ruling, host_id: str, product_id: str) -> tuple[Ruling, str]:
        """The ruling after desk and objection, and who decided: ``rule``, ``desk`` or ``objection``."""
        place = host_id, product_id
        who = RULE
        if desk := self.decisions.get(place):
            ruling, who = _after_desk(ruling, desk), DESK
        if objection := self.objections.get(place):
            ruling, upheld = _after_objection(ruling, objection)
            who = OBJECTION if upheld else who
        return ruling, who


def _newest(records: Iterable[R]) -> dict[Place, R]:
    ordered = sorted(records, key=lambda record: (record.entered_at, record.id))
    return {(record.host_id, record.product_id): record for record in ordered}


def _after_desk(ruling: Ruling, desk: DeskDecision) -> Ruling:
    reason = Message.of(
        "verdict.desk_decision",
        by=desk.entered_by or None,
        at=desk.entered_at or None,
        reason=desk.reason,
        papers="、".join(desk.papers) or None,
    )
    return _decided(ruling, desk.decision, reason, desk.papers)


def _after_objection(ruling: Ruling, objection: Objection) -> tuple[Ruling, bool]:
    papers = "、".join(objection.papers) or None
    if objection.answer is Answer.PENDING:
        pending = Message.of("verdict.objection_pending", reason=objection.reason, papers=papers)
        return replace(ruling, remarks=(*ruling.remarks, pending)), False
    upheld = objection.answer is Answer.UPHELD
    code = "verdict.objection_upheld" if upheld else "verdict.objection_rejected"
    said = Message(
        code, {"reason": objection.reason, "reviewer": objection.reviewer or None, "answer": objection.answer_text}
    )
    if not upheld or objection.decision is None:
        return replace(ruling, remarks=(*ruling.remarks, said)), False
    return _decided(ruling, objection.decision, said, objection.papers), True


def _decided(ruling: Ruling, decision: Decision, reason: Message, papers: tuple[str, ...]) -> Ruling:
    """``decision`` in place of the rule's; an open one still names what settles it."""
    settles = None
    if decision is Decision.TO_VERIFY:
        settles = ruling.settles or Message.of("settle.desk_paper", papers="、".join(papers) or None)
    overruled = Message.of("verdict.desk_overrules", rule=ruling.rule, decision=ruling.decision.value)
    remarks = ruling.remarks if decision is ruling.decision else (*ruling.remarks, overruled)
    return replace(ruling, decision=decision, reasons=(reason, *ruling.reasons), settles=settles, remarks=remarks)
