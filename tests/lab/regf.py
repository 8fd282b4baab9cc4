"""Registry files (``NTUSER.DAT``) as Windows keeps them, made from entries; what a logged-off user leaves behind.

Reference: https://github.com/msuhanov/regf (Windows registry file format specification)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.lab.plans import RegistryEntry, RegistryScalar

BASE, BIN_HEADER = 4096, 32
NOTHING = 0xFFFFFFFF
ROOT_FLAGS, KEY_FLAGS = 0x2C, 0x20
BIG_SEGMENT = 16344
WRITTEN = 133_593_924_000_000_000  # 2024-05-05T14:20:00Z


@dataclass
class Key:
    """One key of the tree to be written."""

    name: str
    values: list[tuple[str, RegistryScalar]] = field(default_factory=list[tuple[str, RegistryScalar]])
    children: dict[str, Key] = field(default_factory=dict[str, "Key"])
    last_write: int = WRITTEN


def hive_file(
    entries: Iterable[RegistryEntry], last_writes: dict[str, int] | None = None, lists: bytes = b"lh"
) -> bytes:
    """A whole file from entries whose keys are paths below the root; ``lists`` is the kind of its subkey lists."""
    root = Key("ROOT")
    for entry in entries:
        _at(root, entry.key).values.append((entry.name, entry.data))
    for path, written in (last_writes or {}).items():
        _at(root, path).last_write = written
    writer = _Writer(lists)
    root_at = writer.key(root, NOTHING, ROOT_FLAGS)
    return writer.file(root_at)


def _at(root: Key, path: str) -> Key:
    node = root
    for part in path.split("\\"):
        node = node.children.setdefault(part.upper(), Key(part))
    return node


class _Writer:
    """Cells one after another in one bin."""

    def __init__(self, lists: bytes) -> None:
        self.lists = lists
        self.cells = bytearray(BIN_HEADER)

    def cell(self, data: bytes) -> int:
        at = len(self.cells)
        size = 4 + len(data) + -(4 + len(data)) % 8
        self.cells += struct.pack("<i", -size) + data + bytes(size - 4 - len(data))
        return at

    def key(self, node: Key, parent: int, flags: int = KEY_FLAGS) -> int:
        name, compressed = _name(node.name)
        fixed = 76 + len(name)
        at = self.cell(bytes(fixed))
        values = [self.value(name, data) for name, data in node.values]
        values_at = self.cell(struct.pack(f"<{len(values)}I", *values)) if values else NOTHING
        children = sorted(node.children.items())
        offsets = [(self.key(child, at), child.name) for _, child in children]
        list_at = self.subkey_list(offsets) if offsets else NOTHING
        flags = flags | KEY_FLAGS if compressed else flags & ~KEY_FLAGS
        head = struct.pack("<2sHQIIIIIIIIII", b"nk", flags, node.last_write, 0, parent, len(offsets), 0, list_at,
                           NOTHING, len(values), values_at, NOTHING, NOTHING)  # fmt: skip
        tail = struct.pack("<IIIIIHH", 0, 0, 0, 0, 0, len(name), 0)
        self.cells[at + 4 : at + 4 + fixed] = head + tail + name
        return at

    def subkey_list(self, offsets: list[tuple[int, str]]) -> int:
        if self.lists == b"ri":
            halves = [part for part in (offsets[::2], offsets[1::2]) if part]
            inner = [self.leaf(b"lh", part) for part in halves]
            return self.cell(struct.pack(f"<2sH{len(inner)}I", b"ri", len(inner), *inner))
        return self.leaf(self.lists, offsets)

    def leaf(self, kind: bytes, offsets: list[tuple[int, str]]) -> int:
        head = struct.pack("<2sH", kind, len(offsets))
        if kind == b"li":
            return self.cell(head + b"".join(struct.pack("<I", at) for at, _ in offsets))
        hashed = _lh if kind == b"lh" else _lf
        return self.cell(head + b"".join(struct.pack("<II", at, hashed(name)) for at, name in offsets))

    def value(self, name: str, data: RegistryScalar) -> int:
        kind, raw = _raw(data)
        text, compressed = _name(name)
        if len(raw) <= 4:
            size, data_at = len(raw) | 0x80000000, int.from_bytes(raw.ljust(4, b"\0"), "little")
        else:
            size, data_at = len(raw), self.data(raw)
        return self.cell(struct.pack("<2sHIIIHH", b"vk", len(text), size, data_at, kind, int(compressed), 0) + text)

    def data(self, raw: bytes) -> int:
        if len(raw) <= BIG_SEGMENT:
            return self.cell(raw)
        parts = [self.cell(raw[at : at + BIG_SEGMENT]) for at in range(0, len(raw), BIG_SEGMENT)]
        return self.cell(struct.pack("<2sHI", b"db", len(parts), self.cell(struct.pack(f"<{len(parts)}I", *parts))))

    def file(self, root_at: int) -> bytes:
        size = len(self.cells) + -len(self.cells) % 4096
        if size - len(self.cells) >= 8:
            self.cells += struct.pack("<i", size - len(self.cells)).ljust(size - len(self.cells), b"\0")
        self.cells += bytes(size - len(self.cells))
        self.cells[:BIN_HEADER] = struct.pack("<4sIIQQI", b"hbin", 0, size, 0, WRITTEN, 0)
        base = bytearray(BASE)
        struct.pack_into("<4sIIQIIIIIII", base, 0, b"regf", 1, 1, WRITTEN, 1, 5, 0, 1, root_at, size, 1)
        total = 0
        for (word,) in struct.iter_unpack("<I", base[:508]):
            total ^= word
        struct.pack_into("<I", base, 508, total)
        return bytes(base + self.cells)


def _lh(name: str) -> int:
    hashed = 0
    for character in name.upper():
        hashed = (hashed * 37 + ord(character)) % 2**32
    return hashed


def _lf(name: str) -> int:
    return int.from_bytes(name.encode("latin-1", "replace")[:4].ljust(4, b"\0"), "little")


def _name(name: str) -> tuple[bytes, bool]:
    try:
        return name.encode("latin-1"), True
    except UnicodeEncodeError:
        return name.encode("utf-16-le"), False


def _raw(data: RegistryScalar) -> tuple[int, bytes]:
    if isinstance(data, str):
        return 1, f"{data}\0".encode("utf-16-le")
    if isinstance(data, int):
        return 4, struct.pack("<I", data)
    if isinstance(data, bytes):
        return 3, data
    return 7, "".join(part + "\0" for part in (*data, "")).encode("utf-16-le")
