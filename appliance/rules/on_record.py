"""R6, R24 and R28: machine and papers agree.

R6 "volume licence (KMS/MAK) activated, on record with proof, version within 可使用版本, count within 许可数量, KMS
host is the declared one → 正版"; retail and subscription activations on record are held to the same papers.
R24 "麒麟 / UOS commercial: record + activated 正版". R28 "commercial product that has no readable activation:
proof, version, term and count fit → 正版, remark 激活状态不可读".
"""

from __future__ import annotations

from appliance.model import Activation, Category, Decision
from appliance.rules.kms import KMS_CLIENT, kms_hosts_of
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import PAPERS, record_ruling, refs
from config.message import Message

LINUX_DESKTOPS = ("kylin", "uos")


def activated(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R6 or R24: the machine shows an activation and a row covers it."""
    if not copy.activated or not found.covering:
        return None
    if open_kms := _undeclared_kms(copy, found, context):
        return open_kms
    application = (copy.state.application or "").casefold() if copy.state else ""
    if copy.product.category is Category.OPERATING_SYSTEM and application in LINUX_DESKTOPS:
        return record_ruling("R24", copy, found, context, Message.of("verdict.activated"))
    state = Message.of("verdict.activated_by_channel", channel=copy.channel or None)
    return record_ruling("R6", copy, found, context, state)


def unreadable(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R28: nothing can be read from the machine; the papers decide."""
    if not found.covering or copy.product.activation is Activation.READABLE:
        return None
    state = Message.of("verdict.installed", product=copy.product.name, version="、".join(copy.versions) or None)
    return record_ruling("R28", copy, found, context, state, Message.of("verdict.activation_unreadable"))


def _undeclared_kms(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """A KMS activation needs the unit's own declared host; one it does not name cannot be compared."""
    hosts = kms_hosts_of(copy)
    if copy.channel != KMS_CLIENT or any(host in context.kms_hosts for host in hosts):
        return None
    host = "、".join(hosts) or None
    return Ruling(
        Decision.TO_VERIFY,
        "R6",
        (Message.of("verdict.kms_undeclared", host=host),),
        PAPERS,
        refs(found.covering),
        found.covering[0].row.software_no,
        settles=Message.of("settle.kms_statement", host=host),
    )
