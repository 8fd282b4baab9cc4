r"""A registry file (``NTUSER.DAT``) read strictly, a page at a time. Pure; it never writes and never follows a loop.

Whatever does not fit the format raises :class:`BadHive`: the file comes from a stranger's computer.

References:
    - https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md
    - layout also in Windows Internals, "Hive structure": base block, bins, cells, key nodes, key values
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

BASE_SIZE = 4096
NOTHING = 0xFFFFFFFF
COMPRESSED_NAME, COMPRESSED_VALUE_NAME = 0x20, 0x1
INLINE = 0x80000000
BIG_SEGMENT = 16344  # bytes of one segment of a big value, and the size above which a value is one
HASH_FACTOR = 37

LIST_MOST = 4 + 8 * 0xFFFF
NAMED_MOST = 76 + 0xFFFF
MAX_SUBKEYS = 20_000
MAX_VALUES = 4096
MAX_LISTS = 1024

Read = Callable[[int, int], bytes]
"""Offset and length to the bytes there, fewer at the end of the file."""


class BadHive(ValueError):
    """The file is not the hive it should be."""


@dataclass(frozen=True, slots=True)
class Node:
    """One key. Offsets count from the first bin."""

    name: str
    last_write: int  # FILETIME
    subkeys: int
    subkeys_at: int
    values: int
    values_at: int


@dataclass(frozen=True, slots=True)
class Value:
    """One value. ``data`` is None where it is larger than was allowed; ``size`` says how large."""

    name: str
    kind: int
    size: int
    data: bytes | None


class Hive:
    """An open hive. ``size`` is that of the file."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        base = self._exactly(0, 512)
        magic, first, second, _, major, minor, kind, layout, self._root_at = struct.unpack_from("<4sIIQIIIII", base)
        if magic != b"regf" or major != 1 or kind or layout != 1:
            raise BadHive("not a registry file")
        if struct.unpack_from("<I", base, 508)[0] != checksum(base[:508]):
            raise BadHive("checksum of the first block")
        self.minor = minor
        self.dirty = first != second  # its last changes are in the log files beside it

    @cached_property
    def root(self) -> Node:
        """The root key. Raises BadHive."""
        return self._node(self._root_at)

    def find(self, path: str) -> Node | None:
        """The key at a path below the root, without regard to case; None when it is absent. Raises BadHive."""
        node: Node | None = self.root
        for part in (part for part in path.split("\\") if part):
            node = next(self._named(node, part), None)
            if node is None:
                return None
        return node

    def subkeys(self, node: Node) -> Iterator[Node]:
        """Direct subkeys in the order of the file. Raises BadHive."""
        return (self._node(at) for at, _ in self._subkey_list(node))

    def values(self, node: Node, largest: int) -> Iterator[Value]:
        """Values in the order of the file; data of more than ``largest`` bytes are left out. Raises BadHive."""
        if node.values > MAX_VALUES:
            raise BadHive("too many values")
        if not node.values:
            return
        offsets = struct.unpack_from(f"<{node.values}I", self._cell(node.values_at, 4 * node.values, 4 * node.values))
        for at in offsets:
            yield self._value(at, largest)

    def _named(self, node: Node, name: str) -> Iterator[Node]:
        wanted, folded = name_hash(name), name.upper()
        for at, hashed in self._subkey_list(node):
            if hashed is None or hashed == wanted:
                found = self._node(at)
                if found.name.upper() == folded:
                    yield found

    def _subkey_list(self, node: Node) -> Iterator[tuple[int, int | None]]:
        """Offset of each subkey, and the hash of its name where the list keeps one."""
        if not node.subkeys or node.subkeys_at == NOTHING:
            return
        for number, entry in enumerate(self._leaves(node.subkeys_at)):
            if number == MAX_SUBKEYS:
                raise BadHive("too many subkeys")
            yield entry

    def _leaves(self, at: int) -> Iterator[tuple[int, int | None]]:
        kind, entries = self._list(at)
        if kind != b"ri":
            yield from _leaf(kind, entries)
            return
        if len(entries) // 4 > MAX_LISTS:
            raise BadHive("too many lists of subkeys")
        for (inner,) in struct.iter_unpack("<I", entries):
            inner_kind, inner_entries = self._list(inner)
            if inner_kind == b"ri":
                raise BadHive("a list of lists of lists")
            yield from _leaf(inner_kind, inner_entries)

    def _list(self, at: int) -> tuple[bytes, bytes]:
        cell = self._cell(at, 4, LIST_MOST)
        kind, count = struct.unpack_from("<2sH", cell)
        width = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}.get(kind)
        if width is None or len(cell) < 4 + count * width:
            raise BadHive("list of subkeys")
        return kind, cell[4 : 4 + count * width]

    def _node(self, at: int) -> Node:
        cell = self._cell(at, 76, NAMED_MOST)
        magic, flags, written = struct.unpack_from("<2sHQ", cell)
        subkeys, _, subkeys_at, _, values, values_at = struct.unpack_from("<IIIIII", cell, 20)
        (length,) = struct.unpack_from("<H", cell, 72)
        if magic != b"nk" or 76 + length > len(cell):
            raise BadHive("key node")
        name = _name(cell[76 : 76 + length], compressed=bool(flags & COMPRESSED_NAME))
        return Node(name, written, subkeys, subkeys_at, values, values_at)

    def _value(self, at: int, largest: int) -> Value:
        cell = self._cell(at, 20, NAMED_MOST)
        magic, length, size, data_at, kind, flags = struct.unpack_from("<2sHIIIH", cell)
        if magic != b"vk" or 20 + length > len(cell):
            raise BadHive("key value")
        name = _name(cell[20 : 20 + length], compressed=bool(flags & COMPRESSED_VALUE_NAME))
        if size & INLINE:
            if size - INLINE > 4:
                raise BadHive("inline data")
            return Value(name, kind, size - INLINE, struct.pack("<I", data_at)[: size - INLINE])
        if size > largest:
            return Value(name, kind, size, None)
        return Value(name, kind, size, self._data(data_at, size) if size else b"")

    def _data(self, at: int, size: int) -> bytes:
        if size <= BIG_SEGMENT or self.minor < 4:
            return self._cell(at, size, size)
        magic, count, list_at = struct.unpack_from("<2sHI", self._cell(at, 8, 8))
        if magic != b"db" or count != -(-size // BIG_SEGMENT):
            raise BadHive("big data")
        segments = struct.unpack_from(f"<{count}I", self._cell(list_at, 4 * count, 4 * count))
        rest = [min(BIG_SEGMENT, size - BIG_SEGMENT * number) for number in range(count)]
        return b"".join(self._cell(segment, part, part) for segment, part in zip(segments, rest, strict=True))

    def _cell(self, at: int, least: int, most: int) -> bytes:
        """The beginning of an allocated cell: at least and at most so many bytes."""
        if at % 8 or at > self._size:
            raise BadHive("offset of a cell")
        (signed,) = struct.unpack("<i", self._exactly(BASE_SIZE + at, 4))
        length = -signed - 4
        if length < least:
            raise BadHive("size of a cell")
        return self._exactly(BASE_SIZE + at + 4, min(length, most))

    def _exactly(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise BadHive("it ends too early")
        data = self._read(offset, length)
        if len(data) != length:
            raise BadHive("it ends too early")
        return data


def _leaf(kind: bytes, entries: bytes) -> Iterator[tuple[int, int | None]]:
    if kind == b"li":
        yield from ((at, None) for (at,) in struct.iter_unpack("<I", entries))
    else:
        yield from ((at, hashed if kind == b"lh" else None) for at, hashed in struct.iter_unpack("<II", entries))


def _name(data: bytes, *, compressed: bool) -> str:
    return data.decode("latin-1") if compressed else data.decode("utf-16-le", "backslashreplace")


def name_hash(name: str) -> int:
    """The hash by which an ``lh`` list finds a name."""
    hashed = 0
    for character in name.upper():
        hashed = (hashed * HASH_FACTOR + ord(character)) & 0xFFFFFFFF
    return hashed


def checksum(block: bytes) -> int:
    """XOR of the 127 words before it; 0 and all ones are not used."""
    total = 0
    for (word,) in struct.iter_unpack("<I", block):
        total ^= word
    return {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)
