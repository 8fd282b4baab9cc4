"""Read a bundle where it lies, as a folder or straight out of a zip; nothing is unpacked, nothing outside is touched.

What a hostile bundle may try (links, device files, ``..``, double names, zip bombs, bytes between members) becomes a
problem of the container; its remaining files can still be read and checked.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Set
from pathlib import Path
from threading import Lock
from typing import Protocol

from appliance.evidence.digesting import read_chunks
from appliance.evidence.manifest import is_safe, shown
from config.message import Message

CHUNK = 1 << 20
FILES_LIMIT = 200_000
BYTES_LIMIT = 8 << 30
DIRECTORY_LIMIT = 32 << 20  # bytes of a zip's central directory
RATIO_LIMIT = 200
RATIO_FREE = 256 << 20  # below this size any ratio is harmless
END = struct.Struct("<4s4H2LH")
END64_LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCAL = struct.Struct("<4s5H3L2H")
STREAMED = 0x08
ENCRYPTED = 0x01
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    IndexError,
    OverflowError,
    RuntimeError,
)


class Damaged(Exception):
    """A file, or the whole container, cannot be read."""


class Container(Protocol):
    """The files of a bundle."""

    @property
    def names(self) -> Set[str]:
        """Paths of regular files that can be read."""
        ...

    @property
    def problems(self) -> tuple[Message, ...]:
        """What is wrong with the container itself."""
        ...

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of one file; several may be read at once, in several threads. Raises Damaged."""
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


class FolderContainer:
    """A bundle as a folder; links are never followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: set[str] = set()
        self._problems: list[Message] = []
        pending = [""]
        while pending:
            pending += self._scan(pending.pop())

    @property
    def names(self) -> Set[str]:
        return self._names

    @property
    def problems(self) -> tuple[Message, ...]:
        return tuple(self._problems)

    @property
    def size(self) -> int:
        return sum((self._root / name).lstat().st_size for name in self._names)

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            descriptor = os.open(f"{self._root}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            yield from read_chunks(descriptor)
        except OSError as error:
            raise Damaged(error.strerror) from error

    def _scan(self, prefix: str) -> list[str]:
        """Take the files of one folder; return its folders."""
        with os.scandir(self._root / prefix) as found:
            entries = list(found)
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                continue
            if not entry.is_file(follow_symlinks=False):
                self._problems.append(Message.of("evidence.not_a_file", path=shown(name)))
            elif not is_safe(name):
                self._problems.append(Message.of("evidence.unsafe_path", path=shown(name)))
            else:
                self._names.add(name)
        return [f"{prefix}{entry.name}/" for entry in entries if entry.is_dir(follow_symlinks=False)]

    def close(self) -> None:
        """Nothing is held open between reads."""


class ZipContainer:
    """A bundle as a zip. Raises Damaged when its directory cannot be read or exceeds the limits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = Lock()
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._problems: list[Message] = []
        try:
            directory = _directory_start(path)
            self._archive = zipfile.ZipFile(path)
            with path.open("rb") as file:
                self._check_layout(file, directory)
        except ZIP_ERRORS as error:
            raise Damaged(str(error)) from error
        self._take(self._archive.infolist())

    @property
    def names(self) -> Set[str]:
        return self._members.keys()

    @property
    def problems(self) -> tuple[Message, ...]:
        return tuple(self._problems)

    @property
    def size(self) -> int:
        return sum(member.file_size for member in self._members.values())

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._guard:  # opening counts the users of the one file, without a lock of its own
                file = self._archive.open(self._members[name])
            try:
                while chunk := file.read(CHUNK):
                    yield chunk
            finally:
                with self._guard:
                    file.close()
        except ZIP_ERRORS as error:
            raise Damaged(str(error)) from error

    def close(self) -> None:
        self._archive.close()

    def _take(self, members: list[zipfile.ZipInfo]) -> None:
        _check_size(members, self._path.stat().st_size)
        seen: set[str] = set()
        for member in members:
            if problem := _member_problem(member, seen):
                self._problems.append(problem)
            elif not member.is_dir():
                self._members[member.filename] = member
            seen.add(member.filename)

    def _check_layout(self, file: _Seekable, directory: int) -> None:
        """Members must lie gaplessly from the first byte on: hidden ones would show to tools that read as a stream."""
        position = 0
        for member in sorted(self._archive.infolist(), key=lambda one: one.header_offset):
            if member.header_offset != position:
                break
            position = _end_of(member, file)
        if position != directory:
            self._problems.append(Message.of("evidence.zip_gap"))


class _Seekable(Protocol):
    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...


def is_zip(path: Path) -> bool:
    """Whether a file starts as a zip does, readable or not."""
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}


def _directory_start(path: Path) -> int:
    """Offset of the central directory; checks its size before anything parses it. Raises Damaged."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - END.size))
        mark, *_, length, offset, comment = END.unpack(file.read(END.size))
        if mark != b"PK\x05\x06" or comment:
            raise Damaged("no end record, or a comment after it")
        if 0xFFFFFFFF in {length, offset}:
            length, offset = _end64(file, size)
    if length > DIRECTORY_LIMIT or offset + length > size:
        raise Damaged("central directory out of bounds")
    return offset


def _end64(file: _Seekable, size: int) -> tuple[int, int]:
    file.seek(max(0, size - END.size - END64_LOCATOR.size))
    _, _, record, _ = END64_LOCATOR.unpack(file.read(END64_LOCATOR.size))
    file.seek(min(record, size))
    *_, length, offset = END64.unpack(file.read(END64.size))
    return length, offset


def _check_size(members: list[zipfile.ZipInfo], packed: int) -> None:
    size = sum(member.file_size for member in members)
    if len(members) > FILES_LIMIT or size > BYTES_LIMIT or (size > RATIO_FREE and size > RATIO_LIMIT * packed):
        raise Damaged("too many files, too large, or packed too tightly")


def _member_problem(member: zipfile.ZipInfo, seen: set[str]) -> Message | None:
    name = member.filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not is_safe(name.removesuffix("/")) or name in seen or member.orig_filename != name:
        return Message.of("evidence.unsafe_path", path=shown(name))
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (member.is_dir() and member.file_size):
        return Message.of("evidence.not_a_file", path=shown(name))
    if member.flag_bits & ENCRYPTED or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return Message.of("evidence.unreadable_member", path=shown(name))
    return None


def _end_of(member: zipfile.ZipInfo, file: _Seekable) -> int:
    file.seek(member.header_offset)
    *_, name_length, extra_length = LOCAL.unpack(file.read(LOCAL.size))
    end = member.header_offset + LOCAL.size + name_length + extra_length + member.compress_size
    return end + _descriptor_length(member, file, end) if member.flag_bits & STREAMED else end


def _descriptor_length(member: zipfile.ZipInfo, file: _Seekable, end: int) -> int:
    """A streamed member is followed by its CRC and sizes, with or without a mark, of 4 or 8 bytes each."""
    file.seek(end)
    after = file.read(24)
    mark = 4 if after.startswith(b"PK\x07\x08") else 0
    short = struct.pack("<3L", member.CRC, member.compress_size & 0xFFFFFFFF, member.file_size & 0xFFFFFFFF)
    return mark + (12 if after[mark : mark + 12] == short else 20)
