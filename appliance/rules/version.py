"""R30: "version or edition outside 可使用版本, no upgrade right → 非正版".

Only versions that can be compared contradict (see :mod:`appliance.rules.versions`). R4 is its other side: an older
version inside 可使用版本 is covered and judged by the rules on records.
An OEM row speaks about its own hardware only, and an operating system whose channel was not read may rest on one.
"""

from __future__ import annotations

from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, GrantKind, Ruling
from appliance.rules.oem import on_oem_channel
from appliance.rules.papers import GENUINE, refs
from config.message import Message


def version_outside(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """非正版 when rows are in force but none covers what is installed."""
    stated = tuple(grant for grant in found.live if grant.kind is not GrantKind.OEM)
    if not stated or found.covering or on_oem_channel(copy) or copy.ground_unknown:
        return None
    first = stated[0]
    reason = Message.of(
        "verdict.version_outside",
        software_no=first.row.software_no,
        installed=" ".join(text for text in ("、".join(copy.versions), copy.edition) if text),
        usable="、".join(first.cells),
    )
    return Ruling(Decision.UNLICENSED, "R30", (reason,), GENUINE, refs(stated), first.row.software_no)
