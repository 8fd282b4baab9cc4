"""File systems of their own in a file, mounted: another medium, a full disk, raw bytes to search. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

MIB = 1 << 20
BUSY_SECONDS = 20


@contextmanager
def mounted(image: Path, folder: Path, mebibytes: int = 32) -> Generator[Path]:
    """A fresh ext4 in ``image``, mounted at ``folder``; a sparse file, so only written blocks take space."""
    make(image, mebibytes)
    folder.mkdir(parents=True, exist_ok=True)
    with remounted(image, folder):
        yield folder


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill the file system of ``folder`` with one file, but for ``leave`` bytes; the file."""
    ballast = folder / "ballast"
    size = shutil.disk_usage(folder).free - leave
    with ballast.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, size)
        file.seek(size)
        while leave == 0:  # the last blocks, which one large piece does not find
            os.write(file.fileno(), bytes(4096))
    return ballast


def make(image: Path, mebibytes: int) -> None:
    """A fresh ext4 without reserved blocks."""
    with image.open("wb") as file:
        file.truncate(mebibytes * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0", str(image)], check=True)


@contextmanager
def remounted(image: Path, folder: Path) -> Generator[Path]:
    """Mount what :func:`make` made."""
    subprocess.run(["mount", "-o", "loop,nodiscard", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Processes that were told to end may still be at it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while subprocess.run(["umount", str(folder)], capture_output=True).returncode:
        assert time.monotonic() < deadline, f"{folder} is still in use"
        time.sleep(0.05)
