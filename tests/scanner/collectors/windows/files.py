"""Files out of a dictionary, for collectors without a peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanner.session import FileSeen, FileState, OpenedHive, SessionError, Unsupported


@dataclass
class Files:
    """``made``: path → when it was created; what does not end in .exe is a folder. ``error`` ends every look."""

    made: Mapping[str, str]
    error: SessionError | None = None

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        if self.error:
            raise self.error
        return tuple(self._seen(path) for path in paths)

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        found = [(label, self._seen(f"C:\\{path}")) for label, paths in wanted.items() for path in paths]
        return tuple((label, seen) for label, seen in found if seen.state is FileState.PRESENT)

    def hive(self, path: str, mount: str) -> OpenedHive:
        raise Unsupported("files.absent", path=path)

    def _seen(self, path: str) -> FileSeen:
        if path not in self.made:
            return FileSeen(path, FileState.FOLDER_ABSENT)
        return FileSeen(path, FileState.PRESENT, not path.endswith(".exe"), 2, self.made[path], self.made[path])
