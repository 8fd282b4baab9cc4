"""R1, R2 and R3: operating systems that came with the computer.

R1 "OEM OS: channel OEM (DM/SLP/COA), activated, installed edition = delivered edition, maker fits → 正版".
R2 "maker mismatch or junk maker → 待核实 (人工确认)". R3 "higher edition installed than delivered, no other licence
→ 非正版".
Source: 《政府机关使用正版软件管理办法》: 应当采购预装正版操作系统软件的计算机产品.
"""

from __future__ import annotations

from appliance.model import Category, Decision
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from config.message import Message

PREINSTALLED = "policy.preinstalled"
EDITIONS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (3, ("enterprise", "education", "ultimate", "企业版", "教育版", "旗舰版")),
    (2, ("professional", "pro", "专业版", "专业工作站版")),
    (1, ("home", "core", "starter", "single language", "家庭版", "家庭中文版", "家庭单语言版")),
)


def on_oem_channel(copy: Copy) -> bool:
    """Whether the machine says that this operating system rests on the maker's licence."""
    return copy.product.category is Category.OPERATING_SYSTEM and copy.channel.startswith("OEM")


def oem(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """Judge an activated OEM operating system: R3 when higher than delivered, R2 without a real maker, else R1."""
    if not on_oem_channel(copy) or not copy.activated or copy.state is None:
        return None
    delivered = copy.state.delivered_edition or _declared_edition(found)
    installed = copy.edition or copy.state.edition or ""
    rows = tuple(grant.ref for grant in found.covering if grant.kind is GrantKind.OEM)
    if rank(installed) > rank(delivered) > 0:
        return _higher(installed, delivered, found, rows)
    if copy.computer.maker.strip().casefold() in context.switches.junk_makers:
        return _unknown_maker(copy, rows)
    if not rank(delivered) or rank(installed) != rank(delivered):
        return _edition_open(installed, delivered, rows)
    reasons = (
        Message.of("verdict.oem_activated", channel=copy.channel, edition=installed, delivered=delivered),
        Message.of("verdict.oem_maker", maker=copy.computer.maker),
    )
    return Ruling(Decision.LICENSED, "R1", reasons, PREINSTALLED, rows)


def rank(edition: str) -> int:
    """Order of Windows editions: 1 home, 2 professional, 3 enterprise and above, 0 not known.

    >>> rank("Win 11 RTM Professional OEM:DM"), rank("家庭中文版"), rank("")
    (2, 1, 0)
    """
    text = edition.casefold()
    return next((level for level, words in EDITIONS if any(word in text for word in words)), 0)


def _declared_edition(found: Entitlements) -> str:
    rows = (f"{grant.row.name} {grant.row.version}" for grant in found.covering if grant.kind is GrantKind.OEM)
    return next((text for text in rows if rank(text)), "")


def _higher(installed: str, delivered: str, found: Entitlements, rows: tuple[str, ...]) -> Ruling | None:
    if any(grant.kind is not GrantKind.OEM for grant in found.covering):
        return None  # another licence stands; the rules on records judge it
    reason = Message.of("verdict.oem_edition_higher", installed=installed, delivered=delivered)
    return Ruling(Decision.UNLICENSED, "R3", (reason,), PREINSTALLED, rows)


def _unknown_maker(copy: Copy, rows: tuple[str, ...]) -> Ruling:
    reason = Message.of("verdict.oem_maker_unknown", maker=copy.computer.maker)
    settles = Message.of("settle.machine_papers")
    return Ruling(Decision.TO_VERIFY, "R2", (reason,), PREINSTALLED, rows, settles=settles)


def _edition_open(installed: str, delivered: str, rows: tuple[str, ...]) -> Ruling:
    reason = Message.of("verdict.oem_edition_open", installed=installed, delivered=delivered)
    settles = Message.of("settle.coa_label")
    return Ruling(Decision.TO_VERIFY, "R1", (reason,), PREINSTALLED, rows, settles=settles)
