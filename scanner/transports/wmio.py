"""WMI objects as bytes: instances read, method signatures found, in-parameters written. Pure.

Every row of a query repeats its whole class; a :class:`Decoder` reads each distinct class once and then only values.
Its memory is its own: nothing is shared between hosts. What comes from a host is never trusted to fit.

References:
    - [MS-WMIO] §2.2 (layouts, section by section in the functions), §4 (worked examples)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from scanner.session import WmiScalar, WmiValue
from scanner.transports.smb_wire import Malformed

SIGNATURE = 0x12345678
IS_CLASS, DECORATED = 0x1, 0x4
ARRAY, INHERITED = 0x2000, 0x4000
DICTIONARY = 0x80000000
IS_NULL, IS_DEFAULT = 0b01, 0b10
STRING, DATETIME, REFERENCE, BOOLEAN = 8, 101, 102, 11
TEXTS = frozenset({STRING, DATETIME, REFERENCE})
SCALARS = {
    kind: struct.Struct(layout)
    for kind, layout in {
        16: "<b", 17: "<B", 2: "<h", 18: "<H", 3: "<i", 19: "<I", 20: "<q", 21: "<Q", 4: "<f", 5: "<d",
        BOOLEAN: "<H", 103: "<H", STRING: "<I", DATETIME: "<I", REFERENCE: "<I",
    }.items()
}  # fmt: skip
"""CIM type number → slot in the value table ([MS-WMIO] §2.2.71, §2.2.82)."""

REF = struct.Struct("<I")
PROPERTY = struct.Struct("<IHI")
METHOD = struct.Struct("<IB3xIIII")
WORDS = ("'", "key", "", "read", "write", "volatile", "provider", "dynamic", "cimwin32", "DWORD", "CIMTYPE")
"""Names that travel as a number ([MS-WMIO] §2.2.81)."""

MAX_PROPERTIES = 4096
MAX_METHODS = 1024
MAX_LAYOUTS = 256
MAX_TEXT = 8 << 20  # bytes of text in one object: references may repeat, so the size of the message is no bound
NOTHING = (struct.error, LookupError, UnicodeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Property:
    """Where one property stands in the value table."""

    name: str
    kind: int
    is_array: bool
    order: int
    at: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One class as far as its instances need it. ``properties`` are in declaration order."""

    name: str
    properties: tuple[Property, ...]
    flags_size: int
    table_size: int  # null-and-default flags included
    defaults: Mapping[str, WmiValue]


