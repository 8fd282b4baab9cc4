"""The registry over StdRegProv: the same content as over winreg, value by value, and nothing is ever written."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from config.clock import Clock, SystemClock
from scanner.collectors.windows import WINDOWS_COLLECTORS, collectors_for
from scanner.model import LicenceState, LicenceStatus
from scanner.runner import run_collectors
from scanner.session import (
    AccessDenied,
    LimitExceeded,
    Registry,
    RegistryKey,
    RegistryValue,
    SessionError,
    Unsupported,
    WindowsSession,
    WmiValue,
)
from scanner.transports.winreg import RegistryLimits
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.transports.wmi_registry import WmiRegistry
from scanner.transports.wmi_session import lazy_wmi
from scanner.wmi_classes import METHODS, OPERATING_SYSTEM
from tests.lab.dcom import machines
from tests.lab.dcom.lab import serving
from tests.lab.dcom.server import Faults, WmiPc, WmiPeer
from tests.lab.dcom.stdregprov import Hive
from tests.lab.lan import Lan
from tests.lab.plans import RegistryEntry
from tests.scanner.transports import windows_lan

SOFTWARE = r"HKLM\SOFTWARE\Vendor"
ENTRIES = (
    RegistryEntry(SOFTWARE, "Text", "中文 text"),
    RegistryEntry(SOFTWARE, "Empty", ""),
    RegistryEntry(SOFTWARE, "Number", 4_000_000_000),
    RegistryEntry(SOFTWARE, "Blob", bytes(range(256))),
    RegistryEntry(SOFTWARE, "List", ("a", "乙", "c")),
    RegistryEntry(SOFTWARE + r"\One", "A", "1"),
    RegistryEntry(SOFTWARE + r"\Two", "B", 2),
    RegistryEntry(SOFTWARE + r"\Locked", "C", 3),
    RegistryEntry(r"HKLM\SECURITY\Policy\Secrets", "X", b"never"),
    RegistryEntry(r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa", "X", 1),
    RegistryEntry(r"HKU\S-1-5-21-1-2-3-1001\SOFTWARE\Vendor", "Per user", "yes"),
)


@contextmanager
def open_windows_by_wmi(target: WmiTarget, limits: WmiLimits, clock: Clock) -> Generator[WindowsSession]:
    """A session whose registry, too, is read over WMI."""
    with open_wmi(target, limits, clock) as connection:
        registry = WmiRegistry(connection, RegistryLimits(limits.keys, limits.value_bytes))
        yield WindowsSession(registry, connection.channel, connection)


@contextmanager
def registry(entries: tuple[RegistryEntry, ...] = ENTRIES, **limits: int) -> Generator[tuple[WmiPeer, Registry]]:
    hive = Hive.of(entries, denied=[SOFTWARE + r"\Locked"])
    pc = WmiPc(address="127.0.0.1", users=machines.USERS, namespaces=machines.desktop(), hive=hive)
    with WmiPeer(pc, 0) as running:
        target = WmiTarget(address="127.0.0.1", port=running.port, username=machines.USERNAME, secret=machines.PASSWORD)
        with open_windows_by_wmi(target, WmiLimits(**limits), SystemClock()) as session:
            assert session.channel == "dcom-ntlm-sealed"
            yield running, session.registry


def test_a_key_is_read_with_every_type_of_value() -> None:
    with registry() as (_, opened):
        key = opened.key(SOFTWARE)
    assert key == RegistryKey(
        SOFTWARE,
        {
            "Text": RegistryValue(1, "中文 text"),
            "Empty": RegistryValue(1, ""),
            "Number": RegistryValue(4, 4_000_000_000),
            "Blob": RegistryValue(3, bytes(range(256))),
            "List": RegistryValue(7, ("a", "乙", "c")),
        },
    )


def test_absent_keys_are_none_and_empty() -> None:
    with registry() as (_, opened):
        assert opened.key(r"HKLM\SOFTWARE\Nobody") is None
        assert opened.names(r"HKLM\SOFTWARE\Nobody") == ()
        assert list(opened.subkeys(r"HKLM\SOFTWARE\Nobody")) == []


def test_a_path_that_needs_many_fragments_to_ask_for_is_asked_for_whole() -> None:
    long = SOFTWARE + "\\" + "\\".join("层" * 200 for _ in range(30))
    entries = (*ENTRIES, RegistryEntry(long, "Deep", "yes"))
    with registry(entries) as (_, opened):
        key = opened.key(long)
    assert key
    assert key.text("Deep") == "yes"


def test_the_hive_of_users_is_read() -> None:
    with registry() as (_, opened):
        assert opened.names("HKU") == ("S-1-5-21-1-2-3-1001",)


def test_an_unreadable_subkey_is_its_error_and_the_others_are_kept() -> None:
    with registry() as (_, opened):
        one, two, locked = opened.subkeys(SOFTWARE)
    assert isinstance(one, RegistryKey)
    assert isinstance(two, RegistryKey)
    assert isinstance(locked, AccessDenied)
    assert locked.reason.params["path"] == SOFTWARE + r"\Locked"


@pytest.mark.parametrize("path", [r"HKLM\SECURITY\Policy\Secrets", r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"])
def test_stores_of_secrets_are_not_asked_for(path: str) -> None:
    with registry() as (running, opened):
        for read in (opened.key, opened.names):
            with pytest.raises(AccessDenied):
                read(path)
        children = list(opened.subkeys(path.rpartition("\\")[0]) if "Lsa" in path else iter(()))
        assert all(isinstance(item, AccessDenied) for item in children)
    assert not any("Lsa" in query for query in running.queries)


def test_only_reading_methods_were_called() -> None:
    with registry() as (running, opened):
        list(opened.subkeys(SOFTWARE))
        opened.key(SOFTWARE)
    assert set(running.methods) <= METHODS
    assert {"EnumKey", "EnumValues", "GetStringValue"} <= set(running.methods)


def test_limits_of_keys_and_of_values_hold() -> None:
    with registry(keys=1) as (_, opened), pytest.raises(LimitExceeded):
        list(opened.subkeys(SOFTWARE))
    with registry(value_bytes=16) as (_, opened), pytest.raises(LimitExceeded) as large:
        opened.key(SOFTWARE)
    assert large.value.reason.params["name"] == "Blob"


class Scripted:
    """StdRegProv out of a table."""

    def __init__(self, answers: Mapping[str, Mapping[str, WmiValue]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def method(self, namespace: str, path: str, name: str, values: dict[str, int | str]) -> dict[str, WmiValue]:
        self.asked.append(name)
        return dict(self.answers[name])


def test_an_expandable_string_is_asked_for_as_it_is_stored_first() -> None:
    listed = {"ReturnValue": 0, "sNames": ("Path",), "Types": (2,)}
    plain = Scripted({"EnumValues": listed, "GetStringValue": {"ReturnValue": 0, "sValue": "%SystemRoot%\\x"}})
    key = WmiRegistry(plain, RegistryLimits(10, 1000)).key(SOFTWARE)
    assert key
    assert key.values["Path"] == RegistryValue(2, "%SystemRoot%\\x")
    refusing = Scripted({
        "EnumValues": listed,
        "GetStringValue": {"ReturnValue": 0x80041005},
        "GetExpandedStringValue": {"ReturnValue": 0, "sValue": "C:\\Windows\\x"},
    })  # fmt: skip
    key = WmiRegistry(refusing, RegistryLimits(10, 1000)).key(SOFTWARE)
    assert key
    assert key.values["Path"] == RegistryValue(2, "C:\\Windows\\x")


def test_wmi_that_does_not_open_costs_only_what_needs_it() -> None:
    pc = WmiPc(address="127.0.0.1", users=machines.USERS, faults=Faults(filtered_token=True))
    with WmiPeer(pc, 0) as running:
        target = WmiTarget(address="127.0.0.1", port=running.port, username=machines.USERNAME, secret=machines.PASSWORD)
        with lazy_wmi(target, WmiLimits(), SystemClock()) as wmi:
            assert running.calls == [], "nothing is sent before the first question"
            for _ in range(2):
                with pytest.raises(AccessDenied):
                    wmi.rows(OPERATING_SYSTEM)
    assert [interface for interface, _ in running.calls].count("IRemoteSCMActivator") == 1, "tried once"


def test_a_lazy_wmi_lends_its_registry_over_the_same_connection() -> None:
    pc = WmiPc(address="127.0.0.1", users=machines.USERS, namespaces=machines.desktop(), hive=Hive.of(ENTRIES))
    with WmiPeer(pc, 0) as running:
        target = WmiTarget(address="127.0.0.1", port=running.port, username=machines.USERNAME, secret=machines.PASSWORD)
        with lazy_wmi(target, WmiLimits(), SystemClock()) as wmi:
            assert wmi.registry().names(SOFTWARE) == ("One", "Two", "Locked")
            assert wmi.rows(OPERATING_SYSTEM)
    assert [interface for interface, _ in running.calls].count("IRemoteSCMActivator") == 1


def test_a_closed_wmi_port_is_a_rung_that_is_missing_and_not_a_host_that_is_gone() -> None:
    with WmiPeer(WmiPc(address="127.0.0.1"), 0) as gone:
        pass
    target = WmiTarget(address="127.0.0.1", port=gone.port, username=machines.USERNAME, secret=machines.PASSWORD)
    with lazy_wmi(target, WmiLimits(), SystemClock()) as wmi, pytest.raises(Unsupported) as missing:
        wmi.registry()
    assert missing.value.reason.code == "ladder.wmi_blocked"


# beside Samba


def contents(opened: Registry, roots: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for root in roots:
        yield root, opened.names(root)
        for item in opened.subkeys(root):
            if isinstance(item, SessionError):
                yield root, item.reason
            else:
                yield item.path, dict(item.values)


@pytest.mark.lab
def test_stdregprov_and_winreg_read_the_same_content_value_by_value(peers: Lan) -> None:
    """The same entries on a Samba peer and on the WMI peer, 200 programs of 10 values among them."""
    roots = (windows_lan.UNINSTALL, r"HKLM\SOFTWARE\Vendor", r"HKLM\SYSTEM\CurrentControlSet\Control")
    with windows_lan.session(peers.host("SIGNED").address, value_bytes=1 << 20) as session:
        over_winreg = dict(contents(session.registry, roots))
    with registry(windows_lan.hive()) as (_, opened):
        over_wmi = dict(contents(opened, roots))
    shared = {path for path in over_winreg if path in over_wmi}
    assert len([path for path in shared if path.startswith(windows_lan.UNINSTALL)]) == windows_lan.KEYS + 1
    assert r"HKLM\SOFTWARE\Vendor\Big" in shared
    for path in shared - {r"HKLM\SYSTEM\CurrentControlSet\Control"}:
        ours, theirs = over_wmi[path], over_winreg[path]
        assert sorted(ours) == sorted(theirs) if isinstance(ours, tuple) else ours == theirs, path  # pyright: ignore


@pytest.mark.lab
def test_the_registry_collectors_run_unchanged_over_wmi() -> None:
    nt = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    entries = (
        RegistryEntry(nt, "ProductName", "Windows 10 Pro"),
        RegistryEntry(nt, "CurrentBuildNumber", "19045"),
        RegistryEntry(windows_lan.UNINSTALL + r"\A", "DisplayName", "软件甲"),
        RegistryEntry(r"HKLM\HARDWARE\DESCRIPTION\System\BIOS", "SystemManufacturer", "LENOVO"),
    )
    hive = Hive.of(entries)
    pc = WmiPc(address="127.0.0.1", users=machines.USERS, namespaces=machines.desktop(), hive=hive)
    with WmiPeer(pc, 0) as running:
        target = WmiTarget(address="127.0.0.1", port=running.port, username=machines.USERNAME, secret=machines.PASSWORD)
        with open_windows_by_wmi(target, WmiLimits(), SystemClock()) as session:
            _, results = run_collectors(session, WINDOWS_COLLECTORS, lambda _: None)
    assert [result.outcome for result in results] == ["READ"] * len(WINDOWS_COLLECTORS)


@pytest.mark.lab
def test_a_computer_of_the_lan_is_read_over_both_at_one_address(peers: Lan) -> None:
    """What a scan does: the registry over its pipe, and beside it WMI, which logs on when it is first asked."""
    address = peers.host("SEALED").address
    with serving(peers, {"SEALED": machines.desktop()}) as served, windows_lan.session(address) as session:
        target = WmiTarget(address=address, username=windows_lan.USERNAME, secret=windows_lan.PASSWORD)
        with lazy_wmi(target, WmiLimits(), SystemClock()) as wmi:
            both = replace(session, wmi=wmi)
            records, results = run_collectors(both, collectors_for(both), lambda _: None)
            assert set(wmi.registry().names(windows_lan.UNINSTALL)) == set(
                session.registry.names(windows_lan.UNINSTALL)
            )
    assert {result.collector: result.outcome for result in results if result.collector.endswith("licences")} == {
        "windows.licences": "READ"
    }
    assert [record.status for record in records if isinstance(record, LicenceState)] == [LicenceStatus.LICENSED]
    assert served["SEALED"].held == 0
