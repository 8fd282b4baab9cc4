"""Computers for tests: invented rows in the classes that an inventory reads. No value is of a real machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.lab.dcom.server import Row, Table
from tests.lab.dcom.wmio import CimClass, Prop

USERNAME = "inspector"
PASSWORD = "Not-a-real-1"  # of accounts that exist only in these peers
USERS: Mapping[str, str] = {USERNAME: PASSWORD}
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"
NEVER = "16010101000000.000000-000"


def _strings(*names: str) -> tuple[Prop, ...]:
    return tuple(Prop(name) for name in names)


def _uint32(*names: str) -> tuple[Prop, ...]:
    return tuple(Prop(name, "uint32") for name in names)


SEVEN = (
    Prop("ID", key=True),
    *_strings("Name", "Description", "ApplicationID", "PartialProductKey", "LicenseFamily"),
    *_uint32("LicenseStatus", "LicenseStatusReason", "GracePeriodRemaining", "GenuineStatus"),
    *_strings("KeyManagementServiceMachine", "DiscoveredKeyManagementServiceMachineName"),
    *_uint32("KeyManagementServicePort", "DiscoveredKeyManagementServiceMachinePort"),
    Prop("EvaluationEndDate", "datetime"),
)
PRODUCT = CimClass(
    "SoftwareLicensingProduct",
    (
        *SEVEN,
        *_strings("ProductKeyChannel", "DiscoveredKeyManagementServiceMachineIpAddress"),
        Prop("LicenseIsAddon", "boolean"),
    ),
)
PRODUCT_OF_SEVEN = CimClass("SoftwareLicensingProduct", SEVEN)
OFFICE_PRODUCT = CimClass("OfficeSoftwareProtectionProduct", SEVEN)
SERVICE = CimClass(
    "SoftwareLicensingService",
    (
        Prop("Version", key=True),
        Prop("KeyManagementServiceMachine"),
        Prop("KeyManagementServicePort", "uint32"),
        Prop("IsKeyManagementServiceMachine", "uint32"),
        *_strings("OA3xOriginalProductKeyDescription", "OA3xOriginalProductKey"),
    ),
)
OPERATING_SYSTEM = CimClass(
    "Win32_OperatingSystem",
    (
        Prop("Name", key=True),
        *_strings("Caption", "Version", "BuildNumber", "OSArchitecture", "CSName", "CSDVersion", "Organization"),
        Prop("InstallDate", "datetime"),
        *_uint32("OperatingSystemSKU", "ProductType"),
        Prop("TotalVisibleMemorySize", "uint64"),
        Prop("Primary", "boolean"),
        Prop("MUILanguages", array=True),
    ),
    ("CIM_OperatingSystem", "CIM_LogicalElement", "CIM_ManagedSystemElement"),
)
COMPUTER = CimClass(
    "Win32_ComputerSystem",
    (
        Prop("Name", key=True),
        *_strings("Domain", "Manufacturer", "Model"),
        Prop("PartOfDomain", "boolean"),
        Prop("HypervisorPresent", "boolean"),
    ),
)
COMPUTER_PRODUCT = CimClass(
    "Win32_ComputerSystemProduct",
    (
        Prop("IdentifyingNumber", key=True),
        Prop("Name", key=True),
        Prop("Version", key=True),
        *_strings("Vendor", "UUID"),
    ),
)
BIOS = CimClass("Win32_BIOS", (Prop("Name", key=True), *_strings("SerialNumber", "Manufacturer", "SMBIOSBIOSVersion")))
ENCLOSURE = CimClass(
    "Win32_SystemEnclosure", (Prop("Tag", key=True), Prop("ChassisTypes", "uint16", array=True), Prop("SerialNumber"))
)
ADAPTER = CimClass(
    "Win32_NetworkAdapterConfiguration",
    (Prop("Index", "uint32", key=True), *_strings("Description", "MACAddress"), Prop("IPEnabled", "boolean")),
)
ANTIVIRUS = CimClass(
    "AntiVirusProduct", (Prop("instanceGuid", key=True), Prop("displayName"), Prop("productState", "uint32"))
)


def windows_product(**changes: str | int | None) -> Row:
    """A Windows activated by the unit's own KMS."""
    return {
        "ID": "2de67392-b7a7-462a-b1ca-108dd189f588",
        "Name": "Windows(R), Professional edition",
        "Description": "Windows(R) Operating System, VOLUME_KMSCLIENT channel",
        "ApplicationID": WINDOWS,
        "PartialProductKey": "AAAAA",
        "LicenseFamily": "Professional",
        "LicenseStatus": 1,
        "LicenseStatusReason": 0x4004F401,
        "GracePeriodRemaining": 259_000,
        "ProductKeyChannel": "Volume:GVLK",
        "KeyManagementServiceMachine": "kms.unit.example",
        "KeyManagementServicePort": 1688,
        "EvaluationEndDate": NEVER,
        **changes,
    }


