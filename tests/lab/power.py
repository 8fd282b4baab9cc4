"""A disk with a volatile cache: recorded calls are replayed up to a moment, then the power goes.

What was not synced may be lost: the bytes of a file until its ``fsync``, a name until the ``fsync`` of its folder. Of
the rest either nothing survives, or a random part does: sectors of 512 bytes in any order, names in their order.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.syscalls import Call

SECTOR = 512


@dataclass
class File:
    """What the disk holds for certain, and what is only in its cache."""

    certain: bytearray = field(default_factory=bytearray)
    cached: list[tuple[int, bytes] | int] = field(default_factory=list[tuple[int, bytes] | int])  # write, or new length

    def sync(self) -> None:
        for change in self.cached:
            _apply(self.certain, change)
        self.cached.clear()

    def after_cut(self, lucky: bool) -> bytes:
        content = bytearray(self.certain)
        for change in self.cached if lucky else ():
            if isinstance(change, int):
                if secrets.randbelow(2):
                    _apply(content, change)
                continue
            offset, data = change
            for start in range(0, len(data), SECTOR):
                if secrets.randbelow(2):
                    _apply(content, (offset + start, data[start : start + SECTOR]))
        return bytes(content)


def _apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del content[change:]
        content.extend(bytes(change - len(content)))
        return
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


Node = File | None  # None is a folder
Step = dict[Path, tuple[Node, bool]]  # path → what is there now, and whether anything is


@dataclass
class Opened:
    """An open file of the recorded process."""

    file: File
    position: int = 0
    appending: bool = False


class Disk:
    """The part of the file system below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now: dict[Path, Node] = {}
        self.certain: dict[Path, Node] = {}
        self.cached: list[tuple[frozenset[Path], Step]] = []  # folders that the step changes, and the step
        self._open: dict[int, Opened | Path] = {}

    def replay(self, call: Call) -> None:
        """Do one recorded call."""
        method = getattr(self, f"_do_{call.name}", None)
        if method is not None:
            method(call)

    def cut(self, target: Path, *, lucky: bool) -> None:
        """Lose the power; put what the disk holds then into ``target``."""
        names = dict(self.certain)
        survive = secrets.randbelow(len(self.cached) + 1) if lucky else 0
        for _, step in self.cached[:survive]:
            _rename(names, step)
        for path in sorted(names):
            place = target / path.relative_to(self.root)
            node = names[path]
            if not place.parent.is_dir():
                continue  # its folder's own name was lost
            if node is None:
                place.mkdir(mode=0o700)
            else:
                place.write_bytes(node.after_cut(lucky))

    # Names

    def _change(self, step: Step) -> None:
        _rename(self.now, step)
        self.cached.append((frozenset(path.parent for path in step), step))

    def _mine(self, path: Path) -> bool:
        return path.is_relative_to(self.root) and path != self.root

    def _do_openat(self, call: Call) -> None:
        folder, name, flags = call.arguments[:3]
        path = _joined(folder, name)
        if not path.is_relative_to(self.root):
            self._open.pop(call.result, None)
            return
        if path == self.root or self.now.get(path, False) is None:
            self._open[call.result] = path
            return
        if path not in self.now:
            assert "O_CREAT" in str(flags), path
            self._change({path: (File(), True)})
        file = self.now[path]
        assert file is not None
        if "O_TRUNC" in str(flags):
            file.cached.append(0)
        self._open[call.result] = Opened(file, 0, "O_APPEND" in str(flags))

    def _do_mkdir(self, call: Call) -> None:
        path = _joined(Path("/"), call.arguments[0])
        if self._mine(path):
            self._change({path: (None, True)})

    def _do_rename(self, call: Call) -> None:
        old, new = (_joined(Path("/"), argument) for argument in call.arguments[:2])
        if not self._mine(old):
            return
        step: Step = {}
        for path, node in self.now.items():
            if path.is_relative_to(old):
                step[path] = (None, False)
                step[new / path.relative_to(old)] = (node, True)
        self._change(step)

    def _do_unlink(self, call: Call) -> None:
        self._gone(_joined(Path("/"), call.arguments[0]))

    _do_rmdir = _do_unlink

    def _do_unlinkat(self, call: Call) -> None:
        self._gone(_joined(call.arguments[0], call.arguments[1]))

    def _gone(self, path: Path) -> None:
        if self._mine(path):
            self._change({path: (None, False)})

    # Bytes

    def _do_close(self, call: Call) -> None:
        self._open.pop(call.descriptors[0], None)

    def _do_lseek(self, call: Call) -> None:
        opened = self._open.get(call.descriptors[0])
        if isinstance(opened, Opened):
            opened.position = call.result

    def _do_write(self, call: Call) -> None:
        opened = self._open.get(call.descriptors[0])
        if isinstance(opened, Opened):
            if opened.appending:
                opened.position = _length(opened.file)
            self._put(opened.file, opened.position, call)
            opened.position += call.result

    def _do_pwrite64(self, call: Call) -> None:
        opened = self._open.get(call.descriptors[0])
        if isinstance(opened, Opened):
            self._put(opened.file, int(str(call.arguments[3])), call)

    def _put(self, file: File, offset: int, call: Call) -> None:
        data = call.arguments[1]
        assert isinstance(data, bytes)
        file.cached.append((offset, data[: call.result]))

    def _do_ftruncate(self, call: Call) -> None:
        opened = self._open.get(call.descriptors[0])
        if isinstance(opened, Opened):
            opened.file.cached.append(int(str(call.arguments[1])))

    def _do_fsync(self, call: Call) -> None:
        opened = self._open.get(call.descriptors[0])
        if isinstance(opened, Opened):
            opened.file.sync()
        elif opened is not None:
            self._sync_folder(opened)

    _do_fdatasync = _do_fsync

    def _sync_folder(self, folder: Path) -> None:
        for folders, step in self.cached:
            if folder in folders:
                _rename(self.certain, step)
        self.cached = [entry for entry in self.cached if folder not in entry[0]]


UNMODELLED = frozenset(
    {"writev", "pwritev", "fallocate", "truncate", "renameat", "renameat2", "mkdirat", "link", "linkat"}
)


def check_modelled(calls: Sequence[Call], root: Path) -> None:
    """Raises AssertionError for a call below ``root`` that the disk does not know."""
    for call in calls:
        assert not (call.name in UNMODELLED and call.touches(root)), call.name


def _rename(names: dict[Path, Node], step: Step) -> None:
    for path, (node, there) in step.items():
        if there:
            names[path] = node
        else:
            names.pop(path, None)


def _joined(folder: bytes | Path | str, name: bytes | Path | str) -> Path:
    assert isinstance(folder, Path)
    assert isinstance(name, bytes)
    return folder / name.decode()


def _length(file: File) -> int:
    content = bytearray(file.certain)
    for change in file.cached:
        _apply(content, change)
    return len(content)
