r"""Programs listed under the Windows Uninstall keys: 64-bit, 32-bit and per user (loaded profiles).

People who are not signed in: :mod:`scanner.collectors.windows.profiles`.

References:
    - https://learn.microsoft.com/windows/win32/msi/uninstall-registry-key
    - https://learn.microsoft.com/windows/win32/winprog64/shared-registry-keys (WOW6432Node)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from config.message import Message
from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import number, text, unreadable
from scanner.collectors.windows.presence import Named, finished, named
from scanner.model import InstallDateSource, InstalledSoftware, Platform, Record, Scope, SkippedEntry
from scanner.session import Registry, RegistryKey, SessionError, WindowsSession

UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
PERSON = re.compile(r"S-1-(5-21|12-1)(-\d+)+")
"""SIDs of local, domain and cloud accounts; services and ``_Classes`` hives are none."""

GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
COMPACT_DATE = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})")
FIRST_YEAR = 1990


@dataclass(frozen=True, slots=True)
class Root:
    """One Uninstall key and whose entries lie below it."""

    path: str
    scope: Scope
    architecture: str | None = None
    owner: str | None = None


MACHINE_ROOTS = (
    Root(rf"HKLM\SOFTWARE\{UNINSTALL}", Scope.MACHINE),
    Root(rf"HKLM\SOFTWARE\WOW6432Node\{UNINSTALL}", Scope.MACHINE_32, "x86"),
)


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield the programs of both views and of every loaded profile.

    Raises SessionError; also when nothing at all is listed, because every Windows lists something.
    """
    listed = False
    for root in (*MACHINE_ROOTS, *user_roots(session.registry.names("HKU"))):
        for record in read_root(session, session.registry, root):
            listed = True
            yield record
    if not listed:
        raise SessionError("windows.nothing_listed")


def read_root(session: WindowsSession, registry: Registry, root: Root) -> Iterator[Record]:
    """The entries of one Uninstall key, with what their files tell. Raises SessionError after what was read."""
    items: list[Named | SkippedEntry] = []
    ended: SessionError | None = None
    try:
        for item in registry.subkeys(root.path):
            items.append(unreadable(root.path, item) if isinstance(item, SessionError) else parse_named(root, item))
    except SessionError as error:
        ended = error
    yield from finished(session, items)
    if ended:
        raise ended


def parse_named(root: Root, key: RegistryKey, product_code: str | None = None) -> Named | SkippedEntry:
    """:func:`parse_entry`, with the folder and programs that the key names."""
    found = parse_entry(root, key)
    if isinstance(found, SkippedEntry):
        return found
    return named(replace(found, product_code=product_code) if product_code else found, key)


def user_roots(names: tuple[str, ...]) -> Iterator[Root]:
    r"""``HKU\S-1-5-21-…-1001`` of each person whose profile is loaded, both views."""
    for sid in names:
        if PERSON.fullmatch(sid):
            yield Root(rf"HKU\{sid}\SOFTWARE\{UNINSTALL}", Scope.USER, owner=sid)
            yield Root(rf"HKU\{sid}\SOFTWARE\WOW6432Node\{UNINSTALL}", Scope.USER, "x86", sid)


def parse_entry(root: Root, key: RegistryKey) -> InstalledSoftware | SkippedEntry:
    """One key, such as ``Kingsoft Office`` with ``DisplayName="WPS Office (11.8.2.8361)"``, ``InstallDate="20210315"``.

    A key without a readable name is a SkippedEntry.
    """
    name = text(key, "DisplayName")
    if name is None:
        return SkippedEntry(key.path, _why_nameless(key), key.observation)
    installed_on = parse_date(text(key, "InstallDate"))
    return InstalledSoftware(
        name=name,
        source=key.path,
        scope=root.scope,
        version=text(key, "DisplayVersion"),
        publisher=text(key, "Publisher"),
        architecture=root.architecture,
        installed_on=installed_on,
        installed_on_source=InstallDateSource.REGISTRY if installed_on else None,
        key_last_write=key.last_write,
        owner=root.owner,
        location=text(key, "InstallLocation"),
        size_kib=number(key, "EstimatedSize"),
        product_code=key.name.upper() if GUID.fullmatch(key.name) else None,
        parent_key=text(key, "ParentKeyName"),
        release_type=text(key, "ReleaseType"),
        system_component=_flag(key, "SystemComponent"),
        windows_installer=_flag(key, "WindowsInstaller"),
        observation=key.observation,
    )


def _why_nameless(key: RegistryKey) -> Message:
    if key.binary("DisplayName") is not None:
        return Message.of("windows.undecodable_name", key=key.name)
    return Message.of("windows.no_display_name", key=key.name)


def _flag(key: RegistryKey, name: str) -> bool | None:
    value = number(key, name)
    return None if value is None else value != 0


def parse_date(written: str | None) -> str | None:
    """``20210315`` or ``2021-03-15``, ``2021/03/15``, ``2021.03.15`` as ISO; None for anything ambiguous."""
    found = COMPACT_DATE.fullmatch(written or "")
    if not found or not (written or "").isascii():
        return None
    year, _, month, day = found.groups()
    try:
        parsed = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return parsed.isoformat() if parsed.year >= FIRST_YEAR else None


COLLECTOR = Collector("windows.uninstall", 2, Platform.WINDOWS, collect)
