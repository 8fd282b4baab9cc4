"""R1, R2, R3 and R5: operating systems that came with the computer.

R1 "OEM OS: channel OEM (DM/SLP/COA), activated, installed edition = delivered edition, maker fits → 正版".
R2 "OEM licence on other hardware, or its machine scrapped → 非正版; board replaced with 维修单 → 正版; maker mismatch
or junk maker → 待核实 (人工确认)". R3 "higher edition installed than delivered, no other licence → 非正版".
R5 "OEM Home edition, label fits, in an office → policy switch, default 正版 with a remark".
A system that its maker gives with its own hardware alone and that shows no activation (macOS) follows R1 and R2 too.
Source: 《政府机关使用正版软件管理办法》: 应当采购预装正版操作系统软件的计算机产品.
"""

from __future__ import annotations

from appliance.model import Activation, Category, Decision, LicensingModel
from appliance.recognition import identity
from appliance.recognition.makers import differ, group_of
from appliance.rules.editions import rank
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from config.message import Message

PREINSTALLED = "policy.preinstalled"
HOME = 1


def on_oem_channel(copy: Copy) -> bool:
    """Whether the machine says that this operating system rests on the maker's licence."""
    return copy.product.category is Category.OPERATING_SYSTEM and copy.channel.startswith("OEM")


