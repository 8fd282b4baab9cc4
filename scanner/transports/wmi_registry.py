r"""The registry over WMI (StdRegProv): no service is started, nothing on the computer changes.

One call lists a key's values and one call reads each, so it is slower than the remote registry; it gives the same
values, except that StdRegProv tells no time of last write.

References:
    - https://learn.microsoft.com/previous-versions/windows/desktop/regprov/stdregprov
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from scanner.session import (
    AccessDenied,
    LimitExceeded,
    RegistryKey,
    RegistryValue,
    SessionError,
    WmiScalar,
    WmiValue,
)
from scanner.transports.winreg import MAX_VALUES, RegistryLimits, is_forbidden, normal
from scanner.transports.winreg_values import EXPAND_SZ, MULTI_SZ, SZ, decode_value
from scanner.wmi_classes import DEFAULT

PROVIDER = "StdRegProv"
HIVES = {"HKLM": 0x80000002, "HKU": 0x80000003}
DWORD, QWORD = 4, 11
OK, FILE_NOT_FOUND, ACCESS_DENIED, KEY_DELETED = 0, 2, 5, 1018
GETTERS = {
    SZ: ("GetStringValue", "sValue"),
    EXPAND_SZ: ("GetStringValue", "sValue"),  # GetExpandedStringValue would put in that computer's own variables
    DWORD: ("GetDWORDValue", "uValue"),
    QWORD: ("GetQWORDValue", "uValue"),
    MULTI_SZ: ("GetMultiStringValue", "sValue"),
}
BINARY = ("GetBinaryValue", "uValue")
EXPANDED = ("GetExpandedStringValue", "sValue")

Answer = dict[str, WmiValue]


class Caller(Protocol):
    """The part of a WMI connection that this needs."""

    def method(self, namespace: str, path: str, name: str, values: dict[str, int | str]) -> Answer: ...


class WmiRegistry:
    """``scanner.session.Registry`` of one host over StdRegProv."""

    def __init__(self, caller: Caller, limits: RegistryLimits) -> None:
        self._caller = caller
        self._limits = limits
        self._keys_read = 0

    def names(self, path: str) -> tuple[str, ...]:
        """Names of the direct subkeys; empty when the key is absent. Raises SessionError."""
        path = _checked(path)
        answer = self._call("EnumKey", path)
        status = _status(answer)
        if status in (FILE_NOT_FOUND, KEY_DELETED):
            return ()
        if status:
            raise _error(status, path)
        return tuple(str(name) for name in _items(answer.get("sNames")))

    def key(self, path: str) -> RegistryKey | None:
        """One key with its values, or None when it is absent. ``last_write`` is None. Raises SessionError."""
        found, left_out = self._read(_checked(path))
        if left_out:
            raise left_out[0]
        return found

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        """Every direct subkey with its values; an unreadable key or value is yielded as its error."""
        for name in self.names(path):
            child = f"{_checked(path)}\\{name}"
            if is_forbidden(child):
                yield AccessDenied("winreg.forbidden", path=child)
                continue
            found, left_out = self._read(child)
            if found:
                yield found
            yield from left_out

    def _read(self, path: str) -> tuple[RegistryKey | None, list[SessionError]]:
        self._keys_read += 1
        if self._keys_read > self._limits.keys:
            raise LimitExceeded("winreg.too_many_keys", limit=self._limits.keys)
        answer = self._call("EnumValues", path)
        status = _status(answer)
        if status in (FILE_NOT_FOUND, KEY_DELETED):
            return None, []
        if status:
            return None, [_error(status, path)]
        listed = list(zip(_items(answer.get("sNames")), _items(answer.get("Types")), strict=False))
        values: dict[str, RegistryValue] = {}
        left_out: list[SessionError] = []
        for name, kind in listed[:MAX_VALUES]:
            value = self._value(path, str(name), int(kind))
            if isinstance(value, SessionError):
                left_out.append(value)
            else:
                values[str(name)] = value
        if len(listed) > MAX_VALUES:
            left_out.append(LimitExceeded("winreg.too_many_values", path=path, limit=MAX_VALUES))
        return RegistryKey(path, values), left_out

    def _value(self, path: str, name: str, kind: int) -> RegistryValue | SessionError:
        method, out = GETTERS.get(kind, BINARY)
        answer = self._call(method, path, name)
        if _status(answer) and kind == EXPAND_SZ:
            method, out = EXPANDED
            answer = self._call(method, path, name)
        status = _status(answer)
        if status:
            return SessionError("wmi.value_failed", path=path, name=name, error=status)
        value = _decoded(kind, method, answer.get(out))
        size = _size(value)
        if size > self._limits.value_bytes:
            return LimitExceeded(
                "winreg.value_too_large", path=path, name=name, size=size, limit=self._limits.value_bytes
            )
        return value

    def _call(self, method: str, path: str, name: str | None = None) -> Answer:
        hive, _, rest = path.partition("\\")
        values: dict[str, int | str] = {"hDefKey": HIVES[hive], "sSubKeyName": rest}
        if name is not None:
            values["sValueName"] = name
        return self._caller.method(DEFAULT, PROVIDER, method, values)


def _checked(path: str) -> str:
    """The path in normal form. Raises AccessDenied on a forbidden one, ValueError on an unknown hive."""
    path = normal(path)
    hive, separator, rest = path.partition("\\")
    if hive.upper() not in HIVES:
        raise ValueError(f"no such hive: {hive}")
    if is_forbidden(path):
        raise AccessDenied("winreg.forbidden", path=path)
    return hive.upper() + separator + rest


def _status(answer: Answer) -> int:
    status = answer.get("ReturnValue")
    return status if isinstance(status, int) else -1


def _error(status: int, path: str) -> SessionError:
    if status == ACCESS_DENIED:
        return AccessDenied("winreg.key_denied", path=path)
    return SessionError("winreg.key_failed", path=path, error=status)


def _items(value: WmiValue) -> tuple[WmiScalar, ...]:
    return value if isinstance(value, tuple) else ()


def _decoded(kind: int, method: str, value: WmiValue) -> RegistryValue:
    """NULL is what an empty string, list or blob comes as."""
    if method == BINARY[0]:
        return decode_value(kind, bytes(int(item) & 0xFF for item in _items(value)))
    if kind == MULTI_SZ:
        return RegistryValue(kind, tuple(str(item) for item in _items(value)))
    if kind in (DWORD, QWORD):
        return RegistryValue(kind, value if isinstance(value, int) else 0)
    return RegistryValue(kind, value if isinstance(value, str) else "")


def _size(value: RegistryValue) -> int:
    data = value.data
    if isinstance(data, bytes):
        return len(data)
    if isinstance(data, int):
        return 8
    return 2 * (len(data) if isinstance(data, str) else sum(len(part) + 1 for part in data))
