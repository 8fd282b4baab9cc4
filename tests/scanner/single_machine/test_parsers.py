"""What reg, wmic and certutil print, by hand and under fuzz: nothing crashes, nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.session import ClassAbsent, RegistryValue, SessionError
from scanner.single_machine import folder, regfile, regquery, script
from scanner.wmi_classes import ANTIVIRUS, ENCLOSURE, LICENSING_PRODUCT, OFFICE_PRODUCT

XP = (
    "@@begin\r\n@@query HKLM\\SOFTWARE\\X\r\n\r\n! REG.EXE VERSION 3.0\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\r\n"
    "\tProductName\tREG_SZ\tMicrosoft Windows XP\r\n\tInstallDate\tREG_DWORD\t0x4be5019a\r\n@@end\r\n"
)
SEVEN = (
    "@@begin\r\n@@query HKLM\\SOFTWARE\\X\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\r\n"
    "    ProductName    REG_SZ    Microsoft Windows XP\r\n    InstallDate    REG_DWORD    0x4be5019a\r\n\r\n@@end\r\n"
)
REG = (
    "\ufeffWindows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n"
    '"DisplayName"="a \\"quoted\\" C:\\\\x"\r\n"Two"="first\r\nsecond"\r\n'
    '"Path"=hex(2):25,00,58,00,25,00,\\\r\n  5c,00,79,00,00,00\r\n"N"=dword:0000000a\r\n"B"=hex:01,02\r\n'
    '"Q"=hex(b):01,00,00,00,00,00,00,00\r\n@="default"\r\n"Broken"=hex:0\r\n\r\n'
    "\ufeffWindows Registry Editor Version 5.00\r\n\r\n[HKEY_USERS\\S-1\\B]\r\n"
    '"M"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n'
)
WMIC = (
    "@@wmi root/cimv2:SoftwareLicensingProduct\r\n@@wmi root/cimv2:SoftwareLicensingProduct\r\n\r\n"
    "Description=Windows(R) Operating System, VOLUME_KMSCLIENT channel\r\nLicenseStatus=1\r\nName=Windows(R), Pro\r\n"
    "PartialProductKey=3V66T\r\n\r\n\r\n"
    "Description=Office 16\r\nLicenseStatus=5\r\nName=Office\r\nPartialProductKey=\r\n"
    "@@wmi root/cimv2:Win32_SystemEnclosure\r\nChassisTypes={3}\r\nSerialNumber=0042\r\n"
    "@@wmi root/cimv2:OfficeSoftwareProtectionProduct\r\n@@wmi root/SecurityCenter2:AntiVirusProduct\r\n"
)


@pytest.mark.parametrize("printed", [XP, SEVEN])
def test_values_are_read_as_windows_xp_and_as_later_ones_print_them(printed: str) -> None:
    told = regquery.parse(printed)
    values = told.keys["HKLM\\SOFTWARE\\X"]
    assert values["ProductName"] == RegistryValue(1, "Microsoft Windows XP")
    assert values["InstallDate"] == RegistryValue(4, 0x4BE5019A)
    assert told.complete


def test_an_export_gives_every_type_back_and_survives_being_put_together() -> None:
    keys = regfile.parse(REG)
    first = keys["HKLM\\SOFTWARE\\A"]
    assert first["DisplayName"].data == 'a "quoted" C:\\x'
    assert first["Two"].data == "first\nsecond"
    assert first["Path"] == RegistryValue(2, "%X%\\y")
    assert (first["N"].data, first["B"].data, first["Q"].data, first[""].data) == (10, b"\x01\x02", 1, "default")
    assert "Broken" not in first
    assert keys["HKU\\S-1\\B"]["M"].data == ("a", "b")


def test_wmic_stands_in_where_scripts_are_switched_off() -> None:
    told = script.parse_wmic(WMIC).rows
    licences = told[LICENSING_PRODUCT.path]
    assert isinstance(licences, tuple)
    assert [(row.number("LicenseStatus"), row.text("PartialProductKey")) for row in licences] == [
        (1, "3V66T"),
        (5, None),
    ]
    enclosure = told[ENCLOSURE.path]
    assert isinstance(enclosure, tuple)
    assert (enclosure[0].values["ChassisTypes"], enclosure[0].text("SerialNumber")) == ((3,), "0042")
    assert isinstance(told[OFFICE_PRODUCT.path], ClassAbsent)
    silent = told[ANTIVIRUS.path]
    assert isinstance(silent, SessionError)
    assert not isinstance(silent, ClassAbsent)


def test_certutil_s_digest_counts_with_and_without_blanks() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    spaced = " ".join(digest[i : i + 2] for i in range(0, 64, 2))
    for shown in (digest, spaced):
        printed = (
            f"@@begin\n@@file info.txt\nSHA256 哈希(文件 info.txt):\n{shown}\nCertUtil: -hashfile 命令成功完成。\n"
        )
        assert folder.sums("", printed) == {"info.txt": {digest}}


@pytest.mark.parametrize(("data", "page", "text"), [
    ("资产".encode("gbk"), "936", "资产"),
    ("资产".encode("utf-16"), "", "资产"),
    ("HZQ_ASSET=资".encode("utf-16-le"), "", "HZQ_ASSET=资"),
    ("é".encode("cp850"), "850", "é"),
    ("资产".encode(), "437", "资产"),
])  # fmt: skip
def test_text_is_read_in_the_code_page_that_the_computer_used(data: bytes, page: str, text: str) -> None:
    assert folder.text_of(data, page) == text


def test_what_was_typed_loses_control_characters_and_length() -> None:
    typed = folder.people("HZQ_ASSET=ZC\x1b[31m-1\x07\r\nHZQ_PERSON=" + "长" * 500 + "\r\n")
    assert typed == {"ASSET": "ZC [31m-1", "PERSON": "长" * folder.LONGEST}


@given(st.binary(max_size=600))
def test_no_bytes_break_a_parser(data: bytes) -> None:
    text = folder.text_of(data, "936")
    regfile.parse(text)
    regquery.parse(text)
    script.parse(text)
    script.parse_wmic(text)
    folder.sums(text, text)
    folder.people(text)


@given(st.lists(st.sampled_from([
    "@@query ", "HKLM\\A", "HKEY_USERS\\S", "    n    REG_DWORD    0x", "\n", "@@failed", "@@every HKLM\\A",
    '"', "\\", "=",
    "hex(7):61,", "[", "]", "dword:zz", "@@wmi x", "A=1", "{", "}", '{"wmi": "x", "rows": [{"a": [1]}]}',
    "\ufeff", "拒绝访问",
]), max_size=40))  # fmt: skip
def test_no_pieces_break_a_parser(pieces: list[str]) -> None:
    text = "".join(pieces)
    regfile.parse(text)
    regquery.parse(text)
    script.parse(text)
    script.parse_wmic(text)
