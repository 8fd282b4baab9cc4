"""R12: the right of use is over.

R12 "许可期限 ended → 非正版 from the day after, unless the contract turns perpetual; a lapsed 服务期 or
病毒库升级期 is only a remark". Every row that names the product must have ended: another row in force is another
entitlement.
An operating system whose channel was not read may rest on the maker's licence: no row contradicts it yet (R31).
"""

from __future__ import annotations

from datetime import date

from appliance.ledger.model import Licence
from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.oem import on_oem_channel
from appliance.rules.papers import GENUINE, refs
from config.message import Message


def has_ended(row: Licence, as_of: date) -> bool:
    """Whether the right of use was over on ``as_of``; the last day itself is still covered."""
    return not row.perpetual and row.valid_until is not None and as_of > row.valid_until


def term_ended(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """非正版 when all rows that cover the copy have ended."""
    if found.covering or not found.ended or on_oem_channel(copy) or copy.ground_unknown:
        return None
    last = max(found.ended, key=lambda grant: (grant.row.valid_until or date.min, grant.row.software_no))
    until = last.row.valid_until.isoformat() if last.row.valid_until else ""
    number = last.row.software_no
    reason = Message.of("verdict.term_ended", software_no=number, until=until, as_of=context.as_of.isoformat())
    return Ruling(Decision.UNLICENSED, "R12", (reason,), GENUINE, refs(found.ended), number)