class Heap:
    """Strings and arrays of one object, within a budget."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_TEXT

    def text(self, ref: int) -> str:
        """An Encoded-String (§2.2.78) by its reference; undecodable parts stay visible as escapes."""
        if ref & DICTIONARY:
            return WORDS[ref & ~DICTIONARY]
        text, end = read_text(self._data, ref)
        self._left -= end - ref
        if self._left < 0:
            raise Malformed("more text than one object may hold")
        return text

    def array(self, ref: int, kind: int) -> tuple[WmiScalar, ...]:
        """An Encoded-Array (§2.2.79)."""
        scalar = SCALARS[kind]
        count = REF.unpack_from(self._data, ref)[0]
        end = ref + 4 + count * scalar.size
        self._left -= end - ref
        if end > len(self._data) or self._left < 0:
            raise Malformed("array beyond its heap")
        values = [slot for (slot,) in scalar.iter_unpack(self._data[ref + 4 : end])]
        return tuple(self.scalar(kind, value) for value in values)

    def scalar(self, kind: int, slot: int | float) -> WmiScalar:
        """What a slot means."""
        if kind in TEXTS:
            return self.text(int(slot))
        return bool(slot) if kind == BOOLEAN else slot


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """The Encoded-String at ``at``, and where it ends. Raises Malformed."""
    if data[at] == 0:
        end = data.find(b"\0", at + 1)
        if end < 0:
            raise Malformed("text without an end")
        return data[at + 1 : end].decode("latin-1"), end + 1
    start = at + 1
    end = data.find(b"\0\0", start)
    while end >= 0 and (end - start) % 2:  # the two zeros must be one character
        end = data.find(b"\0\0", end + 1)
    if end < 0:
        raise Malformed("text without an end")
    return data[start:end].decode("utf-16-le", "backslashreplace"), end + 2


class Decoder:
    """Reads instances; remembers the classes of one host."""

    def __init__(self) -> None:
        self._layouts: dict[bytes, Layout] = {}

    def instance(self, unit: bytes) -> tuple[str, dict[str, WmiValue]]:
        """Class name and values of one EncodingUnit (§2.2.1); NULL is None. Raises Malformed."""
        try:
            return self._instance(unit)
        except NOTHING as error:
            raise Malformed(f"WMI object: {error}") from error

    def _instance(self, unit: bytes) -> tuple[str, dict[str, WmiValue]]:
        flags, at = _open_unit(unit)
        if flags & IS_CLASS:
            raise Malformed("a class where an instance should be")
        size = REF.unpack_from(unit, at)[0]
        layout = self.layout(unit[at : at + size])
        at += size + 9  # EncodingLength, InstanceFlags, InstanceClassName (§2.2.53)
        table = unit[at : at + layout.table_size]
        heap = Heap(_instance_heap(unit, at + layout.table_size, len(layout.properties)))
        return layout.name, _values(layout, table, heap)

    def layout(self, part: bytes) -> Layout:
        """The layout of a ClassPart. Raises Malformed, struct.error, IndexError."""
        found = self._layouts.get(part)
        if found is None:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[part] = parse_class(part)
        return found


def _open_unit(unit: bytes) -> tuple[int, int]:
    """Flags of the ObjectBlock (§2.2.5), and where its class or instance begins."""
    signature, _, flags = struct.unpack_from("<IIB", unit)
    if signature != SIGNATURE:
        raise Malformed("no WMI object")
    return flags, _after_decoration(unit, flags, 9)


def _after_decoration(data: bytes, flags: int, at: int) -> int:
    for _ in range(2 if flags & DECORATED else 0):  # server name, namespace (§2.2.7)
        _, at = read_text(data, at)
    return at


def _instance_heap(unit: bytes, at: int, properties: int) -> bytes:
    """Step over the InstanceQualifierSet (§2.2.57); of each property a set where its flag is 2."""
    at += REF.unpack_from(unit, at)[0]
    per_property = unit[at] == 2
    at += 1
    for _ in range(properties if per_property else 0):
        at += REF.unpack_from(unit, at)[0]
    length = REF.unpack_from(unit, at)[0] & ~DICTIONARY
    if at + 4 + length > len(unit):
        raise Malformed("heap beyond its object")
    return unit[at + 4 : at + 4 + length]


def _values(layout: Layout, table: bytes, heap: Heap) -> dict[str, WmiValue]:
    values: dict[str, WmiValue] = {}
    for item in layout.properties:
        flag = table[item.order >> 2] >> (2 * (item.order & 3)) & 3
        if flag & IS_NULL:
            values[item.name] = None
        elif flag & IS_DEFAULT:
            values[item.name] = layout.defaults.get(item.name)
        else:
            values[item.name] = _value(item, table, layout.flags_size + item.at, heap)
    return values


def _value(item: Property, table: bytes, at: int, heap: Heap) -> WmiValue:
    if item.is_array:
        return heap.array(REF.unpack_from(table, at)[0], item.kind)
    return heap.scalar(item.kind, SCALARS[item.kind].unpack_from(table, at)[0])


def parse_class(part: bytes) -> Layout:
    """A ClassPart (§2.2.14): header, derivation, qualifiers, property table, defaults, heap. Raises Malformed."""
    size, name_ref, table_size = struct.unpack_from("<IxII", part)
    at = 13
    at += REF.unpack_from(part, at)[0]  # DerivationList
    at += REF.unpack_from(part, at)[0]  # ClassQualifierSet
    count = REF.unpack_from(part, at)[0]
    table_at = at + 4 + 8 * count
    if size != len(part) or count > MAX_PROPERTIES or table_at + table_size > len(part):
        raise Malformed("class that does not fit its length")
    heap = Heap(part[table_at + table_size + 4 :])
    flags_size = (count + 3) // 4
    entries = struct.iter_unpack("<II", part[at + 4 : table_at])
    found = sorted((_property(heap, part, table_at + table_size + 4, *entry) for entry in entries), key=_order)
    _check(found, table_size - flags_size)
    table = part[table_at : table_at + table_size]
    name = "" if name_ref == 0xFFFFFFFF else heap.text(name_ref)
    bare = Layout(name, tuple(found), flags_size, table_size, {})
    return Layout(name, bare.properties, flags_size, table_size, _values(bare, table, heap))


def _order(item: Property) -> int:
    return item.order


def _property(heap: Heap, part: bytes, heap_at: int, name_ref: int, info_ref: int) -> Property:
    kind, order, at = PROPERTY.unpack_from(part, heap_at + info_ref)
    base = kind & ~(ARRAY | INHERITED) & 0xFFFF
    if base not in SCALARS:
        raise Malformed(f"property of CIM type {base}")
    return Property(heap.text(name_ref), base, bool(kind & ARRAY), order, at)


def _check(found: list[Property], room: int) -> None:
    if [item.order for item in found] != list(range(len(found))):
        raise Malformed("property order")
    for item in found:
        if item.at + (4 if item.is_array else SCALARS[item.kind].size) > room:
            raise Malformed("property beyond its table")


def method_inputs(unit: bytes) -> dict[str, bytes]:
    """Name → ClassPart of the in-parameters, of each method of a class object (§2.2.38). Raises Malformed."""
    try:
        flags, at = _open_unit(unit)
        if not flags & IS_CLASS:
            raise Malformed("an instance where a class should be")
        _, methods = _class_and_methods(unit, at)  # the parent's come first (§2.2.11)
        _, methods = _class_and_methods(unit, methods[1])
        return _methods(unit[slice(*methods)])
    except NOTHING as error:
        raise Malformed(f"WMI class: {error}") from error


def _class_and_methods(data: bytes, at: int) -> tuple[tuple[int, int], tuple[int, int]]:
    middle = at + REF.unpack_from(data, at)[0]
    end = middle + REF.unpack_from(data, middle)[0]
    if not at + 13 <= middle <= end <= len(data):
        raise Malformed("class that does not fit its length")
    return (at, middle), (middle, end)


def _methods(part: bytes) -> dict[str, bytes]:
    count = struct.unpack_from("<H", part, 4)[0]
    start = 8 + METHOD.size * count
    if count > MAX_METHODS or start + 4 > len(part):
        raise Malformed("methods beyond their class")
    data = part[start + 4 :]
    heap, found = Heap(data), dict[str, bytes]()
    for name, _, _, _, inputs, _ in METHOD.iter_unpack(part[8:start]):
        if inputs != 0xFFFFFFFF and REF.unpack_from(data, inputs)[0]:
            flags = data[inputs + 4]
            at = _after_decoration(data, flags, inputs + 5)
            _, parent_methods = _class_and_methods(data, at)
            own, _ = _class_and_methods(data, parent_methods[1])
            found[heap.text(name)] = data[slice(*own)]
    return found


def encode_instance(part: bytes, values: Mapping[str, int | str]) -> bytes:
    """An EncodingUnit with one instance of the class ``part``: the in-parameters of a method call.

    Raises Malformed on a class that does not hold together, KeyError on a value that it does not have.
    """
    try:
        layout = parse_class(part)
    except NOTHING as error:
        raise Malformed(f"WMI class: {error}") from error
    heap = bytearray(encode_text(layout.name))
    flags, table = bytearray(layout.flags_size), bytearray(layout.table_size - layout.flags_size)
    known = {item.name: item for item in layout.properties}
    for item in layout.properties:
        if item.name not in values:
            flags[item.order >> 2] |= IS_NULL << (2 * (item.order & 3))
    for name, value in values.items():
        slot = len(heap) if isinstance(value, str) else value
        SCALARS[known[name].kind].pack_into(table, known[name].at, slot)
        heap += encode_text(value) if isinstance(value, str) else b""
    body = struct.pack("<BI", 0, 0) + flags + table + struct.pack("<IB", 4, 1)
    body += struct.pack("<I", len(heap) | DICTIONARY) + heap
    block = struct.pack("<B", 2) + part + struct.pack("<I", len(body) + 4) + body
    return struct.pack("<II", SIGNATURE, len(block)) + block


def encode_text(text: str) -> bytes:
    """An Encoded-String: one byte a character where that is enough, else UTF-16."""
    if "\0" in text:
        raise ValueError("text with a NUL")
    try:
        return b"\0" + text.encode("ascii") + b"\0"
    except UnicodeEncodeError:
        return b"\1" + text.encode("utf-16-le", "surrogatepass") + b"\0\0"
