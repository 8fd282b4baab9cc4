"""Requests that only read, and answers of the shares that are what they should be or are refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.transports import smb_wire
from scanner.transports.smb_files import (
    READ_ATTRIBUTES,
    READ_DATA,
    READING,
    list_request,
    open_request,
    parse_names,
    read_request,
)
from scanner.transports.smb_wire import Answer, Command, Malformed


@pytest.mark.parametrize("bit", range(32))
def test_every_right_but_reading_is_refused(bit: int) -> None:
    access = 1 << bit
    if access in (READ_DATA, READ_ATTRIBUTES):
        assert struct.unpack_from("<I", open_request("x", access), 24)[0] == access
        return
    for refused in (access, access | READING):
        with pytest.raises(ValueError, match="read-only"):
            open_request("x", refused)


def test_a_request_opens_what_exists_and_disturbs_nobody() -> None:
    body = open_request("Users\\王\\NTUSER.DAT", READING)
    access, _, shared, disposition, options = struct.unpack_from("<IIIII", body, 24)
    assert (access, shared, disposition) == (READING, 7, smb_wire.FILE_OPEN)
    assert not options & 0x1000  # delete on close
    offset, size = struct.unpack_from("<HH", body, 44)
    assert body[offset - 64 :][:size].decode("utf-16-le") == "Users\\王\\NTUSER.DAT"
    assert len(open_request("", READING)) == 57  # the root of a share: a buffer of one byte


def test_reading_asks_for_a_place_and_listing_for_names_alone() -> None:
    assert struct.unpack_from("<IQ", read_request(b"f" * 16, 1 << 33, 100), 4) == (100, 1 << 33)
    body = list_request(b"f" * 16, "AutoCAD *")
    assert (body[2], struct.unpack_from("<HH", body, 24)) == (0x0C, (96, 18))


def answer(data: bytes, offset: int = 72, length: int | None = None) -> Answer:
    head = struct.pack("<HHI", 9, offset, len(data) if length is None else length)
    packet = bytes(64) + head + data
    return Answer(Command.QUERY_DIRECTORY, 0, 1, 1, 1, 1, 1, packet)


def names(*written: str) -> bytes:
    data = b""
    for number, name in enumerate(written):
        raw = name.encode("utf-16-le")
        size = 12 + len(raw) + -(12 + len(raw)) % 8
        following = 0 if number == len(written) - 1 else size
        data += (struct.pack("<III", following, 0, len(raw)) + raw).ljust(size, b"\0")
    return data


def test_names_come_without_the_folder_itself() -> None:
    assert parse_names(answer(names(".", "..", "AutoCAD 2014", "AutoCAD 图纸"))) == ["AutoCAD 2014", "AutoCAD 图纸"]


@pytest.mark.parametrize("data", [b"", b"\0" * 11, struct.pack("<III", 0, 0, 500), struct.pack("<III", 4, 0, 0)])
def test_a_list_that_does_not_fit_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_names(answer(data))


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=200)
def test_any_answer_is_a_list_of_names_or_malformed(data: bytes, offset: int, length: int) -> None:
    try:
        found = parse_names(answer(data, offset, length))
    except Malformed:
        return
    assert all(isinstance(name, str) for name in found)
