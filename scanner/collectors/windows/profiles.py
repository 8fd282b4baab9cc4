r"""Programs of people who are not signed in: their ``NTUSER.DAT`` and ``UsrClass.dat``, read over ``C$``.

Only the Uninstall keys and the list of packages are taken from them; nothing else of a person's registry is kept.

References:
    - https://learn.microsoft.com/windows/win32/shell/user-profiles (ProfileList)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.message import Message
from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import NT, text, unreadable
from scanner.collectors.windows.presence import expanded
from scanner.collectors.windows.store import CLASSES, of_person
from scanner.collectors.windows.uninstall import PERSON, read_root, user_roots
from scanner.model import Platform, Record, SkippedEntry
from scanner.session import (
    FileTree,
    LimitExceeded,
    Registry,
    SessionError,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
    WindowsSession,
)

PROFILES = rf"{NT}\ProfileList"
PROGRAMS = "NTUSER.DAT"
PACKAGES = r"AppData\Local\Microsoft\Windows\UsrClass.dat"
ENDED = (Unreachable, TimedOut, Untrusted)

Reader = Callable[[Registry], Iterator[Record]]


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield the programs and packages of each person whose profile is not loaded. Raises SessionError."""
    if session.files is None:
        raise Unsupported("files.not_seen")
    loaded = {name.casefold() for name in session.registry.names("HKU")}
    for item in session.registry.subkeys(PROFILES):
        if isinstance(item, SessionError):
            yield unreadable(PROFILES, item)
        elif PERSON.fullmatch(item.name) and item.name.casefold() not in loaded:
            folder = expanded(text(item, "ProfileImagePath") or "")
            if folder[1:3] != ":\\":
                yield SkippedEntry(item.path, Message.of("files.no_profile_folder", owner=item.name), item.observation)
                continue
            yield from _of_person(session, session.files, item.name, folder)


def _of_person(session: WindowsSession, files: FileTree, sid: str, folder: str) -> Iterator[Record]:
    def programs(registry: Registry) -> Iterator[Record]:
        for root in user_roots((sid,)):
            yield from read_root(session, registry, root)

    def packages(registry: Registry) -> Iterator[Record]:
        yield from of_person(session, registry, sid)

    yield from _from_hive(files, rf"{folder}\{PROGRAMS}", rf"HKU\{sid}", programs)
    yield from _from_hive(files, rf"{folder}\{PACKAGES}", rf"HKU\{sid}{CLASSES}", packages)


def _from_hive(files: FileTree, path: str, mount: str, read: Reader) -> Iterator[Record]:
    """What a hive holds; a hive that cannot be read is one skipped entry, and the next person's turn."""
    try:
        opened = files.hive(path, mount)
        if opened.dirty:
            yield SkippedEntry(path, Message.of("files.unflushed", path=path))
        yield from read(opened.registry)
    except SessionError as error:
        if isinstance(error, (*ENDED, LimitExceeded)):
            raise
        if error.reason.code != "files.absent" or not path.endswith(PACKAGES):  # older profiles have no such file
            yield SkippedEntry(path, error.reason)


COLLECTOR = Collector("windows.profiles", 1, Platform.WINDOWS, collect)
