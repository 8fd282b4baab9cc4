"""The eight read-only calls of the remote registry as NDR bytes. Pure.

Source: [MS-RRP] §3.1.5 and its IDL; NDR: [C706] §14. Key handles are 20 bytes. Only opnums of ``ALLOWED`` exist here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from scanner.transports.smb_wire import Malformed

OPEN_LOCAL_MACHINE, OPEN_USERS, CLOSE_KEY, ENUM_KEY, ENUM_VALUE = 2, 4, 5, 9, 10
OPEN_KEY, QUERY_INFO_KEY, QUERY_VALUE, GET_VERSION = 15, 16, 17, 26
ALLOWED = frozenset(
    {
        OPEN_LOCAL_MACHINE,
        OPEN_USERS,
        CLOSE_KEY,
        ENUM_KEY,
        ENUM_VALUE,
        OPEN_KEY,
        QUERY_INFO_KEY,
        QUERY_VALUE,
        GET_VERSION,
    }
)

KEY_READ = 0x00020019
KEY_WOW64_64KEY = 0x00000100
ACCESS = KEY_READ | KEY_WOW64_64KEY

SUCCESS, FILE_NOT_FOUND, ACCESS_DENIED = 0, 2, 5
MORE_DATA, NO_MORE_ITEMS, KEY_DELETED = 234, 259, 1018

HANDLE = 20
KEY_NAME_ROOM = 520  # 255 characters, the longest key name, with their terminator
VALUE_NAME_ROOM = 512
MAX_VALUE_NAME_ROOM = 32768  # 16,383 characters, the longest value name

Call = tuple[int, bytes]
"""Operation number and stub."""


def status(stub: bytes) -> int:
    """The Win32 error that ends every answer. Raises Malformed."""
    if len(stub) < 4:
        raise Malformed("RPC stub")
    return int.from_bytes(stub[-4:], "little")


def handle(stub: bytes) -> bytes:
    """The context handle that an open call returns. Raises Malformed."""
    if len(stub) != HANDLE + 4:
        raise Malformed("handle")
    return stub[:HANDLE]


def open_hive(opnum: int) -> Call:
    """OpenLocalMachine or OpenUsers."""
    return opnum, struct.pack("<II", 0, ACCESS)


def open_key(parent: bytes, path: str) -> Call:
    """BaseRegOpenKey of a path below ``parent``."""
    return OPEN_KEY, parent + _text_in(path) + struct.pack("<II", 0, ACCESS)


def close_key(key: bytes) -> Call:
    """BaseRegCloseKey."""
    return CLOSE_KEY, key


def enum_key(key: bytes, index: int) -> Call:
    """BaseRegEnumKey with room for the longest name; asks for the last-write time as well."""
    tail = struct.pack("<I", 0x20004) + _room(2, 0x20008) + struct.pack("<III", 0x2000C, 0, 0)
    return ENUM_KEY, key + struct.pack("<I", index) + _room(KEY_NAME_ROOM, 0x20000) + tail


def enum_value(key: bytes, index: int, data_room: int, name_room: int = VALUE_NAME_ROOM) -> Call:
    """BaseRegEnumValue; rooms in bytes."""
    tail = struct.pack("<10I", 0x20004, 0, 0x20008, data_room, 0, 0, 0x2000C, data_room, 0x20010, 0)
    return ENUM_VALUE, key + struct.pack("<I", index) + _room(name_room, 0x20000) + tail


def query_info_key(key: bytes) -> Call:
    """BaseRegQueryInfoKey; Samba wants the empty class name with its terminator."""
    return QUERY_INFO_KEY, key + _text_in("")


def _text_in(text: str) -> bytes:
    data = (text + "\0").encode("utf-16-le", "surrogatepass")
    count = len(data) // 2
    head = struct.pack("<HHIIII", len(data), len(data), 0x20000, count, 0, count)
    return head + data + bytes(-len(data) % 4)


def _room(size: int, pointer: int) -> bytes:
    return struct.pack("<HHIIII", 0, size, pointer, size // 2, 0, 0)


@dataclass(frozen=True, slots=True)
class SubKey:
    """One answer of BaseRegEnumKey: UTF-16 name, last write as FILETIME or 0."""

    name: bytes
    last_write: int


@dataclass(frozen=True, slots=True)
class Value:
    """One answer of BaseRegEnumValue: UTF-16 name, REG_* number, data."""

    name: bytes
    kind: int
    data: bytes


def parse_enum_key(stub: bytes) -> SubKey:
    """Raises Malformed."""
    name, at = _text_out(stub, 0)
    at += 4 if _u32(stub, at) == 0 else _class_out(stub, at)
    return SubKey(name, 0 if _u32(stub, at) == 0 else _u32(stub, at + 4) | _u32(stub, at + 8) << 32)


def _class_out(stub: bytes, at: int) -> int:
    return _text_out(stub, at + 4)[1] - at


def parse_enum_value(stub: bytes) -> Value:
    """Raises Malformed."""
    name, at = _text_out(stub, 0)
    kind, at = (_u32(stub, at + 4), at + 8) if _u32(stub, at) else (0, at + 4)
    if _u32(stub, at) == 0:
        return Value(name, kind, b"")
    offset, count = _u32(stub, at + 8), _u32(stub, at + 12)
    if offset or at + 16 + count > len(stub):
        raise Malformed("value data")
    return Value(name, kind, stub[at + 16 : at + 16 + count])


def needed_room(stub: bytes) -> int:
    """The data size in bytes that an answer with ERROR_MORE_DATA asks for; 0 when it does not say."""
    if len(stub) < 20 or _u32(stub, len(stub) - 20) == 0:
        return 0
    return _u32(stub, len(stub) - 16)


def parse_last_write(stub: bytes) -> int:
    """FILETIME of a BaseRegQueryInfoKey answer: the last field before the status. Raises Malformed."""
    if len(stub) < 48:
        raise Malformed("key information")
    return int.from_bytes(stub[-12:-4], "little")


def parse_key_state(stub: bytes) -> tuple[int, int]:
    """Number of subkeys and last write of a BaseRegQueryInfoKey answer: both change when a subkey comes or goes."""
    return int.from_bytes(stub[-40:-36], "little"), parse_last_write(stub)


def _text_out(stub: bytes, at: int) -> tuple[bytes, int]:
    """An RPC_UNICODE_STRING with its deferred part: bytes without the terminator, and where it ends."""
    length = _u32(stub, at) & 0xFFFF
    if _u32(stub, at + 4) == 0:
        return b"", at + 8
    offset, count = _u32(stub, at + 12), _u32(stub, at + 16)
    end = at + 20 + 2 * count
    if offset or length > 2 * count or end > len(stub):
        raise Malformed("string")
    return stub[at + 20 : at + 20 + length].removesuffix(b"\0\0"), end + -end % 4


def _u32(stub: bytes, at: int) -> int:
    if at < 0 or at + 4 > len(stub):
        raise Malformed("short stub")
    return int.from_bytes(stub[at : at + 4], "little")
