"""R13: "场地授权 in force: every install within the named unit and products 正版; outside it needs a clause".

No seats are counted.
Source: S1c 软件配置管理规定: 优先采用场地授权（许可）方式配置软件.
"""

from __future__ import annotations

from appliance.model import Activation, Decision
from appliance.rules.model import Context, Copy, Entitlements, Grant, GrantKind, Ruling
from appliance.rules.papers import PAPERS, licensed, missing_paper, refs
from config.message import Message


def site(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """正版 under a site licence in force that covers the installed version, with proof; else the paper is asked for.

    A site row without paper gives way to a counted row that has paper.
    """
    sites = tuple(grant for grant in found.covering if grant.kind is GrantKind.SITE)
    grants = tuple(grant for grant in sites if within(grant, copy.computer.department))
    if sites and not grants:
        return _outside(copy, found, sites)
    proven = tuple(grant for grant in grants if grant.proven)
    if not grants or (not proven and any(grant.proven for grant in found.covering)):
        return None
    state = Message.of("verdict.site_licence", product=copy.product.name)
    if not proven:
        return missing_paper("R13", grants, context, state)
    hidden = copy.product.activation is Activation.UNREADABLE
    remarks = (Message.of("verdict.activation_unreadable"),) if hidden else ()
    return licensed("R13", copy, proven, state, *remarks)


def within(grant: Grant, department: str) -> bool:
    """Whether a site licence covers a department; one without a stated scope covers the whole unit."""
    return not grant.departments or department in grant.departments


def _outside(copy: Copy, found: Entitlements, sites: tuple[Grant, ...]) -> Ruling | None:
    """Outside the named departments: another proven row may stand, else the clause is asked for."""
    if any(grant.proven and grant.kind is not GrantKind.SITE for grant in found.covering):
        return None
    number, department = sites[0].row.software_no, copy.computer.department or None
    reason = Message.of(
        "verdict.site_outside", software_no=number, department=department, scope="、".join(sites[0].departments)
    )
    settles = Message.of("settle.site_clause", software_no=number, department=department)
    return Ruling(Decision.TO_VERIFY, "R13", (reason,), PAPERS, refs(sites), number, settles=settles)
