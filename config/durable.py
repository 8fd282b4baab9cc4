"""Files that survive a power cut: write aside, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from config.problems import EnvironmentProblem

BLANK = bytes(1 << 16)
REPLACING = Lock()
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})


def file_problem(error: OSError) -> EnvironmentProblem | None:
    """What people are told when a file they named cannot be read or written; None when the error names no file."""
    if not isinstance(error.filename, str | bytes):
        return None
    return EnvironmentProblem("data.file", path=os.fsdecode(error.filename), detail=error.strerror)


def disk_problem(error: OSError) -> EnvironmentProblem | None:
    """What people are told when the disk is full or fails; None for an error that is not the disk's."""
    if error.errno not in DISK_ERRORS:
        return None
    name = Path(os.fsdecode(error.filename)).name if isinstance(error.filename, str | bytes) else "—"
    return EnvironmentProblem("data.disk", file=name, detail=error.strerror)


@contextmanager
def storing(file: str) -> Generator[None]:
    """Turn an OSError of what is written inside into EnvironmentProblem ``data.cannot_store``."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem("data.cannot_store", file=file, detail=error.strerror) from error


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put ``data`` at ``path`` whole or not at all, then blank the bytes that stood there before.

    Blanking is best effort (a copying file system or an SSD may keep them). Raises OSError; the old file stands then.
    One thread after the other: all write aside under one name, so that what a crash leaves there is found again.
    """
    with REPLACING:
        _replace(path, data, mode)


def _replace(path: Path, data: bytes, mode: int) -> None:
    aside = path.with_name(path.name + ".new")
    _blank_leftover(aside)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    old = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC) if path.exists() else None
    try:
        aside.replace(path)
        sync_folder(path.parent)
        if old is not None:
            _blank(old)
    finally:
        if old is not None:
            os.close(old)


def _blank_leftover(aside: Path) -> None:
    """What a crash left aside may hold what is to be destroyed now."""
    try:
        left = os.open(aside, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _blank(left)
    finally:
        os.close(left)


def sync_folder(folder: Path) -> None:
    """Make names made, renamed or removed in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> Path:
    """Make ``folder`` (and its parents), readable by its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def move_folder(folder: Path, target: Path) -> None:
    """Rename a folder durably; nothing happens when it has been moved already. Raises OSError."""
    if folder.exists():
        private_folder(target.parent)
        folder.rename(target)
        sync_folder(target.parent)
        sync_folder(folder.parent)


def remove_folder(folder: Path) -> None:
    """Unlink a folder with all that is in it, durably; may be called again after a crash. Raises OSError."""
    if folder.exists():
        shutil.rmtree(folder)
        sync_folder(folder.parent)


def _blank(descriptor: int) -> None:
    left = os.fstat(descriptor).st_size
    while left > 0:
        left -= os.write(descriptor, BLANK[:left])
    os.fsync(descriptor)
