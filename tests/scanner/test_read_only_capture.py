"""Nothing that writes reaches a computer outside the journal, seen on the wire: signed runs are captured and dissected.

What is captured is signed but not sealed, so that every command can be read; the peers' own lists of what they were
asked say the same. Scans seal wherever the host can, by the same code.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from scanner.collectors.windows import WINDOWS_COLLECTORS, collectors_for
from scanner.model import Outcome
from scanner.remote_registry import Access
from scanner.runner import run_collectors
from scanner.session import WindowsSession
from scanner.transports import dcerpc, orpc, rpc_wire, smb_wire, svcctl, winreg_ndr
from scanner.transports.rpc_wire import Level
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from scanner.transports.winreg import RegistryLimits
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.transports.wmi_registry import WmiRegistry
from tests.lab import dissect
from tests.lab.dcom import lab, machines
from tests.lab.dcom.server import WmiPeer
from tests.lab.dissect import Sent
from tests.lab.lan import Lan
from tests.lab.plans import Answer, Listener, WindowsPc
from tests.lab.services import DISABLED, STOPPED, Machine, serving
from tests.scanner.laptop import inside
from tests.scanner.transports.windows_lan import PASSWORD, SIGNED, USERNAME, hive

SUBNET, PC, DESK = "10.84.0.0/24", "10.84.0.11", "10.84.0.12"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@dataclass(frozen=True)
class Run:
    """What was captured, what the journal says, and the peers with their own lists."""

    sent: Sent
    pcap: Path
    journal: list[Mapping[str, Any]]
    wmi: WmiPeer
    machine: Machine


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Read one computer over SMB and WMI, again through StdRegProv, and one whose service has to be started."""
    pcap = tmp_path_factory.mktemp("capture") / "signed.pcap"
    plans = [
        WindowsPc(name="PC", address=PC, mac="02:84:00:00:00:0b", password=PASSWORD, registry=hive(), smb=SIGNED),
        Listener(name="DESK", address=DESK, mac="02:84:00:00:00:0c", answers=(Answer(9),)),
    ]
    journal: list[Mapping[str, Any]] = []
    machine = Machine(DISABLED)
    with Lan.start(plans, SUBNET) as lan, lab.serving(lan, {"PC": machines.desktop()}) as peers:
        with inside(lan.host("DESK").namespace):
            desk = serving(machine, PASSWORD, DESK, 445)
            desk.__enter__()
        try:
            with lan.capture(pcap), inside(lan.laptop):
                read_everything()
                start_service(journal)
        finally:
            desk.__exit__(None, None, None)
        yield Run(dissect.dissect(pcap.read_bytes(), lan.laptop_address), pcap, journal, peers["PC"], machine)


def read_everything() -> None:
    """As a worker reads, with WMI at packet integrity in place of privacy."""
    smb = SmbTarget(address=PC, username=USERNAME, secret=PASSWORD)
    target = WmiTarget(address=PC, username=USERNAME, secret=PASSWORD)
    access = Access(False, _nothing_to_write)
    with (
        open_wmi(target, WmiLimits(), SystemClock(), Level.INTEGRITY) as wmi,
        open_windows(smb, SmbLimits(lanes=4), SystemClock(), access) as windows,
    ):
        session = replace(windows, wmi=wmi)
        records, results = run_collectors(session, collectors_for(session), _unheard)
        assert len(records) > 200
        assert windows.channel.endswith("-signed")
        assert wmi.channel == "dcom-ntlm-signed"
        assert Outcome.DENIED not in {result.outcome for result in results}
        instead = WindowsSession(WmiRegistry(wmi, RegistryLimits(20_000, 1 << 20)), wmi.channel)
        again, _ = run_collectors(instead, WINDOWS_COLLECTORS, _unheard)
        assert len(again) >= 200


def start_service(journal: list[Mapping[str, Any]]) -> None:
    smb = SmbTarget(address=DESK, username=USERNAME, secret=PASSWORD)
    with open_windows(smb, SmbLimits(lanes=2), SystemClock(), Access(True, journal.append)) as windows:
        run_collectors(windows, WINDOWS_COLLECTORS, _unheard)


