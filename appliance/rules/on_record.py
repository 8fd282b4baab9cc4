"""R6, R24 and R28: machine and papers agree.

R6 "volume licence (KMS/MAK) activated, on record with proof, version within 可使用版本, count within 许可数量, KMS
host is the declared one → 正版"; retail and subscription activations on record are held to the same papers.
R24 "麒麟 / UOS commercial: record + activated 正版". R28 "commercial product that has no readable activation:
proof, version, term and count fit → 正版, remark 激活状态不可读".
"""

from __future__ import annotations

from appliance.model import Activation, Category
from appliance.rules.kms import undeclared_kms
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import record_ruling
from config.message import Message

LINUX_DESKTOPS = ("kylin", "uos")


def activated(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R6 or R24: the machine shows an activation and a row covers it."""
    if not copy.activated or not found.covering:
        return None
    if open_kms := undeclared_kms(copy, found, context):
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
