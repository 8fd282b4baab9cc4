"""No whole key, and no password, gets past the table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.redaction import BARE, HYPHENATED, MASK, mask, redact_product_id, redact_text, redact_value
from scanner.session import RegistryData, RegistryValue
from tests.lab import hive

SECRET = b"one inspection"
KEY = "GVRT6-PHWX3-KD9MJ-QB2CF-Y48TW"  # made up
NT = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PARTS = st.lists(st.text("BCDFGHJKMPQRTVWXY2346789", min_size=5, max_size=5), min_size=5, max_size=5)


def redacted(name: str, data: RegistryData, path: str = NT) -> RegistryData:
    return redact_value(path, name, RegistryValue(1, data), SECRET).data


def test_a_masked_key_keeps_five_characters_and_a_digest() -> None:
    masked = mask(KEY, SECRET)
    assert masked.tail == "Y48TW"
    found = MASK.fullmatch(str(masked))
    assert found is not None
    assert (found["tail"], found["digest"]) == (masked.tail, masked.digest)
    assert KEY[:5] not in str(masked)


def test_one_key_has_one_digest_however_it_is_spelt_and_another_in_another_inspection() -> None:
    assert mask(KEY, SECRET) == mask(KEY.replace("-", "").lower(), SECRET)
    assert mask(KEY, SECRET).digest != mask(KEY, b"another inspection").digest


def test_of_a_short_serial_not_even_the_end_is_kept() -> None:
    assert mask("12345678", SECRET).tail == ""


@pytest.mark.parametrize("name", ["BackupProductKeyDefault", "ProductKey", "SerialNumber", "serialnumber", "CDKey"])
def test_a_value_that_is_a_key_by_name_is_masked(name: str) -> None:
    assert redacted(name, "123-12345678") == str(mask("123-12345678", SECRET))


@pytest.mark.parametrize("data", [KEY, f"key: {KEY}.", ("a", KEY), KEY.lower(), KEY.encode("utf-16-le"), KEY.encode()])
def test_a_product_key_is_found_in_any_value(data: RegistryData) -> None:
    shown = redacted("Comment", data)
    for spelling in (KEY, KEY.lower()):
        assert spelling not in str(shown)
        assert not isinstance(shown, bytes) or spelling.encode("utf-16-le") not in shown


def test_a_password_is_emptied() -> None:
    assert redacted("DefaultPassword", "letmein") == ""
    assert redacted("Password", b"\x01\x02") == b""


@pytest.mark.parametrize(
    ("path", "name", "data"),
    [
        (NT, "ProductId", "00330-50000-00000-AAOEM"),
        (NT, "ProductName", "Windows 10 Pro"),
        (NT, "InstallDate", 1614584400),
        (r"HKLM\HARDWARE\DESCRIPTION\System\BIOS", "SerialNumber", "PF1A2B3C"),
        (NT, "BuildGUID", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        (NT, "Path", "0123456789ABCDEF012345678"),
        (NT, "ProductKey", ""),
    ],
)
def test_what_is_no_key_is_kept_as_it_is(path: str, name: str, data: RegistryData) -> None:
    assert redacted(name, data, path) == data


def test_a_product_id_blob_loses_its_key_and_keeps_its_product_id() -> None:
    blob = hive.digital_product_id("00330-50000-00000-AAOEM", KEY)
    shown = redacted("DigitalProductId", blob)
    assert isinstance(shown, bytes)
    assert len(shown) == len(blob)
    assert b"00330-50000-00000-AAOEM" in shown
    assert hive.packed_product_key(KEY) not in shown
    assert shown[52:67] == bytes(15)


def test_a_version_4_blob_keeps_edition_and_channel() -> None:
    blob = bytearray(1272)
    blob[280:304] = "Professional".encode("utf-16-le")
    blob[808:823] = hive.packed_product_key(KEY)
    blob[824:888] = b"\xaa" * 64
    blob[1016:1028] = "OEM:DM".encode("utf-16-le")
    shown = redact_product_id(bytes(blob))
    assert shown[808:888] == bytes(80)
    assert shown[:808] == bytes(blob[:808])
    assert shown[888:] == bytes(blob[888:])


def test_a_product_id_of_unknown_layout_becomes_zeros() -> None:
    assert redact_product_id(b"\x01" * 20) == bytes(20)


def test_a_commands_output_keeps_everything_but_the_key() -> None:
    shown = redact_text(f"密钥 {KEY}\nversion 1.2.3-4567\n".encode(), SECRET).decode()
    assert shown == f"密钥 {mask(KEY, SECRET)}\nversion 1.2.3-4567\n"


def test_output_that_is_not_text_is_kept_byte_for_byte() -> None:
    assert redact_text(b"\xff\xfe\x00 abc", SECRET) == b"\xff\xfe\x00 abc"


@given(st.text("BCDFG23 -\nae:", max_size=90))
def test_a_text_without_a_key_is_told_at_once_and_nothing_is_missed(text: str) -> None:
    output = f"{text} GVRT6-PHWX3-KD9MJ-QB2CF {text}BBBBBBBBBBBBBBBBBBBB{text}".encode()
    found = [*HYPHENATED.findall(output), *BARE.findall(output)]
    assert (redact_text(output, SECRET) != output) == bool(found)


@given(PARTS, st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=200)
def test_no_key_survives_in_any_surroundings(parts: list[str], before: str, after: str) -> None:
    key = "-".join(parts)
    shown = redact_value(NT, "Note", RegistryValue(1, f"{before} {key} {after}"), SECRET).data
    assert key not in json.dumps(shown)