def _nothing_to_write(line: Mapping[str, Any]) -> None:
    pytest.fail(f"a running service needs no journal: {line}")


def _unheard(_: str) -> None:
    pass


@pytest.mark.lab
def test_every_command_on_the_wire_only_reads(run: Run) -> None:
    assert run.sent.breaches == []
    assert set(run.sent.smb) <= set(dissect.COMMANDS.values())
    interfaces = {interface for interface, _ in run.sent.calls}
    assert interfaces == set(dissect.CALLS), "every way in was used, so every way in was seen"
    assert len(run.sent.calls) > 1000


@pytest.mark.lab
def test_the_changes_on_the_wire_are_those_of_the_journal_each_announced_before(run: Run) -> None:
    assert run.sent.changes == ["config:3", "start", "config:4", "stop"]
    announced = {"enabling": "config:3", "starting": "start", "restoring_type": "config:4", "stopping": "stop"}
    assert [announced[line["step"]] for line in run.journal if line["step"] in announced] == run.sent.changes
    assert set(run.sent.rights) == {svcctl.CHANGE_RIGHTS}, "only the journalled run opened the service for changes"
    assert len(run.sent.rights) == 2  # to start it, and to put it back


@pytest.mark.lab
def test_the_peers_own_lists_say_the_same(run: Run) -> None:
    assert (run.machine.writes, run.machine.found) == (run.sent.changes, (STOPPED, DISABLED))
    assert set(run.wmi.methods) <= dissect.METHODS
    assert run.wmi.methods == run.sent.methods
    assert run.wmi.queries == run.sent.queries
    assert all(opnum in dissect.CALLS[interface] for interface, opnum in run.wmi.calls)
    dcom = [call for call in run.sent.calls if call[0] not in ("winreg", "svcctl")]
    assert sorted(run.wmi.calls) == sorted(dcom), "the capture missed nothing that the peer was asked"


@pytest.mark.lab
def test_another_dissector_counts_the_same_operations(run: Run) -> None:
    """Wireshark knows nothing of our lists."""
    for interface in ("winreg", "svcctl"):
        theirs = tshark(run.pcap, f"{interface} && dcerpc.pkt_type == 0", "dcerpc.opnum")
        assert sorted(theirs) == sorted(opnum for name, opnum in run.sent.calls if name == interface)
    commands = tshark(run.pcap, "smb2.flags.response == 0", "smb2.cmd")
    assert sorted(dissect.COMMANDS[number] for number in commands) == sorted(run.sent.smb)


def tshark(pcap: Path, shown: str, column: str) -> list[int]:
    """One number a matching packet."""
    command = ["tshark", "-r", str(pcap), "-Y", shown, "-T", "fields", "-E", "occurrence=a", "-e", column]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [int(number) for line in done.stdout.split() for number in line.split(",")]


# --- the dissector itself would see a write ---


def smb(command: int, body: bytes, tree: int = 7) -> bytes:
    """One framed SMB2 request."""
    packet = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 1, 0, 0, 9, 0, tree, 1, bytes(16)) + body
    return struct.pack(">I", len(packet)) + packet


def opened_pipe(interface: bytes, *pdus: bytes) -> Sent:
    """What is seen of calls on one pipe."""
    file = bytes(range(16))
    answers = [smb(3, bytes(16)), smb(5, bytes(64) + file + bytes(8))]
    asked = [smb(3, smb_wire.tree_connect(rf"\\{THERE}\IPC$")), smb(5, smb_wire.open_pipe("pipe"))]
    asked += [_transceive(file, pdu) for pdu in (dcerpc.bind(interface), *pdus)]
    return seen(445, asked, answers)


def _transceive(file: bytes, pdu: bytes) -> bytes:
    return smb(11, smb_wire.ioctl(smb_wire.FSCTL_PIPE_TRANSCEIVE, file, pdu))


def seen(port: int, asked: list[bytes], answers: list[bytes] | None = None) -> Sent:
    return dissect.dissect(dissect.frames(port, asked, HERE, THERE, answers or []), HERE)


