"""NDR pieces of DCOM answers ([MS-DCOM] §2.2), and a reader of requests."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

MEOW = 0x574F454D


def guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


WBEM_CLASS_OBJECT = guid("dc12a681-737f-11cf-884d-00aa004b2e24")
WBEM_CLASS_OBJECT_CLSID = guid("4590f812-1d3a-11d0-891f-00aa004b2e24")


def pad(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)


def objref_standard(iid: bytes, oxid: int, oid: int, ipid: bytes) -> bytes:
    head = struct.pack("<II", MEOW, 1) + iid + struct.pack("<IIQQ", 0, 5, oxid, oid) + ipid
    return head + struct.pack("<HHHH", 2, 1, 0, 0)


def objref_custom(iid: bytes, clsid: bytes, data: bytes) -> bytes:
    return struct.pack("<II", MEOW, 4) + iid + clsid + struct.pack("<II", 0, len(data) + 8) + data


def wbem_object(unit: bytes) -> bytes:
    return objref_custom(WBEM_CLASS_OBJECT, WBEM_CLASS_OBJECT_CLSID, unit)


def interface(blob: bytes) -> bytes:
    """MInterfacePointer."""
    return pad(struct.pack("<II", len(blob), len(blob)) + blob, 4)


def returns(blob: bytes | None, status: int = 0) -> bytes:
    """ORPCTHAT, one interface pointer, HRESULT."""
    pointer = struct.pack("<I", 0x20000) + interface(blob) if blob is not None else bytes(4)
    return bytes(8) + pointer + struct.pack("<I", status)


def returns_object(unit: bytes | None, status: int = 0) -> bytes:
    """ORPCTHAT, pointer to pointer to a WMI object, no call result, HRESULT."""
    pointer = struct.pack("<II", 0x20000, 0x20004) + interface(wbem_object(unit)) if unit is not None else bytes(4)
    return bytes(8) + pointer + bytes(4) + struct.pack("<I", status)


def serialized(body: bytes) -> bytes:
    """[MS-RPCE] §2.2.6: type serialization version 1."""
    body = pad(body, 8)
    return struct.pack("<BBHIII", 1, 0x10, 8, 0xCCCCCCCC, len(body), 0) + body


def dual_strings(bindings: Iterable[str]) -> bytes:
    """DUALSTRINGARRAY of TCP bindings, with NTLM and SPNEGO as security."""
    words = b"".join(struct.pack("<H", 7) + text.encode("utf-16-le") + bytes(2) for text in bindings) + bytes(2)
    security_at = len(words) // 2
    for service in (10, 9):
        words += struct.pack("<HH", service, 0xFFFF) + bytes(2)
    words += bytes(2)
    return struct.pack("<IHH", len(words) // 2, len(words) // 2, security_at) + words


@dataclass
class Reader:
    """A request's stub."""

    data: bytes
    at: int = 0

    def number(self, layout: str = "<I") -> int:
        size = struct.calcsize(layout)
        self.at += -self.at % size
        value = struct.unpack_from(layout, self.data, self.at)[0]
        self.at += size
        return int(value)

    def raw(self, size: int) -> bytes:
        data = self.data[self.at : self.at + size]
        self.at += size
        return data

    def orpc_this(self) -> None:
        self.raw(28)
        assert self.number() == 0, "no extensions are sent"

    def wide_string(self) -> str:
        if not self.number():
            return ""
        _, _, count = self.number(), self.number(), self.number()
        return self.raw(2 * count).decode("utf-16-le").rstrip("\0")

    def bstr(self) -> str:
        if not self.number():
            return ""
        count, _, _ = self.number(), self.number(), self.number()
        return self.raw(2 * count).decode("utf-16-le", "surrogatepass").rstrip("\0")

    def pointer(self) -> bytes:
        """An interface pointer's OBJREF; empty for NULL."""
        if not self.number():
            return b""
        self.number()
        return self.raw(self.number())
