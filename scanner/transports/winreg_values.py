"""Registry bytes as values: pure decoding that never loses what it cannot decode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from config.clock import rfc3339
from scanner.session import RegistryData, RegistryValue

SZ, EXPAND_SZ, DWORD, DWORD_BE, MULTI_SZ, QWORD = 1, 2, 4, 5, 7, 11
FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def decode_value(kind: int, data: bytes) -> RegistryValue:
    """Decode by REG_* number; whatever does not fit its type stays bytes."""
    return RegistryValue(kind, _decode(kind, data))


def _decode(kind: int, data: bytes) -> RegistryData:
    if kind in (SZ, EXPAND_SZ):
        text = decode_text(data)
        return data if text is None else text.rstrip("\0")
    if kind == MULTI_SZ:
        text = decode_text(data)
        return data if text is None else tuple(text.rstrip("\0").split("\0")) if text.rstrip("\0") else ()
    if (kind, len(data)) in ((DWORD, 4), (QWORD, 8)):
        return int.from_bytes(data, "little")
    if (kind, len(data)) == (DWORD_BE, 4):
        return int.from_bytes(data, "big")
    return data


def decode_text(data: bytes) -> str | None:
    """UTF-16, or None when it is not valid UTF-16."""
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError:
        return None


def shown_name(data: bytes) -> str:
    """A name for people and for JSON: what is not valid UTF-16 is escaped, so that nothing is lost."""
    return data.decode("utf-16-le", "backslashreplace")


def filetime(value: int) -> str | None:
    """100 ns since 1601 as RFC 3339 in UTC; None for 0 and for times beyond year 9999."""
    if not value:
        return None
    try:
        return rfc3339(FILETIME_EPOCH + timedelta(microseconds=value // 10))
    except OverflowError:
        return None
