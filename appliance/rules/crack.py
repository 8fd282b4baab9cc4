"""R21 and R22, and R8 and R23 where a trace proves them: crack evidence that acts on the very product.

R21 "bought but another, pirated copy in use → 非正版 + 未真装真用". R22 "only remnants of a crack (empty folder,
quarantined file, a stale KMS value on OEM or MAK Windows), licence valid → 待核实, never 非正版 on a remnant alone".
R23 "emulated server → 非正版". Without a purchase an active crack is R8: the activation cannot be genuine.
Precedence: active crack evidence on that product comes first. Evidence about another product says nothing here.
"""

from __future__ import annotations

from dataclasses import replace

from appliance.model import Decision, LicensingModel
from appliance.rules.evidence import Grade
from appliance.rules.kms import KMS_CLIENT, kms_hosts_of, suspect
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from appliance.rules.papers import GENUINE, refs
from config.message import Message


def cracked(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """非正版 while an activator acts on this product."""
    active = [trace for trace in copy.traces if trace.grade is Grade.ACTIVE]
    if not active or copy.product.licensing is LicensingModel.FREE:
        return None
    reason = Message.of("verdict.crack_active", name=active[0].name, source=active[0].source)
    bought = tuple(grant for grant in found.covering if grant.proven)
    if any(grant.kind is GrantKind.FLOATING for grant in found.covering):
        emulated = Message.of("verdict.floating_emulated", product=copy.product.name)
        return Ruling(Decision.UNLICENSED, "R23", (reason, emulated), GENUINE, refs(found.covering))
    if bought:
        number = bought[0].row.software_no
        unused = Message.of("verdict.bought_not_used", software_no=number)
        return Ruling(Decision.UNLICENSED, "R21", (reason, unused), GENUINE, refs(bought), number)
    return Ruling(Decision.UNLICENSED, "R8", (reason,), GENUINE, refs(found.covering))


def remnants(copy: Copy, context: Context) -> tuple[Message, ...]:
    """What is left of a crack, in words: resting traces, and a stale KMS value beside another channel."""
    left = [
        Message.of("verdict.crack_remnant", name=trace.name, source=trace.source)
        for trace in copy.traces
        if trace.grade is Grade.REMNANT
    ]
    if copy.state is not None and copy.channel and copy.channel != KMS_CLIENT:
        stale = [host for host in kms_hosts_of(copy) if host not in context.kms_hosts and suspect(host, context)]
        left += [Message.of("verdict.kms_stale", host=host, channel=copy.channel) for host in stale[:1]]
    return tuple(left)


def doubted(ruling: Ruling, copy: Copy, context: Context) -> Ruling:
    """R22: what would be 正版 stays open while remnants of a crack are there; any other ruling only mentions them."""
    left = remnants(copy, context)
    if not left:
        return ruling
    if ruling.decision is not Decision.LICENSED:
        return replace(ruling, remarks=(*ruling.remarks, *left))
    settles = Message.of("settle.remnant", product=copy.product.name)
    return replace(
        ruling,
        decision=Decision.TO_VERIFY,
        rule="R22",
        reasons=(*left, *ruling.reasons),
        policy=GENUINE,
        settles=settles,
    )
