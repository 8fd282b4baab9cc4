"""R18: editions for teaching, students or a community.

R18 "education, community or student edition in a 机关 → 非正版; in schools by licence scope (教学 / 行政办公)".
The scope of a school's licence stands in the row's 备注; where it is 教学 only, an administrative department is
outside, and draws on no seat of such a row where another one covers it
(:mod:`appliance.judgement.entitlements`).
"""

from __future__ import annotations

from appliance.judgement.declared import UnitKind
from appliance.model import Decision, LicensingModel
from appliance.rules.editions import restricted
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import GENUINE, PAPERS, refs
from config.message import Message

TEACHING, OFFICE_WORK = ("教学", "教研", "学习"), ("行政", "办公")


def education(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """非正版 outside schools; in a school the scope of the licence decides, and without a row the rules on records."""
    word = restricted(copy.edition, copy.product.name)
    if not word or copy.product.licensing is LicensingModel.FREE:
        return None
    name, rows = copy.product.name, refs(found.covering)
    if context.unit_kind is not UnitKind.SCHOOL:
        reason = Message.of("verdict.education_edition", product=name, edition=copy.edition or word)
        return Ruling(Decision.UNLICENSED, "R18", (reason,), GENUINE, rows)
    teaching = tuple(grant for grant in found.covering if for_teaching_only(grant.row.remark))
    if not teaching or len(teaching) < len(found.covering):
        return None
    department = copy.computer.department
    number = teaching[0].row.software_no
    if any(part in department for part in context.switches.administrative_departments):
        reason = Message.of("verdict.teaching_only", software_no=number, product=name, department=department)
        return Ruling(Decision.UNLICENSED, "R18", (reason,), GENUINE, rows, number)
    if department:
        return None
    reason = Message.of("verdict.teaching_use_open", software_no=number, product=name)
    settles = Message.of("settle.teaching_use", product=name)
    return Ruling(Decision.TO_VERIFY, "R18", (reason,), PAPERS, rows, number, settles=settles)


def for_teaching_only(remark: str) -> bool:
    """Whether a row's 备注 limits it to 教学."""
    return any(word in remark for word in TEACHING) and not any(word in remark for word in OFFICE_WORK)
