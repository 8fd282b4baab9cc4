r"""The remote registry of a scripted server: a dict of keys, answered in NDR.

Source: [MS-RRP] §3.1.5; NDR: [C706] §14. A handle is the key's number in its first four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

OPEN_HKLM, OPEN_USERS, CLOSE, ENUM_KEY, ENUM_VALUE, OPEN_KEY, QUERY_INFO = 2, 4, 5, 9, 10, 15, 16
OK, FILE_NOT_FOUND, MORE_DATA, NO_MORE_ITEMS = 0, 2, 234, 259
SZ, DWORD = 1, 4
LAST_WRITE = 133_700_000_000_000_000

Value = tuple[str | bytes, int, bytes]
"""Name (bytes: as they are), REG_* number, data."""

UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
NAME = r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"
VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"


@dataclass
class Key:
    """Subkeys by name, and values in order."""

    subkeys: dict[str, Key] = field(default_factory=dict[str, "Key"])
    values: list[Value] = field(default_factory=list[Value])

    def find(self, path: str) -> Key:
        """The key at a path below this one. Raises KeyError."""
        key = self
        for part in path.split("\\"):
            key = key.subkeys[part]
        return key


def sz(name: str, text: str) -> Value:
    """A REG_SZ value."""
    return name, SZ, (text + "\0").encode("utf-16-le", "surrogatepass")


def tree(keys: Mapping[str, list[Value]]) -> Key:
    """A hive from paths."""
    root = Key()
    for path, values in keys.items():
        key = root
        for part in path.split("\\"):
            key = key.subkeys.setdefault(part, Key())
        key.values += values
    return root


def ordinary() -> dict[str, list[Value]]:
    """What every computer must have to count as one: a version, a name, two programs."""
    version = [sz("ProductName", "Windows 10 Pro"), sz("CurrentBuildNumber", "19045"), sz("EditionID", "Professional")]
    names = [sz("DisplayName", "Scripted Office"), sz("DisplayVersion", "1.0"), sz("Publisher", "Nobody")]
    return {
        VERSION: version,
        NAME: [sz("ComputerName", "SCRIPTED")],
        r"HARDWARE\DESCRIPTION\System\BIOS": [sz("SystemManufacturer", "SCRIPTED"), sz("SystemProductName", "X")],
        rf"{UNINSTALL}\First": names,
        rf"{UNINSTALL}\Second": [sz("DisplayName", "Scripted Viewer")],
    }


class Registry:
    """Answers calls over ``root`` (HKLM); HKEY_USERS is empty. Scripts override single calls."""

    def __init__(self, root: Key | None = None) -> None:
        self.root = tree(ordinary()) if root is None else root
        self.handles: list[tuple[str, Key]] = []

    def call(self, opnum: int, stub: bytes) -> bytes:
        """The stub of one answer."""
        if opnum in (OPEN_HKLM, OPEN_USERS):
            return self.opened("HKLM" if opnum == OPEN_HKLM else "HKU", self.root if opnum == OPEN_HKLM else Key())
        if opnum == CLOSE:
            return bytes(20) + status(OK)
        path, key = self.handles[struct.unpack_from("<I", stub, 4)[0]]
        if opnum == OPEN_KEY:
            return self.open_key(path, key, text_in(stub))
        index = struct.unpack_from("<I", stub, 20)[0] if len(stub) >= 24 else 0
        if opnum == ENUM_KEY:
            return self.enum_key(path, key, index)
        if opnum == ENUM_VALUE:
            return self.enum_value(path, key, index, value_room(stub))
        return self.query_info(key)

    def opened(self, path: str, key: Key) -> bytes:
        """An answer with a fresh handle."""
        self.handles.append((path, key))
        return struct.pack("<II12x", 0, len(self.handles) - 1) + status(OK)

    def open_key(self, path: str, key: Key, name: str) -> bytes:
        """BaseRegOpenKey."""
        for part in name.split("\\"):
            found = next((sub for n, sub in key.subkeys.items() if n.lower() == part.lower()), None)
            if found is None:
                return bytes(20) + status(FILE_NOT_FOUND)
            key = found
        return self.opened(rf"{path}\{name}", key)

    def enum_key(self, path: str, key: Key, index: int) -> bytes:
        """BaseRegEnumKey."""
        names = list(key.subkeys)
        return enum_key_answer(names[index]) if index < len(names) else enum_key_answer("", NO_MORE_ITEMS)

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        """BaseRegEnumValue."""
        if index >= len(key.values):
            return enum_value_answer("", 0, b"", NO_MORE_ITEMS)
        name, kind, data = key.values[index]
        if len(data) > room:
            return more_data(len(data))
        return enum_value_answer(name, kind, data)

    def query_info(self, key: Key) -> bytes:
        """BaseRegQueryInfoKey."""
        numbers = (len(key.subkeys), 512, 0, len(key.values), 512, 4096, 0)
        return unicode_string("") + struct.pack("<7IQ", *numbers, LAST_WRITE) + status(OK)


def status(code: int) -> bytes:
    """The Win32 error that ends a stub."""
    return struct.pack("<I", code)


def unicode_string(text: str | bytes) -> bytes:
    """An RPC_UNICODE_STRING with its deferred part."""
    data = text if isinstance(text, bytes) else (text + "\0").encode("utf-16-le", "surrogatepass")
    count = len(data) // 2
    body = struct.pack("<HHIIII", len(data) & 0xFFFF, len(data) & 0xFFFF, 0x20000, count, 0, count) + data
    return body + bytes(-len(body) % 4)


def enum_key_answer(name: str | bytes, code: int = OK) -> bytes:
    """A BaseRegEnumKey answer with a last-write time."""
    return unicode_string(name) + struct.pack("<IIQ", 0, 0x20008, LAST_WRITE) + status(code)


def enum_value_answer(name: str | bytes, kind: int, data: bytes, code: int = OK) -> bytes:
    """A BaseRegEnumValue answer."""
    size = len(data)
    blob = struct.pack("<IIII", 0x2000C, size, 0, size) + data + bytes(-size % 4)
    return unicode_string(name) + struct.pack("<II", 0x20008, kind) + blob + struct.pack(
        "<IIII", 0x20010, size, 0x20014, size
    ) + status(code)  # fmt: skip


def more_data(size: int) -> bytes:
    """ERROR_MORE_DATA that asks for ``size`` bytes of room."""
    head = unicode_string("") + struct.pack("<II", 0x20008, 3) + struct.pack("<I", 0)
    return head + struct.pack("<IIII", 0x20010, size, 0x20014, 0) + status(MORE_DATA)


def text_in(stub: bytes) -> str:
    """The key name in a BaseRegOpenKey request."""
    length = struct.unpack_from("<H", stub, 20)[0]
    return stub[40 : 40 + length].decode("utf-16-le", "surrogatepass").rstrip("\0")


def value_room(stub: bytes) -> int:
    """The room for data that a BaseRegEnumValue request offers."""
    return struct.unpack_from("<I", stub, len(stub) - 12)[0]
