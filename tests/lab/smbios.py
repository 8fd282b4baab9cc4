"""The raw SMBIOS table as Windows keeps it in ``mssmbios\\Data\\SMBiosData``.

Format: ``RawSMBIOSData`` of GetSystemFirmwareTable (8-byte header: calling method, major, minor, DMI revision, length),
then the structures of DMTF DSP0134 (type, length, handle, formatted area, strings, double NUL). The UUID's first three
fields are little-endian since SMBIOS 2.6.
"""

from __future__ import annotations

import struct
import uuid

from tests.lab.plans import Hardware

MAJOR, MINOR = 3, 2
END_OF_TABLE = b"\x7f\x04\xff\xff\x00\x00"


def raw_table(hardware: Hardware) -> bytes:
    """Types 0 (BIOS), 1 (system), 2 (board), 3 (chassis) and the end marker, with the Windows header."""
    table = _bios(hardware) + _system(hardware) + _board(hardware) + _chassis(hardware) + END_OF_TABLE
    return struct.pack("<BBBBI", 0, MAJOR, MINOR, 0, len(table)) + table


def _structure(kind: int, formatted: bytes, *strings: str) -> bytes:
    text = b"".join(part.encode("utf-8") + b"\0" for part in strings if part) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(formatted), kind) + formatted + text + b"\0"


def _numbers(*strings: str) -> list[int]:
    """String numbers as the formatted area refers to them: 1-based among the non-empty ones, 0 = none."""
    used = 0
    numbers: list[int] = []
    for part in strings:
        used += bool(part)
        numbers.append(used if part else 0)
    return numbers


def _bios(h: Hardware) -> bytes:
    strings = (h.bios_vendor, h.bios_version, h.bios_date)
    vendor, version, date = _numbers(*strings)
    formatted = struct.pack("<BBHBBQBBBBBB", vendor, version, 0xE000, date, 0xFF, 0x8, 3, 13, 1, 0, 0xFF, 0xFF)
    return _structure(0, formatted, *strings)


def _system(h: Hardware) -> bytes:
    strings = (h.maker, h.model, h.version, h.serial, "", h.family)
    maker, model, version, serial, sku, family = _numbers(*strings)
    wake_up = 6  # power switch
    identity = uuid.UUID(h.uuid).bytes_le
    formatted = struct.pack("<BBBB16sBBB", maker, model, version, serial, identity, wake_up, sku, family)
    return _structure(1, formatted, *strings)


def _board(h: Hardware) -> bytes:
    strings = (h.maker, h.model, h.board_serial)
    maker, model, serial = _numbers(*strings)
    return _structure(2, struct.pack("<BBBBBBBHBB", maker, model, 0, serial, 0, 9, 0, 3, 10, 0), *strings)


def _chassis(h: Hardware) -> bytes:
    strings = (h.maker, h.serial)
    maker, serial = _numbers(*strings)
    formatted = struct.pack("<BBBBBBBBBIBBBBB", maker, h.chassis_type, 0, serial, 0, 3, 3, 3, 3, 0, 0, 1, 0, 0, 0)
    return _structure(3, formatted, *strings)
