"""The raw SMBIOS table: maker, model, serials and UUID as the firmware holds them. Pure.

Windows keeps it as ``RawSMBIOSData``: calling method, major, minor, DMI revision (1 byte each), length (4), table.

References:
    - DMTF DSP0134 §6.1 (structures and their strings), §7.2 (type 1), §7.3 (type 2), §7.4 (type 3)
    - https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getsystemfirmwaretable
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

HEADER = struct.Struct("<BBBBI")
SYSTEM, BOARD, CHASSIS, END = 1, 2, 3, 127
UUID_AT, UUID_END = 8, 24
MIXED_ENDIAN_SINCE = (2, 6)
ABSENT_UUIDS = (bytes(16), b"\xff" * 16)

CHASSIS_TYPES = {
    1: "other", 2: "unknown", 3: "desktop", 4: "low_profile_desktop", 5: "pizza_box", 6: "mini_tower", 7: "tower",
    8: "portable", 9: "laptop", 10: "notebook", 11: "hand_held", 12: "docking_station", 13: "all_in_one",
    14: "sub_notebook", 15: "space_saving", 16: "lunch_box", 17: "main_server", 18: "expansion", 19: "sub_chassis",
    20: "bus_expansion", 21: "peripheral", 22: "raid", 23: "rack_mount", 24: "sealed_pc", 25: "multi_system",
    26: "compact_pci", 27: "advanced_tca", 28: "blade", 29: "blade_enclosure", 30: "tablet", 31: "convertible",
    32: "detachable", 33: "iot_gateway", 34: "embedded_pc", 35: "mini_pc", 36: "stick_pc",
}  # fmt: skip
"""DSP0134 table 17."""


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure: its formatted area from its first byte on, and its strings."""

    kind: int
    formatted: bytes
    strings: tuple[str, ...]

    def string(self, at: int) -> str | None:
        """The string that the byte at ``at`` numbers (from 1); None when there is none."""
        number = self.formatted[at] if at < len(self.formatted) else 0
        return (self.strings[number - 1].strip() or None) if 0 < number <= len(self.strings) else None


@dataclass(frozen=True, slots=True)
class Firmware:
    """What types 1 to 3 say; None where they say nothing. ``uuid`` is lower case with hyphens."""

    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    uuid: str | None = None
    board_serial: str | None = None
    chassis: str | None = None


def parse(raw: bytes) -> Firmware:
    """Read a RawSMBIOSData blob; of a table cut short, what stands before the cut. Raises ValueError without header."""
    if len(raw) < HEADER.size:
        raise ValueError("no RawSMBIOSData header")
    _, major, minor, _, length = HEADER.unpack_from(raw)
    first: dict[int, Structure] = {}
    for structure in structures(raw[HEADER.size : HEADER.size + length]):
        first.setdefault(structure.kind, structure)
    empty = Structure(END, b"", ())
    system, board, chassis = (first.get(kind, empty) for kind in (SYSTEM, BOARD, CHASSIS))
    return Firmware(
        maker=system.string(4),
        model=system.string(5),
        serial=system.string(7),
        uuid=system_uuid(system.formatted[UUID_AT:UUID_END], (major, minor)),
        board_serial=board.string(7),
        chassis=CHASSIS_TYPES.get(chassis.formatted[5] & 0x7F) if len(chassis.formatted) > 5 else None,
    )


def structures(table: bytes) -> Iterator[Structure]:
    """Walk the table until its end marker, its end, or the first structure that does not fit."""
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        strings_at = at + length
        end = table.find(b"\0\0", strings_at)
        if length < 4 or end < 0 or kind == END:
            return
        yield Structure(kind, table[at:strings_at], _strings(table[strings_at:end]))
        at = end + 2


def _strings(area: bytes) -> tuple[str, ...]:
    return tuple(part.decode("utf-8", "replace") for part in area.split(b"\0")) if area else ()


def system_uuid(field: bytes, version: tuple[int, int]) -> str | None:
    """The UUID field; since SMBIOS 2.6 its first three parts are little-endian. All 0 and all F mean: none set."""
    if len(field) < 16 or field in ABSENT_UUIDS:
        return None
    return str(uuid.UUID(bytes_le=field) if version >= MIXED_ENDIAN_SINCE else uuid.UUID(bytes=field))
