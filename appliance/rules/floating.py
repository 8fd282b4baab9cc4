"""R23: "floating licences: seats against concurrent or named clients; unknown server 待核实, emulated server 非正版".

Seats of a floating row are clients at one time, so installs draw on no seat; the peak that the unit's server shows is
held against 许可数量 at product level (:mod:`appliance.judgement.positions`). A row for named clients is a counted row.
"""

from __future__ import annotations

from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling, Seat
from appliance.rules.papers import PAPERS, licensed, missing_paper, refs
from config.message import Message


def floating(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """正版 when the client is served by the server that the unit declared for a proven floating row."""
    grants = tuple(grant for grant in found.covering if grant.kind is GrantKind.FLOATING)
    if not grants or found.seat is Seat.PROVEN:
        return None  # a counted row with paper already carries this copy
    served = tuple(g for g in grants if context.servers.get(g.row.software_no, frozenset()).intersection(copy.servers))
    if not served:
        return _unknown_server(copy, grants[0].row.software_no, refs(grants))
    state = Message.of("verdict.floating", product=copy.product.name, server="、".join(copy.servers))
    proven = tuple(grant for grant in served if grant.proven)
    if not proven:
        return missing_paper("R23", served, context, state)
    return licensed("R23", copy, proven, state)


def _unknown_server(copy: Copy, number: str, rows: tuple[str, ...]) -> Ruling:
    shown = "、".join(copy.servers) or None
    reason = Message.of("verdict.floating_server_unknown", product=copy.product.name, server=shown)
    settles = Message.of("settle.licence_server", software_no=number, product=copy.product.name)
    return Ruling(Decision.TO_VERIFY, "R23", (reason,), PAPERS, rows, number, settles=settles)
