r"""Portable (绿色) copies of known products, and files of activators: found by path, looked at, never read.

A copy that lies in the folder of an entry read before is that entry's, not a portable one.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.model import InstalledSoftware, Platform, Record, Scope, Trace
from scanner.session import FileSeen, FileState, Unsupported, WindowsSession

ALWAYS_THERE = r"C:\Windows"
ACTIVATOR = ""  # the label of what belongs to no product


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield copies and traces. Raises Unsupported where files cannot be seen, SessionError."""
    if session.files is None or session.files.look([ALWAYS_THERE])[0].state is not FileState.PRESENT:
        raise Unsupported("files.not_seen")
    marks = session.marks
    for label, seen in session.files.find({**marks.portable, ACTIVATOR: marks.activator_files}):
        if seen.folder:
            continue
        if label == ACTIVATOR:
            yield Trace("file", seen.path, modified_at=seen.written, observation=seen.observation)
        elif not is_claimed(seen.path, session.claims):
            yield portable(label, seen)


def is_claimed(path: str, claims: set[str]) -> bool:
    """Whether a folder above the file belongs to an entry."""
    folder = path.casefold().rpartition("\\")[0]
    while "\\" in folder:
        if folder in claims:
            return True
        folder = folder.rpartition("\\")[0]
    return False


def portable(product: str, seen: FileSeen) -> InstalledSoftware:
    """One copy; its name is that of its program, its product the one whose path it was found at."""
    folder, _, name = seen.path.rpartition("\\")
    return InstalledSoftware(
        name=name,
        source=seen.path,
        scope=Scope.FILE,
        location=folder,
        file_time=seen.created,
        file_time_of=seen.path,
        files_present=True,
        catalogue_id=product,
        observation=seen.observation,
    )


COLLECTOR = Collector("windows.files", 1, Platform.WINDOWS, collect)
