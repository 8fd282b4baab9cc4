"""The documentary half that several rules share: a row is only a claim until a paper of the asked level backs it.

R4 "older version than licensed, and downgrade right or 可使用版本 covers it → 正版". R19 "受赠 / 调剂 software with
papers (blank 采购时间 and 金额 are right) → 正版".
Source: domain rule "正版 on a commercial licence needs proof ≥ P1 (switch: P2); P0 alone gives 待核实 naming the
paper".
"""

from __future__ import annotations

from appliance.ledger.model import ProofLevel
from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, Grant, GrantKind, Ruling, Seat
from appliance.rules.versions import Fit, older
from appliance.rules.versions import fit as version_fit
from config.message import Message

PAPERS = "policy.purchase_papers"
GENUINE = "policy.use_genuine"


def refs(grants: tuple[Grant, ...]) -> tuple[str, ...]:
    """The ledger rows of some grants."""
    return tuple(grant.ref for grant in grants)


def record_ruling(rule: str, copy: Copy, found: Entitlements, context: Context, state: Message, *remarks: Message):
    """正版 within rows that are backed by paper, else 待核实 naming the paper of the first row that lacks it.

    ``state`` says what the machine shows. Call only when at least one live row covers the copy.
    """
    proven = tuple(grant for grant in found.covering if grant.proven)
    unproven = tuple(grant for grant in found.covering if not grant.proven)
    if backed(found) or not unproven:
        return licensed(rule, copy, proven, state, *remarks, *_surplus_remark(copy, found, context))
    return missing_paper(rule, unproven, context, state, *remarks)


def backed(found: Entitlements) -> bool:
    """Whether paper backs this very copy: a seat within proven rows, or a proven row that counts no seats."""
    unlimited = any(grant.proven for grant in found.covering if grant.kind in (GrantKind.SITE, GrantKind.OEM))
    return unlimited or found.seat is Seat.PROVEN


def licensed(rule: str, copy: Copy, grants: tuple[Grant, ...], state: Message, *remarks: Message) -> Ruling:
    """正版 on these rows: R19 on 受赠/调剂 rows, R4 for a version older than the licensed one, else ``rule``."""
    grant = grants[0]
    number = grant.row.software_no
    record = Message.of("verdict.on_record", software_no=number, proof=grant.proof.value)
    notes = (*remarks, *row_remarks(copy, grant))
    reasons = (state, record)
    if grant.gift:
        rule, reasons = "R19", (*reasons, Message.of("verdict.gift", software_no=number))
    elif older(grant.release, copy.versions):
        shown = "、".join(copy.versions)
        rule = "R4"
        reasons = (*reasons, Message.of("verdict.older_version", installed=shown, licensed=grant.release))
    return Ruling(Decision.LICENSED, rule, reasons, PAPERS, refs(_of_one_platform(grants)), number, remarks=notes)


def _of_one_platform(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Rows of the first one's platform: what was bought for Linux is no ground for a copy on Windows beside its own."""
    return tuple(grant for grant in grants if grant.platform == grants[0].platform)


def missing_paper(rule: str, grants: tuple[Grant, ...], context: Context, state: Message, *remarks: Message) -> Ruling:
    """待核实: the row stands, its paper (or its 许可数量) does not."""
    grant = grants[0]
    number = grant.row.software_no
    required = context.switches.proof_required
    if grant.proof >= required:
        reason = Message.of("verdict.quantity_not_stated", software_no=number)
        settles = Message.of("settle.quantity", software_no=number, name=grant.row.name)
    else:
        reason = Message.of(
            "verdict.proof_missing", software_no=number, proof=grant.proof.value, required=required.value
        )
        settles = paper_wanted(required, grant)
    return Ruling(
        Decision.TO_VERIFY, rule, (state, reason), PAPERS, refs(grants), number, settles=settles, remarks=remarks
    )


def paper_wanted(required: ProofLevel, grant: Grant) -> Message:
    """The very paper that lifts a row to the asked proof level."""
    row = grant.row
    if grant.kind is GrantKind.OEM:
        return Message.of("settle.machine_purchase", software_no=row.software_no, name=row.name)
    if grant.gift:
        return Message.of("settle.gift_papers", software_no=row.software_no, name=row.name)
    if required is ProofLevel.P2:
        return Message.of("settle.certificate", software_no=row.software_no, name=row.name)
    return Message.of("settle.contract_or_invoice", software_no=row.software_no, name=row.name)


def row_remarks(copy: Copy, grant: Grant) -> tuple[Message, ...]:
    """What a reader should know about the row although it does not change the decision."""
    row = grant.row
    notes: list[Message] = []
    if row.valid_until is None and not row.perpetual and grant.kind is GrantKind.COUNTED:
        notes.append(Message.of("verdict.term_not_stated", software_no=row.software_no))
    if version_fit(grant.cells, copy.versions) is Fit.NOT_COMPARABLE:
        shown = "、".join(copy.versions)
        notes.append(Message.of("verdict.version_not_compared", software_no=row.software_no, version=shown))
    return tuple(notes)


def _surplus_remark(copy: Copy, found: Entitlements, context: Context) -> tuple[Message, ...]:
    """On every copy that draws on the overdrawn rows alike: which of them is the surplus nobody can say."""
    if found.seat is not Seat.SURPLUS and not (found.seat is Seat.PROVEN and copy.product.id in context.over):
        return ()
    return (Message.of("verdict.not_apportionable", product=copy.product.name),)
