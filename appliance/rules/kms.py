"""R8: activated by a KMS whose host cannot be the unit's own.

R8 "channel VOLUME_KMSCLIENT whose host is a loopback or decoy address or an undeclared public one, or remaining
time over 180 days → 非正版". A KMS activation lasts 180 days at most (Microsoft Learn, "Activate using Key
Management Service"). A private address stays open (R6) until it is declared or traced.
"""

from __future__ import annotations

import ipaddress

from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import GENUINE
from config.message import Message

LONGEST_GRACE_MINUTES = 180 * 24 * 60
KMS_CLIENT = "VOLUME_KMSCLIENT"


def kms_hosts_of(copy: Copy) -> tuple[str, ...]:
    """Every KMS host that the copy names, lower case: set by hand, found by DNS, and its address."""
    if copy.state is None:
        return ()
    named = (copy.state.kms_host, copy.state.kms_discovered_host, copy.state.kms_discovered_address)
    return tuple(host.strip().lower() for host in named if host and host.strip())


def impossible_kms(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """非正版 when the activation itself cannot be genuine."""
    if copy.channel != KMS_CLIENT or copy.state is None:
        return None
    minutes = copy.state.grace_minutes_remaining or 0
    if minutes > LONGEST_GRACE_MINUTES:
        return _unlicensed(Message.of("verdict.kms_grace_impossible", minutes=minutes))
    for host in kms_hosts_of(copy):
        if host not in context.kms_hosts and (code := _suspect(host)):
            return _unlicensed(Message(code, {"host": host}))
    return None


def _suspect(host: str) -> str:
    if host == "localhost":
        return "verdict.kms_decoy"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback or address.is_unspecified:
        return "verdict.kms_decoy"
    return "verdict.kms_public" if address.is_global else ""


def _unlicensed(reason: Message) -> Ruling:
    return Ruling(Decision.UNLICENSED, "R8", (reason,), GENUINE)
