"""The collectors on a real peer, recorded: what the demo PC holds is read, and no key leaves it whole."""

from __future__ import annotations

import json

import pytest

from config.clock import SystemClock
from scanner.collectors.windows import WINDOWS_COLLECTORS
from scanner.model import Identity, InstalledSoftware, OperatingSystem, Outcome, Scope
from scanner.raw import RawRecord
from scanner.recording import Recorder, RecordingRegistry
from scanner.redaction import MASK
from scanner.runner import run_collectors
from scanner.session import WindowsSession
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from tests.lab import hive
from tests.lab.demo_unit import Demo
from tests.lab.plans import WindowsPc
from tests.scanner.laptop import inside

PROTECTION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
PRODUCT_KEY = "GVRT6-PHWX3-KD9MJ-QB2CF-Y48TW"  # made up; the lab's hive holds it

pytestmark = pytest.mark.lab


def test_a_demo_pc_is_read_by_every_collector_and_its_key_is_masked(demo: Demo) -> None:
    host = demo.lan.host("PC2")
    assert isinstance(host.plan, WindowsPc)
    assert host.plan.hardware
    lines: list[RawRecord] = []
    recorder = Recorder(lines.append, SystemClock(), "smb3.1.1-sealed", b"inspection")
    secret = next(c["secret"] for c in demo.credentials if c["protocol"] == "smb")
    target = SmbTarget(address=host.address, username="inspector", secret=secret)
    with inside(demo.lan.laptop), open_windows(target, SmbLimits(), SystemClock()) as opened:
        recorded = WindowsSession(RecordingRegistry(opened.registry, recorder), opened.channel)
        records, results = run_collectors(recorded, WINDOWS_COLLECTORS, lambda _: None)
        platform = recorded.registry.key(PROTECTION)

    assert [result.outcome for result in results] == [Outcome.READ] * len(WINDOWS_COLLECTORS)
    identities = [record for record in records if isinstance(record, Identity)]
    assert {identity.serial for identity in identities} == {None, host.plan.hardware.serial}
    assert {identity.smbios_uuid for identity in identities} == {None, host.plan.hardware.uuid}
    assert [record.name for record in records if isinstance(record, OperatingSystem)] == ["Windows 10 Pro"]
    programs = [record for record in records if isinstance(record, InstalledSoftware)]
    assert {"AutoCAD 2014 - 简体中文 (Simplified Chinese)", "WPS Office"} <= {program.name for program in programs}
    assert [program.name for program in programs if program.scope is Scope.USER and program.owner] != []

    assert platform is not None
    masked = MASK.fullmatch(platform.text("BackupProductKeyDefault") or "")
    assert masked is not None
    assert masked["tail"] == PRODUCT_KEY[-5:]
    stored = json.dumps([line.to_json() for line in lines])
    assert PRODUCT_KEY not in stored
    assert hive.packed_product_key(PRODUCT_KEY).hex() not in stored
    assert "00330-50000-00000-AAOEM" in stored