def other_hardware(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R2: the licence is bound to another serial. A replaced board with its 维修单 is the same computer."""
    if copy.state is None or not copy.state.bound_serial or not on_oem_channel(copy) or copy.computer.repaired:
        return None
    bound, own = identity.serial(copy.state.bound_serial), identity.serial(copy.computer.serial)
    if not bound or not own or bound == own:
        return None
    code = "verdict.oem_machine_scrapped" if bound in context.scrapped else "verdict.oem_other_hardware"
    reason = Message(code, {"bound": copy.state.bound_serial, "serial": copy.computer.serial})
    return Ruling(Decision.UNLICENSED, "R2", (reason,), PREINSTALLED, _rows(found))


def oem(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """Judge an activated OEM system: R3 when higher than delivered, R2 without its maker, R5 for Home, else R1."""
    if not on_oem_channel(copy) or not copy.activated or copy.state is None:
        return None
    delivered = copy.state.delivered_edition or _declared_edition(found)
    installed = copy.edition or copy.state.edition or ""
    rows = _rows(found)
    if rank(installed) > rank(delivered) > 0:
        return _higher(installed, delivered, found, rows)
    if doubt := _hardware_doubt(copy, rows) or _maker_doubt(copy, rows, context):
        return doubt
    if not rank(delivered) or rank(installed) != rank(delivered):
        return _edition_open(installed, delivered, rows)
    reasons = (
        Message.of("verdict.oem_activated", channel=copy.channel, edition=installed, delivered=delivered),
        Message.of("verdict.oem_maker", maker=copy.computer.maker),
    )
    moved = _moved_and_repaired(copy)
    if moved:
        reasons = (*reasons, Message.of("verdict.oem_repaired", asset=copy.computer.asset_no))
    if rank(installed) == HOME:
        return _home(reasons, rows, context)
    if moved:
        return Ruling(Decision.LICENSED, "R2", reasons, PREINSTALLED, rows)
    return Ruling(Decision.LICENSED, "R1", reasons, PREINSTALLED, rows)


def bundled(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R1 for a system that comes with its maker's hardware and shows no activation (macOS); R2 on other hardware."""
    product = copy.product
    came_along = product.licensing is LicensingModel.OEM and product.category is Category.OPERATING_SYSTEM
    if not came_along or product.activation is not Activation.UNREADABLE:
        return None
    rows = _rows(found)
    if doubt := _maker_doubt(copy, rows, context):
        return doubt
    maker = copy.computer.maker
    if group_of(maker) is None or group_of(maker) != group_of(product.vendor):
        reason = Message.of("verdict.bundled_elsewhere", product=product.name, maker=maker, vendor=product.vendor)
        settles = Message.of("settle.machine_papers")
        return Ruling(Decision.TO_VERIFY, "R2", (reason,), PREINSTALLED, rows, settles=settles)
    reason = Message.of("verdict.bundled", product=product.name, maker=maker)
    remark = Message.of("verdict.activation_unreadable")
    return Ruling(Decision.LICENSED, "R1", (reason,), PREINSTALLED, rows, remarks=(remark,))


def _rows(found: Entitlements) -> tuple[str, ...]:
    return tuple(grant.ref for grant in found.covering if grant.kind is GrantKind.OEM)


def _moved_and_repaired(copy: Copy) -> bool:
    bound = identity.serial(copy.state.bound_serial) if copy.state else ""
    moved = bool(bound) and bound != identity.serial(copy.computer.serial)
    return copy.computer.repaired and (moved or _key_elsewhere(copy) or bool(copy.computer.ledger_serial))


def _key_elsewhere(copy: Copy) -> bool:
    """The channel says that the key is kept in the firmware, and this computer's firmware holds none."""
    return copy.channel == "OEM_DM" and copy.state is not None and copy.state.firmware_key_present is False


def _hardware_doubt(copy: Copy, rows: tuple[str, ...]) -> Ruling | None:
    """R2: the licence came with other hardware, as the firmware or the asset ledger suggests; neither is proof."""
    computer = copy.computer
    if computer.repaired:
        return None
    if _key_elsewhere(copy):
        reason = Message.of("verdict.oem_key_not_in_firmware", channel=copy.channel)
    elif computer.ledger_serial:
        reason = Message.of("verdict.oem_serial_differs", declared=computer.ledger_serial, serial=computer.serial)
    else:
        return None
    settles = Message.of("settle.machine_or_repair")
    return Ruling(Decision.TO_VERIFY, "R2", (reason,), PREINSTALLED, rows, settles=settles)


def _home(reasons: tuple[Message, ...], rows: tuple[str, ...], context: Context) -> Ruling:
    decision = context.switches.oem_home
    settles = Message.of("settle.home_edition") if decision is Decision.TO_VERIFY else None
    remark = Message.of("verdict.oem_home")
    return Ruling(decision, "R5", reasons, PREINSTALLED, rows, settles=settles, remarks=(remark,))


def _declared_edition(found: Entitlements) -> str:
    rows = (f"{grant.row.name} {grant.row.version}" for grant in found.covering if grant.kind is GrantKind.OEM)
    return next((text for text in rows if rank(text)), "")


def _higher(installed: str, delivered: str, found: Entitlements, rows: tuple[str, ...]) -> Ruling | None:
    if any(grant.kind is not GrantKind.OEM for grant in found.covering):
        return None  # another licence stands; the rules on records judge it
    reason = Message.of("verdict.oem_edition_higher", installed=installed, delivered=delivered)
    return Ruling(Decision.UNLICENSED, "R3", (reason,), PREINSTALLED, rows)


def _maker_doubt(copy: Copy, rows: tuple[str, ...], context: Context) -> Ruling | None:
    """R2: the firmware names no real maker, or another one than the asset ledger."""
    maker, brand = copy.computer.maker, copy.computer.brand
    if maker.strip().casefold() in context.switches.junk_makers:
        reason = Message.of("verdict.oem_maker_unknown", maker=maker)
    elif differ(maker, brand):
        reason = Message.of("verdict.oem_maker_differs", maker=maker, brand=brand)
    else:
        return None
    settles = Message.of("settle.machine_papers")
    return Ruling(Decision.TO_VERIFY, "R2", (reason,), PREINSTALLED, rows, settles=settles)


def _edition_open(installed: str, delivered: str, rows: tuple[str, ...]) -> Ruling:
    reason = Message.of("verdict.oem_edition_open", installed=installed, delivered=delivered)
    settles = Message.of("settle.coa_label")
    return Ruling(Decision.TO_VERIFY, "R1", (reason,), PREINSTALLED, rows, settles=settles)
