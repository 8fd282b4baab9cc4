"""What WMI says on a computer of the made-up unit: the table ``wmi`` of its ``host.toml`` beside its firmware values.

``caption``: name of the operating system; ``firmware_key``: OA3xOriginalProductKeyDescription, absent = none in the
firmware; ``antivirus``: pairs of displayName and productState; ``products``: rows of SoftwareLicensingProduct, with the
word ``windows`` or ``office`` in place of the ApplicationID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.dcom import machines
from tests.lab.dcom.server import Row, Table

APPLICATIONS = {"windows": machines.WINDOWS, "office": machines.OFFICE}
VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
UNKEYED_EDITIONS = 3


def namespaces(described: Mapping[str, Any]) -> dict[str, dict[str, Table]]:
    """The namespaces of a host as ``host.toml`` describes it."""
    told = described["wmi"]
    products = [_product(number, row) for number, row in enumerate(told["products"], 1)]
    tables = machines.desktop(
        [*products, *machines.other_products(UNKEYED_EDITIONS)], _service(told), **_hardware(described)
    )
    rows: list[Row] = [
        {"instanceGuid": f"{{{number}}}", "displayName": name, "productState": state}
        for number, (name, state) in enumerate(told["antivirus"])
    ]
    return {**tables, "root/SecurityCenter2": {"AntiVirusProduct": (machines.ANTIVIRUS, rows)}}


def _product(number: int, row: Mapping[str, Any]) -> Row:
    columns = {name: value for name, value in row.items() if name != "application"}
    return {
        "ID": f"00000000-0000-0000-0001-{number:012}",
        "ApplicationID": APPLICATIONS[row["application"]],
        "LicenseStatusReason": 0x4004F401,
        "GracePeriodRemaining": 0,
        "EvaluationEndDate": machines.NEVER,
        **columns,
    }


def _service(told: Mapping[str, Any]) -> Row:
    service = {"Version": "10.0.19041.1", "IsKeyManagementServiceMachine": 0}
    return {**service, "OA3xOriginalProductKeyDescription": told.get("firmware_key")}


def _hardware(described: Mapping[str, Any]) -> dict[str, Table]:
    """The same name, system, maker, serial and address that the registry and the network show."""
    firmware, build = described["hardware"], described["registry"][VERSION]["CurrentBuildNumber"]
    system: Row = {
        **machines.SYSTEM_ROW,
        "Caption": described["wmi"]["caption"],
        "Version": f"10.0.{build}",
        "BuildNumber": build,
        "CSName": described["name"],
    }
    computer: Row = {
        **machines.COMPUTER_ROW,
        "Name": described["name"],
        "Manufacturer": firmware["maker"],
        "Model": firmware["model"],
    }
    product: Row = {
        "Vendor": firmware["maker"],
        "Name": firmware["model"],
        "Version": firmware.get("family", ""),
        "IdentifyingNumber": firmware["serial"],
        "UUID": firmware["uuid"].upper(),
    }
    bios: Row = {"Name": "BIOS", "SerialNumber": firmware["serial"], "Manufacturer": firmware["bios_vendor"]}
    adapter: Row = {
        "Index": 0,
        "Description": "Ethernet",
        "MACAddress": described["mac"].upper(),
        "IPEnabled": True,
    }
    return {
        "Win32_OperatingSystem": (machines.OPERATING_SYSTEM, [system]),
        "Win32_ComputerSystem": (machines.COMPUTER, [computer]),
        "Win32_ComputerSystemProduct": (machines.COMPUTER_PRODUCT, [product]),
        "Win32_BIOS": (machines.BIOS, [bios]),
        "Win32_NetworkAdapterConfiguration": (machines.ADAPTER, [adapter]),
    }