def other_products(count: int) -> list[Row]:
    """What the licensing service lists besides: editions without a key."""
    return [
        {
            "ID": f"00000000-0000-0000-0000-{number:012}",
            "Name": f"Windows(R), 版本 {number}",
            "Description": "Windows(R) Operating System, RETAIL channel",
            "ApplicationID": WINDOWS,
            "LicenseStatus": 0,
            "LicenseStatusReason": 0xC004F014,
        }
        for number in range(count)
    ]


def desktop(
    products: Sequence[Row] | None = None, service: Row | None = None, **more: Table
) -> dict[str, dict[str, Table]]:
    """The namespaces of an ordinary office computer; ``more`` adds classes to root/cimv2."""
    rows = [windows_product(), *other_products(5)] if products is None else products
    cimv2: dict[str, Table] = {
        "SoftwareLicensingProduct": (PRODUCT, rows),
        "SoftwareLicensingService": (
            SERVICE,
            [service or {"Version": "10.0.19041.1", "IsKeyManagementServiceMachine": 0}],
        ),
        "Win32_OperatingSystem": (OPERATING_SYSTEM, [SYSTEM_ROW]),
        "Win32_ComputerSystem": (COMPUTER, [COMPUTER_ROW]),
        "Win32_ComputerSystemProduct": (COMPUTER_PRODUCT, [COMPUTER_PRODUCT_ROW]),
        "Win32_BIOS": (BIOS, [{"Name": "BIOS", "SerialNumber": "PF0TEST1", "Manufacturer": "LENOVO"}]),
        "Win32_SystemEnclosure": (ENCLOSURE, [{"Tag": "System Enclosure 0", "ChassisTypes": [3]}]),
        "Win32_NetworkAdapterConfiguration": (ADAPTER, ADAPTER_ROWS),
        **more,
    }
    return {"root/cimv2": cimv2, "root/SecurityCenter2": {"AntiVirusProduct": (ANTIVIRUS, ANTIVIRUS_ROWS)}}


SYSTEM_ROW: Row = {
    "Name": "Microsoft Windows 10 专业版|C:\\WINDOWS|\\Device\\Harddisk0\\Partition3",
    "Caption": "Microsoft Windows 10 专业版",
    "Version": "10.0.19045",
    "BuildNumber": "19045",
    "OSArchitecture": "64 位",
    "CSName": "BGS-0427",
    "InstallDate": "20230115083000.000000+480",
    "OperatingSystemSKU": 48,
    "ProductType": 1,
    "TotalVisibleMemorySize": 16_602_196,
    "Primary": True,
    "MUILanguages": ["zh-CN", "en-US"],
}
COMPUTER_ROW: Row = {
    "Name": "BGS-0427",
    "Domain": "WORKGROUP",
    "PartOfDomain": False,
    "Manufacturer": "LENOVO",
    "Model": "11D1S00000",
    "HypervisorPresent": False,
}
COMPUTER_PRODUCT_ROW: Row = {
    "Vendor": "LENOVO",
    "Name": "11D1S00000",
    "Version": "ThinkCentre M70t",
    "IdentifyingNumber": "PF0TEST1",
    "UUID": "4C4C4544-0033-5A10-8053-B7C04F4E3032",
}
ADAPTER_ROWS: Sequence[Row] = (
    {"Index": 0, "Description": "Intel(R) Ethernet", "MACAddress": "00:1A:2B:3C:4D:5E", "IPEnabled": True},
    {"Index": 1, "Description": "WAN Miniport (IP)", "MACAddress": "82:1A:20:52:41:53", "IPEnabled": False},
    {"Index": 2, "Description": "Kernel Debug Network Adapter", "IPEnabled": False},
)
ANTIVIRUS_ROWS: Sequence[Row] = (
    {"instanceGuid": "{A}", "displayName": "火绒安全软件", "productState": 0x041000},
    {"instanceGuid": "{B}", "displayName": "Windows Defender", "productState": 0x060110},
)
