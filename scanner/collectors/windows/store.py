r"""MSIX and Appx packages: of the computer, and of each person whose profile is loaded.

A full name is ``Name_Version_Architecture_ResourceId_PublisherHash``; resource packages and bundles belong to the
package of the same family and carry it as their parent.

References:
    - https://learn.microsoft.com/windows/apps/desktop/modernize/package-identity-overview (package full name)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import text, unreadable
from scanner.collectors.windows.uninstall import PERSON
from scanner.model import InstalledSoftware, Platform, Record, Scope, SkippedEntry
from scanner.session import Registry, RegistryKey, SessionError, WindowsSession

ALL_USERS = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore\Applications"
PACKAGES = r"Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages"
CLASSES = "_Classes"
FULL_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9.-]{3,50})_(?P<version>\d+(?:\.\d+){3})_(?P<architecture>[a-z0-9]+)_"
    r"(?P<resource>[^_]*)_(?P<publisher>[a-z0-9]{13})",
    re.ASCII | re.IGNORECASE,
)
BUNDLE = "~"
ARCHITECTURES = {"x64": "x86_64", "x86": "x86", "arm64": "arm64", "arm": "arm", "neutral": None}


@dataclass(frozen=True, slots=True)
class FullName:
    """The parts of a package's full name."""

    name: str
    version: str
    architecture: str | None
    resource: str
    family: str


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield the packages of the computer, then those that only persons have. Raises SessionError."""
    everybody = set(session.registry.names(ALL_USERS))
    for written in sorted(everybody):
        if found := full_name(written):
            yield record(found, rf"{ALL_USERS}\{written}")
    session.claims.update(everybody)
    for hive in session.registry.names("HKU"):
        sid = hive.removesuffix(CLASSES)
        if hive.endswith(CLASSES) and PERSON.fullmatch(sid):
            yield from of_person(session, session.registry, sid)


def of_person(session: WindowsSession, registry: Registry, sid: str) -> Iterator[Record]:
    """The packages in one person's classes that the computer as a whole does not have. Raises SessionError."""
    path = rf"HKU\{sid}{CLASSES}\{PACKAGES}"
    for item in registry.subkeys(path):
        if isinstance(item, SessionError):
            yield unreadable(path, item)
        elif item.name not in session.claims and (found := parse_package(item, sid)):
            yield found


def parse_package(key: RegistryKey, sid: str) -> InstalledSoftware | SkippedEntry | None:
    r"""A key such as ``Kingsoft.WPS_11.1.0.0_x64__abcdefghjkmnp`` with ``DisplayName`` and ``PackageRootFolder``."""
    found = full_name(key.name)
    return record(found, key.path, key, sid) if found else None


def record(found: FullName, source: str, key: RegistryKey | None = None, owner: str | None = None) -> InstalledSoftware:
    """One package; a display name that only points at a resource is left for the package's own name."""
    shown = text(key, "DisplayName")
    return InstalledSoftware(
        name=shown if shown and not shown.startswith(("@", "ms-resource")) else found.name,
        source=source,
        scope=Scope.STORE,
        version=found.version,
        architecture=found.architecture,
        key_last_write=key.last_write if key else None,
        owner=owner,
        location=text(key, "PackageRootFolder"),
        product_code=found.family,
        parent_key=found.family if found.resource else None,
        package_format="appx",
        observation=key.observation if key else "",
    )


def full_name(written: str) -> FullName | None:
    """The parts of a full name; None for what is none.

    >>> full_name("Microsoft.Paint_11.2302.20.0_x64__8wekyb3d8bbwe").family
    'Microsoft.Paint_8wekyb3d8bbwe'
    """
    found = FULL_NAME.fullmatch(written)
    if not found:
        return None
    architecture = found["architecture"].casefold()
    family = f"{found['name']}_{found['publisher']}"
    return FullName(
        found["name"], found["version"], ARCHITECTURES.get(architecture, architecture), found["resource"], family
    )


COLLECTOR = Collector("windows.store", 1, Platform.WINDOWS, collect)