def called(interface: bytes, opnum: int, stub: bytes, level: Level = Level.INTEGRITY) -> Sent:
    """What is seen of one DCOM call."""
    bind = rpc_wire.bind([interface], level, b"token")
    parts = rpc_wire.request(2, 0, opnum, bytes(16), orpc.this(bytes(16)) + stub, level)
    return seen(49152, [bind, *(part.head + part.body + part.trailer + bytes(16) for part in parts)])


def key(opnum: int, access: int) -> bytes:
    return dcerpc.request(opnum, bytes(20) + struct.pack("<I", access))


def create(disposition: int, access: int) -> bytes:
    """The request of a file on a share that is not IPC$."""
    body = bytearray(smb_wire.open_pipe("file"))
    struct.pack_into("<I", body, 24, access)
    struct.pack_into("<I", body, 36, disposition)
    return smb(5, bytes(body))


def test_reading_is_no_breach() -> None:
    assert seen(445, [create(dissect.FILE_OPEN, 0x81), smb(8, bytes(49))]).breaches == []
    assert opened_pipe(dcerpc.WINREG, key(15, winreg_ndr.ACCESS)).breaches == []
    assert called(orpc.SERVICES, 24, orpc.exec_method("StdRegProv", "GetStringValue", b"")).breaches == []
    assert called(orpc.SERVICES, 20, orpc.exec_query("SELECT Name FROM Win32_BIOS")).breaches == []


@pytest.mark.parametrize(
    ("sent", "breach"),
    [
        (seen(445, [smb(9, bytes(48))]), "SMB2 command 9"),
        (seen(445, [smb(17, bytes(32))]), "SMB2 command 17"),
        (seen(445, [create(2, 0x81)]), "CREATE file with disposition 2"),
        (seen(445, [create(dissect.FILE_OPEN, 0x2)]), "access 0x2"),
        (seen(445, [smb(11, smb_wire.ioctl(0x00144064, bytes(16), b""))]), "FSCTL 0x144064"),
        (seen(445, [struct.pack(">I", 8) + b"\xfdSMBseal"]), "cannot be read"),
        (opened_pipe(dcerpc.WINREG, dcerpc.request(22, bytes(40))), "winreg operation 22"),
        (opened_pipe(dcerpc.WINREG, dcerpc.request(6, bytes(40))), "winreg operation 6"),
        (opened_pipe(dcerpc.WINREG, dcerpc.request(8, bytes(40))), "winreg operation 8"),
        (opened_pipe(dcerpc.WINREG, key(15, 0xF003F)), "access 0xf003f"),
        (opened_pipe(svcctl.SVCCTL, dcerpc.request(12, bytes(40))), "svcctl operation 12"),
        (opened_pipe(svcctl.SVCCTL, dcerpc.request(2, bytes(40))), "svcctl operation 2"),
        (opened_pipe(bytes(20)), "interface"),
        (called(orpc.SERVICES, 24, orpc.exec_method("StdRegProv", "SetDWORDValue", b"")), "StdRegProv.SetDWORDValue"),
        (called(orpc.SERVICES, 24, orpc.exec_method("StdRegProv", "CreateKey", b"")), "StdRegProv.CreateKey"),
        (called(orpc.SERVICES, 24, orpc.exec_method("Win32_Process", "Create", b"")), "Win32_Process.Create"),
        (called(orpc.SERVICES, 20, orpc.exec_query("SELECT Name FROM Win32_Product")), "Win32_Product"),
        (called(orpc.SERVICES, 14, bytes(40)), "IWbemServices operation 14"),
        (called(orpc.SERVICES, 20, orpc.exec_query("SELECT Name FROM Win32_BIOS"), Level.PRIVACY), "cannot be read"),
    ],
)
def test_the_dissector_sees_what_would_write_and_what_it_cannot_read(sent: Sent, breach: str) -> None:
    assert [found for found in sent.breaches if breach in found], sent


def test_a_change_of_a_service_is_seen_as_one() -> None:
    config = dcerpc.request(11, bytes(20) + struct.pack("<III", 0xFFFFFFFF, 3, 0xFFFFFFFF) + bytes(36))
    sent = opened_pipe(svcctl.SVCCTL, config, dcerpc.request(19, bytes(28)), dcerpc.request(1, bytes(24)))
    assert (sent.changes, sent.breaches) == (["config:3", "start", "stop"], [])
