"""The remote registry of a real peer: read whole, read-only, within limits, and never where passwords lie."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence

import pytest

from scanner.session import AccessDenied, LimitExceeded, RegistryKey, SessionError, WindowsSession
from scanner.transports import winreg_ndr
from scanner.transports.lanes import Lane, Lanes
from scanner.transports.winreg import RemoteRegistry, is_forbidden, normal
from scanner.transports.winreg_ndr import Call
from tests.lab.lan import Lan
from tests.lab.peer import Peer
from tests.scanner.transports.windows_lan import BIG, KEYS, UNINSTALL, VALUES, Tamper, relay, session

CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
BIG_KEY = r"HKLM\SOFTWARE\Vendor\Big"
EXPORTED = re.compile(r'^"(?P<name>[^"]+)"=(?:"(?P<text>[^"]*)"|dword:(?P<number>[0-9a-f]{8}))$')


def exported(host: Peer, key: str) -> dict[str, dict[str, str | int]]:
    """What the host's own ``net registry export`` says about the subkeys of ``key``."""
    file = host.folder / "export.reg"
    done = host.run(["net", "-s", str(host.folder / "smb.conf"), "registry", "export", key, str(file)])
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str | int]] = {}
    current: dict[str, str | int] = {}
    for line in file.read_text("utf-8").splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]").rpartition("\\")[2], {})
        elif match := EXPORTED.match(line):
            current[match["name"]] = int(match["number"], 16) if match["number"] else match["text"]
    return {name: values for name, values in found.items() if values}


def plain(key: RegistryKey | SessionError) -> Mapping[str, object]:
    assert isinstance(key, RegistryKey)
    return {name: value.data for name, value in key.values.items()}


@pytest.mark.lab
@pytest.mark.parametrize("lanes", [1, 16, 32])
def test_two_hundred_keys_read_the_same_as_the_hosts_own_export(peers: Lan, lanes: int) -> None:
    host = peers.host("SEALED")
    with session(host.address, lanes=lanes) as opened:
        keys = list(opened.registry.subkeys(UNINSTALL))
    ours = {key.name: plain(key) for key in keys if isinstance(key, RegistryKey)}
    assert len(ours) == KEYS
    assert sum(len(values) for values in ours.values()) == KEYS * VALUES
    assert ours == exported(host, UNINSTALL)


@pytest.mark.lab
def test_keys_come_in_the_registrys_order_however_many_lanes_there_are(peers: Lan) -> None:
    orders: list[list[str]] = []
    for lanes in (1, 7):
        with session(peers.host("SIGNED").address, lanes=lanes) as opened:
            orders.append([key.name for key in opened.registry.subkeys(UNINSTALL) if isinstance(key, RegistryKey)])
            assert list(opened.registry.names(UNINSTALL)) == orders[-1]
    assert orders[0] == orders[1]


@pytest.mark.lab
def test_an_absent_key_is_none_and_has_no_subkeys(peers: Lan) -> None:
    with session(peers.host("SEALED").address) as opened:
        assert opened.registry.key(r"HKLM\SOFTWARE\Absent") is None
        assert opened.registry.names(r"HKLM\SOFTWARE\Absent") == ()
        assert list(opened.registry.subkeys(r"HKLM\SOFTWARE\Absent")) == []
        assert "SOFTWARE" in opened.registry.names("HKLM")


@pytest.mark.lab
def test_a_value_larger_than_the_first_buffer_and_than_one_fragment_is_read_whole(peers: Lan) -> None:
    with session(peers.host("SEALED").address) as opened:
        key = opened.registry.key(BIG_KEY)
    assert key is not None
    assert key.binary("Blob") == BIG
    assert key.values["After"].data == ("b", "丙")


@pytest.mark.lab
def test_a_value_larger_than_the_cap_is_left_out_with_its_reason_and_the_others_are_kept(peers: Lan) -> None:
    with session(peers.host("SEALED").address, value_bytes=8192) as opened:
        key, reason = list(opened.registry.subkeys(r"HKLM\SOFTWARE\Vendor"))
        with pytest.raises(LimitExceeded):
            opened.registry.key(BIG_KEY)
        assert opened.registry.key(rf"{CONTROL}\Windows") is not None
    assert isinstance(key, RegistryKey)
    assert set(key.values) == {"Before", "After"}
    assert isinstance(reason, LimitExceeded)
    assert reason.reason.code == "winreg.value_too_large"
    assert reason.reason.params["path"] == BIG_KEY
    assert reason.reason.params["limit"] == 8192


@pytest.mark.lab
def test_too_many_keys_end_the_reading_and_what_was_read_is_kept(peers: Lan) -> None:
    read: list[object] = []
    with session(peers.host("SEALED").address, keys=50) as opened, pytest.raises(LimitExceeded) as ended:
        read.extend(opened.registry.subkeys(UNINSTALL))
    assert ended.value.reason.code == "winreg.too_many_keys"
    assert 0 < len(read) <= 50


@pytest.mark.lab
def test_too_many_bytes_end_the_reading(peers: Lan) -> None:
    with session(peers.host("SEALED").address, total_bytes=50_000) as opened, pytest.raises(LimitExceeded) as ended:
        list(opened.registry.subkeys(UNINSTALL))
    assert ended.value.reason.code == "smb.too_many_bytes"


@pytest.mark.lab
def test_an_ended_session_says_so_again_instead_of_answering(peers: Lan) -> None:
    with session(peers.host("SEALED").address, keys=50) as opened:
        with pytest.raises(LimitExceeded):
            list(opened.registry.subkeys(UNINSTALL))
        with pytest.raises(LimitExceeded):
            opened.registry.key(BIG_KEY)


