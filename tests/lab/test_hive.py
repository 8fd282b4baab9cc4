"""The hive and the firmware table are byte for byte what their formats say."""

from __future__ import annotations

import struct
import uuid

from tests.lab import hive, smbios
from tests.lab.plans import Hardware, RegistryEntry

HARDWARE = Hardware(
    maker="LENOVO",
    model="11JQA01CCD",
    serial="MP2E7K41",
    uuid="8c2f5a10-6b1d-11ed-8f3c-b03a95c47e11",
    family="ThinkCentre M750t-N000",
)


def structures(table: bytes) -> dict[int, tuple[bytes, list[str]]]:
    """Formatted area and strings of each structure, read the way DSP0134 6.1 describes it."""
    found: dict[int, tuple[bytes, list[str]]] = {}
    at = 8
    while at < len(table):
        kind, length = table[at], table[at + 1]
        end = table.index(b"\0\0", at + length) + 2
        strings = table[at + length : end - 2].decode().split("\0")
        found[kind] = table[at : at + length], strings
        at = end
    return found


def test_the_table_has_windows_own_header_with_the_length_of_what_follows() -> None:
    table = smbios.raw_table(HARDWARE)
    method, major, minor, revision, length = struct.unpack_from("<BBBBI", table)
    assert (method, major, minor, revision) == (0, 3, 2, 0)
    assert length == len(table) - 8


def test_system_information_carries_maker_model_serial_and_a_mixed_endian_uuid() -> None:
    formatted, strings = structures(smbios.raw_table(HARDWARE))[1]
    assert len(formatted) == 0x1B
    assert [strings[formatted[at] - 1] for at in (4, 5, 7, 0x1A)] == [
        "LENOVO",
        "11JQA01CCD",
        "MP2E7K41",
        "ThinkCentre M750t-N000",
    ]
    assert uuid.UUID(bytes_le=formatted[8:24]) == uuid.UUID(HARDWARE.uuid)
    assert formatted[6] == 0  # no version: string number zero


def test_every_structure_of_the_table_is_there_and_of_its_length() -> None:
    lengths = {kind: len(formatted) for kind, (formatted, _) in structures(smbios.raw_table(HARDWARE)).items()}
    assert lengths == {0: 0x18, 1: 0x1B, 2: 0x0F, 3: 0x16, 127: 4}


def test_a_reg_file_is_utf16_with_each_kind_of_value_in_its_notation() -> None:
    key = r"HKLM\SOFTWARE\甲"
    entries = [
        RegistryEntry(key, "text", 'C:\\a "b"'),
        RegistryEntry(key, "number", 45),
        RegistryEntry(key, "blob", b"\x01\xff"),
        RegistryEntry(key, "list", ("a", "b")),
    ]
    data = hive.reg_file(entries)
    assert data[:2] == b"\xff\xfe"
    assert data.decode("utf-16").splitlines() == [
        "Windows Registry Editor Version 5.00",
        "",
        r"[HKEY_LOCAL_MACHINE\SOFTWARE\甲]",
        r'"text"="C:\\a \"b\""',
        '"number"=dword:0000002d',
        '"blob"=hex:01,ff',
        '"list"=hex(7):61,00,00,00,62,00,00,00,00,00',
        "",
    ]


def test_a_product_key_is_packed_so_that_the_usual_decoding_gives_it_back() -> None:
    key = "BKDFH-9QTRW-2MPXV-C8JY4-7KQDB"
    blob = hive.digital_product_id("00330-80000-00000-AA517", key)
    number = int.from_bytes(blob[52:67], "little")
    characters: list[str] = []
    for _ in range(25):
        number, digit = divmod(number, 24)
        characters.append(hive.KEY_ALPHABET[digit])
    assert "".join(reversed(characters)) == key.replace("-", "")
    assert len(blob) == 164
