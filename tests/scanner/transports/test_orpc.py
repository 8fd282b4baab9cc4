"""Answers of DCE/RPC and DCOM as bytes, when the host that we logged on to is itself hostile."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.transports import orpc, rpc_wire, wmi_activation
from scanner.transports.orpc import Reader
from scanner.transports.rpc_wire import Level
from scanner.transports.smb_wire import Malformed
from tests.lab.dcom import ndr
from tests.lab.dcom.rpc import Call
from tests.lab.dcom.server import WmiPc, WmiPeer


def activation() -> bytes:
    """What the peer answers to a real request."""
    with WmiPeer(WmiPc(address="127.0.0.1"), 0) as peer:
        request = wmi_activation.request(bytes(16))
        return peer._activate(Call("IRemoteSCMActivator", 4, request, b"", "x"))  # pyright: ignore[reportPrivateUsage]


ACTIVATION = activation()


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The bytes with some changed, or cut short, or both."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 5))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 2, 4, 0x7F, 0x80, 0xFF]))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


def only_malformed(read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except Malformed:
        return


@given(damaged(ACTIVATION))
@settings(max_examples=150, deadline=None)
def test_property_a_damaged_activation_is_malformed_or_read(data: bytes) -> None:
    only_malformed(wmi_activation.parse, data)


def objects(data: bytes) -> object:
    reader = Reader(data)
    return [orpc.embedded_object(item) for item in reader.objects()], reader.status


def interface(data: bytes) -> object:
    reader = Reader(data)
    found = reader.pointer_to_pointer()
    return found and orpc.object_ref(found), reader.status


NEXT = bytes(8) + struct.pack("<III", 2, 0, 1) + struct.pack("<I", 0x20000) + ndr.interface(ndr.wbem_object(b"x" * 40))
OBJECT = ndr.returns_object(b"y" * 40)


@given(st.one_of(damaged(NEXT + bytes(8)), damaged(OBJECT), st.binary(max_size=200)))
def test_property_damaged_answers_of_wmi_are_malformed_or_read(data: bytes) -> None:
    only_malformed(objects, data)
    only_malformed(interface, data)


@given(st.binary(min_size=16, max_size=120), st.sampled_from([2, 3, 12, 13]))
def test_property_random_packets_are_malformed_or_taken_apart(data: bytes, kind: int) -> None:
    head = struct.pack("<BBBBIHH", 5, 0, kind, 3, 0x10, len(data), data[10] % 40)
    packet = head + data[12:]

    def read(whole: bytes) -> object:
        fragment = rpc_wire.parse(whole)
        rpc_wire.fault_status(fragment)
        if fragment.signature and len(fragment.trailer) == rpc_wire.TRAILER.size:
            rpc_wire.padding_of(fragment, Level.PRIVACY)
        try:
            return rpc_wire.accepted(fragment, 2)
        except rpc_wire.Refused:
            return None

    only_malformed(read, packet)


def test_extensions_of_an_answer_are_stepped_over() -> None:
    """[MS-DCOM] §2.2.13.2: an array of extents, one of them present, before the answer itself."""
    extent = struct.pack("<I", 8) + bytes(16) + struct.pack("<I", 5) + b"errorxxx"
    that = struct.pack("<IIIIII", 0, 0x20000, 1, 0, 0x20004, 2) + struct.pack("<II", 0x20008, 0) + extent
    reader = Reader(that + struct.pack("<II", 0, 0x80041010))
    assert reader.pointer() is None
    assert reader.status == 0x80041010


def test_the_port_is_taken_from_the_binding_of_our_own_address_and_no_name_is_followed() -> None:
    found = wmi_activation.parse(ACTIVATION)
    assert [host for host, _ in found.endpoints] == ["TESTPC", "127.0.0.1"]
    several = wmi_activation.Activated(
        found.login, found.rem_unknown, (("PC", 1), ("10.0.0.12", 2), ("10.0.0.1", 3), ("fe80::1", 4))
    )
    assert several.port("10.0.0.1") == 3
    assert several.port("192.168.1.1") == 1, "behind NAT: a port of its, at the address that we chose"


def test_a_call_without_an_object_is_malformed() -> None:
    with pytest.raises(Malformed):
        wmi_activation.parse(bytes(8) + bytes(4) + bytes(4))
