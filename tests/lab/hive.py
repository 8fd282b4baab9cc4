"""Registry hives as ``.reg`` files (UTF-16, format version 5.00), and the binary values that Windows keeps in them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from tests.lab.plans import RegistryEntry, RegistryScalar

ROOTS = {"HKLM": "HKEY_LOCAL_MACHINE", "HKU": "HKEY_USERS"}
KEY_ALPHABET = "BCDFGHJKMPQRTVWXY2346789"
DIGITAL_PRODUCT_ID_SIZE = 164
KEY_OFFSET, KEY_SIZE = 52, 15


def reg_file(entries: Iterable[RegistryEntry]) -> bytes:
    """The whole file; it ends with an empty line, which Samba's importer wants."""
    lines = ["Windows Registry Editor Version 5.00", ""]
    for key, group in groupby(entries, key=lambda entry: entry.key):
        lines.append(f"[{full_path(key)}]")
        lines += [f'"{_escaped(entry.name)}"={_literal(entry.data)}' for entry in group]
        lines.append("")
    return "\r\n".join([*lines, ""]).encode("utf-16")


def full_path(key: str) -> str:
    """``HKLM\\…`` written out as the file format wants it."""
    root, _, rest = key.partition("\\")
    return f"{ROOTS[root]}\\{rest}"


def digital_product_id(product_id: str, product_key: str) -> bytes:
    """A ``DigitalProductId`` blob (164 bytes) that holds ``product_key`` where Windows keeps it."""
    blob = bytearray(DIGITAL_PRODUCT_ID_SIZE)
    blob[0:8] = DIGITAL_PRODUCT_ID_SIZE.to_bytes(4, "little") + (3).to_bytes(4, "little")
    blob[8 : 8 + len(product_id)] = product_id.encode("ascii")
    blob[KEY_OFFSET : KEY_OFFSET + KEY_SIZE] = packed_product_key(product_key)
    return bytes(blob)


def packed_product_key(product_key: str) -> bytes:
    """25 characters of base 24 as 15 bytes, least significant first."""
    number = 0
    for character in product_key.replace("-", ""):
        number = number * len(KEY_ALPHABET) + KEY_ALPHABET.index(character)
    return number.to_bytes(KEY_SIZE, "little")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _literal(data: RegistryScalar) -> str:
    if isinstance(data, str):
        return f'"{_escaped(data)}"'
    if isinstance(data, int):
        return f"dword:{data:08x}"
    if isinstance(data, bytes):
        return f"hex:{_hex(data)}"
    text = "".join(part + "\0" for part in (*data, ""))
    return f"hex(7):{_hex(text.encode('utf-16-le'))}"


def _hex(data: bytes) -> str:
    return ",".join(f"{byte:02x}" for byte in data)
