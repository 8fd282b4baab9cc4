"""A folder served as the sessions that the collectors know; what was not carried is said, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.session import (
    AccessDenied,
    FileSeen,
    FileState,
    OpenedHive,
    RegistryKey,
    SessionError,
    ShellAnswer,
    Unsupported,
    WmiRow,
)
from scanner.single_machine.regfile import Keys
from scanner.single_machine.regquery import Told
from scanner.single_machine.script import Scripted
from scanner.wmi_classes import WmiClass

CHANNEL = "single-machine"


@dataclass
class FolderRegistry:
    """The registry as far as it was written out. ``told``: what was asked; ``trees``: the exported subtrees."""

    told: Told
    trees: Keys
    _by_path: dict[str, RegistryKey] = field(default_factory=dict[str, RegistryKey])
    _below: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def __post_init__(self) -> None:
        for keys in (self.told.keys, self.trees):
            for path, values in keys.items():
                self._by_path[path.casefold()] = RegistryKey(path, values)
        for path in self.trees:
            self._place(path)

    def _place(self, path: str) -> None:
        above, mark, name = path.rpartition("\\")
        while mark and name.casefold() not in self._below.setdefault(above.casefold(), {}):
            self._below[above.casefold()][name.casefold()] = name
            above, mark, name = above.rpartition("\\")

    def names(self, path: str) -> tuple[str, ...]:
        folded = path.casefold()
        if folded in self.told.listed:
            return tuple(name for name in self.told.listed[folded] if not self._refuses(f"{folded}\\{name}"))
        if self._is_whole(folded):
            return tuple(self._below.get(folded, {}).values())
        raise self._not_there(path)

    def key(self, path: str) -> RegistryKey | None:
        folded = path.casefold()
        if self._is_whole(folded):
            return self._by_path.get(folded)
        if folded in self.told.asked or self._is_listed(folded):
            found = self._by_path.get(folded)
            return found if found and found.values else None
        raise self._not_there(path)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        for name in self.names(path):
            below = f"{path}\\{name}"
            yield self._by_path.get(below.casefold()) or RegistryKey(below, {})

    def _is_whole(self, folded: str) -> bool:
        """Whether the path lies in a subtree that was written out, or was looked for and is not there."""
        parts = folded.split("\\")
        return any("\\".join(parts[:size]) in self.told.exported for size in range(len(parts), 0, -1))

    def _is_listed(self, folded: str) -> bool:
        """Whether the names beside it are known and values of all of them were asked."""
        return folded.rpartition("\\")[0] in self.told.listed

    def _refuses(self, path: str) -> bool:
        """Whether it is the hive of another person who is signed in, which only an administrator may read."""
        return path.casefold().startswith("hku\\") and any(
            refused.startswith(f"{path.casefold()}\\") for refused in self.told.refused
        )

    def _not_there(self, path: str) -> SessionError:
        folded = path.casefold()
        if any(folded == refused or folded.startswith(f"{refused}\\") for refused in self.told.refused):
            return AccessDenied("single.denied", path=path)
        return Unsupported("single.not_carried", path=path)


@dataclass
class FolderWmi:
    """WMI as the script or ``wmic`` asked it."""

    scripted: Scripted
    channel: str = CHANNEL

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        found = self.scripted.rows.get(wanted.path)
        if found is None:
            raise SessionError("wmi.query_failed", name=wanted.path, status="-")
        if isinstance(found, SessionError):
            raise found
        return found


@dataclass
class FolderFiles:
    """Files as the script looked at them; a path that it did not look at stays unknown."""

    scripted: Scripted

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        known = {path.casefold(): seen for path, seen in self.scripted.looked.items()}
        return tuple(_as(path, known.get(path.casefold())) for path in paths)

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        fits = [(label, fit) for label, paths in wanted.items() for fit in map(pattern, paths)]
        found: list[tuple[str, FileSeen]] = []
        for seen in self.scripted.found:
            below = seen.path[3:]
            labels = [label for label, fit in fits if fit.fullmatch(below)]
            found += [(label, seen) for label in labels[-1:]]
        return tuple(found)

    def hive(self, path: str, mount: str) -> OpenedHive:
        raise Unsupported("single.person_not_signed_in", path=path)


def _as(path: str, seen: FileSeen | None) -> FileSeen:
    if seen is None:
        return FileSeen(path, FileState.UNKNOWN)
    return FileSeen(path, seen.state, seen.folder, seen.size, seen.created, seen.written)


def pattern(path: str) -> re.Pattern[str]:
    r"""``Office*\WINWORD.EXE`` as an expression; ``*`` stands for the rest of a folder's name."""
    return re.compile(re.escape(path).replace(r"\*", r"[^\\]*"), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FolderShell:
    """The answer of the one command, whoever asks."""

    answer: ShellAnswer

    def run(self, command: str) -> ShellAnswer:
        return self.answer
