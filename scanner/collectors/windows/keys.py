"""What the Windows collectors share: paths, and text as Windows shows it."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model import SkippedEntry
from scanner.session import RegistryKey, SessionError, WindowsSession

NT = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
NT_NARROW = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows NT\CurrentVersion"
CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
HARDWARE = r"HKLM\HARDWARE\DESCRIPTION\System"
LONGEST_NUMBER = 19  # digits of a signed 64-bit number


def text(key: RegistryKey | None, name: str) -> str | None:
    """A string up to its first NUL, without surrounding blanks; None when there is none."""
    value = key.text(name) if key else None
    return (value or "").partition("\0")[0].strip() or None


def number(key: RegistryKey | None, name: str) -> int | None:
    """An integer, also one that the vendor wrote as decimal text."""
    if key is None:
        return None
    found = key.number(name)
    written = (text(key, name) or "")[:LONGEST_NUMBER]
    return int(written) if found is None and written.isascii() and written.isdecimal() else found


def unreadable(source: str, error: SessionError) -> SkippedEntry:
    """A key that could not be read is data, too."""
    return SkippedEntry(str(error.reason.params.get("path") or source), error.reason)


def key_if_any(session: WindowsSession, path: str) -> Iterator[RegistryKey | SkippedEntry]:
    """The key, nothing when it is absent, or that it could not be read."""
    try:
        key = session.registry.key(path)
    except SessionError as error:
        yield unreadable(path, error)
        return
    if key is not None:
        yield key
