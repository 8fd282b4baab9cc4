"""R15, R16 and R17: free software, in the audited categories only.

R15 "free or open-source, on 附件6, 使用部门 fits → 正版 (免费)". R16 "free, not on 附件6 (or other department) → 待核实
(清单未登记): a ledger fault, not piracy". R17 "free for personal use only, used in an office → 非正版 unless an
organisation licence exists; personal-edition antivirus is a policy switch".
Source: S1c: 涉及使用免费软件的，更新《可使用免费软件清单》（附件6）.
"""

from __future__ import annotations

from appliance.ledger.model import FreeListEntry
from appliance.model import Category, Decision, LicensingModel
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import GENUINE
from config.message import Message

FREE_LIST = "policy.free_list"


def free(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R15 when the free list allows it here, else R16."""
    if copy.product.licensing is not LicensingModel.FREE:
        return None
    name, department = copy.product.name, copy.computer.department
    fitting = tuple(entry for entry in found.free if allows(entry, department))
    if fitting:
        rows = tuple(entry.ref.text() for entry in fitting)
        reason = Message.of("verdict.on_free_list", product=name, software_no=fitting[0].software_no)
        return Ruling(Decision.LICENSED, "R15", (reason,), FREE_LIST, rows, fitting[0].software_no)
    rows = tuple(entry.ref.text() for entry in found.free)
    reason = (
        Message.of("verdict.other_department", product=name, department=department or None)
        if found.free
        else Message.of("verdict.not_on_free_list", product=name)
    )
    settles = Message.of("settle.free_list", product=name, department=department or None)
    return Ruling(Decision.TO_VERIFY, "R16", (reason,), FREE_LIST, rows, settles=settles)


def allows(entry: FreeListEntry, department: str) -> bool:
    """Whether an 附件6 row allows use in a department; a row without departments allows the whole unit."""
    return not entry.departments or department in entry.departments


def personal_only(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R17: a personal edition in an office; with an organisation licence on record the rules on records judge it."""
    if copy.product.licensing is not LicensingModel.FREE_PERSONAL or found.on_record:
        return None
    antivirus = copy.product.category is Category.ANTIVIRUS
    decision = context.switches.personal_antivirus if antivirus else Decision.UNLICENSED
    name = copy.product.name
    settles = Message.of("settle.organisation_licence", product=name) if decision is Decision.TO_VERIFY else None
    reason = Message.of("verdict.personal_only", product=name)
    return Ruling(decision, "R17", (reason,), GENUINE, settles=settles)
