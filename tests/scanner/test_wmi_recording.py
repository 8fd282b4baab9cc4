"""What WMI answered is recorded without keys, and a replay of it says the same."""

from __future__ import annotations

import json

from config.clock import SystemClock
from scanner.collectors.windows import WMI_COLLECTORS, collectors_for
from scanner.model import Record
from scanner.raw import RawRecord
from scanner.recording import Recorder, RecordingWmi
from scanner.redaction import mask, redact_wmi
from scanner.replay import Recording, ReplayWmi
from scanner.runner import run_collectors
from scanner.session import WindowsSession
from scanner.wmi_classes import BIOS, LICENSING_PRODUCT
from tests.lab.dcom import machines
from tests.scanner.collectors.windows.wmi import FixedWmi, NoRegistry, session
from tests.scanner.transports.test_wmi import connected, peer

SECRET = b"of this inspection"
KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"  # the shape of a product key, and none


def replayed(lines: list[RawRecord]) -> list[Record]:
    recording = Recording.of(RawRecord.from_json(json.loads(json.dumps(line.to_json()))) for line in lines)
    assert recording.has_wmi

    def announce(name: str) -> None:
        recording.collector = name

    records, _ = run_collectors(WindowsSession(NoRegistry(), "", ReplayWmi(recording)), WMI_COLLECTORS, announce)
    return records


def test_a_replay_of_a_live_reading_gives_the_same_records() -> None:
    lines: list[RawRecord] = []
    recorder = Recorder(lines.append, SystemClock(), "smb3.1.1-sealed", SECRET)

    def announce(name: str) -> None:
        recorder.collector = name

    with peer() as running, connected(running) as connection:
        live = WindowsSession(NoRegistry(), "smb3.1.1-sealed", RecordingWmi(connection, recorder))
        records, results = run_collectors(live, WMI_COLLECTORS, announce)
    assert [result.records for result in results] == [1, 2, 2]
    assert replayed(lines) == records
    assert {line.channel for line in lines} == {"dcom-ntlm-sealed"}, "not the grade of the registry's channel"
    absent = next(line for line in lines if line.request["path"].endswith("OfficeSoftwareProtectionProduct"))
    assert absent.to_json()["error"]["kind"] == "ClassAbsent"


def test_a_key_in_any_text_is_masked_before_it_is_recorded() -> None:
    lines: list[RawRecord] = []
    recorder = Recorder(lines.append, SystemClock(), "", SECRET)
    row = machines.windows_product(Name=f"Windows {KEY}", Description="VOLUME_MAK channel")
    wmi = RecordingWmi(FixedWmi({"SoftwareLicensingProduct": [row]}), recorder)  # pyright: ignore[reportArgumentType]
    found = wmi.rows(LICENSING_PRODUCT)[0]
    written = json.dumps(lines[0].to_json())
    assert "BBBBB" not in written
    assert str(mask(KEY, SECRET)) in (found.text("Name") or "")
    assert found.text("PartialProductKey") == "AAAAA", "five characters are what may be kept"
    assert found.observation == lines[0].id


def test_a_whole_key_property_would_be_masked_and_a_machine_serial_is_kept() -> None:
    masked = redact_wmi("root/cimv2:SoftwareLicensingService", "OA3xOriginalProductKey", KEY, SECRET)
    assert masked == str(mask(KEY, SECRET))
    assert redact_wmi(BIOS.path, "SerialNumber", "PF0TEST1", SECRET) == "PF0TEST1"
    assert redact_wmi("root/cimv2:Vendor_Product", "SerialNumber", "12345-ABCDE-99", SECRET) != "12345-ABCDE-99"


def test_a_session_without_wmi_runs_the_registry_collectors_alone() -> None:
    assert not set(collectors_for(session(None))) & set(WMI_COLLECTORS)
    assert set(WMI_COLLECTORS) < set(collectors_for(session({})))
