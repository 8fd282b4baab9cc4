r"""Files over the administrative shares (``C$``, ``D$`` …), read-only, on the channel that carries the registry.

A file is opened with the rights to read it or its attributes, by the disposition that only opens what exists;
:func:`open_request` refuses to make any other request. Reparse points are looked at, never followed.

References:
    - [MS-SMB2] §2.2.13 (CREATE), §2.2.14 (times and attributes in its answer), §2.2.15 (CLOSE), §2.2.19 (READ),
      §2.2.33 (QUERY_DIRECTORY)
    - statuses: [MS-ERREF] §2.3.1
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from scanner.offline_registry import HiveLimits, OfflineRegistry
from scanner.session import (
    AccessDenied,
    FileSeen,
    FileState,
    LimitExceeded,
    OpenedHive,
    SessionError,
    Unsupported,
    Untrusted,
)
from scanner.transports import smb_wire as wire
from scanner.transports.smb_channel import Channel
from scanner.transports.smb_logon import shown
from scanner.transports.smb_wire import Answer, Command, Malformed
from scanner.transports.winreg_values import filetime

T = TypeVar("T")

READ_DATA, READ_ATTRIBUTES = 0x1, 0x80
READING = READ_DATA | READ_ATTRIBUTES
"""All the rights that a file is ever opened with."""
SHARED = 7  # others may read, write and delete meanwhile: we are in nobody's way
DIRECTORY = 0x10
NO_RECALL, NOT_FOLLOWED = 0x00400000, 0x00200000

OK = 0
ABSENT = frozenset({0xC0000034, 0xC000000F, 0xC0000056})  # no such name, no such file, about to be deleted
FOLDER_ABSENT = frozenset({0xC000003A})
DENIED = frozenset({0xC0000022})
IN_USE = frozenset({0xC0000043})
END_OF_FILE = 0xC0000011

DRIVES = "CDEF"
AT_ONCE = 32
PAGE = 1 << 16
ABSOLUTE = re.compile(r"(?P<drive>[A-Za-z]):\\(?P<rest>[^<>:\"/|?*\x00-\x1f]+)")
LEVELS_FIRST = 3  # drive and two folders, looked at before anything below them
MOST_MATCHES = 32
NAMES = 0x0C  # FileNamesInformation, [MS-FSCC] §2.4.33
LONGEST = 1000  # characters of a path
OPENED = struct.Struct("<HBBIQQQQQQI")
NAME_ENTRY = struct.Struct("<III")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How many files of one host are looked at, and how many bytes of its registry files are read."""

    looks: int = 8000
    hive_bytes: int = 24 << 20
    hives: int = 64


