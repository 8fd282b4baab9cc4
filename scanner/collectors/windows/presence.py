r"""Whether the files of an installed program are still there: what its entry names is looked at, never read.

An entry is 残留 only when everything it names is gone: its folders, or two programs of a folder that still stands.
Shared places (Windows itself, installers' caches) say nothing about a program. What cannot be seen stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scanner.collectors.windows.dates import conflict
from scanner.collectors.windows.keys import text
from scanner.model import InstalledSoftware, Record, SkippedEntry
from scanner.session import FileSeen, FileState, RegistryKey, SessionError, WindowsSession

PROGRAM = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<bare>[A-Za-z%][^"]*?\.(?:exe|ico|dll)))', re.IGNORECASE)
ROOTED = re.compile(r"[A-Za-z]:\\[^\\]")
VARIABLE = re.compile(r"%(?P<name>[^%]+)%")
VARIABLES = {
    "programfiles": r"C:\Program Files",
    "programw6432": r"C:\Program Files",
    "programfiles(x86)": r"C:\Program Files (x86)",
    "commonprogramfiles": r"C:\Program Files\Common Files",
    "programdata": r"C:\ProgramData",
    "allusersprofile": r"C:\ProgramData",
    "systemroot": r"C:\Windows",
    "windir": r"C:\Windows",
    "systemdrive": "C:",
}
SHARED = re.compile(
    r"[a-z]:\\(windows|program files( \(x86\))?|programdata|users|program files( \(x86\))?\\common files)$"
    r"|[a-z]:\\windows\\|.*\\(package cache|installshield installation information|common files)\\",
)
"""Folded places that belong to no single program."""
HELPERS = frozenset({"utility", "uninstall", "uninst", "uninstaller", "setup", "bin"})
ENOUGH_PROGRAMS = 2


@dataclass(frozen=True, slots=True)
class Named:
    """An entry, and the folder and programs that its key names."""

    record: InstalledSoftware
    folder: str | None = None
    programs: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything to be looked at."""
        return (*((self.folder,) if self.folder else ()), *self.programs)


def named(record: InstalledSoftware, key: RegistryKey) -> Named:
    r"""``DisplayIcon="C:\X\x.exe,0"``, ``UninstallString="\"C:\X\u.exe\" /S"``, ``InstallLocation="C:\X\"``."""
    written = (text(key, name) for name in ("DisplayIcon", "UninstallString"))
    programs = dict.fromkeys(path for value in written if (path := program_path(value)))
    return Named(record, own_path((record.location or "").strip('" ')), tuple(programs))


def program_path(written: str | None) -> str | None:
    r"""The program at the beginning of a command or an icon's place; None where it names none of its own.

    >>> program_path(r'"C:\Tools\x.exe",0'), program_path("MsiExec.exe /X{1}"), program_path(r"C:\A b\u.exe /S")
    ('C:\\Tools\\x.exe', None, 'C:\\A b\\u.exe')
    """
    found = PROGRAM.match(written or "")
    return own_path((found["quoted"] or found["bare"]).strip()) if found else None


def own_path(written: str) -> str | None:
    """A rooted path with its variables written out; None for shared places and what is no such path."""
    path = expanded(written).rstrip("\\ .")
    return path if ROOTED.match(path) and not SHARED.match(path.casefold()) else None


def expanded(written: str) -> str:
    """Variables of the machine written out; one of a person stays and makes the path no path."""
    return VARIABLE.sub(lambda found: VARIABLES.get(found["name"].casefold(), found[0]), written)


def finished(session: WindowsSession, items: Sequence[Named | SkippedEntry]) -> Iterator[Record]:
    """The records with what their files tell, in the same order; without it where files cannot be looked at."""
    entries = [item for item in items if isinstance(item, Named)]
    claim(session, entries)
    paths = list(dict.fromkeys(path for item in entries for path in item.paths))
    seen: Mapping[str, FileSeen] = {}
    if session.files is not None and paths:
        try:
            seen = {found.path: found for found in session.files.look(paths)}
        except SessionError as error:
            yield SkippedEntry("C$", error.reason)
    for item in items:
        yield item if isinstance(item, SkippedEntry) else with_files(item, seen, session.opened_at)


def claim(session: WindowsSession, entries: Sequence[Named]) -> None:
    """Leave the product codes and folders of these entries for the collectors that come after."""
    for item in entries:
        session.claims.update(path.casefold() for path in (item.folder,) if path)
        session.claims.update(_home(path) for path in item.programs)
        if item.record.product_code:
            session.claims.add(item.record.product_code)


def _home(program: str) -> str:
    """The folded folder of a program; that above it where its own holds nothing but helpers."""
    folder = program.casefold().rpartition("\\")[0]
    above, _, name = folder.rpartition("\\")
    return above if name in HELPERS and own_path(above) else folder


def with_files(item: Named, seen: Mapping[str, FileSeen], now: str | None) -> InstalledSoftware:
    """The record with presence, the creation time of what is there, and whether its dates contradict each other."""
    found = [seen[path] for path in item.paths if path in seen]
    there = sorted((f for f in found if f.state is FileState.PRESENT and f.created), key=lambda f: not f.folder)
    oldest = there[0] if there else None
    record = item.record
    return replace(
        record,
        files_present=present(found),
        file_time=oldest.created if oldest else None,
        file_time_of=oldest.path if oldest else None,
        date_conflict=conflict(
            record.installed_on,
            record.key_last_write,
            oldest.created if oldest and oldest.folder else None,
            now,
        ),
    )


def present(found: Sequence[FileSeen]) -> bool | None:
    """True when a program, or the only thing named, is there; False when all is gone; None when nobody can tell."""
    if not found or any(seen.state is FileState.UNKNOWN for seen in found):
        return True if any(_is_program(seen) for seen in found) else None
    if any(_is_program(seen) for seen in found):
        return True
    missing = [seen for seen in found if seen.state is not FileState.PRESENT]
    if len(missing) < len(found):  # a folder still stands
        return (False if len(missing) >= ENOUGH_PROGRAMS else None) if missing else True
    stands = any(seen.state is FileState.ABSENT and _names_program(seen) for seen in missing)
    return None if stands and len(missing) < ENOUGH_PROGRAMS else False


def _is_program(seen: FileSeen) -> bool:
    return seen.state is FileState.PRESENT and not seen.folder


def _names_program(seen: FileSeen) -> bool:
    return seen.path.casefold().endswith((".exe", ".ico", ".dll"))
