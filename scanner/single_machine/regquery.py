r"""What ``reg query`` prints, with the marks that the batch file puts between; pure.

``@@query KEY`` · ``@@list KEY`` · ``@@every KEY`` · ``@@export KEY``, then what was printed, then ``@@failed`` where it
ended with an error. Windows 7 and later print four blanks between the columns of a value, Windows XP a tab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from scanner.session import RegistryData, RegistryValue
from scanner.single_machine.regfile import Keys, short

VALUE = re.compile(r"(?: {4}|\t)(?P<name>.*?)(?: {4}|\t)(?P<kind>REG_[A-Z_]+)(?:(?: {4}|\t)(?P<data>.*))?")
KEY = re.compile(r"HKEY_[A-Z_]+(\\.*)?")
KINDS = {
    "REG_NONE": 0, "REG_SZ": 1, "REG_EXPAND_SZ": 2, "REG_BINARY": 3, "REG_DWORD": 4, "REG_DWORD_BIG_ENDIAN": 5,
    "REG_MULTI_SZ": 7, "REG_QWORD": 11,
}  # fmt: skip
NUMBERS = ("REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_QWORD")
REFUSED = re.compile(r"access is denied|拒绝访问|存取被拒", re.IGNORECASE)
MARK = "@@"


@dataclass
class Told:
    """What the batch file asked, and what the computer said. Paths are folded where they are looked up."""

    keys: Keys = field(default_factory=Keys)  # values as far as they were asked for
    asked: set[str] = field(default_factory=set[str])  # keys of which named values were asked
    listed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # key → its subkeys' names
    exported: set[str] = field(default_factory=set[str])  # subtrees that were written out whole
    refused: set[str] = field(default_factory=set[str])
    complete: bool = False


def parse(text: str) -> Told:
    """The whole of ``answers.txt``; what stands before the first mark is left out."""
    told = Told()
    for verb, path, lines, failed in _sections(text):
        key = short(path)
        folded = key.casefold()
        if verb == "end":
            told.complete = True
        elif failed and any(REFUSED.search(line) for line in lines):
            told.refused.add(folded)
        elif verb == "export":
            told.exported.add(folded)
        else:
            _take(told, verb, key, lines)
    return told


def _take(told: Told, verb: str, key: str, lines: list[str]) -> None:
    values = parse_values(lines)
    for path, found in values.items():
        told.keys.setdefault(path, {}).update(found)
    if verb == "query":
        told.asked.add(key.casefold())
    elif verb == "list":
        names = [path[len(key) + 1 :] for path in values if path.casefold().startswith(f"{key.casefold()}\\")]
        told.listed[key.casefold()] = [name for name in names if "\\" not in name]
    elif verb == "every":
        told.asked.update(path.casefold() for path in values)
        _list_below(told, key, values)


def _list_below(told: Told, key: str, values: Keys) -> None:
    """What lies below the subkeys that were seen; the names directly below ``key`` are asked for by themselves."""
    for path in values:
        above, _, name = path.rpartition("\\")
        while len(above) > len(key):
            names = told.listed.setdefault(above.casefold(), [])
            if name in names:
                break
            names.append(name)
            above, _, name = above.rpartition("\\")


def _sections(text: str) -> Iterable[tuple[str, str, list[str], bool]]:
    verb, path, lines, failed = "", "", list[str](), False
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.startswith(MARK):
            lines.append(line)
        elif line.strip() == "@@failed":
            failed = True
        else:
            yield verb, path, lines, failed
            verb, _, path = line.removeprefix(MARK).strip().partition(" ")
            lines, failed = [], False
    yield verb, path, lines, failed


def parse_values(lines: Iterable[str]) -> Keys:
    r"""``HKEY_LOCAL_MACHINE\…`` lines, each with its ``    Name    REG_SZ    data`` lines."""
    found: Keys = {}
    current: dict[str, RegistryValue] | None = None
    for line in lines:
        if KEY.fullmatch(line.strip()) and not line.startswith((" ", "\t")):
            current = found.setdefault(short(line), {})
        elif current is not None and (value := VALUE.fullmatch(line)):
            kind = value["kind"]
            current[value["name"]] = RegistryValue(KINDS.get(kind, 0), _data(kind, value["data"] or ""))
    return found


def _data(kind: str, text: str) -> RegistryData:
    text = text.rstrip("\r")
    if kind in NUMBERS:
        try:
            return int(text.strip().split(" ")[0], 16)
        except ValueError:
            return text
    if kind == "REG_MULTI_SZ":
        return tuple(part for part in text.split("\\0") if part)
    if kind == "REG_BINARY":
        try:
            return bytes.fromhex(text.strip())
        except ValueError:
            return text
    return text
