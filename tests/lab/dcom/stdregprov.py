"""StdRegProv: the registry as WMI methods, over the same entries that a Samba peer's hive is made of.

References:
    - https://learn.microsoft.com/previous-versions/windows/desktop/regprov/stdregprov
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.lab.dcom.wmio import CimClass, CimValue, Method, Prop
from tests.lab.plans import RegistryEntry, RegistryScalar

HIVES = {0x80000002: "HKLM", 0x80000003: "HKU"}
FILE_NOT_FOUND, ACCESS_DENIED = 2, 5
TYPE_MISMATCH = 0x80041005
SZ, BINARY, DWORD, MULTI_SZ = 1, 3, 4, 7

_WHERE = (
    Prop("hDefKey", "uint32", default=0x80000002, number=0, direction="in"),
    Prop("sSubKeyName", number=1, direction="in"),
)
_NAMED = (*_WHERE, Prop("sValueName", number=2, direction="in"))
_STATUS = Prop("ReturnValue", "uint32", direction="out")


def _getter(name: str, out: Prop) -> Method:
    return Method(name, _NAMED, (out, _STATUS))


CLASS = CimClass(
    "StdRegProv",
    (),
    methods=(
        Method("EnumKey", _WHERE, (Prop("sNames", array=True, number=2, direction="out"), _STATUS)),
        Method(
            "EnumValues",
            _WHERE,
            (
                Prop("sNames", array=True, number=2, direction="out"),
                Prop("Types", "sint32", array=True, number=3, direction="out"),
                _STATUS,
            ),
        ),
        _getter("GetStringValue", Prop("sValue", number=3, direction="out")),
        _getter("GetExpandedStringValue", Prop("sValue", number=3, direction="out")),
        _getter("GetDWORDValue", Prop("uValue", "uint32", number=3, direction="out")),
        _getter("GetQWORDValue", Prop("uValue", "uint64", number=3, direction="out")),
        _getter("GetMultiStringValue", Prop("sValue", array=True, number=3, direction="out")),
        _getter("GetBinaryValue", Prop("uValue", "uint8", array=True, number=3, direction="out")),
        Method("SetDWORDValue", (*_NAMED, Prop("uValue", "uint32", number=3, direction="in")), (_STATUS,)),
        Method("CreateKey", _WHERE, (_STATUS,)),
        Method("DeleteKey", _WHERE, (_STATUS,)),
    ),
)
"""The methods that write are declared, as on a real computer, and refused: nothing may ever call them."""

Answer = dict[str, CimValue]


@dataclass
class Hive:
    """Keys by folded path; ``denied`` are paths that this account may not open."""

    keys: dict[str, dict[str, RegistryScalar]] = field(default_factory=dict[str, dict[str, RegistryScalar]])
    spelling: dict[str, str] = field(default_factory=dict[str, str])
    denied: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[RegistryEntry], denied: Iterable[str] = ()) -> Hive:
        hive = cls(denied=frozenset(path.casefold() for path in denied))
        for entry in entries:
            hive._add_parents(entry.key)
            hive.keys[entry.key.casefold()][entry.name] = entry.data
        return hive

    def _add_parents(self, path: str) -> None:
        parts = path.split("\\")
        for count in range(1, len(parts) + 1):
            whole = "\\".join(parts[:count])
            self.keys.setdefault(whole.casefold(), {})
            self.spelling.setdefault(whole.casefold(), parts[count - 1])

    def call(self, method: str, parameters: Mapping[str, CimValue]) -> Answer:
        """The out-parameters of one call."""
        path = f"{HIVES[_number(parameters['hDefKey'])]}\\{parameters.get('sSubKeyName') or ''}".rstrip("\\").casefold()
        if path in self.denied:
            return {"ReturnValue": ACCESS_DENIED}
        if path not in self.keys:
            return {"ReturnValue": FILE_NOT_FOUND}
        if method == "EnumKey":
            return {"ReturnValue": 0, "sNames": self._children(path) or None}
        if method == "EnumValues":
            return self._values(path)
        return self._value(method, path, str(parameters.get("sValueName") or ""))

    def _children(self, path: str) -> list[str]:
        start = path + "\\"
        return [self.spelling[key] for key in self.keys if key.startswith(start) and "\\" not in key[len(start) :]]

    def _values(self, path: str) -> Answer:
        values = self.keys[path]
        if not values:
            return {"ReturnValue": 0}
        return {"ReturnValue": 0, "sNames": list(values), "Types": [_kind(data) for data in values.values()]}

    def _value(self, method: str, path: str, name: str) -> Answer:
        found = {key.casefold(): data for key, data in self.keys[path].items()}.get(name.casefold())
        if found is None:
            return {"ReturnValue": FILE_NOT_FOUND}
        kind, out, convert = GETTERS[method]
        if kind != _kind(found):
            return {"ReturnValue": TYPE_MISMATCH}
        return {"ReturnValue": 0, out: convert(found)}


def _same(data: RegistryScalar) -> CimValue:
    return data


def _octets(data: RegistryScalar) -> CimValue:
    return list(data) if isinstance(data, bytes) else None


GETTERS: Mapping[str, tuple[int, str, Callable[[RegistryScalar], CimValue]]] = {
    "GetStringValue": (SZ, "sValue", _same),
    "GetExpandedStringValue": (2, "sValue", _same),
    "GetDWORDValue": (DWORD, "uValue", _same),
    "GetQWORDValue": (11, "uValue", _same),
    "GetMultiStringValue": (MULTI_SZ, "sValue", _same),
    "GetBinaryValue": (BINARY, "uValue", _octets),
}


def _kind(data: RegistryScalar) -> int:
    return {str: SZ, int: DWORD, bytes: BINARY, tuple: MULTI_SZ}[type(data)]


def _number(value: CimValue) -> int:
    assert isinstance(value, int)
    return value
