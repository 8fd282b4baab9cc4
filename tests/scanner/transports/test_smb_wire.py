"""Whatever bytes a host sends, the parsers give a result or say that it is malformed."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.session import RegistryValue
from scanner.transports import dcerpc, smb_wire, winreg_ndr
from scanner.transports.smb_wire import HEADER, Answer, Dialect, Malformed
from scanner.transports.winreg_values import decode_value, filetime, shown_name

PARSERS: list[Callable[[Answer], object]] = [
    smb_wire.parse_negotiate,
    smb_wire.parse_session_setup,
    smb_wire.parse_tree_connect,
    smb_wire.parse_open_pipe,
    smb_wire.parse_ioctl,
    smb_wire.parse_read,
]
STUB_PARSERS: list[Callable[[bytes], object]] = [
    winreg_ndr.status,
    winreg_ndr.handle,
    winreg_ndr.parse_enum_key,
    winreg_ndr.parse_enum_value,
    winreg_ndr.parse_last_write,
    winreg_ndr.needed_room,
    dcerpc.accepted,
]
HEAD = HEADER.pack(b"\xfeSMB", 64, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, bytes(16))
BODY = st.binary(max_size=200) | st.binary(max_size=120).map(lambda tail: bytes(4) + b"\x11\x03" + tail)


@given(BODY)
@settings(max_examples=200)
def test_any_body_parses_or_is_malformed(body: bytes) -> None:
    answer = smb_wire.parse(HEAD + body)
    for parser in PARSERS:
        try:
            parser(answer)
        except Malformed:
            continue


@given(st.binary(max_size=160))
@settings(max_examples=200)
def test_any_stub_parses_or_is_malformed(stub: bytes) -> None:
    for parser in STUB_PARSERS:
        try:
            parser(stub)
        except Malformed:
            continue


@given(st.lists(st.binary(max_size=64), max_size=6))
@settings(max_examples=200)
def test_any_pipe_data_is_taken_or_malformed(parts: list[bytes]) -> None:
    assembler = dcerpc.Assembler(1000)
    try:
        for part in parts:
            assembler.feed(part)
    except (Malformed, dcerpc.Fault):
        return


@given(st.binary(max_size=300), st.integers(1, 50))
@settings(max_examples=100)
def test_fragments_cut_anywhere_come_together(stub: bytes, cut: int) -> None:
    pdus = b"".join(
        struct.pack("<BBBBIHHIIHBB", 5, 0, 2, flags, 0x10, 24 + len(part), 0, 1, len(part), 0, 0, 0) + part
        for flags, part in ((1, stub[:100]), (0, stub[100:200]), (2, stub[200:]))
    )
    assembler = dcerpc.Assembler(1000)
    answers = [assembler.feed(pdus[at : at + cut]) for at in range(0, len(pdus), cut)]
    assert answers[-1] == stub
    assert all(answer is None for answer in answers[:-1])


def test_a_stub_beyond_the_limit_is_refused() -> None:
    pdu = struct.pack("<BBBBIHHIIHBB", 5, 0, 2, 1, 0x10, 124, 0, 1, 100, 0, 0, 0) + bytes(100)
    with pytest.raises(OverflowError):
        dcerpc.Assembler(50).feed(pdu)


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (HEAD[:10], "short"),
        (b"\xffSMB" + HEAD[4:], "not an SMB2"),
        (HEAD[:16] + bytes(4) + HEAD[20:], "request"),
        (HEAD[:20] + b"\x40\0\0\0" + HEAD[24:], "compound"),
    ],
)
def test_a_packet_that_is_no_single_answer_is_malformed(packet: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        smb_wire.parse(packet)


def test_dialects_are_shown_as_people_write_them() -> None:
    assert [dialect.shown for dialect in Dialect] == ["2.1", "3.0", "3.0.2", "3.1.1"]


@pytest.mark.parametrize(
    ("kind", "data", "decoded"),
    [
        (1, "WPS Office\0".encode("utf-16-le"), "WPS Office"),
        (2, "%ProgramFiles%\0\0".encode("utf-16-le"), "%ProgramFiles%"),
        (1, b"", ""),
        (1, b"\x00\xd8A\x00", b"\x00\xd8A\x00"),
        (1, b"odd", b"odd"),
        (4, b"\x01\x00\x00\x00", 1),
        (5, b"\x00\x00\x00\x01", 1),
        (11, b"\x02" + bytes(7), 2),
        (4, b"\x01\x00", b"\x01\x00"),
        (7, "a\0b\0\0".encode("utf-16-le"), ("a", "b")),
        (7, b"\0\0", ()),
        (3, b"\x00\xff", b"\x00\xff"),
        (0, b"x", b"x"),
    ],
)
def test_values_decode_by_type_and_keep_what_does_not_fit(kind: int, data: bytes, decoded: object) -> None:
    assert decode_value(kind, data) == RegistryValue(kind, decoded)  # pyright: ignore[reportArgumentType]


def test_a_name_that_is_not_utf16_is_escaped_and_can_be_written_as_json() -> None:
    name = shown_name(b"A\x00\x00\xd8B\x00")
    assert name.startswith("A\\x")
    assert name.encode("utf-8")


def test_filetimes_become_rfc3339_and_nonsense_becomes_none() -> None:
    assert filetime(133_447_392_000_000_000) == "2023-11-18T00:00:00.000+00:00"
    assert filetime(0) is None
    assert filetime(2**63 - 1) is None
