"""R13: "场地授权 in force: every install within the named unit and products 正版". No seats are counted.

Source: S1c 软件配置管理规定: 优先采用场地授权（许可）方式配置软件.
"""

from __future__ import annotations

from appliance.model import Activation
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from appliance.rules.papers import licensed, missing_paper
from config.message import Message


def site(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """正版 under a site licence in force that covers the installed version, with proof; else the paper is asked for.

    A site row without paper gives way to a counted row that has paper.
    """
    grants = tuple(grant for grant in found.covering if grant.kind is GrantKind.SITE)
    proven = tuple(grant for grant in grants if grant.proven)
    if not grants or (not proven and any(grant.proven for grant in found.covering)):
        return None
    state = Message.of("verdict.site_licence", product=copy.product.name)
    if not proven:
        return missing_paper("R13", grants, context, state)
    hidden = copy.product.activation is Activation.UNREADABLE
    remarks = (Message.of("verdict.activation_unreadable"),) if hidden else ()
    return licensed("R13", copy, proven, state, *remarks)
