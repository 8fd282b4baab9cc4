"""Connection-oriented DCE/RPC over TCP with NTLM verifiers: packets as bytes. Pure.

References:
    - [C706] §12.6 (packets), [MS-RPCE] §2.2.2.11 (verifier), §3.3.1.5.2 (protection)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from scanner.transports.dcerpc import COMMON, FIRST, LAST, LITTLE_ENDIAN, NDR
from scanner.transports.smb_wire import Malformed

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, AUTH3 = 0, 2, 3, 11, 12, 13, 16
HAS_OBJECT = 0x80
NTLM = 10
CONTEXT_ID = 79231  # of our one security context; any number will do
TRAILER = struct.Struct("<BBBBI")
HEADER = 24  # of requests without an object, and of responses
SIGNATURE = 16
UNKNOWN_AUTHENTICATION = 8  # reason of a BIND_NAK, [MS-RPCE] §2.2.2.5
ALIGNMENT = 16
FRAGMENT = 4280
CALL_SPACE = FRAGMENT - HEADER - 16 - TRAILER.size - SIGNATURE - ALIGNMENT & ~(ALIGNMENT - 1)


class Level(IntEnum):
    """RPC_C_AUTHN_LEVEL_*: the two that authenticate every packet."""

    INTEGRITY = 5
    PRIVACY = 6

    @property
    def grade(self) -> str:
        """As a channel is named."""
        return "dcom-ntlm-sealed" if self is Level.PRIVACY else "dcom-ntlm-signed"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One packet from the server, taken apart."""

    kind: int
    flags: int
    call_id: int
    data: bytes  # the whole packet
    signature: bytes  # of its verifier, or a token; empty without one
    trailer: bytes  # the verifier's head
    end: int  # where the body ends and the verifier begins

    @property
    def head(self) -> bytes:
        return self.data[:HEADER]

    @property
    def body(self) -> bytes:
        return self.data[HEADER : self.end]


def parse(packet: bytes) -> Fragment:
    """Take one packet apart. Raises Malformed."""
    version, _, kind, flags, drep, length, auth, call_id = COMMON.unpack_from(packet)
    end = length - (auth + TRAILER.size if auth else 0)
    if version != 5 or drep & 0xFF != LITTLE_ENDIAN or length != len(packet) or end < COMMON.size:
        raise Malformed("RPC header")
    trailer = packet[end : end + TRAILER.size] if auth else b""
    return Fragment(kind, flags, call_id, packet, packet[end + len(trailer) :], trailer, end)


def bind(interfaces: Sequence[bytes], level: Level, token: bytes) -> bytes:
    """A BIND with one presentation context an interface, numbered from 0."""
    body = struct.pack("<HHIBxxx", FRAGMENT, FRAGMENT, 0, len(interfaces))
    for number, interface in enumerate(interfaces):
        body += struct.pack("<HBx", number, 1) + interface + NDR
    return _packet(BIND, 1, body + _trailer(level, 0), token)


def auth3(level: Level, token: bytes) -> bytes:
    """The third leg of the login; nothing answers it."""
    return _packet(AUTH3, 1, b"    " + _trailer(level, 0), token)


def accepted(packet: Fragment, count: int) -> bytes:
    """The server's token out of a BIND_ACK that accepted all ``count`` contexts. Raises Malformed, Refused, NoNtlm."""
    if packet.kind == BIND_NAK:
        reason = struct.unpack_from("<H", packet.data.ljust(COMMON.size + 2, b"\0"), COMMON.size)[0]
        raise (NoNtlm if reason == UNKNOWN_AUTHENTICATION else Refused)(f"bind_nak {reason}")
    if packet.kind != BIND_ACK or not packet.signature:
        raise Malformed(f"RPC packet type {packet.kind} instead of an acknowledged login")
    if len(packet.data) < HEADER + 2 or struct.unpack_from("<H", packet.data, 18)[0] < FRAGMENT:
        raise Refused("fragment size")
    at = HEADER + 2 + struct.unpack_from("<H", packet.data, HEADER)[0]
    at += -at % 4
    if at + 4 + 24 * count > packet.end or packet.data[at] != count:
        raise Malformed("bind acknowledgement")
    for number in range(count):
        if struct.unpack_from("<H", packet.data, at + 4 + 24 * number)[0]:
            raise Refused(f"context {number}")
    return packet.signature


class Refused(Exception):
    """The server knows none of what we ask for."""


class NoNtlm(Refused):
    """The server lets nobody log in by NTLM here."""


@dataclass(frozen=True, slots=True)
class Part:
    """One REQUEST fragment before it is protected; ``head + body + trailer`` is what the signature covers."""

    head: bytes
    body: bytes
    trailer: bytes


def request(call_id: int, context: int, opnum: int, target: bytes, stub: bytes, level: Level) -> list[Part]:
    """A REQUEST in as many fragments as it needs; ``target`` is the object's IPID, or empty."""
    cuts = range(0, max(len(stub), 1), CALL_SPACE)
    return [
        _part(
            (FIRST if at == 0 else 0) | (LAST if at == cuts[-1] else 0) | (HAS_OBJECT if target else 0),
            call_id,
            struct.pack("<IHH", len(stub) - at, context, opnum) + target,
            stub[at : at + CALL_SPACE],
            level,
        )
        for at in cuts
    ]


def _part(flags: int, call_id: int, middle: bytes, body: bytes, level: Level) -> Part:
    padding = -len(body) % ALIGNMENT
    body += bytes(padding)
    trailer = _trailer(level, padding)
    length = COMMON.size + len(middle) + len(body) + len(trailer) + SIGNATURE
    head = COMMON.pack(5, 0, REQUEST, flags, LITTLE_ENDIAN, length, SIGNATURE, call_id) + middle
    return Part(head, body, trailer)


def padding_of(packet: Fragment, level: Level) -> int:
    """How much of the body is padding; the verifier must be of our login and level. Raises Malformed."""
    kind, found, padding, _, context = TRAILER.unpack(packet.trailer)
    if (kind, found, context) != (NTLM, level, CONTEXT_ID) or len(packet.signature) != SIGNATURE:
        raise Malformed("verifier of another login or level")
    if padding > len(packet.body):
        raise Malformed("verifier padding")
    return padding


def fault_status(packet: Fragment) -> int:
    """The status of a FAULT."""
    return struct.unpack_from("<I", packet.data.ljust(HEADER + 4, b"\0"), HEADER)[0]


def _trailer(level: Level, padding: int) -> bytes:
    return TRAILER.pack(NTLM, level, padding, 0, CONTEXT_ID)


def _packet(kind: int, call_id: int, body: bytes, token: bytes) -> bytes:
    length = COMMON.size + len(body) + len(token)
    return COMMON.pack(5, 0, kind, FIRST | LAST, LITTLE_ENDIAN, length, len(token), call_id) + body + token
