"""File systems of their own in a file, mounted: another medium, a full disk, raw bytes to search. Needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

MIB = 1 << 20


@contextmanager
def mounted(image: Path, folder: Path, mebibytes: int = 32) -> Generator[Path]:
    """A fresh ext4 in ``image``, mounted at ``folder``; a sparse file, so only written blocks take space."""
    make(image, mebibytes)
    folder.mkdir(parents=True, exist_ok=True)
    with remounted(image, folder):
        yield folder


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
        subprocess.run(["umount", str(folder)], check=True)
