"""A PC with software in every place gives the hand-written list: live over Samba, out of the record, and captured."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.windows_marks import windows_marks
from scanner.collectors.windows import collectors_for
from scanner.model import (
    Antivirus,
    CollectorResult,
    FloatingLicence,
    LicenceState,
    Outcome,
    Platform,
    Record,
    SkippedEntry,
    Trace,
)
from scanner.raw import RawRecord
from scanner.recording import Recorder, recorded
from scanner.replay import Recording
from scanner.replaying import replay
from scanner.runner import run_collectors
from scanner.session import FileState, WindowsSession
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from scanner.transports.smb_files import READING
from scanner.transports.smb_wire import FILE_OPEN
from tests.lab import complete_pc
from tests.lab.lan import Lan
from tests.scanner.collectors.windows.complete import captured, expected, listed
from tests.scanner.laptop import inside
from tests.scanner.transports.windows_lan import SIGNED, relay

PASSWORD = "Not-a-real-1"  # of an account that exists only in the test LAN
CREATE, WRITE, SET_INFO, TREE_CONNECT = 5, 9, 17, 3
ADDRESS = "10.86.0.11"
SMB_HEADER = 64


@dataclass(frozen=True)
class Read:
    """One reading of the PC."""

    records: list[Record]
    results: list[CollectorResult]
    lines: list[RawRecord]
    channel: str


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    plan = complete_pc.plan("COMPLETE", ADDRESS, "02:86:00:00:00:11", PASSWORD)
    with Lan.start([replace(plan, smb=SIGNED)], "10.86.0.0/24") as running:
        yield running


def read_all(session: WindowsSession) -> Read:
    lines: list[RawRecord] = []
    recorder = Recorder(lines.append, SystemClock(), session.channel, b"inspection")
    kept = recorded(session, recorder, windows_marks())

    def announce(name: str) -> None:
        recorder.collector = name

    return Read(*run_collectors(kept, collectors_for(kept), announce), lines, session.channel)


@pytest.fixture(scope="module")
def read(lan: Lan) -> Read:
    target = SmbTarget(address=ADDRESS, username="inspector", secret=PASSWORD)
    with inside(lan.laptop), open_windows(target, SmbLimits(), SystemClock()) as session:
        return read_all(session)


@pytest.mark.lab
def test_every_program_of_every_place_is_listed_once_and_nothing_else(read: Read) -> None:
    rows = listed(read.records)
    assert set(rows) == expected()
    assert len(rows) == len(expected())


@pytest.mark.lab
def test_every_collector_reads_it_but_the_firmware_that_it_lacks(read: Read) -> None:
    failed = {result.collector for result in read.results if result.outcome is not Outcome.READ}
    assert failed == {"windows.hardware"}


@pytest.mark.lab
def test_the_record_gives_the_same_facts_again(read: Read) -> None:
    lines = [RawRecord.from_json(json.loads(json.dumps(line.to_json()))) for line in read.lines]
    assert replay(Recording.of(lines), Platform.WINDOWS, read.channel) == (read.records, read.results)


@pytest.mark.lab
def test_nothing_of_a_person_but_the_judged_keys_and_no_whole_serial_is_recorded(read: Read) -> None:
    stored = json.dumps([line.to_json() for line in read.lines], ensure_ascii=False)
    assert "Xshell" in stored
    assert "never asked for" not in stored
    assert complete_pc.SERIAL not in stored


def test_the_captured_answers_still_give_the_list() -> None:
    records, results = replay(Recording.of(captured()), Platform.WINDOWS, "smb3.1.1-signed")
    assert set(listed(records)) == expected()
    assert {result.collector for result in results if result.outcome is not Outcome.READ} == {"windows.hardware"}


def test_the_captured_answers_give_services_hooks_editions_and_the_profile_that_is_gone() -> None:
    records, _ = replay(Recording.of(captured()), Platform.WINDOWS, "smb3.1.1-signed")
    found = {(r.name, r.enabled) for r in records if isinstance(r, Antivirus)}
    assert found == {("ESET Security", None), ("火绒安全软件", False)}
    traces = {(r.kind, r.source.rpartition("\\")[2], r.value) for r in records if isinstance(r, Trace)}
    assert traces == {
        ("service", "Service KMSELDI", "C:\\Program Files\\KMSpico\\Service_KMS.exe"),
        ("task", "AutoPico Daily Restart", "AutoPico Daily Restart"),
        ("image_hook", "SppExtComObj.exe", "VerifierDlls=SppExtComObjHook.dll"),
        ("kms_host", "SoftwareProtectionPlatform", "127.0.0.2"),
        ("file", "AutoKMS.exe", None),
    }
    servers = {(r.product, r.server, r.port) for r in records if isinstance(r, FloatingLicence)}
    assert servers == {("autodesk", "lic1.unit.example", 27000), ("autodesk", "lic2", None)}
    assert [(r.name, r.key_tail, r.status) for r in records if isinstance(r, LicenceState)] == [
        ("AutoCAD 2020", complete_pc.SERIAL[-5:], None),
        ("WPS Office", None, None),
    ]
    assert [(r.source, r.reason.code) for r in records if isinstance(r, SkippedEntry)] == [
        ("C:\\Users\\gone\\NTUSER.DAT", "files.absent")
    ]


@pytest.mark.lab
def test_files_are_opened_to_be_read_and_nothing_else_is_asked_of_the_shares(lan: Lan) -> None:
    before = digests(lan.host("COMPLETE").folder)
    with inside(lan.laptop), relay(ADDRESS, lambda _number, packet: [packet]) as seen:
        target = SmbTarget(address="127.0.0.1", port=seen.port, username="inspector", secret=PASSWORD)
        with open_windows(target, SmbLimits(), SystemClock()) as session:
            read_all(session)
    commands = {command(packet) for packet in seen.requests}
    assert not commands & {WRITE, SET_INFO}
    pipes = {tree(packet) for packet in seen.requests if command(packet) == CREATE and name(packet) == "winreg"}
    on_shares = [packet for packet in seen.requests if command(packet) == CREATE and tree(packet) not in pipes]
    assert len(on_shares) > 100
    for packet in on_shares:
        access, _, _, disposition = struct.unpack_from("<IIII", packet, SMB_HEADER + 24)
        assert not access & ~READING, name(packet)
        assert disposition == FILE_OPEN
    assert digests(lan.host("COMPLETE").folder) == before


@pytest.mark.lab
def test_what_is_looked_at_is_told_apart(lan: Lan) -> None:
    target = SmbTarget(address=ADDRESS, username="inspector", secret=PASSWORD)
    paths = {
        "C:\\Program Files\\7-Zip\\7zFM.exe": FileState.PRESENT,
        "c:\\program files\\7-ZIP": FileState.PRESENT,
        "C:\\Program Files\\7-Zip\\7z.dll": FileState.ABSENT,
        "C:\\Nowhere\\x.exe": FileState.FOLDER_ABSENT,
        "F:\\x.exe": FileState.UNKNOWN,
        "C:\\a\\..\\Windows": FileState.UNKNOWN,
        "\\\\server\\share\\x.exe": FileState.UNKNOWN,
        "C:\\x\0y": FileState.UNKNOWN,
    }
    with inside(lan.laptop), open_windows(target, SmbLimits(), SystemClock()) as session:
        assert session.files is not None
        seen = session.files.look(list(paths))
        again = session.registry.names("HKU")  # the channel went back to the pipes
    assert {found.path: found.state for found in seen} == paths
    assert [found.folder for found in seen[:3]] == [False, True, False]
    assert complete_pc.ZHANG in again


def command(packet: bytes) -> int:
    return int(struct.unpack_from("<H", packet, 12)[0])


def tree(packet: bytes) -> int:
    return int(struct.unpack_from("<I", packet, 36)[0])


def name(packet: bytes) -> str:
    offset, size = struct.unpack_from("<HH", packet, SMB_HEADER + 44)
    return packet[offset : offset + size].decode("utf-16-le")


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    drives = [path for path in sorted(folder.rglob("*")) if "drive-" in str(path) and path.is_file()]
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in drives}
