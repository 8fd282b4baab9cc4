r"""Editions and licence servers that products write down themselves: SQL Server, AutoCAD, WPS Office, FlexNet.

A serial number is recorded masked: its last characters and a digest. Keys that hold nothing but serial numbers
(SolidWorks keeps such a one) are never opened.

References:
    - SQL Server: https://learn.microsoft.com/sql/database-engine/install-windows/ (Instance Names, Setup: Edition)
    - Autodesk: ``HKLM\SOFTWARE\Autodesk\AutoCAD\Rn.n\ACAD-nnnn:nnn`` (ProductName, Release, SerialNumber)
    - FlexNet: ``port@server`` lists of LM_LICENSE_FILE and of each vendor's own variable
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import CONTROL, key_if_any, text, unreadable
from scanner.collectors.windows.uninstall import PERSON
from scanner.model import FloatingLicence, InstalledSoftware, LicenceState, Platform, Record, Scope
from scanner.redaction import MASK
from scanner.session import RegistryKey, SessionError, WindowsSession

SQL_SERVER = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server"
SQL_VERSIONS = {
    "9": "2005", "10": "2008", "10.50": "2008 R2", "11": "2012", "12": "2014", "13": "2016", "14": "2017",
    "15": "2019", "16": "2022", "17": "2025",
}  # fmt: skip
AUTOCAD = r"HKLM\SOFTWARE\Autodesk\AutoCAD"
AUTOCAD_RELEASE = re.compile(r"R\d+\.\d+", re.ASCII)
AUTOCAD_PRODUCT = re.compile(r"ACAD-[0-9A-F]+:[0-9A-F]+", re.ASCII | re.IGNORECASE)
WPS = (r"HKLM\SOFTWARE\Kingsoft\Office\6.0\Common", r"HKLM\SOFTWARE\WOW6432Node\Kingsoft\Office\6.0\Common")
WPS_OF_PERSON = r"SOFTWARE\Kingsoft\Office\6.0\Common"
ENVIRONMENT = rf"{CONTROL}\Session Manager\Environment"
FLEXLM = r"HKLM\SOFTWARE\FLEXlm License Manager"
SERVER = re.compile(r"(?:(?P<port>\d{1,5}))?@(?P<server>[A-Za-z0-9][A-Za-z0-9._-]{0,252})", re.ASCII)
LARGEST_PORT = 65535


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield InstalledSoftware with an edition, LicenceState and FloatingLicence records. Raises SessionError."""
    yield from _sql_server(session)
    yield from _autocad(session)
    persons = [name for name in session.registry.names("HKU") if PERSON.fullmatch(name)]
    for path in (*WPS, *(rf"HKU\{sid}\{WPS_OF_PERSON}" for sid in persons)):
        for key in key_if_any(session, path):
            yield from parse_wps(key) if isinstance(key, RegistryKey) else (key,)
    for path in (ENVIRONMENT, FLEXLM):
        for key in key_if_any(session, path):
            yield from parse_servers(key, session) if isinstance(key, RegistryKey) else (key,)


def _sql_server(session: WindowsSession) -> Iterator[Record]:
    for names in key_if_any(session, rf"{SQL_SERVER}\Instance Names\SQL"):
        if not isinstance(names, RegistryKey):
            yield names
            continue
        for instance in sorted(names.values):
            folder = text(names, instance)
            for key in key_if_any(session, rf"{SQL_SERVER}\{folder}\Setup") if folder else ():
                yield parse_sql_server(key, instance) if isinstance(key, RegistryKey) else key


def parse_sql_server(key: RegistryKey, instance: str) -> InstalledSoftware:
    """``Edition="Enterprise Edition: Core-based Licensing"``, ``Version="15.0.2000.5"``."""
    version, edition = text(key, "Version") or "", text(key, "Edition")
    major, _, rest = version.partition(".")
    year = SQL_VERSIONS.get(f"{major}.{rest.partition('.')[0]}") or SQL_VERSIONS.get(major, "")
    return InstalledSoftware(
        name=" ".join(part for part in ("Microsoft SQL Server", year, edition) if part),
        source=key.path,
        scope=Scope.MACHINE,
        version=version or None,
        publisher="Microsoft Corporation",
        edition=edition,
        key_last_write=key.last_write,
        location=text(key, "SQLPath"),
        product_code=instance,
        observation=key.observation,
    )


def _autocad(session: WindowsSession) -> Iterator[Record]:
    for release in session.registry.names(AUTOCAD):
        if AUTOCAD_RELEASE.fullmatch(release):
            for item in session.registry.subkeys(rf"{AUTOCAD}\{release}"):
                if isinstance(item, SessionError):
                    yield unreadable(AUTOCAD, item)
                elif AUTOCAD_PRODUCT.fullmatch(item.name) and text(item, "ProductName"):
                    yield parse_autocad(item)


def parse_autocad(key: RegistryKey) -> LicenceState:
    """``ProductName="AutoCAD 2014 - 简体中文"``, ``Release="19.1.18.0"``, a masked ``SerialNumber``."""
    masked = MASK.fullmatch(text(key, "SerialNumber") or "")
    return LicenceState(
        source=key.path,
        name=text(key, "ProductName") or key.name,
        application="other",
        description=text(key, "Release"),
        key_tail=(masked["tail"] or None) if masked else None,
        key_hash=masked["digest"] if masked else None,
        observation=key.observation,
    )


def parse_wps(key: RegistryKey) -> Iterator[LicenceState]:
    r"""``InstallRoot="C:\Program Files (x86)\Kingsoft\WPS Office\11.8.2.8361"``, ``Version="11.8.2.8361"``."""
    version, root = text(key, "Version"), text(key, "InstallRoot")
    if version or root:
        yield LicenceState(
            source=key.path,
            name="WPS Office",
            application="other",
            description=" ".join(part for part in (version, root) if part),
            edition=text(key, "Edition"),
            observation=key.observation,
        )


def parse_servers(key: RegistryKey, session: WindowsSession) -> Iterator[FloatingLicence]:
    """``ADSKFLEX_LICENSE_FILE="27000@lic1;@lic2"``: each server once, with the product whose variable names it."""
    for name in sorted(key.values):
        product = session.marks.licence_servers.get(name.casefold())
        for found in SERVER.finditer(text(key, name) or "") if product else ():
            port = int(found["port"] or 0)
            yield FloatingLicence(
                product or "",
                found["server"].casefold(),
                port if 0 < port <= LARGEST_PORT else None,
                observation=key.observation,
            )


COLLECTOR = Collector("windows.editions", 1, Platform.WINDOWS, collect)
