"""Which WMI classes are read, and which columns of them: a constant list, and nothing outside it.

``Win32_Product`` and the other classes of MsiProv are never queried in any form: every query makes Windows Installer
check, and possibly repair, each package on the computer.

References:
    - https://learn.microsoft.com/previous-versions/windows/desktop/sppwmi/softwarelicensingproduct
    - https://learn.microsoft.com/windows/win32/cimwin32prov/computer-system-hardware-classes
    - MsiProv: https://learn.microsoft.com/windows/win32/msi/msi-provider (what a query of it starts)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CIMV2 = "root/cimv2"
DEFAULT = "root/default"
SECURITY_CENTER = "root/SecurityCenter2"


@dataclass(frozen=True, slots=True)
class WmiClass:
    """One query. ``older`` are the columns of systems that lack some of ``columns`` (Windows 7, Server 2008 R2)."""

    namespace: str
    name: str
    columns: tuple[str, ...]
    where: str = ""
    older: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """``root/cimv2:Win32_BIOS``, as facts name their source."""
        return f"{self.namespace}:{self.name}"

    def wql(self, columns: tuple[str, ...]) -> str:
        """The query in WQL."""
        words = ["SELECT", ",".join(columns), "FROM", self.name, *(["WHERE", self.where] if self.where else [])]
        return " ".join(words)


_STATE = (
    "ID", "Name", "Description", "ApplicationID", "LicenseStatus", "LicenseStatusReason", "PartialProductKey",
    "LicenseFamily", "GracePeriodRemaining", "EvaluationEndDate", "KeyManagementServiceMachine",
    "KeyManagementServicePort", "DiscoveredKeyManagementServiceMachineName",
    "DiscoveredKeyManagementServiceMachinePort",
)  # fmt: skip
_WITH_KEY = "PartialProductKey IS NOT NULL"

LICENSING_PRODUCT = WmiClass(
    CIMV2,
    "SoftwareLicensingProduct",
    (*_STATE, "GenuineStatus", "LicenseIsAddon", "ProductKeyChannel", "DiscoveredKeyManagementServiceMachineIpAddress"),
    _WITH_KEY,
    older=(*_STATE, "GenuineStatus"),
)
OFFICE_PRODUCT = WmiClass(CIMV2, "OfficeSoftwareProtectionProduct", _STATE, _WITH_KEY)
LICENSING_SERVICE = WmiClass(
    CIMV2,
    "SoftwareLicensingService",
    ("Version", "KeyManagementServiceMachine", "KeyManagementServicePort", "IsKeyManagementServiceMachine",
     "OA3xOriginalProductKeyDescription"),
    older=("Version", "KeyManagementServiceMachine", "KeyManagementServicePort", "IsKeyManagementServiceMachine"),
)  # fmt: skip
"""OA3xOriginalProductKey itself is a whole key and is never asked for; its description says edition and channel."""

OPERATING_SYSTEM = WmiClass(
    CIMV2,
    "Win32_OperatingSystem",
    ("Caption", "Version", "BuildNumber", "OSArchitecture", "CSName", "CSDVersion", "InstallDate",
     "OperatingSystemSKU", "ProductType", "Organization"),
)  # fmt: skip
COMPUTER_SYSTEM = WmiClass(
    CIMV2,
    "Win32_ComputerSystem",
    ("Name", "Domain", "PartOfDomain", "Manufacturer", "Model", "HypervisorPresent"),
    older=("Name", "Domain", "PartOfDomain", "Manufacturer", "Model"),
)
COMPUTER_PRODUCT = WmiClass(
    CIMV2, "Win32_ComputerSystemProduct", ("Vendor", "Name", "Version", "IdentifyingNumber", "UUID")
)
BIOS = WmiClass(CIMV2, "Win32_BIOS", ("SerialNumber", "Manufacturer", "SMBIOSBIOSVersion"))
ENCLOSURE = WmiClass(CIMV2, "Win32_SystemEnclosure", ("ChassisTypes", "SerialNumber"))
ADAPTER = WmiClass(
    CIMV2, "Win32_NetworkAdapterConfiguration", ("Description", "MACAddress", "IPEnabled"), "MACAddress IS NOT NULL"
)
ANTIVIRUS = WmiClass(SECURITY_CENTER, "AntiVirusProduct", ("displayName", "productState"))

CLASSES = (
    LICENSING_PRODUCT,
    LICENSING_SERVICE,
    OFFICE_PRODUCT,
    OPERATING_SYSTEM,
    COMPUTER_SYSTEM,
    COMPUTER_PRODUCT,
    BIOS,
    ENCLOSURE,
    ADAPTER,
    ANTIVIRUS,
)
"""Everything that is ever queried."""

METHODS = frozenset({
    "EnumKey", "EnumValues", "GetStringValue", "GetExpandedStringValue", "GetDWORDValue", "GetQWORDValue",
    "GetMultiStringValue", "GetBinaryValue",
})  # fmt: skip
"""Everything that is ever called: the reading methods of StdRegProv."""

INSTALLER = re.compile(r"win32_(product|softwarefeature|softwareelement|installedsoftwareelement|msi)", re.IGNORECASE)


class Banned(ValueError):
    """A query or call that must never leave this program; it is our own mistake, not the host's."""


def check_query(wql: str) -> str:
    """The query itself, when no class of Windows Installer is in it. Raises Banned."""
    if INSTALLER.search(wql):
        raise Banned(f"this query would start Windows Installer: {wql}")
    return wql


def check_listed(wanted: WmiClass) -> WmiClass:
    """The class itself, when it is on the list. Raises Banned."""
    if wanted not in CLASSES:
        raise Banned(f"not a class that is read: {wanted.path}")
    return wanted


def check_method(name: str) -> str:
    """The method's name itself, when it only reads. Raises Banned."""
    if name not in METHODS:
        raise Banned(f"not a method that is called: {name}")
    return name
