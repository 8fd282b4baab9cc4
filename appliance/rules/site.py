"""R13: "场地授权 in force: every install within the named unit and products 正版; outside it needs a clause".

No seats are counted. An activation by a KMS that the unit has not declared stays open here as under R6.
Source: S1c 软件配置管理规定: 优先采用场地授权（许可）方式配置软件.
"""

from __future__ import annotations

from appliance.model import Activation, Decision
from appliance.rules.kms import undeclared_kms
from appliance.rules.model import Context, Copy, Entitlements, Grant, GrantKind, Ruling
from appliance.rules.papers import PAPERS, licensed, missing_paper, refs
from config.message import Message


def site(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """正版 under a site licence in force that covers the installed version, with proof; else the paper is asked for.

    A site row without paper gives way to a counted row that has paper.
    """
    sites = tuple(grant for grant in found.covering if grant.kind is GrantKind.SITE)
    grants = tuple(grant for grant in sites if grant.reaches(copy.computer.department))
    if sites and not grants:
        return _outside(copy, sites)
    proven = tuple(grant for grant in grants if grant.proven)
    if not grants or (not proven and any(grant.proven for grant in found.covering)):
        return None
    if open_kms := undeclared_kms(copy, found, context):
        return open_kms
    state = Message.of("verdict.site_licence", product=copy.product.name)
    if not proven:
        return missing_paper("R13", grants, context, state)
    hidden = copy.product.activation is Activation.UNREADABLE
    remarks = (Message.of("verdict.activation_unreadable"),) if hidden else ()
    return licensed("R13", copy, proven, state, *remarks)


def _outside(copy: Copy, sites: tuple[Grant, ...]) -> Ruling:
    """Outside the named departments, and no other row covers the copy: the clause is asked for."""
    number, department = sites[0].row.software_no, copy.computer.department or None
    reason = Message.of(
        "verdict.site_outside", software_no=number, department=department, scope="、".join(sites[0].departments)
    )
    settles = Message.of("settle.site_clause", software_no=number, department=department)
    return Ruling(Decision.TO_VERIFY, "R13", (reason,), PAPERS, refs(sites), number, settles=settles)
