"""Reads the in-parameters that a client sends: an instance of a class that this peer itself has written."""

from __future__ import annotations

import struct

from tests.lab.dcom.wmio import TEXTS, CimClass, CimValue, Prop, class_part


def read_parameters(cls: CimClass, unit: bytes) -> dict[str, CimValue]:
    """The values; AssertionError when the client changed the class it was given."""
    signature, length, flags = struct.unpack_from("<IIB", unit)
    assert signature == 0x12345678
    assert length + 8 <= len(unit)
    at = 9
    for _ in range(2 if flags & 4 else 0):
        at = unit.index(b"\0", at + 1) + 1
    part = class_part(cls)
    assert unit[at : at + len(part)] == part, "the class of the parameters was changed"
    at += len(part) + 9
    nd, table = unit[at : at + (len(cls.props) + 3) // 4], at + (len(cls.props) + 3) // 4
    after = table + sum(struct.calcsize(prop.slot) for prop in cls.props)
    heap_at = after + struct.unpack_from("<I", unit, after)[0] + 1
    heap = unit[heap_at + 4 :]
    values: dict[str, CimValue] = {}
    for order, prop in enumerate(cls.props):
        is_null = nd[order // 4] >> (2 * (order % 4)) & 1
        values[prop.name] = None if is_null else _value(prop, unit, table, heap)
        table += struct.calcsize(prop.slot)
    return values


def _value(prop: Prop, unit: bytes, at: int, heap: bytes) -> CimValue:
    slot = struct.unpack_from(prop.slot, unit, at)[0]
    if prop.cim not in TEXTS:
        return int(slot)
    if heap[slot] == 0:
        return heap[slot + 1 : heap.index(b"\0", slot + 1)].decode("latin-1")
    end = slot + 1
    while heap[end : end + 2] != bytes(2):
        end += 2
    return heap[slot + 1 : end].decode("utf-16-le")
