"""Reference data with a last good copy: an error in a file never keeps the appliance from starting.

Each time a source (a file, or a folder of ``*.toml``) is read without an error, a copy is kept under
``DATA/reference/<kind>``. When the source has an error later, the copy stands in, and the error — file, line and key —
is reported until it is corrected.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from config.durable import private_folder, sync_folder
from config.message import Message
from config.problems import BadInput

T = TypeVar("T")
KEEPING = Lock()


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """What is in use, where it was read from, and what is wrong with the source when a copy stands in for it."""

    value: T
    source: Path
    problem: Message | None = None


def load(kept: Path, source: Path, read: Callable[[Path], T]) -> Loaded[T]:
    """Read ``source``, or its last good copy in the folder ``kept``. Raises BadInput when there is no copy to use."""
    try:
        value = read(source)
    except BadInput as problem:
        return _stand_in(kept, source, read, problem)
    with KEEPING:
        _keep(kept, source)
    return Loaded(value, source)


def _stand_in(kept: Path, source: Path, read: Callable[[Path], T], problem: BadInput) -> Loaded[T]:
    for folder in (kept, _older(kept)):
        copy = folder / source.name if source.suffix == ".toml" else folder
        if copy.exists():
            try:
                return Loaded(read(copy), copy, problem.message)
            except BadInput:
                continue  # kept by another version, which read these files differently
    raise problem


def _keep(kept: Path, source: Path) -> None:
    """Replace the copy; a crash in between leaves the older one, which is looked for too."""
    if kept.is_dir() and _contents(kept) == _contents(source):
        return
    private_folder(kept.parent)
    fresh = kept.with_name(f"{kept.name}.new")
    for leftover in (fresh, _older(kept)):
        if leftover.exists():
            shutil.rmtree(leftover)
    fresh.mkdir(mode=0o700)
    for name, content in _contents(source).items():
        (fresh / name).write_bytes(content)
    if kept.is_dir():
        kept.rename(_older(kept))
    fresh.rename(kept)
    sync_folder(kept.parent)


def _older(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.old")


def _contents(source: Path) -> dict[str, bytes]:
    files = [source] if source.is_file() else source.glob("*.toml")
    return {file.name: file.read_bytes() for file in files}
