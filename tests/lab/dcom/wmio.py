"""Encoder for WMI classes and instances ([MS-WMIO] §2.2); an independent check of the scanner's decoder."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

CimScalar = str | int | float | bool
CimValue = CimScalar | Sequence[CimScalar] | None

TYPES: Mapping[str, tuple[int, str]] = {
    "sint8": (16, "b"), "uint8": (17, "B"), "sint16": (2, "<h"), "uint16": (18, "<H"), "sint32": (3, "<i"),
    "uint32": (19, "<I"), "sint64": (20, "<q"), "uint64": (21, "<Q"), "real32": (4, "<f"), "real64": (5, "<d"),
    "boolean": (11, "<H"), "string": (8, "<I"), "datetime": (101, "<I"), "reference": (102, "<I"),
    "char16": (103, "<H"),
}  # fmt: skip
"""§2.2.82: number, and the slot in the value table."""
TEXTS = ("string", "datetime", "reference")
ARRAY, INHERITED = 0x2000, 0x4000
NO_REF = 0xFFFFFFFF
KEY, CIMTYPE = 0x80000001, 0x8000000A  # words of the dictionary, §2.2.81
EMPTY_METHODS = struct.pack("<IHHI", 12, 0, 0, 0x80000000)


@dataclass(frozen=True, slots=True)
class Prop:
    """One property. ``depth`` is its place in the derivation chain (0 = the root class)."""

    name: str
    cim: str = "string"
    array: bool = False
    key: bool = False
    default: CimValue = None
    inherited: bool = False
    depth: int = 0
    flags: tuple[tuple[int, int], ...] = ()  # further boolean qualifiers: dictionary word, flavor
    number: int | None = None  # the qualifier ID of a method's parameter
    direction: str = ""  # "in" or "out", of a method's parameter

    @property
    def slot(self) -> str:
        return "<I" if self.array else TYPES[self.cim][1]


@dataclass(frozen=True, slots=True)
class Method:
    """One static method and its parameters."""

    name: str
    inputs: tuple[Prop, ...]
    outputs: tuple[Prop, ...]


@dataclass(frozen=True, slots=True)
class CimClass:
    """Properties in declaration order; ``derivation`` names the superclasses, nearest first."""

    name: str
    props: tuple[Prop, ...]
    derivation: tuple[str, ...] = ()
    description: str | None = None
    methods: tuple[Method, ...] = ()
    slack: int = 0  # unused bytes at the heap's end, as the published example has them

    def project(self, columns: Iterable[str]) -> CimClass:
        """The class as a query with these columns shows it."""
        wanted = {column.casefold() for column in columns}
        return replace(self, props=tuple(p for p in self.props if p.key or p.name.casefold() in wanted))


@dataclass
class Heap:
    """§2.2.66."""

    data: bytearray = field(default_factory=bytearray)

    def add(self, item: bytes) -> int:
        at = len(self.data)
        self.data += item
        return at

    def text(self, text: str) -> int:
        return self.add(encoded(text))

    def pack(self, slack: int = 0) -> bytes:
        return struct.pack("<I", len(self.data) + slack | 0x80000000) + bytes(self.data) + bytes(slack)


def encoded(text: str) -> bytes:
    """§2.2.78: one byte a character where Latin-1 is enough, else UTF-16."""
    try:
        return b"\0" + text.encode("latin-1") + b"\0"
    except UnicodeEncodeError:
        return b"\1" + text.encode("utf-16-le") + b"\0\0"


def class_part(cls: CimClass) -> bytes:
    """§2.2.14."""
    heap = Heap()
    name = heap.text(cls.name) if cls.name else NO_REF
    qualifiers = b""
    if cls.description is not None:
        ref = heap.text("Description")
        qualifiers = struct.pack("<IBII", ref, 0, TYPES["string"][0], heap.text(cls.description))
    offsets = _offsets(cls.props)
    by_name = sorted(range(len(cls.props)), key=lambda order: cls.props[order].name.casefold())
    lookup = b"".join(_property(heap, cls.props[order], order, offsets[order]) for order in by_name)
    flags, table = _defaults(cls.props, heap)
    body = nd_table(flags) + table
    derivation = b"".join(encoded(name) + struct.pack("<I", len(encoded(name))) for name in cls.derivation)
    rest = struct.pack("<I", 4 + len(derivation)) + derivation + struct.pack("<I", 4 + len(qualifiers)) + qualifiers
    rest += struct.pack("<I", len(cls.props)) + lookup + body + heap.pack(cls.slack)
    return struct.pack("<IBII", 13 + len(rest), 0, name, len(body)) + rest


def _offsets(props: Sequence[Prop]) -> list[int]:
    offsets, at = list[int](), 0
    for prop in props:
        offsets.append(at)
        at += struct.calcsize(prop.slot)
    return offsets


def _property(heap: Heap, prop: Prop, order: int, offset: int) -> bytes:
    """Add a PropertyInfo (§2.2.30) to the heap; its entry of the lookup table."""
    name = heap.text(prop.name)
    named = [(heap.text(prop.direction), 0x03, "boolean", 0xFFFF)] if prop.direction else []
    named += [(heap.text("ID"), 0x13, "sint32", prop.number)] if prop.number is not None else []
    flavor = 0x20 if prop.inherited else 0
    words = [(KEY, 0x13 | flavor)] if prop.key else []
    words += prop.flags
    listed = b"".join(struct.pack("<IBIH", ref, flav, TYPES["boolean"][0], 0xFFFF) for ref, flav in words)
    for ref, flav, cim, value in named:
        listed += struct.pack("<IBI", ref, flav, TYPES[cim][0]) + struct.pack("<H" if cim == "boolean" else "<i", value)
    size = 4 + 13 + len(listed)
    info = len(heap.data)
    kind = TYPES[prop.cim][0] | (ARRAY if prop.array else 0) | (INHERITED if prop.inherited else 0)
    head = struct.pack("<IHIII", kind, order, offset, prop.depth, size)
    cimtype = struct.pack("<IBII", CIMTYPE, 0x03 | flavor, TYPES["string"][0], info + 14 + size)
    heap.add(head + cimtype + listed + encoded(prop.cim))
    return struct.pack("<II", name, info)


def _defaults(props: Sequence[Prop], heap: Heap) -> tuple[list[int], bytes]:
    flags, table = list[int](), b""
    for prop in props:
        inherited = 0b10 if prop.inherited else 0
        flags.append(inherited | (prop.default is None))
        empty = b"\xff" * struct.calcsize(prop.slot)
        table += empty if prop.default is None else slot(prop, prop.default, heap)
    return flags, table


def nd_table(flags: Sequence[int]) -> bytes:
    """§2.2.26: two bits a property."""
    out = bytearray((len(flags) + 3) // 4)
    for order, flag in enumerate(flags):
        out[order // 4] |= flag << (2 * (order % 4))
    return bytes(out)


def slot(prop: Prop, value: CimValue, heap: Heap) -> bytes:
    """A value as it stands in the table; texts and arrays go to the heap."""
    if prop.array:
        assert isinstance(value, Sequence)
        return struct.pack("<I", heap.add(_array(prop, list(value), len(heap.data))))
    if prop.cim in TEXTS:
        return struct.pack("<I", heap.text(str(value)))
    return struct.pack(prop.slot, 0xFFFF if value is True else 0 if value is False else value)


def _array(prop: Prop, items: Sequence[CimScalar], at: int) -> bytes:
    head = struct.pack("<I", len(items))
    if prop.cim not in TEXTS:
        return head + b"".join(struct.pack(TYPES[prop.cim][1], int(item)) for item in items)
    texts = [encoded(str(item)) for item in items]
    refs, next_at = b"", at + 4 + 4 * len(items)
    for text in texts:
        refs += struct.pack("<I", next_at)
        next_at += len(text)
    return head + refs + b"".join(texts)


def unit(block: bytes) -> bytes:
    """§2.2.1."""
    return struct.pack("<II", 0x12345678, len(block)) + block


def _decoration(flags: int, server: str, namespace: str) -> bytes:
    if not server:
        return struct.pack("<B", flags)
    return struct.pack("<B", flags | 4) + encoded(server) + encoded(namespace)


def instance(
    cls: CimClass,
    values: Mapping[str, CimValue],
    server: str = "",
    namespace: str = "",
    *,
    null_fill: bytes = b"\0",
    heap_order: Sequence[str] = (),
    per_property_qualifiers: bool = False,
) -> bytes:
    """An EncodingUnit holding one instance; what is absent or None is NULL, or the class's default when left out.

    ``heap_order`` names the properties whose heap items come first: any order is valid on the wire.
    """
    heap = Heap()
    name = heap.text(cls.name)
    given = {key.casefold(): value for key, value in values.items()}
    first = [key.casefold() for key in heap_order]
    ordered = sorted(cls.props, key=lambda p: first.index(p.name.casefold()) if p.name.casefold() in first else 999)
    slots = {prop.name: _slot_of(prop, given, heap, null_fill) for prop in ordered}
    body = struct.pack("<BI", 0, name) + nd_table([slots[prop.name][0] for prop in cls.props])
    body += b"".join(slots[prop.name][1] for prop in cls.props)
    sets = struct.pack("<I", 4) * len(cls.props) if per_property_qualifiers else b""
    body += struct.pack("<IB", 4, 2 if per_property_qualifiers else 1) + sets + heap.pack()
    block = _decoration(2, server, namespace) + class_part(cls) + struct.pack("<I", len(body) + 4) + body
    return unit(block)


def _slot_of(prop: Prop, given: Mapping[str, CimValue], heap: Heap, null_fill: bytes) -> tuple[int, bytes]:
    key, size = prop.name.casefold(), struct.calcsize(prop.slot)
    value = given.get(key)
    if value is not None:
        return 0b00, slot(prop, value, heap)
    if prop.default is not None and key not in given:
        return 0b10, bytes(size)
    return 0b01, (null_fill * size)[:size]


def class_object(cls: CimClass, server: str = "", namespace: str = "", parent: CimClass | None = None) -> bytes:
    """An EncodingUnit holding a class with its methods (§2.2.11, §2.2.38)."""
    above = class_part(parent or CimClass("", ())) + EMPTY_METHODS
    return unit(_decoration(1, server, namespace) + above + class_part(cls) + _methods(cls))


def _methods(cls: CimClass) -> bytes:
    if not cls.methods:
        return EMPTY_METHODS
    heap = Heap()
    descriptions = b""
    for method in cls.methods:
        name = heap.text(method.name)
        inputs, outputs = (heap.add(_signature(props)) for props in (method.inputs, method.outputs))
        descriptions += struct.pack("<IB3xIIII", name, 0, 0, NO_REF, inputs, outputs)
    packed = struct.pack("<HH", len(cls.methods), 0) + descriptions + heap.pack()
    return struct.pack("<I", len(packed) + 4) + packed


def _signature(props: tuple[Prop, ...]) -> bytes:
    block = parameters_class(props)
    body = struct.pack("<B", 1) + class_part(CimClass("", ())) + EMPTY_METHODS + class_part(block) + EMPTY_METHODS
    return struct.pack("<I", len(body)) + body


def parameters_class(props: tuple[Prop, ...]) -> CimClass:
    """The class of a method's in- or out-parameters."""
    return CimClass("__PARAMETERS", props)
