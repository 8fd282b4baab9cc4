"""What is recorded of a session as a whole, so that a replay says the same of the computer's clock."""

from __future__ import annotations

import pytest

from config.clock import FixedClock, parse_rfc3339
from scanner.collectors.windows import system
from scanner.collectors.windows.keys import NT
from scanner.model import Identity, Platform
from scanner.raw import RawRecord
from scanner.recording import Recorder, RecordingRegistry
from scanner.replay import OPENED, Recording
from scanner.replaying import replay
from scanner.runner import run_one
from scanner.session import RegistryKey, RegistryValue, WindowsSession

NOW = FixedClock(parse_rfc3339("2026-11-21T09:00:00.000+08:00"))


class Hive:
    """One version key and nothing else."""

    def names(self, path: str) -> tuple[str, ...]:
        return ()

    def key(self, path: str) -> RegistryKey | None:
        return RegistryKey(path, {"ProductName": RegistryValue(1, "Windows 10 Pro")}) if path == NT else None

    def subkeys(self, path: str) -> object:
        return iter(())


@pytest.mark.parametrize("offset", [-7260.5, 0.0, None])
def test_a_replay_gives_the_clock_offset_that_was_recorded(offset: float | None) -> None:
    lines: list[RawRecord] = []
    recorder = Recorder(lines.append, NOW, "smb3.1.1-sealed", b"k" * 32)
    recorder.record({"op": OPENED}, {"clock_offset_seconds": offset, "reached": None})
    recorder.collector = system.COLLECTOR.name
    live = WindowsSession(RecordingRegistry(Hive(), recorder), "smb3.1.1-sealed", clock_offset_seconds=offset)  # pyright: ignore[reportArgumentType]
    read, _ = run_one(live, system.COLLECTOR)
    stored = [RawRecord.from_json(line.to_json()) for line in lines]
    again, _ = replay(Recording.of(stored), Platform.WINDOWS, "smb3.1.1-sealed")
    assert [r.clock_offset_seconds for r in read if isinstance(r, Identity)] == [offset]
    assert [r.clock_offset_seconds for r in again if isinstance(r, Identity)][:1] == [offset]


def test_a_recording_from_before_says_nothing_of_the_clock() -> None:
    assert Recording.of([]).opened() == {}
