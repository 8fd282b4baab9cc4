"""R8: activated by a KMS whose host cannot be the unit's own.

R8 "channel VOLUME_KMSCLIENT whose host is a loopback or decoy address or an undeclared public one, or remaining
time over 180 days → 非正版". A KMS activation lasts 180 days at most (Microsoft Learn, "Activate using Key
Management Service"). A private address stays open (R6) until it is declared or traced. A declaration speaks for every
name and address of a host, and makes no host of the computer's own loopback.
"""

from __future__ import annotations

import ipaddress

from appliance.model import Decision
from appliance.rules.model import Context, Copy, Entitlements, Ruling
from appliance.rules.papers import GENUINE, PAPERS, refs
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
        return _unlicensed(Message.of("verdict.kms_grace_impossible", minutes=minutes), found)
    hosts = kms_hosts_of(copy)
    declared = any(host in context.kms_hosts for host in hosts)
    for host in hosts:
        if is_own_machine(host, context):
            return _unlicensed(Message.of("verdict.kms_decoy", host=host), found)
        if not declared and (code := suspect(host, context)):
            return _unlicensed(Message(code, {"host": host}), found)
    return None


def undeclared_kms(copy: Copy, found: Entitlements, context: Context) -> Ruling | None:
    """R6: a KMS activation needs the unit's own declared host; one it does not name cannot be compared."""
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


def suspect(host: str, context: Context) -> str:
    """The code that says why a KMS host cannot be the unit's own, or empty. A name is suspect only when it is known."""
    if host in context.known.decoy_kms or is_own_machine(host, context):
        return "verdict.kms_decoy"
    if host in context.known.public_kms:
        return "verdict.kms_public"
    address = _address(host)
    return "verdict.kms_public" if address is not None and address.is_global else ""


def is_own_machine(host: str, context: Context) -> bool:
    """Whether a KMS host is the very computer that it activates: its loopback, by name or address."""
    address = _address(host)
    if address is None:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified or _in_decoy_range(address, context)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _in_decoy_range(address: ipaddress.IPv4Address | ipaddress.IPv6Address, context: Context) -> bool:
    return any(address in ipaddress.ip_network(text) for text in context.known.decoy_ranges)


def _unlicensed(reason: Message, found: Entitlements) -> Ruling:
    """A unit that bought the product and runs this copy instead did not use what it bought (R21)."""
    bought = tuple(grant for grant in found.covering if grant.proven)
    unused = tuple(Message.of("verdict.bought_not_used", software_no=grant.row.software_no) for grant in bought[:1])
    rows = tuple(grant.ref for grant in bought)
    number = bought[0].row.software_no if bought else ""
    return Ruling(Decision.UNLICENSED, "R8", (reason,), GENUINE, rows, number, remarks=unused)
