"""R31, R10, R11 and R9: what the activation leaves open, whatever the ledgers say.

R31 "activation exists but was not collected → 待核实 (激活状态未采集), never R1 or R6".
R11 "trial in force → 待核实 with its end date, never 正版; trial over → 非正版".
R10 "not activated / notification / grace: record and free seat → 待核实 (整改: activate); OEM with COA, MSDM or
purchase paper → 待核实; nothing at all → 非正版"; what was not read is not absent.
R9 "published generic key → 待核实 until invoice, COA or account is shown".
"""

from __future__ import annotations

from appliance.model import Category, Decision
from appliance.rules.editions import rank
from appliance.rules.model import Context, Copy, Entitlements, Ruling, Seat
from appliance.rules.oem import on_oem_channel
from appliance.rules.papers import GENUINE, PAPERS, backed, record_ruling, refs
from config.message import Message
from scanner.model import LicenceState, LicenceStatus

KYLIN_CODE = "/etc/.kyactivation"  # the source of such a state, see scanner.collectors.linux.activation
TRIALS = (LicenceStatus.TRIAL, LicenceStatus.TRIAL_EXPIRED)


def unread(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R31: the activation could be read on this kind of product, and was not."""
    if not copy.unread:
        return None
    name = copy.product.name
    seen_per_user = copy.state is not None and copy.state.subscription_on_device is False
    code = "verdict.subscription_per_user" if seen_per_user else "verdict.activation_unread"
    grants = found.covering
    record = (
        Message.of("verdict.record_exists", software_no=grants[0].row.software_no)
        if grants
        else Message.of("verdict.record_absent", product=name)
    )
    return Ruling(
        Decision.TO_VERIFY,
        "R31",
        (Message(code, {"product": name}), *((copy.why,) if copy.why else ()), record),
        GENUINE,
        refs(grants),
        grants[0].row.software_no if grants else "",
        settles=Message.of("settle.activation", product=name),
    )


def trial(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R11: a trial is never 正版."""
    state = copy.state
    if state is None or state.status not in TRIALS:
        return None
    until = (state.evaluation_end or state.valid_until or "")[:10]
    rows = refs(found.covering)
    if state.status is LicenceStatus.TRIAL_EXPIRED or (until and context.as_of.isoformat() > until):
        reason = Message.of("verdict.trial_over", until=until or None)
        return Ruling(Decision.UNLICENSED, "R11", (reason,), GENUINE, rows)
    reason = Message.of("verdict.trial", until=until) if until else Message.of("verdict.trial_end_unread")
    return Ruling(Decision.TO_VERIFY, "R11", (reason,), GENUINE, rows, settles=_bought_or_buy(copy, found))


def _bought_or_buy(copy: Copy, found: Entitlements) -> Message:
    """A unit that has a row in force activates the copy with it; one that has none shows what it bought."""
    if not found.covering or found.seat is Seat.SURPLUS:
        return Message.of("settle.purchase_papers", product=copy.product.name)
    number = found.covering[0].row.software_no
    return Message.of("settle.activate", software_no=number, product=copy.product.name)


def not_activated(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R10: the machine itself says that this copy is not activated."""
    if copy.state is None or copy.state.status is None or copy.activated:
        return None
    if copy.state.source == KYLIN_CODE and copy.state.status is LicenceStatus.UNLICENSED:
        return _without_a_code(copy, found)
    reason = Message.of("verdict.not_activated", status=copy.state.status.value)
    if found.covering:
        number = found.covering[0].row.software_no
        settles = Message.of("settle.activate", software_no=number, product=copy.product.name)
        return Ruling(Decision.TO_VERIFY, "R10", (reason,), GENUINE, refs(found.covering), number, settles=settles)
    if _came_with_a_key(copy):
        settles = Message.of("settle.coa_label")
        return Ruling(Decision.TO_VERIFY, "R10", (reason,), GENUINE, settles=settles)
    absent = Message.of("verdict.record_absent", product=copy.product.name)
    return Ruling(Decision.UNLICENSED, "R10", (reason, absent), GENUINE)


def _came_with_a_key(copy: Copy) -> bool:
    """Whether the computer came with a licence for what is installed: by its channel, or by a key in the firmware.

    A firmware that was read and holds no key speaks against the channel; one that was not read says nothing.
    """
    if copy.state is None or copy.product.category is not Category.OPERATING_SYSTEM:
        return False
    if on_oem_channel(copy):
        return copy.state.firmware_key_present is not False
    delivered = rank(copy.state.delivered_edition or "")
    fits = not delivered or rank(copy.edition) <= delivered
    return bool(copy.state.firmware_key_present) and fits and not copy.channel.startswith("VOLUME")


def _without_a_code(copy: Copy, found: Entitlements) -> Ruling:
    """麒麟 without its activation file: the maker documents no such sign, so it is a question and no proof."""
    reason = Message.of("verdict.kylin_code_absent", file=KYLIN_CODE)
    number = found.covering[0].row.software_no if found.covering else ""
    settles = Message.of("settle.activation", product=copy.product.name)
    return Ruling(Decision.TO_VERIFY, "R10", (reason,), GENUINE, refs(found.covering), number, settles=settles)


def generic_key(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R9: a published generic key proves nothing by itself; an invoice or certificate on record does."""
    if copy.state is None or not _is_generic(copy.state, context) or copy.channel.startswith("VOLUME"):
        return None
    reason = Message.of("verdict.generic_key", channel=copy.channel)
    if backed(found):
        return record_ruling("R9", copy, found, context, reason)
    settles = Message.of("settle.retail_papers", product=copy.product.name)
    return Ruling(Decision.TO_VERIFY, "R9", (reason,), PAPERS, refs(found.covering), settles=settles)


def _is_generic(state: LicenceState, context: Context) -> bool:
    tails = context.known.generic_tails.get((state.application or "").casefold(), frozenset())
    return bool(state.generic_key) or (state.key_tail or "").upper() in tails
