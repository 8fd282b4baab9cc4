r"""Which Windows this is, and what the computer calls itself.

References:
    - https://learn.microsoft.com/windows/win32/sysinfo/operating-system-version
    - Windows 11 still says "Windows 10" in ProductName; builds from 22000 on are Windows 11
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from config.clock import rfc3339
from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import CONTROL, NT, NT_NARROW, SERVICES, number, text
from scanner.model import Identity, OperatingSystem, Platform, Record
from scanner.session import RegistryKey, Unsupported, WindowsSession

FIRST_BUILD_OF_11 = 22000
EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
EPOCH_1970 = datetime(1970, 1, 1, tzinfo=UTC)
ARCHITECTURES = {"amd64": "x86_64", "x86": "x86", "arm64": "arm64", "ia64": "ia64"}


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield one OperatingSystem and one Identity. Raises SessionError."""
    version = version_key(session)
    environment = session.registry.key(rf"{CONTROL}\Session Manager\Environment")
    yield parse_version(version, environment)
    name = session.registry.key(rf"{CONTROL}\ComputerName\ComputerName")
    network = session.registry.key(rf"{SERVICES}\Tcpip\Parameters")
    machine = session.registry.key(r"HKLM\SOFTWARE\Microsoft\Cryptography")
    yield replace(parse_identity(name, network, machine), clock_offset_seconds=session.clock_offset_seconds)


def version_key(session: WindowsSession) -> RegistryKey:
    """The version key; its 32-bit view only where the 64-bit one names no product.

    Windows itself always names it there, and its 32-bit view is known to call a Pro edition Enterprise; servers that
    imitate Windows may fill in one view only. Raises Unsupported when neither view names a product.
    """
    for path in (NT, NT_NARROW):
        key = session.registry.key(path)
        if key is not None and text(key, "ProductName"):
            return key
    raise Unsupported("windows.no_version_key", path=NT)


def parse_version(key: RegistryKey, environment: RegistryKey | None) -> OperatingSystem:
    """``ProductName="Windows 10 Pro"``, ``CurrentBuildNumber="22631"``, ``UBR=4317`` → Windows 11 Pro, 22631.4317."""
    build = text(key, "CurrentBuildNumber") or text(key, "CurrentBuild")
    revision = number(key, "UBR")
    kind = text(key, "InstallationType")
    return OperatingSystem(
        family=Platform.WINDOWS,
        name=product_name(text(key, "ProductName") or "Windows", build, kind),
        version=_version(key),
        build=f"{build}.{revision}" if build and revision is not None else build,
        edition=text(key, "EditionID"),
        release=text(key, "DisplayVersion") or text(key, "ReleaseId") or text(key, "CSDVersion"),
        architecture=_architecture(environment),
        installation_type=kind,
        installed_at=installed_at(key),
        product_id=text(key, "ProductId"),
        organization=text(key, "RegisteredOrganization"),
        observation=key.observation,
    )


def product_name(written: str, build: str | None, installation_type: str | None) -> str:
    """ProductName with the number corrected: ``Windows 10 Pro`` of build 22631 is Windows 11 Pro."""
    is_client = (installation_type or "Client") == "Client" and "server" not in written.casefold()
    newer = build is not None and build.isascii() and build.isdecimal() and int(build) >= FIRST_BUILD_OF_11
    return written.replace("Windows 10", "Windows 11", 1) if newer and is_client else written


def _version(key: RegistryKey) -> str | None:
    major, minor = number(key, "CurrentMajorVersionNumber"), number(key, "CurrentMinorVersionNumber")
    return text(key, "CurrentVersion") if major is None else f"{major}.{minor or 0}"


def _architecture(environment: RegistryKey | None) -> str | None:
    written = text(environment, "PROCESSOR_ARCHITECTURE")
    return ARCHITECTURES.get(written.casefold(), written) if written else None


def installed_at(key: RegistryKey) -> str | None:
    """InstallTime (FILETIME, 100 ns since 1601), else InstallDate (seconds since 1970), as RFC 3339 in UTC."""
    ticks, seconds = number(key, "InstallTime"), number(key, "InstallDate")
    try:
        if ticks:
            return rfc3339(EPOCH_1601 + timedelta(microseconds=ticks // 10))
        return rfc3339(EPOCH_1970 + timedelta(seconds=seconds)) if seconds else None
    except OverflowError:
        return None


def parse_identity(name: RegistryKey | None, network: RegistryKey | None, machine: RegistryKey | None) -> Identity:
    """``ComputerName="PC-0427"``, ``Domain="oa.example.gov.cn"`` (empty in a workgroup), ``MachineGuid``."""
    return Identity(
        hostname=text(name, "ComputerName") or text(network, "Hostname") or text(network, "NV Hostname"),
        domain=text(network, "Domain") or text(network, "NV Domain"),
        machine_id=text(machine, "MachineGuid"),
        observation=next((key.observation for key in (name, network, machine) if key), ""),
    )


COLLECTOR = Collector("windows.system", 1, Platform.WINDOWS, collect)
