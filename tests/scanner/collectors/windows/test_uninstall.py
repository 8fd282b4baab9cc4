"""Programs of the Uninstall keys: every view, every date, and what cannot be read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.windows.uninstall import (
    MACHINE_ROOTS,
    UNINSTALL,
    Root,
    collect,
    parse_date,
    parse_entry,
    user_roots,
)
from scanner.model import InstallDateSource, InstalledSoftware, Scope, SkippedEntry
from scanner.session import AccessDenied, RegistryKey, SessionError
from tests.scanner.collectors.windows.hive import WRITTEN, key, session, value

SAMPLES = Path(__file__).parents[3] / "data" / "samples" / "windows_uninstall.csv"
MACHINE = MACHINE_ROOTS[0]
SID = "S-1-5-21-1195723380-2714402877-3320175541-1001"
GUID = "{90160000-008C-0000-1000-0000000ff1ce}"


def entry(name: str = "Program", **values: str | int | bytes) -> InstalledSoftware | SkippedEntry:
    read = {field: value(data) for field, data in values.items()}
    return parse_entry(MACHINE, RegistryKey(rf"{MACHINE.path}\{name}", read, WRITTEN, "o00001"))


def installed(name: str = "Program", **values: str | int | bytes) -> InstalledSoftware:
    found = entry(name, **{"DisplayName": "某软件", **values})
    assert isinstance(found, InstalledSoftware)
    return found


def test_every_real_sample_keeps_its_name_publisher_and_version() -> None:
    rows = [row for row in csv.DictReader(SAMPLES.open(encoding="utf-8")) if row["name_kind"] == "arp"]
    assert len(rows) > 100
    for row in rows:
        found = installed(DisplayName=row["display_name"], Publisher=row["publisher"], DisplayVersion=row["version"])
        expected = tuple(row[name].strip() or None for name in ("display_name", "publisher", "version"))
        assert (found.name, found.publisher, found.version) == expected


def test_all_that_windows_says_about_a_program_is_kept() -> None:
    found = installed(
        GUID,
        InstallDate="20210315",
        InstallLocation="C:\\Program Files\\X\\",
        EstimatedSize=2048,
        SystemComponent=1,
        WindowsInstaller=0,
        ParentKeyName="Office",
        ReleaseType="Update Rollup",
    )
    assert found.product_code == GUID.upper()
    assert (found.installed_on, found.installed_on_source) == ("2021-03-15", InstallDateSource.REGISTRY)
    assert (found.size_kib, found.system_component, found.windows_installer) == (2048, True, False)
    assert (found.parent_key, found.release_type, found.location) == (
        "Office",
        "Update Rollup",
        "C:\\Program Files\\X\\",
    )
    assert (found.key_last_write, found.scope, found.observation) == (WRITTEN, Scope.MACHINE, "o00001")


def test_an_unknown_install_date_stays_blank_beside_the_keys_last_write() -> None:
    found = installed(InstallDate="someday")
    assert (found.installed_on, found.installed_on_source, found.key_last_write) == (None, None, WRITTEN)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20210315", "2021-03-15"),
        ("2021-03-15", "2021-03-15"),
        ("2021/03/15", "2021-03-15"),
        ("2021.03.15", "2021-03-15"),
        ("03/15/2021", None),
        ("20211315", None),
        ("20210230", None),
        ("00000000", None),
        ("19700101", None),
        ("２０２１０３１５", None),
        ("2021-0315", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_only_where_it_can_mean_one_day(written: str | None, read: str | None) -> None:
    assert parse_date(written) == read


def test_an_entry_without_a_name_is_skipped_with_the_reason() -> None:
    for values in ({}, {"DisplayName": ""}, {"DisplayName": "  \0junk"}):
        skipped = entry("Connection Manager", **values)
        assert isinstance(skipped, SkippedEntry)
        assert skipped.reason.code == "windows.no_display_name"
        assert skipped.source.endswith("\\Connection Manager")


def test_a_name_that_is_not_text_is_skipped_as_such() -> None:
    skipped = entry(DisplayName=b"\x00\xd8A\x00")
    assert isinstance(skipped, SkippedEntry)
    assert skipped.reason.code == "windows.undecodable_name"


def test_a_name_ends_at_its_first_nul() -> None:
    assert installed(DisplayName="WeChat\0\0rest").name == "WeChat"


def test_both_views_and_each_loaded_profile_are_read_with_scope_and_owner() -> None:
    narrow = rf"HKLM\SOFTWARE\WOW6432Node\{UNINSTALL}\B"
    keys = [
        key(rf"HKLM\SOFTWARE\{UNINSTALL}\A", DisplayName="A"),
        key(narrow, DisplayName="B"),
        key(rf"HKU\{SID}\SOFTWARE\{UNINSTALL}\Kingsoft Office", DisplayName="WPS Office"),
        key(rf"HKU\{SID}_Classes\SOFTWARE\{UNINSTALL}\No", DisplayName="No"),
        key(rf"HKU\S-1-5-18\SOFTWARE\{UNINSTALL}\No", DisplayName="No"),
    ]
    found = [record for record in collect(session(*keys)) if isinstance(record, InstalledSoftware)]
    assert [(r.name, r.scope, r.architecture, r.owner) for r in found] == [
        ("A", Scope.MACHINE, None, None),
        ("B", Scope.MACHINE_32, "x86", None),
        ("WPS Office", Scope.USER, None, SID),
    ]


def test_a_key_that_was_denied_is_skipped_and_the_others_are_kept() -> None:
    denied = AccessDenied("winreg.key_denied", path=rf"{MACHINE.path}\Closed")
    records = list(collect(session(key(rf"{MACHINE.path}\A", DisplayName="A"), errors={MACHINE.path: denied})))
    assert [type(record) for record in records] == [InstalledSoftware, SkippedEntry]
    assert records[1] == SkippedEntry(rf"{MACHINE.path}\Closed", denied.reason)


def test_an_empty_list_is_not_collected_never_no_software() -> None:
    with pytest.raises(SessionError) as ended:
        list(collect(session()))
    assert ended.value.reason.code == "windows.nothing_listed"


def test_only_people_have_programs_of_their_own() -> None:
    names = (".DEFAULT", "S-1-5-18", SID, f"{SID}_Classes", "S-1-12-1-1-2-3-4")
    assert [root.owner for root in user_roots(names)] == [SID, SID, "S-1-12-1-1-2-3-4", "S-1-12-1-1-2-3-4"]


DATA = (
    st.text(max_size=40) | st.integers(0, 2**64 - 1) | st.binary(max_size=40) | st.lists(st.text(max_size=5)).map(tuple)
)
NAMES = st.sampled_from(
    [
        "DisplayName",
        "DisplayVersion",
        "InstallDate",
        "EstimatedSize",
        "SystemComponent",
        "WindowsInstaller",
        "Publisher",
    ]
)


@given(st.text(max_size=30), st.dictionaries(NAMES, DATA))
@settings(max_examples=200)
def test_whatever_a_vendor_wrote_becomes_a_record(
    name: str, values: dict[str, str | int | bytes | tuple[str, ...]]
) -> None:
    read = {field: value(data) for field, data in values.items()}
    found = parse_entry(Root("HKLM\\X", Scope.MACHINE), RegistryKey(f"HKLM\\X\\{name}", read))
    assert isinstance(found, SkippedEntry) or found.name == found.name.strip() != ""
