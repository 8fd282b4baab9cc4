"""What ``collect.js`` wrote: answers of WMI and files, one JSON object a line; and ``wmic`` in its place.

References:
    - WBEM_E_INVALID_CLASS, WBEM_E_INVALID_NAMESPACE, WBEM_E_NOT_FOUND, WBEM_E_ACCESS_DENIED:
      https://learn.microsoft.com/windows/win32/wmisdk/wmi-error-constants
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from config.clock import rfc3339
from scanner.session import AccessDenied, ClassAbsent, FileSeen, FileState, SessionError, WmiRow, WmiScalar, WmiValue
from scanner.wmi_classes import OFFICE_PRODUCT

ABSENT = (0x80041010, 0x8004100E, 0x80041002)
DENIED = (0x80041003, 0x80070005)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253402300799000  # milliseconds: the end of the year 9999
WMIC = re.compile(r"@@wmi (?P<path>\S+)")
WMIC_VALUE = re.compile(r"(?P<name>[A-Za-z0-9]+)=(?P<value>.*)")
ARRAY = re.compile(r"\{(?P<items>.*)\}")
WORDS: Mapping[str, bool] = {"TRUE": True, "FALSE": False}
NUMBERS = frozenset({
    "LicenseStatus", "LicenseStatusReason", "GracePeriodRemaining", "KeyManagementServicePort", "GenuineStatus",
    "DiscoveredKeyManagementServiceMachinePort", "IsKeyManagementServiceMachine", "OperatingSystemSKU", "ProductType",
    "ChassisTypes", "productState",
})  # fmt: skip
"""Columns that WMI gives as numbers; ``wmic`` prints all as text."""


@dataclass
class Scripted:
    """By class of WMI its rows or why there are none; files by path as they were looked at, and those found."""

    rows: dict[str, tuple[WmiRow, ...] | SessionError] = field(
        default_factory=dict[str, "tuple[WmiRow, ...] | SessionError"]
    )
    looked: dict[str, FileSeen] = field(default_factory=dict[str, FileSeen])
    found: list[FileSeen] = field(default_factory=list[FileSeen])
    clock: datetime | None = None
    complete: bool = False


def parse(text: str) -> Scripted:
    """The whole of ``script.txt``; a line that is no object is left out."""
    scripted = Scripted()
    for line in _objects(text):
        if "wmi" in line:
            path = str(line["wmi"])
            scripted.rows[path] = _failed(path, line) if "error" in line else _rows(path, line.get("rows"))
        elif isinstance(line.get("look"), dict) and (seen := _seen(line["look"])):
            scripted.looked[seen.path] = seen
        elif isinstance(line.get("find"), dict) and (seen := _seen(line["find"])):
            scripted.found.append(seen)
        elif "clock" in line:
            scripted.clock = moment(line["clock"])
        elif "done" in line:
            scripted.complete = True
    return scripted


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.replace("\ufeff", "").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _failed(path: str, line: Mapping[str, Any]) -> SessionError:
    number = line["error"] & 0xFFFFFFFF if isinstance(line["error"], int) else 0
    if number in ABSENT:
        return ClassAbsent("wmi.class_absent", name=path)
    if number in DENIED:
        return AccessDenied("single.wmi_denied", name=path)
    return SessionError("wmi.query_failed", name=path, status=f"0x{number:08X}")


def _rows(path: str, rows: object) -> tuple[WmiRow, ...]:
    listed = rows if isinstance(rows, list) else []
    return tuple(WmiRow(path, {str(n): _value(v) for n, v in row.items()}) for row in listed if isinstance(row, dict))


def _value(value: object) -> WmiValue:
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str | int | float | bool))
    return value if isinstance(value, str | int | float | bool) else None


def _seen(item: Mapping[str, Any]) -> FileSeen | None:
    try:
        state = FileState(item.get("state", ""))
        path = str(item["path"])
    except (ValueError, KeyError):
        return None
    if state is not FileState.PRESENT:
        return FileSeen(path, state)
    size = item.get("size")
    return FileSeen(
        path,
        state,
        folder=item.get("folder") is True,
        size=int(size) if isinstance(size, int | float) else 0,
        created=_time(item.get("created")),
        written=_time(item.get("written")),
    )


def _time(value: object) -> str | None:
    found = moment(value)
    return rfc3339(found) if found else None


def moment(value: object) -> datetime | None:
    """Milliseconds since 1970 as a time; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LATEST:
        return None
    return EPOCH + timedelta(milliseconds=int(value))


def parse_wmic(text: str) -> Scripted:
    """What ``wmic … get … /value`` printed, class after class; of a class asked twice the first answer with rows."""
    scripted = Scripted()
    pieces = WMIC.split(text.replace("\ufeff", ""))
    for path, printed in zip(pieces[1::2], pieces[2::2], strict=True):
        if not isinstance(scripted.rows.get(path), tuple):
            scripted.rows[path] = tuple(_wmic_rows(path, printed)) or _silent(path)
    return scripted


def _silent(path: str) -> SessionError:
    """``wmic`` prints its errors where nobody reads them; only of Office's own class is a lack the common case."""
    if path == OFFICE_PRODUCT.path:
        return ClassAbsent("wmi.class_absent", name=path)
    return SessionError("wmi.query_failed", name=path, status="wmic")


def _wmic_rows(path: str, printed: str) -> Iterator[WmiRow]:
    values: dict[str, WmiValue] = {}
    for line in printed.splitlines():
        found = WMIC_VALUE.fullmatch(line.strip())
        if found is None:
            continue
        if found["name"] in values:  # the next object begins
            yield WmiRow(path, values)
            values = {}
        values[found["name"]] = _wmic_value(found["name"], found["value"])
    if values:
        yield WmiRow(path, values)


def _wmic_value(name: str, text: str) -> WmiValue:
    if array := ARRAY.fullmatch(text):
        items = [item.strip().strip('"') for item in array["items"].split(",")]
        return tuple(_scalar(name, item) for item in items if item)
    return _scalar(name, text) if text else None


def _scalar(name: str, text: str) -> WmiScalar:
    if text in WORDS:
        return WORDS[text]
    return int(text) if name in NUMBERS and text.isascii() and text.isdigit() else text
