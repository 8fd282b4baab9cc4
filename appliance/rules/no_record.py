"""R7 and R29: nothing on record.

R7 "volume-activated, no record" and R29 "commercial, any channel, no record": "待核实 on site, 非正版 after the 补证
deadline". Source: 《政府机关使用正版软件管理办法》第三条: 禁止使用未经授权…的软件.
"""

from __future__ import annotations

from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from appliance.rules.papers import GENUINE
from config.message import Message


def volume_without_record(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R7: the machine shows a volume activation that no ledger row explains; an OEM row explains the maker's only."""
    explained = any(grant.kind is not GrantKind.OEM for grant in found.covering)
    if explained or not copy.channel.startswith("VOLUME"):
        return None
    reason = Message.of("verdict.volume_no_record", product=copy.product.name, channel=copy.channel)
    return _by_phase("R7", reason, copy, context)


def without_record(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R29: no ledger row names the product."""
    if found.covering:
        return None
    return _by_phase("R29", Message.of("verdict.no_record", product=copy.product.name), copy, context)


def _by_phase(rule: str, reason: Message, copy: Copy, context: Context) -> Ruling:
    if context.deadline_over:
        over = Message.of("verdict.deadline_over")
        return Ruling(Decision.UNLICENSED, rule, (reason, over), GENUINE)
    settles = Message.of("settle.purchase_papers", product=copy.product.name)
    return Ruling(Decision.TO_VERIFY, rule, (reason,), GENUINE, settles=settles)
