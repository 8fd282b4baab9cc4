"""The verdict rules, in order of precedence: the first that speaks decides.

Contradicted authorisation (非正版) before missing evidence (待核实) before agreement (正版). R14 speaks at product
level (:mod:`appliance.rules.surplus`), R27 about computers (:mod:`appliance.rules.not_collected`).
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.model import Decision
from appliance.rules.activation import generic_key, not_activated, trial, unread
from appliance.rules.crack import cracked, doubted
from appliance.rules.education import education
from appliance.rules.floating import floating
from appliance.rules.free import free, personal_only
from appliance.rules.kms import impossible_kms
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.no_record import volume_without_record, without_record
from appliance.rules.oem import bundled, oem, other_hardware
from appliance.rules.on_record import activated, unreadable
from appliance.rules.site import site
from appliance.rules.term import term_ended
from appliance.rules.version import version_outside

NOTHING = Entitlements()
Rule = Callable[[Copy, Entitlements, Context], Ruling | None]

RULES: tuple[Rule, ...] = (
    free,  # R15, R16: free software needs the free list, nothing else
    cracked,  # R21, R23 emulated, R8 by a trace
    impossible_kms,  # R8
    other_hardware,  # R2 contradicted
    personal_only,  # R17
    education,  # R18
    term_ended,  # R12
    version_outside,  # R30
    unread,  # R31
    trial,  # R11
    not_activated,  # R10
    generic_key,  # R9
    oem,  # R1, R2, R3, R5
    bundled,  # R1, R2 of a system that comes with its maker's hardware
    volume_without_record,  # R7
    without_record,  # R29
    site,  # R13
    floating,  # R23
    activated,  # R6, R24; R4 and R19 where they say more
    unreadable,  # R28; R4 and R19 likewise
)


SEATLESS: tuple[Rule, ...] = (cracked, impossible_kms, education, trial)
"""Rules whose 非正版 no ledger row changes."""


def condemned(copy: Copy, context: Context) -> bool:
    """Whether the machine alone makes a copy 非正版, whatever the ledgers say."""
    rulings = (rule(copy, NOTHING, context) for rule in SEATLESS)
    return any(ruling is not None and ruling.decision is Decision.UNLICENSED for ruling in rulings)


def judge(copy: Copy, found: Entitlements, context: Context) -> Ruling:
    """The verdict on one copy. Raises LookupError when no rule speaks, which the rule tables' test excludes."""
    for rule in RULES:
        ruling = rule(copy, found, context)
        if ruling is not None:
            return doubted(ruling, copy, context)  # R22
    raise LookupError(f"no rule speaks about {copy.product.id}")
