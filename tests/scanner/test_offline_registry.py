"""A registry file is read strictly: every list kind, every size, the same keys as another reader; damage is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from impacket import winregistry

from scanner.offline_registry import HiveLimits, OfflineRegistry
from scanner.session import AccessDenied, LimitExceeded, RegistryKey, SessionError, Unsupported
from tests.lab.plans import RegistryEntry
from tests.lab.regf import hive_file

MOUNT = "HKU\\S-1-5-21-1-2-3-1005"
UNINSTALL = "Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
BIG = bytes(range(256)) * 200


def entries(count: int = 40) -> list[RegistryEntry]:
    """Programs of one person, and around them what nobody asks for."""
    programs = [
        RegistryEntry(rf"{UNINSTALL}\程序 {n}", name, data)
        for n in range(count)
        for name, data in (("DisplayName", f"某软件 {n}"), ("EstimatedSize", n), ("Empty", ""), ("L", ("a", "乙")))
    ]
    return [
        *programs,
        RegistryEntry(r"Software\Big", "Blob", BIG),
        RegistryEntry(r"Software\SimonTatham\PuTTY\Sessions\s", "ProxyPassword", "x"),
    ]


def registry(data: bytes, limits: HiveLimits | None = None) -> OfflineRegistry:
    return OfflineRegistry(lambda at, size: data[at : at + size], len(data), MOUNT, limits or HiveLimits())


def keys(found: OfflineRegistry, path: str) -> list[RegistryKey]:
    read = list(found.subkeys(path))
    assert not [item for item in read if isinstance(item, SessionError)]
    return [item for item in read if isinstance(item, RegistryKey)]


@pytest.mark.parametrize("lists", [b"lh", b"lf", b"li", b"ri"])
def test_every_kind_of_list_gives_every_key_with_its_values(lists: bytes) -> None:
    found = keys(
        registry(hive_file(entries(), lists=lists)), rf"{MOUNT}\SOFTWARE\Microsoft\windows\CurrentVersion\uninstall"
    )
    assert sorted(key.name for key in found) == sorted(f"程序 {n}" for n in range(40))
    assert {(key.text("DisplayName"), key.number("EstimatedSize")) for key in found} == {
        (f"某软件 {n}", n) for n in range(40)
    }
    assert {key.path.rpartition("\\")[0] for key in found} == {
        rf"{MOUNT}\SOFTWARE\Microsoft\windows\CurrentVersion\uninstall"
    }
    assert {key.last_write for key in found} == {"2024-05-05T14:20:00.000+00:00"}
    assert found[0].values["L"].data == ("a", "乙")


def test_an_independent_reader_finds_the_same_in_the_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("hive") / "NTUSER.DAT"
    path.write_bytes(hive_file([RegistryEntry(r"Software\A\B", "Name", "某值"), RegistryEntry(r"Software\A", "N", 7)]))
    peer: Any = winregistry.saveRegistryParser(str(path))
    assert peer.getValue("\\Software\\A\\B\\Name")[1].decode("utf-16-le") == "某值\0"
    ours = registry(path.read_bytes())
    assert ours.names(rf"{MOUNT}\Software\A") == tuple(peer.enumKey(peer.findKey("\\Software\\A"))) == ("B",)
    found = ours.key(rf"{MOUNT}\Software\A")
    assert found is not None
    assert found.number("n") == 7


def test_a_value_of_many_segments_is_put_together_and_one_over_the_limit_left_out() -> None:
    data = hive_file(entries(1))
    found = registry(data).key(rf"{MOUNT}\Software\Big")
    assert found is not None
    assert found.binary("Blob") == BIG
    with pytest.raises(LimitExceeded) as refused:
        registry(data, HiveLimits(value_bytes=100)).key(rf"{MOUNT}\Software\Big")
    assert refused.value.reason.code == "winreg.value_too_large"


def test_what_is_absent_is_nothing_and_what_holds_passwords_is_refused() -> None:
    found = registry(hive_file(entries(1)))
    assert (found.key(rf"{MOUNT}\Software\No"), found.names(rf"{MOUNT}\No"), list(found.subkeys(rf"{MOUNT}\No"))) == (
        None,
        (),
        [],
    )
    with pytest.raises(AccessDenied):
        list(found.subkeys(rf"{MOUNT}\Software\SimonTatham\PuTTY\Sessions"))
    with pytest.raises(ValueError, match="not below"):
        found.names(r"HKU\S-1-5-21-1-2-3-10055\Software")


def test_too_many_keys_or_bytes_end_the_reading_by_name() -> None:
    data = hive_file(entries())
    for limits in (HiveLimits(keys=5), HiveLimits(total_bytes=300)):
        with pytest.raises(LimitExceeded):
            list(registry(data, limits).subkeys(rf"{MOUNT}\{UNINSTALL}"))


@pytest.mark.parametrize("data", [b"", b"regf", b"MZ" + bytes(9000), bytes(8192)])
def test_a_file_that_is_no_hive_is_named(data: bytes) -> None:
    with pytest.raises(Unsupported) as refused:
        registry(data)
    assert refused.value.reason.code == "files.bad_hive"


def test_a_hive_whose_last_changes_were_not_written_says_so() -> None:
    data = bytearray(hive_file(entries(1)))
    data[8] ^= 1
    data[508] ^= 1  # the checksum of the first block follows
    assert registry(bytes(data)).dirty
    assert not registry(hive_file(entries(1))).dirty


SOUND = hive_file(entries(3))


@given(st.lists(st.tuples(st.integers(512, len(SOUND) - 1), st.integers(0, 255)), max_size=60), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_damaged_hive_gives_keys_or_a_named_error(changes: list[tuple[int, int]], short: bool) -> None:
    data = bytearray(SOUND)
    for at, byte in changes:
        data[at] = byte
    found = registry(bytes(data[: len(data) // 2] if short else data))
    for path in (rf"{MOUNT}\{UNINSTALL}", rf"{MOUNT}\Software"):
        try:
            list(found.subkeys(path))
            found.names(path)
            found.key(path)
        except SessionError as error:
            assert error.reason.code  # noqa: PT017 - either outcome is right


@given(st.binary(max_size=600))
@settings(max_examples=200)
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        registry(data)
    except Unsupported as error:
        assert error.reason.code == "files.bad_hive"  # noqa: PT017
