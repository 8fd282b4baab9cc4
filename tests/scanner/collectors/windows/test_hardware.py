"""Firmware identity out of the raw SMBIOS table."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.windows import smbios
from scanner.collectors.windows.hardware import BIOS, SMBIOS, collect, is_virtual
from scanner.collectors.windows.smbios import Firmware, system_uuid
from scanner.model import Identity, SkippedEntry
from scanner.session import Unsupported
from tests.lab.plans import Hardware
from tests.lab.smbios import raw_table
from tests.scanner.collectors.windows.hive import key, session

PC = Hardware(
    maker="LENOVO",
    model="ThinkCentre M920t",
    serial="PF1A2B3C",
    uuid="3f1c2a4e-9b7d-4e65-8a01-0011223344ff",
    board_serial="L1HF8AB00X1",
    chassis_type=3,
)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


def test_maker_model_serials_uuid_and_chassis_are_read() -> None:
    assert smbios.parse(raw_table(PC)) == Firmware(
        PC.maker, PC.model, PC.serial, PC.uuid, PC.board_serial, chassis="desktop"
    )


def test_the_uuid_is_mixed_endian_since_2_6_and_plain_before() -> None:
    field = bytes.fromhex("33221100554477668899aabbccddeeff")
    assert system_uuid(field, (3, 2)) == "00112233-4455-6677-8899-aabbccddeeff"
    assert system_uuid(field, (2, 5)) == "33221100-5544-7766-8899-aabbccddeeff"


@pytest.mark.parametrize("field", [bytes(16), b"\xff" * 16, b"", bytes(7)])
def test_an_unset_uuid_is_none(field: bytes) -> None:
    assert system_uuid(field, (3, 2)) is None


def test_a_table_cut_short_gives_what_stands_before_the_cut() -> None:
    whole = raw_table(PC)
    found = smbios.parse(whole[: whole.index(PC.board_serial.encode())])
    assert (found.serial, found.uuid, found.board_serial, found.chassis) == (PC.serial, PC.uuid, None, None)


@given(WORDS, WORDS, WORDS, st.uuids(), st.integers(1, 36))
@settings(max_examples=100)
def test_what_a_maker_writes_is_what_is_read(maker: str, model: str, serial: str, number: uuid.UUID, kind: int) -> None:
    table = raw_table(Hardware(maker, model, serial, str(number), chassis_type=kind))
    found = smbios.parse(table)
    assert (found.maker, found.model, found.serial) == (maker, model, serial)
    assert found.uuid in {str(number), None}
    assert found.chassis == smbios.CHASSIS_TYPES[kind]


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(max_examples=200)
def test_no_table_however_broken_stops_the_parser(noise: bytes, at: int) -> None:
    table = raw_table(PC)
    smbios.parse(bytes(8) + noise)
    smbios.parse(table[:8] + table[8:at] + noise + table[at:])


def test_the_identity_joins_firmware_and_registry() -> None:
    (identity,) = collect(session(key(BIOS, SystemManufacturer="LENOVO"), key(SMBIOS, SMBiosData=raw_table(PC))))
    assert isinstance(identity, Identity)
    assert (identity.serial, identity.smbios_uuid, identity.virtual) == (PC.serial, PC.uuid, False)


@pytest.mark.parametrize(
    ("keys", "code"),
    [([], "windows.no_smbios"), ([key(SMBIOS, SMBiosData=b"short")], "windows.bad_smbios")],
)
def test_without_a_firmware_table_maker_and_model_remain_and_the_lack_is_named(keys: list[object], code: str) -> None:
    bios = key(BIOS, SystemManufacturer="HP", SystemProductName="EliteDesk 800 G6")
    skipped, identity = collect(session(bios, *keys))  # pyright: ignore[reportArgumentType]
    assert isinstance(skipped, SkippedEntry)
    assert skipped.reason.code == code
    assert isinstance(identity, Identity)
    assert (identity.maker, identity.model, identity.serial) == ("HP", "EliteDesk 800 G6", None)


def test_a_host_without_any_hardware_key_was_not_read() -> None:
    with pytest.raises(Unsupported):
        list(collect(session()))


@pytest.mark.parametrize(
    ("maker", "model", "virtual"),
    [
        ("VMware, Inc.", "VMware7,1", True),
        ("Microsoft Corporation", "Virtual Machine", True),
        ("Microsoft Corporation", "Surface Pro 7", False),
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", True),
        ("LENOVO", "10SGS2AL00", False),
        (None, None, None),
    ],
)
def test_a_virtual_machine_is_told_by_maker_and_model(
    maker: str | None, model: str | None, virtual: bool | None
) -> None:
    assert is_virtual(maker, model) is virtual
