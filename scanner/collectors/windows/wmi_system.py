"""Name, system, maker, serial, UUID and network addresses as WMI tells them; merged behind what the registry told.

References:
    - https://learn.microsoft.com/windows/win32/cimwin32prov/computer-system-hardware-classes
    - ChassisTypes: the numbers of DMTF DSP0134 table 17
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.hardware import is_virtual
from scanner.collectors.windows.smbios import CHASSIS_TYPES
from scanner.collectors.windows.wmi_values import cim_date, rows_or_skipped, wmi_of
from scanner.model import Identity, OperatingSystem, Platform, Record, SkippedEntry
from scanner.session import WindowsSession, WmiRow
from scanner.wmi_classes import (
    ADAPTER,
    BIOS,
    COMPUTER_PRODUCT,
    COMPUTER_SYSTEM,
    ENCLOSURE,
    OPERATING_SYSTEM,
    WmiClass,
)

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
VERSION = re.compile(r"(\d+\.\d+)\.\d+.*", re.ASCII)
NO_UUID = frozenset("0f")  # the characters of "none given" and "not set"
INSTALLATION_TYPES = {1: "Client", 2: "Server", 3: "Server"}
"""ProductType: workstation, domain controller, server."""
HARDWARE = (COMPUTER_SYSTEM, COMPUTER_PRODUCT, BIOS, ENCLOSURE, ADAPTER)

Rows = dict[WmiClass, tuple[WmiRow, ...]]


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield an OperatingSystem and an Identity; a class that could not be read is a SkippedEntry."""
    wmi = wmi_of(session)
    rows: Rows = {}
    for wanted in (OPERATING_SYSTEM, *HARDWARE):
        found = list(rows_or_skipped(wmi, wanted))
        yield from (item for item in found if isinstance(item, SkippedEntry))
        rows[wanted] = tuple(item for item in found if isinstance(item, WmiRow))
    for row in rows[OPERATING_SYSTEM][:1]:
        yield parse_system(row)
    if any(rows[wanted] for wanted in HARDWARE):
        yield parse_identity(rows)


def parse_system(row: WmiRow) -> OperatingSystem:
    """``Caption="Microsoft Windows 10 Pro"``, ``Version="10.0.19045"``, ``BuildNumber="19045"``."""
    caption = (row.text("Caption") or "Windows").removeprefix("Microsoft ").replace("(R)", "")
    version = VERSION.fullmatch(row.text("Version") or "")
    return OperatingSystem(
        family=Platform.WINDOWS,
        name=caption,
        version=version[1] if version else row.text("Version"),
        build=row.text("BuildNumber"),
        release=row.text("CSDVersion"),
        architecture=architecture(row.text("OSArchitecture")),
        installation_type=INSTALLATION_TYPES.get(row.number("ProductType") or 0),
        installed_at=cim_date(row.text("InstallDate")),
        organization=row.text("Organization"),
        observation=row.observation,
    )


def architecture(written: str | None) -> str | None:
    """``64-bit``, ``64 位``, ``ARM 64-bit Processor`` → x86_64, x86_64, arm64."""
    if not written:
        return None
    if "arm" in written.casefold():
        return "arm64"
    return "x86_64" if "64" in written else "x86" if "32" in written else written


def parse_identity(rows: Rows) -> Identity:
    """What the five hardware classes say; None where they say nothing."""
    system, product, bios, enclosure = (_first(rows[wanted]) for wanted in HARDWARE[:4])
    maker = product.text("Vendor") or system.text("Manufacturer")
    model = product.text("Name") or system.text("Model")
    return Identity(
        hostname=system.text("Name"),
        domain=system.text("Domain") if system.flag("PartOfDomain") else None,
        smbios_uuid=uuid_of(product.text("UUID")),
        serial=bios.text("SerialNumber") or product.text("IdentifyingNumber"),
        maker=maker,
        model=model,
        chassis=chassis(enclosure),
        macs=macs(rows[ADAPTER]),
        virtual=is_virtual(maker, model),
        observation=next(found[0].observation for found in rows.values() if found),
    )


def _first(rows: tuple[WmiRow, ...]) -> WmiRow:
    return rows[0] if rows else WmiRow("", {})


def uuid_of(written: str | None) -> str | None:
    """Lower case; None for all zeros, all ones, and what is no UUID."""
    text = (written or "").casefold()
    return text if UUID.fullmatch(text) and not set(text.replace("-", "")) <= NO_UUID else None


def chassis(enclosure: WmiRow) -> str | None:
    """``ChassisTypes=(3,)`` → desktop."""
    types = enclosure.values.get("ChassisTypes")
    numbers = [item for item in types if isinstance(item, int)] if isinstance(types, tuple) else []
    return CHASSIS_TYPES.get(numbers[0] & 0x7F) if numbers else None


def macs(rows: Iterable[WmiRow]) -> tuple[str, ...]:
    """Addresses of the adapters that carry IP, lower case, sorted; tunnels and miniports carry none."""
    found = {(row.text("MACAddress") or "").casefold() for row in rows if row.flag("IPEnabled")}
    return tuple(sorted(mac for mac in found if MAC.fullmatch(mac)))


COLLECTOR = Collector("windows.wmi_system", 1, Platform.WINDOWS, collect)
