"""DCOM calls as bytes: the handful of methods that reading WMI needs. Pure.

References:
    - [MS-DCOM] §2.2.13 (ORPCTHIS, ORPCTHAT), §2.2.14, §2.2.18 (object references), §3.1.1.5.6 (IRemUnknown)
    - [MS-WMI] §3.1.4.1.4 (NTLMLogin), §3.1.4.3 (IWbemServices), §3.1.4.4.2 (Next)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from scanner.transports.smb_wire import Malformed


def _interface(text: str) -> bytes:
    return UUID(text).bytes_le + bytes(4)  # version 0.0, as every DCOM interface


OBJECT_EXPORTER = _interface("99fcfec4-5260-101b-bbcb-00aa0021347a")
ACTIVATOR = _interface("000001a0-0000-0000-c000-000000000046")
REM_UNKNOWN = _interface("00000131-0000-0000-c000-000000000046")
LEVEL1_LOGIN = _interface("f309ad18-d86a-11d0-a075-00c04fb68820")
SERVICES = _interface("9556dc99-828c-11cf-a37e-00aa003240c7")
ENUMERATOR = _interface("027947e1-d731-11ce-a357-000000000001")
CLASS_OBJECT = UUID("dc12a681-737f-11cf-884d-00aa004b2e24").bytes_le
CLASS_OBJECT_CLSID = UUID("4590f812-1d3a-11d0-891f-00aa004b2e24").bytes_le

SERVER_ALIVE_2, CREATE_INSTANCE = 5, 4
REM_RELEASE, NTLM_LOGIN, GET_OBJECT, EXEC_QUERY, EXEC_METHOD, NEXT = 5, 6, 6, 20, 24, 4
"""Operation numbers."""

MEOW = 0x574F454D
STANDARD, CUSTOM = 1, 4
REFERENT = 0x20000
RETURN_IMMEDIATELY, FORWARD_ONLY = 0x10, 0x20
MAX_EXTENSIONS = 64


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A remote object: whom to call, and how many references we were given."""

    ipid: bytes
    references: int


def this(causality: bytes) -> bytes:
    """ORPCTHIS, version 5.7."""
    return struct.pack("<HHII", 5, 7, 0, 0) + causality + bytes(4)


def ntlm_login(namespace: str) -> bytes:
    """``root/cimv2`` → NTLMLogin(wszNetworkResource, NULL, 0, NULL)."""
    text = f"//./{namespace}\0".encode("utf-16-le")
    count = len(text) // 2
    return _padded(struct.pack("<IIII", REFERENT, count, 0, count) + text) + bytes(12)


def exec_query(wql: str) -> bytes:
    """ExecQuery("WQL", query, forward only and at once, NULL)."""
    return _bstr("WQL") + _bstr(wql) + struct.pack("<II", RETURN_IMMEDIATELY | FORWARD_ONLY, 0)


def get_object(path: str) -> bytes:
    """GetObject(path, 0, NULL, one object please, no call result)."""
    return _bstr(path) + struct.pack("<IIIII", 0, 0, REFERENT, 0, 0)


def exec_method(path: str, method: str, parameters: bytes) -> bytes:
    """ExecMethod(path, method, 0, NULL, parameters, out-parameters please, no call result)."""
    data = struct.pack("<II", MEOW, CUSTOM) + CLASS_OBJECT + CLASS_OBJECT_CLSID
    data += struct.pack("<II", 0, len(parameters)) + parameters
    pointer = _padded(struct.pack("<III", REFERENT, len(data), len(data)) + data)
    return _bstr(path) + _bstr(method) + struct.pack("<II", 0, 0) + pointer + struct.pack("<III", REFERENT, 0, 0)


def next_objects(milliseconds: int, count: int) -> bytes:
    """Next(timeout, count)."""
    return struct.pack("<II", milliseconds, count)


def release(references: Sequence[ObjectRef]) -> bytes:
    """RemRelease of all of them."""
    body = struct.pack("<HxxI", len(references), len(references))
    return body + b"".join(item.ipid + struct.pack("<II", item.references, 0) for item in references)


def _bstr(text: str) -> bytes:
    data = text.encode("utf-16-le", "surrogatepass")
    count = len(data) // 2
    return _padded(struct.pack("<IIII", REFERENT, count, len(data), count) + data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class Reader:
    """An answer from its ORPCTHAT to its HRESULT; every read is bounded. Raises Malformed."""

    def __init__(self, stub: bytes) -> None:
        self._data = stub
        self._at = 0
        self._skip_that()

    @property
    def status(self) -> int:
        """The HRESULT, which stands last."""
        if len(self._data) < 4:
            raise Malformed("answer without a status")
        return struct.unpack_from("<I", self._data, len(self._data) - 4)[0]

    def word(self) -> int:
        """An aligned unsigned long."""
        self._at += -self._at % 4
        return struct.unpack("<I", self.take(4))[0]

    def _skip(self, words: int) -> None:
        for _ in range(words):
            self.word()

    def take(self, size: int) -> bytes:
        """So many bytes."""
        data = self._data[self._at : self._at + size]
        if len(data) != size:
            raise Malformed("answer cut short")
        self._at += size
        return data

    def _skip_that(self) -> None:
        self.word()
        if not self.word():
            return
        self._skip(3)  # size, reserved, pointer
        count = self.word()
        if count > MAX_EXTENSIONS:
            raise Malformed("extensions")
        present = sum(1 for _ in range(count) if self.word())
        for _ in range(present):
            rounded = self.word()
            self.take(20)
            self.take(rounded)

    def pointer(self) -> bytes | None:
        """An interface pointer: the OBJREF's bytes, or None."""
        return self.interface() if self.word() else None

    def pointer_to_pointer(self) -> bytes | None:
        """As out-parameters of IWbemServices come."""
        return self.pointer() if self.word() else None

    def interface(self) -> bytes:
        """An MInterfacePointer."""
        self.word()
        return self.take(self.word())

    def objects(self) -> list[bytes]:
        """What Next returned: a conformant varying array of interface pointers."""
        self._skip(2)  # maximum, offset
        count = self.word()
        if 4 * count > len(self._data):
            raise Malformed("more objects than bytes")
        present = sum(1 for _ in range(count) if self.word())
        return [self.interface() for _ in range(present)]


def object_ref(data: bytes) -> ObjectRef:
    """An OBJREF_STANDARD (§2.2.18.4). Raises Malformed."""
    if len(data) < 64 or struct.unpack_from("<II", data) != (MEOW, STANDARD):
        raise Malformed("object reference")
    return ObjectRef(data[48:64], struct.unpack_from("<I", data, 28)[0])


def embedded_object(data: bytes) -> bytes:
    """The EncodingUnit inside an OBJREF_CUSTOM (§2.2.18.6). Raises Malformed."""
    if len(data) < 48 or struct.unpack_from("<II", data) != (MEOW, CUSTOM) or data[24:40] != CLASS_OBJECT_CLSID:
        raise Malformed("WMI object reference")
    return data[48:]