@dataclass
class SmbFiles:
    """``scanner.session.FileTree`` of one host."""

    channel: Channel
    address: str
    sealed: bool
    limits: FileLimits = FileLimits()
    _trees: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    _looks: int = 0
    _bytes: int = 0
    _hives: int = 0

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        """Whether each is there. Raises LimitExceeded, SessionError."""
        self._looks += len(paths)
        if self._looks > self.limits.looks:
            raise LimitExceeded("files.too_many_looks", limit=self.limits.looks)
        seen: dict[str, FileSeen] = {path: FileSeen(path, FileState.UNKNOWN) for path in paths}
        for drive, wanted in _by_drive(paths).items():
            if (tree := self._tree(drive)) is not None:
                with self._on(tree):
                    seen |= self._look_on(wanted)
        return tuple(seen[path] for path in paths)

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        """Those that are there, with their label, drive by drive. Raises LimitExceeded, SessionError."""
        drives = [drive for drive in DRIVES if self._tree(drive) is not None]
        whole = [(label, f"{drive}:\\{path}") for drive in drives for label, paths in wanted.items() for path in paths]
        tops = {path: "\\".join(path.split("\\")[:LEVELS_FIRST]) for _, path in whole}
        plain = list(dict.fromkeys(top for top in tops.values() if "*" not in top))
        gone = {seen.path for seen in self.look(plain) if seen.state is not FileState.PRESENT}
        exact: dict[str, str] = {}
        for label, path in whole:
            if tops[path] not in gone:
                exact |= dict.fromkeys(self._matches(path) if "*" in path else [path], label)
        looked = self.look(list(exact))
        return tuple((exact[seen.path], seen) for seen in looked if seen.state is FileState.PRESENT)

    def _matches(self, pattern: str) -> list[str]:
        """The paths that a pattern with one ``*`` in the name of a folder stands for."""
        parts = pattern.split("\\")
        at = next(number for number, part in enumerate(parts) if "*" in part)
        folder, rest = parts[1:at], parts[at + 1 :]
        names = self._listing(parts[0][0], "\\".join(folder), parts[at])
        return ["\\".join([parts[0], *folder, name, *rest]) for name in names]

    def _listing(self, drive: str, folder: str, pattern: str) -> list[str]:
        tree = self._tree(drive)
        if tree is None:
            return []
        self._looks += 1
        with self._on(tree):
            opened = self.channel.call(Command.CREATE, open_request(folder, READING))
            if opened.status != OK:
                return []
            file_id = self._file_id(opened)
            answer = self.channel.call(Command.QUERY_DIRECTORY, list_request(file_id, pattern))
            self.channel.call(Command.CLOSE, close_request(file_id))
        return self._understood(parse_names, answer)[:MOST_MATCHES] if answer.status == OK else []

    def hive(self, path: str, mount: str) -> OpenedHive:
        """One registry file. Raises Unsupported (absent, in use, no hive), AccessDenied, LimitExceeded."""
        self._hives += 1
        if self._hives > self.limits.hives:
            raise LimitExceeded("files.too_many_hives", limit=self.limits.hives)
        found = ABSOLUTE.fullmatch(path)
        tree = self._tree(found["drive"].upper()) if found else None
        if found is None or tree is None:
            raise Unsupported("files.no_drive", path=path)
        with self._on(tree):
            answer = self.channel.call(Command.CREATE, open_request(found["rest"], READING))
        if answer.status != OK:
            raise _not_opened(answer.status, path)
        pages = _Pages(self._reader(tree, self._file_id(answer)), _size(answer))
        registry = OfflineRegistry(pages.read, pages.size, mount, HiveLimits())
        return OpenedHive(registry, registry.dirty)

    def _reader(self, tree: int, file_id: bytes) -> Callable[[int, int], bytes]:
        def read(offset: int, length: int) -> bytes:
            self._bytes += length
            if self._bytes > self.limits.hive_bytes:
                raise LimitExceeded("files.too_many_bytes", limit=self.limits.hive_bytes)
            with self._on(tree):
                answer = self.channel.call(Command.READ, read_request(file_id, offset, length))
            if answer.status == END_OF_FILE:
                return b""
            if answer.status != OK:
                raise SessionError("files.read_failed", status=shown(answer.status))
            return self._understood(wire.parse_read, answer)

        return read

    def _look_on(self, wanted: Sequence[tuple[str, str]]) -> dict[str, FileSeen]:
        seen: dict[str, FileSeen] = {}
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            bodies = [open_request(rest, READ_ATTRIBUTES) for _, rest in part]
            answers = self.channel.gather(Command.CREATE, bodies)
            ids = [self._file_id(answer) for answer in answers if answer.status == OK]
            self.channel.gather(Command.CLOSE, [close_request(file_id) for file_id in ids])
            seen |= {path: _seen(path, answer) for (path, _), answer in zip(part, answers, strict=True)}
        return seen

    def _tree(self, drive: str) -> int | None:
        """The tree of an administrative share, or None where there is none for us."""
        if drive not in self._trees:
            host = f"[{self.address}]" if ":" in self.address else self.address
            with self._on(0):
                answer = self.channel.call(Command.TREE_CONNECT, wire.tree_connect(rf"\\{host}\{drive}$"))
            demanded = answer.status == OK and self._understood(wire.parse_tree_connect, answer) & wire.SHARE_ENCRYPT
            usable = answer.status == OK and not (demanded and not self.sealed)
            self._trees[drive] = answer.tree_id if usable else None
        return self._trees[drive]

    def _file_id(self, answer: Answer) -> bytes:
        return self._understood(wire.parse_open_pipe, answer)

    def _understood(self, parser: Callable[[Answer], T], answer: Answer) -> T:
        try:
            return parser(answer)
        except Malformed as error:
            raise self.channel.fail(Untrusted("smb.malformed_answer", detail=str(error))) from error

    @contextmanager
    def _on(self, tree: int) -> Generator[None]:
        """Requests go to this share meanwhile; nothing else may be outstanding."""
        before, self.channel.tree_id = self.channel.tree_id, tree
        try:
            yield
        finally:
            self.channel.tree_id = before


