r"""The files that ``reg export`` writes; pure.

References:
    - https://support.microsoft.com/topic/9c7f37cf-a5e9-e1cd-c4fa-2a26218a1a23 (the format of .reg files)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.session import RegistryValue
from scanner.transports.winreg_values import DWORD, SZ, decode_value

Keys = dict[str, dict[str, RegistryValue]]
"""Path as we name it (``HKLM\\SOFTWARE``) → its values."""

HIVES = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_USERS": "HKU", "HKEY_CURRENT_USER": "HKCU"}
KEY = re.compile(r"\[(?P<path>[^\r\n]+)\]")
VALUE = re.compile(r'(?:"(?P<name>(?:[^"\\]|\\.)*)"|(?P<default>@))=(?P<data>.*)', re.DOTALL)
HEX = re.compile(r"hex(?:\((?P<kind>[0-9a-fA-F]{1,8})\))?:(?P<bytes>[0-9a-fA-F,\s]*)")
DOUBLE = re.compile(r"dword:(?P<number>[0-9a-fA-F]{1,8})")
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
BINARY = 3
LONGEST = 1 << 20
"""Characters of one value; a longer one is left out."""


def parse(text: str) -> Keys:
    """All keys of one or more exports that were put behind each other; lines that are none are left out."""
    found: Keys = {}
    current: dict[str, RegistryValue] | None = None
    for line in statements(text):
        if key := KEY.fullmatch(line):
            current = found.setdefault(short(key["path"]), {})
        elif current is not None and len(line) <= LONGEST and (value := VALUE.fullmatch(line)):
            data = decoded(value["data"])
            if data is not None:
                current["" if value["default"] else unescaped(value["name"])] = data
    return found


def statements(text: str) -> Iterator[str]:
    """The lines, with those put together that a value runs over: a string with line breaks, hex digits."""
    held = ""
    for piece in text.replace("\ufeff", "").split("\n"):
        line = held + piece.rstrip("\r") if not held.endswith("\\\0") else held[:-2] + piece.strip()
        if line.endswith("\\") and "hex" in line and line[-2:-1] in ",:":
            held = line[:-1] + "\\\0"
        elif _unfinished(line) and len(line) < LONGEST:
            held = line + "\n"
        else:
            held = ""
            yield line.strip()
    if held:
        yield held.rstrip("\\\0\n")


def _unfinished(line: str) -> bool:
    """Whether a string value still waits for its closing quote."""
    if not line.startswith(('"', "@=")):
        return False
    return len(ESCAPED.sub("", line).split('"')) % 2 == 0


def decoded(data: str) -> RegistryValue | None:
    """``"text"``, ``dword:0000000a``, ``hex:01,02``, ``hex(2):25,00``; None for anything else."""
    data = data.strip()
    if len(data) >= 2 and data[0] == data[-1] == '"':
        return RegistryValue(SZ, unescaped(data[1:-1]))
    if number := DOUBLE.fullmatch(data):
        return RegistryValue(DWORD, int(number["number"], 16))
    if digits := HEX.fullmatch(data):
        try:
            raw = bytes.fromhex("".join(digits["bytes"].replace(",", "").split()))
        except ValueError:  # an odd digit at a cut
            return None
        return decode_value(int(digits["kind"], 16) if digits["kind"] else BINARY, raw)
    return None


def unescaped(text: str) -> str:
    r"""``C:\\Program Files`` → ``C:\Program Files``."""
    return ESCAPED.sub(r"\1", text)


def short(path: str) -> str:
    r"""``HKEY_LOCAL_MACHINE\SOFTWARE`` → ``HKLM\SOFTWARE``."""
    hive, mark, rest = path.strip().partition("\\")
    return f"{HIVES.get(hive.upper(), hive)}{mark}{rest}"