@pytest.mark.lab
def test_password_stores_are_never_asked_for(peers: Lan) -> None:
    with session(peers.host("SEALED").address) as opened:
        for read in (opened.registry.key, opened.registry.names, lambda path: list(opened.registry.subkeys(path))):  # pyright: ignore[reportUnknownLambdaType]
            with pytest.raises(AccessDenied) as refused:
                read(r"HKLM\SAM\SAM\Domains")
            assert refused.value.reason.code == "winreg.forbidden"
        found = {getattr(item, "name", ""): item for item in opened.registry.subkeys(CONTROL)}
    assert isinstance(found["Windows"], RegistryKey)
    refusals = [item.reason.params["path"] for item in found.values() if isinstance(item, AccessDenied)]
    assert refusals == [rf"{CONTROL}\Lsa"]


def _writing(_lane: Lane) -> Generator[Call, bytes, None]:
    yield 22, b""  # BaseRegSetValue


@pytest.mark.lab
def test_no_other_operation_leaves_the_machine(peers: Lan) -> None:
    with session(peers.host("SEALED").address) as opened:
        with pytest.raises(ValueError, match="not read-only"):
            lanes_of(opened).run([_writing])
        assert opened.registry.key(BIG_KEY) is not None


def lanes_of(opened: WindowsSession) -> Lanes:
    assert isinstance(opened.registry, RemoteRegistry)
    return opened.registry._lanes  # pyright: ignore[reportPrivateUsage]


def test_only_the_read_operations_of_the_remote_registry_exist() -> None:
    assert sorted(winreg_ndr.ALLOWED) == [2, 4, 5, 9, 10, 15, 16, 17, 26]
    assert winreg_ndr.ACCESS == 0x20119  # KEY_READ | KEY_WOW64_64KEY


@pytest.mark.parametrize(
    "path",
    [
        r"HKLM\SAM",
        r"hklm\sam\SAM\Domains\Account\Users",
        r"HKLM\\SAM",
        r"HKLM\SECURITY\Policy\Secrets\DPAPI_SYSTEM",
        r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\JD",
        r"HKLM\SYSTEM\ControlSet001\Control\LSA",
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon",
        r"HKU\S-1-5-21-1-2-3-1001\Software\ORL\WinVNC3",
        r"HKU\S-1-5-21-1-2-3-1001\Software\SimonTatham\PuTTY\Sessions",
    ],
)
def test_a_store_of_passwords_is_forbidden_however_it_is_written(path: str) -> None:
    assert is_forbidden(path)


@pytest.mark.parametrize(
    "path",
    [
        UNINSTALL,
        rf"{UNINSTALL}\SAM",
        r"HKLM\SOFTWARE\Security",
        r"HKLM\SYSTEM\CurrentControlSet\Control\LsaInformation",
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
    ],
)
def test_a_key_that_only_sounds_like_one_is_not_forbidden(path: str) -> None:
    assert not is_forbidden(path)


def test_a_path_is_brought_to_one_form() -> None:
    assert normal("\\HKLM\\\\SOFTWARE\\") == r"HKLM\SOFTWARE"


def _changing(host: Peer, moments: Sequence[int]) -> Tamper:
    """Add a program to the host's registry at these answers of a session."""
    left = list(moments)

    def tamper(number: int, packet: bytes) -> list[bytes]:
        if left and number >= left[0]:
            key = rf"{UNINSTALL}\Added {left.pop(0)}"
            done = host.run(["net", "-s", str(host.folder / "smb.conf"), "registry", "createkey", key])
            assert done.returncode == 0, done.stderr
        return [packet]

    return tamper


@pytest.fixture
def changed(peers: Lan) -> Iterator[Peer]:
    """A host whose added programs are taken away afterwards."""
    host = peers.host("GCM128")
    yield host
    conf = str(host.folder / "smb.conf")
    listed = host.run(["net", "-s", conf, "registry", "enumerate", UNINSTALL]).stdout
    for name in re.findall(r"Added \d+", listed):
        host.run(["net", "-s", conf, "registry", "deletekey", rf"{UNINSTALL}\{name}"])


@pytest.mark.lab
def test_a_program_that_is_installed_meanwhile_is_read_as_well(changed: Peer) -> None:
    with relay(changed.address, _changing(changed, [300])) as middle, session("127.0.0.1", middle.port) as opened:
        items = list(opened.registry.subkeys(UNINSTALL))
    assert len(items) == KEYS + 1
    assert all(isinstance(item, RegistryKey) for item in items)


@pytest.mark.lab
def test_a_key_that_keeps_changing_is_said_to_be_incomplete(changed: Peer) -> None:
    moments = range(300, 12_000, 1_000)  # more often than once in each of the two readings
    with relay(changed.address, _changing(changed, moments)) as middle, session("127.0.0.1", middle.port) as opened:
        *keys, said = opened.registry.subkeys(UNINSTALL)
    assert len(keys) >= KEYS
    assert isinstance(said, SessionError)
    assert said.reason.code == "winreg.changed_meanwhile"


@pytest.mark.lab
def test_the_clock_of_a_host_is_known_where_the_logon_confirms_it(peers: Lan) -> None:
    with session(peers.host("SEALED").address) as opened:
        assert opened.clock_offset_seconds is not None
        assert abs(opened.clock_offset_seconds) < 60  # its clock is ours
    with session(peers.host("SMB302").address) as opened:
        assert opened.clock_offset_seconds is None
