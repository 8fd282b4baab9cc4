"""System, identity and antivirus as WMI tells them."""

from __future__ import annotations

import pytest

from scanner.collectors.windows import antivirus, wmi_system
from scanner.collectors.windows.wmi_system import architecture, uuid_of
from scanner.collectors.windows.wmi_values import cim_date
from scanner.facts import merge
from scanner.model import Antivirus, Identity, OperatingSystem, Outcome, SkippedEntry
from scanner.runner import run_one
from scanner.session import SessionError, WmiRow
from tests.lab.dcom import machines
from tests.scanner.collectors.windows.wmi import Answer, session

ANSWERS: dict[str, Answer] = {
    "Win32_OperatingSystem": [machines.SYSTEM_ROW],  # pyright: ignore[reportAssignmentType]
    "Win32_ComputerSystem": [machines.COMPUTER_ROW],  # pyright: ignore[reportAssignmentType]
    "Win32_ComputerSystemProduct": [machines.COMPUTER_PRODUCT_ROW],  # pyright: ignore[reportAssignmentType]
    "Win32_BIOS": [{"SerialNumber": " PF0TEST1 "}],
    "Win32_SystemEnclosure": [{"ChassisTypes": (10,)}],
    "Win32_NetworkAdapterConfiguration": machines.ADAPTER_ROWS,  # pyright: ignore[reportAssignmentType]
}


def test_system_and_identity_are_read() -> None:
    system, identity = wmi_system.collect(session(ANSWERS))
    assert isinstance(system, OperatingSystem)
    assert isinstance(identity, Identity)
    assert (system.name, system.version, system.build) == ("Windows 10 专业版", "10.0", "19045")
    assert (system.architecture, system.installation_type) == ("x86_64", "Client")
    assert system.installed_at == "2023-01-15T08:30:00.000+08:00"
    assert identity.smbios_uuid == "4c4c4544-0033-5a10-8053-b7c04f4e3032"
    assert (identity.serial, identity.chassis, identity.virtual) == ("PF0TEST1", "notebook", False)
    assert identity.macs == ("00:1a:2b:3c:4d:5e",)
    assert identity.domain is None, "a workgroup is no domain"


def test_what_the_registry_told_stands_and_wmi_fills_the_rest() -> None:
    _, identity = wmi_system.collect(session(ANSWERS))
    assert isinstance(identity, Identity)
    merged = merge([Identity(hostname="REGISTRY-NAME", serial=None), identity])
    assert merged is not None
    assert (merged.hostname, merged.serial, merged.macs) == ("REGISTRY-NAME", "PF0TEST1", ("00:1a:2b:3c:4d:5e",))


def test_a_class_that_fails_costs_only_itself() -> None:
    failed = SessionError("wmi.query_failed", name="Win32_BIOS", status="0x80041001")
    found = list(wmi_system.collect(session({**ANSWERS, "Win32_BIOS": failed})))
    assert [type(item) for item in found] == [SkippedEntry, OperatingSystem, Identity]


@pytest.mark.parametrize(
    ("written", "uuid"),
    [
        ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", None),
        ("00000000-0000-0000-0000-000000000000", None),
        ("not a uuid", None),
        ("03000200-0400-0500-0006-000700080009", "03000200-0400-0500-0006-000700080009"),
    ],
)
def test_a_uuid_that_names_nothing_is_none(written: str, uuid: str | None) -> None:
    assert uuid_of(written) == uuid


@pytest.mark.parametrize(
    ("written", "name"),
    [("64-bit", "x86_64"), ("64 位", "x86_64"), ("32 位", "x86"), ("ARM 64-bit Processor", "arm64"), (None, None)],
)
def test_architectures_are_one_word_in_every_language(written: str | None, name: str | None) -> None:
    assert architecture(written) == name


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("20230115083000.000000+480", "2023-01-15T08:30:00.000+08:00"),
        ("20230115083000.123456-300", "2023-01-15T08:30:00.123-05:00"),
        ("16010101000000.000000-000", None),
        ("20231315083000.000000+480", None),
        ("２０２３0115083000.000000+480", None),
        ("", None),
        (None, None),
    ],
)
def test_cim_dates_keep_their_zone(written: str | None, date: str | None) -> None:
    assert cim_date(written) == date


def test_antivirus_is_told_with_its_state() -> None:
    found = list(antivirus.collect(session({"AntiVirusProduct": machines.ANTIVIRUS_ROWS})))  # pyright: ignore[reportArgumentType]
    assert [(item.name, item.enabled, item.up_to_date) for item in found if isinstance(item, Antivirus)] == [
        ("火绒安全软件", True, True),
        ("Windows Defender", False, False),
    ]


def test_a_state_that_no_display_names_says_neither_on_nor_off() -> None:
    row = WmiRow("root/SecurityCenter2:AntiVirusProduct", {"displayName": "x", "productState": 0x7000})
    assert antivirus.parse_product("x", row).enabled is None


def test_a_server_without_security_center_is_unsupported_and_not_without_antivirus() -> None:
    found, result = run_one(session({}), antivirus.COLLECTOR)
    assert found == []
    assert (result.outcome, result.reason and result.reason.code) == (Outcome.UNSUPPORTED, "wmi.class_absent")
