r"""Programs that Windows Installer knows and no Uninstall key lists any more: a deleted key hides nothing.

Only the products that no entry read before claims are opened. ``Win32_Product`` is never asked.

References:
    - https://learn.microsoft.com/windows/win32/msi/installer-registry-keys (UserData, packed product codes)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import unreadable
from scanner.collectors.windows.presence import Named, finished
from scanner.collectors.windows.uninstall import Root, parse_named
from scanner.model import Platform, Record, Scope, SkippedEntry
from scanner.session import SessionError, WindowsSession

USER_DATA = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData"
MACHINE = "S-1-5-18"
PACKED = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)
TURNED = (8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2)
"""How many hexadecimal digits stand reversed, group by group."""


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield what only Windows Installer lists. Raises SessionError."""
    for sid in session.registry.names(USER_DATA):
        owner = None if sid == MACHINE else sid
        root = Root(rf"{USER_DATA}\{sid}\Products", Scope.USER if owner else Scope.MACHINE, owner=owner)
        yield from finished(session, list(_unclaimed(session, root)))


def _unclaimed(session: WindowsSession, root: Root) -> Iterator[Named | SkippedEntry]:
    for packed in session.registry.names(root.path):
        code = product_code(packed)
        if code is None or code in session.claims:
            continue
        path = rf"{root.path}\{packed}\InstallProperties"
        try:
            key = session.registry.key(path)
        except SessionError as error:
            yield unreadable(path, error)
            continue
        if key is not None and key.text("DisplayName"):
            yield parse_named(root, key, code)


def product_code(packed: str) -> str | None:
    """The product code that a packed one stands for; None for what is none.

    >>> product_code("00006109C80000000100000000F01FEC")
    '{90160000-008C-0000-1000-0000000FF1CE}'
    """
    if not PACKED.fullmatch(packed):
        return None
    at, parts = 0, list[str]()
    for size in TURNED:
        parts.append(packed[at : at + size][::-1].upper())
        at += size
    return "{" + f"{parts[0]}-{parts[1]}-{parts[2]}-{''.join(parts[3:5])}-{''.join(parts[5:])}" + "}"


COLLECTOR = Collector("windows.msi", 1, Platform.WINDOWS, collect)
