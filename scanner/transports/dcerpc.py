"""Connection-oriented DCE/RPC over a pipe: bind, request, and putting fragments together. Pure.

Source: [C706] §12.6, [MS-RPCE] §2.2.2. Protection is SMB's own, so no verifiers are used.
"""

from __future__ import annotations

import struct
from uuid import UUID

from scanner.transports.smb_wire import Malformed

WINREG = UUID("338cd001-2244-31f1-aaaa-900038001003").bytes_le + struct.pack("<I", 1)
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)

COMMON = struct.Struct("<BBBBIHHI")
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK = 0, 2, 3, 11, 12
FIRST, LAST = 0x01, 0x02
LITTLE_ENDIAN = 0x10
FRAGMENT = 4280
MAX_STUB = FRAGMENT - 24
CALL_ID = 1


class Fault(Exception):
    """The server answered with a fault PDU."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")
        self.status = status


def bind(interface: bytes = WINREG) -> bytes:
    """A BIND with one presentation context: the interface in NDR."""
    body = struct.pack("<HHIBBHHBB", FRAGMENT, FRAGMENT, 0, 1, 0, 0, 0, 1, 0) + interface + NDR
    return _pdu(BIND, body)


def request(opnum: int, stub: bytes) -> bytes:
    """A REQUEST in one fragment. Raises ValueError on a stub longer than MAX_STUB."""
    if len(stub) > MAX_STUB:
        raise ValueError("stub needs more than one fragment")
    return _pdu(REQUEST, struct.pack("<IHH", len(stub), 0, opnum) + stub)


def _pdu(kind: int, body: bytes) -> bytes:
    return COMMON.pack(5, 0, kind, FIRST | LAST, LITTLE_ENDIAN, COMMON.size + len(body), 0, CALL_ID) + body


def accepted(pdu: bytes) -> bool:
    """Whether a BIND_ACK accepted the context. Raises Malformed."""
    if len(pdu) < 28 or pdu[2] != BIND_ACK:
        return False
    address_length = struct.unpack_from("<H", pdu, 24)[0]
    at = 26 + address_length
    at += -at % 4
    if len(pdu) < at + 8:
        raise Malformed("bind acknowledgement")
    count, result = struct.unpack_from("<B3xH", pdu, at)
    return count >= 1 and result == 0


class Assembler:
    """Puts the fragments of one answer together; a pipe may cut them anywhere."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._raw = bytearray()
        self._stub = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Add what the pipe gave; the whole stub when it is complete. Raises Malformed, Fault, OverflowError."""
        self._raw += data
        while len(self._raw) >= COMMON.size:
            version, _, kind, flags, drep, length, auth, call = COMMON.unpack_from(self._raw)
            if version != 5 or drep != LITTLE_ENDIAN or auth or call != CALL_ID or length < 24:
                raise Malformed("RPC header")
            if len(self._raw) < length:
                return None
            fragment = bytes(self._raw[:length])
            del self._raw[:length]
            if self._add(kind, fragment) and flags & LAST:
                return self._take()
        return None

    def _add(self, kind: int, fragment: bytes) -> bool:
        if kind == FAULT:
            raise Fault(struct.unpack_from("<I", fragment.ljust(28, b"\0"), 24)[0])
        if kind != RESPONSE:
            raise Malformed(f"RPC packet type {kind}")
        self._stub += fragment[24:]
        if len(self._stub) > self._limit:
            raise OverflowError("RPC answer")
        return True

    def _take(self) -> bytes:
        if self._raw:
            raise Malformed("bytes after the last fragment")
        stub, self._stub = bytes(self._stub), bytearray()
        return stub