@dataclass
class _Pages:
    """A file by pages, each read once."""

    fetch: Callable[[int, int], bytes]
    size: int
    _kept: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``, fewer at the end of the file."""
        first, last = offset // PAGE, (offset + length - 1) // PAGE
        data = b"".join(self._page(number) for number in range(first, last + 1))
        return data[offset - first * PAGE :][:length]

    def _page(self, number: int) -> bytes:
        if number not in self._kept:
            start = number * PAGE
            self._kept[number] = self.fetch(start, min(PAGE, self.size - start)) if start < self.size else b""
        return self._kept[number]


def open_request(name: str, access: int) -> bytes:
    """Body of a CREATE that opens what exists, for reading. Raises ValueError for any other right."""
    if access & ~READING or not access:
        raise ValueError(f"access {access:#x} is not read-only")
    options = NOT_FOLLOWED | NO_RECALL
    text = name.encode("utf-16-le", "surrogatepass")
    head = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, access, 0, SHARED, wire.FILE_OPEN, options,
                       wire.HEADER.size + 56, len(text), 0, 0)  # fmt: skip
    return head + (text or b"\0")  # the root of a share has no name, but the buffer is never empty


def read_request(file_id: bytes, offset: int, length: int) -> bytes:
    """Body of a READ of up to 64 KiB from a place in a file."""
    return struct.pack("<HBBIQ16sIIIHHB", 49, 0x50, 0, min(length, PAGE), offset, file_id, 0, 0, 0, 0, 0, 0)


def close_request(file_id: bytes) -> bytes:
    """Body of a CLOSE."""
    return struct.pack("<HHI16s", 24, 0, 0, file_id)


def list_request(folder_id: bytes, pattern: str) -> bytes:
    """Body of a QUERY_DIRECTORY for the names that fit a pattern, as many as one answer holds."""
    text = pattern.encode("utf-16-le", "surrogatepass")
    head = struct.pack("<HBBI16sHHI", 33, NAMES, 0, 0, folder_id, wire.HEADER.size + 32, len(text), PAGE)
    return head + text


def parse_names(answer: Answer) -> list[str]:
    """The names in one answer of QUERY_DIRECTORY. Raises Malformed."""
    offset, length = wire.unpack(struct.Struct("<HI"), answer.body, 2)
    data, at, names = wire.part(answer.packet, offset, length), 0, list[str]()
    while True:
        following, _, size = wire.unpack(NAME_ENTRY, data, at)
        if at + NAME_ENTRY.size + size > len(data) or 0 < following < NAME_ENTRY.size + size:
            raise Malformed("a name outside its place in the list")
        name = data[at + NAME_ENTRY.size :][:size].decode("utf-16-le", "backslashreplace")
        if name not in (".", ".."):
            names.append(name)
        if not following:
            return names
        at += following


def _by_drive(paths: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Paths that Windows would take, as ``(path, rest)`` by drive letter."""
    sorted_out: dict[str, list[tuple[str, str]]] = {}
    for path in dict.fromkeys(paths):
        found = ABSOLUTE.fullmatch(path)
        if found and len(path) <= LONGEST and ".." not in path.split("\\"):
            sorted_out.setdefault(found["drive"].upper(), []).append((path, found["rest"].rstrip("\\ .")))
    return sorted_out


def _seen(path: str, answer: Answer) -> FileSeen:
    if answer.status in ABSENT:
        return FileSeen(path, FileState.ABSENT)
    if answer.status in FOLDER_ABSENT:
        return FileSeen(path, FileState.FOLDER_ABSENT)
    if answer.status in IN_USE:
        return FileSeen(path, FileState.PRESENT)
    if answer.status != OK:
        return FileSeen(path, FileState.UNKNOWN)
    _, _, _, _, created, _, written, _, _, size, attributes = OPENED.unpack_from(answer.body)
    folder = bool(attributes & DIRECTORY)
    return FileSeen(path, FileState.PRESENT, folder, size, filetime(created), filetime(written))


def _size(answer: Answer) -> int:
    return int(OPENED.unpack_from(answer.body)[9])


def _not_opened(status: int, path: str) -> SessionError:
    if status in ABSENT | FOLDER_ABSENT:
        return Unsupported("files.absent", path=path)
    if status in IN_USE:
        return Unsupported("files.in_use", path=path)
    if status in DENIED:
        return AccessDenied("files.denied", path=path)
    return SessionError("files.cannot_open", path=path, status=shown(status))
