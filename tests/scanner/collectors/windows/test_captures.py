"""Captured answers of a PC's WMI, and the records that come out of them; every collector has captured answers.

``HEZHENG_KEEP_RECORDS=1 pytest …`` writes the records anew after a change that is meant: read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scanner.collectors.windows import FILE_COLLECTORS, WINDOWS_COLLECTORS, WMI_COLLECTORS
from scanner.raw import RawRecord
from scanner.replay import Recording, ReplayWmi
from scanner.runner import run_collectors
from scanner.session import WindowsSession
from tests.scanner.collectors.windows.complete import captured
from tests.scanner.collectors.windows.wmi import NoRegistry

FOLDER = Path(__file__).parents[3] / "data" / "windows" / "licensed_pc"


def lines() -> list[RawRecord]:
    """What the WMI of the lab's PC answered once, as it was recorded."""
    return [RawRecord.from_json(json.loads(line)) for line in (FOLDER / "raw.jsonl").read_text("utf-8").splitlines()]


def records() -> Iterator[dict[str, Any]]:
    """What the collectors make of it, without the fields that are None."""
    recording = Recording.of(lines())

    def announce(name: str) -> None:
        recording.collector = name

    found, results = run_collectors(WindowsSession(NoRegistry(), "", ReplayWmi(recording)), WMI_COLLECTORS, announce)
    assert {result.outcome for result in results} == {"READ"}
    for record in found:
        shown = {name: value for name, value in asdict(record).items() if value not in (None, ())}
        yield json.loads(json.dumps({"record": type(record).__name__, **shown}, default=repr))


def test_the_captured_answers_of_wmi_give_their_records() -> None:
    made, file = list(records()), FOLDER / "records.json"
    if os.environ.get("HEZHENG_KEEP_RECORDS"):
        file.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert made == json.loads(file.read_text("utf-8"))
    assert {one["record"] for one in made} >= {"LicenceState", "Identity", "OperatingSystem", "Antivirus"}


def test_every_collector_has_captured_answers() -> None:
    asked = {line.collector for line in (*captured(), *lines())}
    assert {collector.name for collector in (*WINDOWS_COLLECTORS, *FILE_COLLECTORS, *WMI_COLLECTORS)} <= asked
