"""What hosts answer to probes without a login, taken apart. Pure; whatever a host sends, only ValueError comes out.

References:
    - [MS-NLMP] §2.2.1.2 (CHALLENGE_MESSAGE), §2.2.2.1 (AV_PAIR), §2.2.2.10 (VERSION)
    - [MS-DCOM] §3.1.2.5.1.6 (ServerAlive2), §2.2.19 (DUALSTRINGARRAY)
    - RFC 1002 §4.2.17-4.2.18 (node status)
    - RFC 4253 §4.2 (SSH identification string)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from scanner.sighting import Sighting

NTLM = b"NTLMSSP\0"
CHALLENGE = 2
HAS_VERSION = 0x02000000
COMPUTER, DOMAIN, DNS_COMPUTER, DNS_DOMAIN, TIMESTAMP, END = 1, 2, 3, 4, 7, 0
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
LAST_TICKS = 2_650_467_743_990_000_000  # the end of the year 9999
TCP_TOWER = 7
NODE_STATUS_QUERY = struct.pack(">HHHHHH", 0x4845, 0, 1, 0, 0, 0) + b"\x20CK" + b"A" * 30 + b"\0\0\x21\0\x01"
GROUP = 0x8000
WORKSTATION = 0x00
NAME_CHARACTERS = 255
BANNER_CHARACTERS = 255
NAMES_LIMIT = 64
ADDRESSES_LIMIT = 32


def ntlm_challenge(token: bytes, now: datetime) -> Sighting:
    """The server's names, version and clock out of a challenge, bare or inside SPNEGO. Raises ValueError."""
    at = token.find(NTLM)
    if at < 0 or len(token) < at + 48 or struct.unpack_from("<I", token, at + 8)[0] != CHALLENGE:
        raise ValueError("no NTLM challenge")
    message = token[at:]
    flags = struct.unpack_from("<I", message, 20)[0]
    length, _, offset = struct.unpack_from("<HHI", message, 40)
    pairs = dict(_pairs(message[offset : offset + length]))
    ticks = int.from_bytes(pairs.get(TIMESTAMP, b"")[:8], "little")
    return Sighting(
        source="ntlm",
        hostname=_wide(pairs.get(COMPUTER)),
        domain=_wide(pairs.get(DNS_DOMAIN)) or _wide(pairs.get(DOMAIN)),
        dns_name=_wide(pairs.get(DNS_COMPUTER)),
        build=_version(message) if flags & HAS_VERSION else None,
        clock_offset_seconds=_offset(ticks, now),
    )


def server_alive2(stub: bytes) -> Sighting:
    """The addresses that a computer names for itself, and its name among them. Raises ValueError.

    COMVERSION, a pointer, its array's size, then wNumEntries, wSecurityOffset and the strings.
    """
    if len(stub) < 16:
        raise ValueError("ServerAlive2 cut short")
    pointer, size = struct.unpack_from("<II", stub, 4)
    entries, security = struct.unpack_from("<HH", stub, 12)
    if not pointer or size != entries or security > entries or 16 + 2 * entries > len(stub):
        raise ValueError("ServerAlive2 bindings")
    named = list(_bindings(stub[16 : 16 + 2 * security]))
    addresses = tuple(dict.fromkeys(host for host in named if _is_address(host)))[:ADDRESSES_LIMIT]
    hostname = next((host for host in named if not _is_address(host)), None)
    return Sighting(source="oxid", hostname=hostname, addresses=addresses)


def node_status(answer: bytes, ttl: int | None = None) -> Sighting:
    """Computer name, group and MAC out of a NetBIOS node status answer. Raises ValueError."""
    if len(answer) < 57 or answer[:2] != NODE_STATUS_QUERY[:2] or not answer[2] & 0x80 or answer[12] != 0x20:
        raise ValueError("no node status")
    if struct.unpack_from(">H", answer, 46)[0] != 0x21:
        raise ValueError("no node status")
    count = answer[56]
    if len(answer) < 57 + 18 * count:
        raise ValueError("node status cut short")
    names = [_node_name(answer[at : at + 18]) for at in range(57, 57 + 18 * min(count, NAMES_LIMIT), 18)]
    unit = answer[57 + 18 * count : 63 + 18 * count]
    return Sighting(
        source="netbios",
        hostname=next((name for name, suffix, group in names if suffix == WORKSTATION and not group), None),
        domain=next((name for name, suffix, group in names if suffix == WORKSTATION and group), None),
        mac=":".join(f"{octet:02X}" for octet in unit) if len(unit) == 6 and any(unit) else None,
        ttl=ttl,
    )


def ssh_banner(data: bytes) -> Sighting:
    """The identification string; a server may send other lines before it. Raises ValueError."""
    for line in data.split(b"\n"):
        if line.startswith(b"SSH-"):
            return Sighting(source="ssh", banner=line.rstrip(b"\r").decode("utf-8", "replace")[:BANNER_CHARACTERS])
    raise ValueError("no SSH identification")


def _pairs(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        if kind == END:
            return
        if at + 4 + length > len(data):
            raise ValueError("NTLM target information")
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length


def _wide(data: bytes | None) -> str | None:
    return (data.decode("utf-16-le", "replace")[:NAME_CHARACTERS].strip("\0 ") or None) if data else None


def _version(message: bytes) -> str | None:
    if len(message) < 56:
        return None
    major, minor, build = struct.unpack_from("<BBH", message, 48)
    return f"{major}.{minor}.{build}" if build else None  # Samba says 6.1.0: it names no build of Windows


def _offset(ticks: int, now: datetime) -> float | None:
    if not 0 < ticks < LAST_TICKS:
        return None
    return round((EPOCH + timedelta(microseconds=ticks // 10) - now).total_seconds(), 1)


def _bindings(data: bytes) -> Iterator[str]:
    """``\\x07`` and ``10.0.0.12`` and a zero, each as 16 bits; an empty string ends them."""
    for text in data.decode("utf-16-le", "replace").split("\0"):
        if text and ord(text[0]) == TCP_TOWER and (host := text[1:].partition("[")[0].strip()):
            yield host[:NAME_CHARACTERS]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _node_name(entry: bytes) -> tuple[str, int, bool]:
    """Names are in the computer's own code page; on Chinese computers that is GBK."""
    name, suffix, flags = entry[:15], entry[15], struct.unpack_from(">H", entry, 16)[0]
    return name.decode("gb18030", "replace").strip("\0 "), suffix, bool(flags & GROUP)
