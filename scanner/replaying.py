"""Facts from recorded answers: the collectors run again over them. Nothing here reaches a network."""

from __future__ import annotations

from config.windows_marks import WindowsMarks
from scanner import facts
from scanner.collectors.linux import collectors_for as linux_collectors
from scanner.collectors.linux.answers import OnceShell
from scanner.collectors.windows import collectors_for as windows_collectors
from scanner.facts import Attempt
from scanner.model import CollectorResult, Platform, Record
from scanner.process import Emit, Job
from scanner.raw import RawRecord
from scanner.replay import Recording, ReplayFiles, ReplayRegistry, ReplayShell, ReplayWmi
from scanner.runner import run_collectors
from scanner.session import Elevation, LinuxSession, WindowsSession

Collected = tuple[list[Record], list[CollectorResult]]


def replay_host(job: Job, emit: Emit) -> None:
    """Derive facts from recorded answers: ``{"records": […], "attempt": {…}}``. Process target."""
    recording = Recording.of(RawRecord.from_json(line) for line in job["records"])
    platform = Platform(job["attempt"]["platform"])
    attempt = Attempt(**{**job["attempt"], "platform": platform})
    records, results = replay(recording, platform, attempt.channel or "")
    emit({"facts": facts.to_json(facts.assemble(attempt, records, results))})


def replay(recording: Recording, platform: Platform, channel: str) -> Collected:
    """Run the collectors of ``platform`` over ``recording``."""

    def announce(name: str) -> None:
        recording.collector = name

    if platform is Platform.WINDOWS:
        opened = recording.opened()
        windows = WindowsSession(
            ReplayRegistry(recording),
            channel,
            ReplayWmi(recording) if recording.has_wmi else None,
            clock_offset_seconds=opened.get("clock_offset_seconds"),
            files=ReplayFiles(recording) if recording.has_files else None,
            marks=WindowsMarks.from_json(opened.get("marks", {})),
            opened_at=opened.get("at"),
        )
        return run_collectors(windows, windows_collectors(windows), announce)
    elevation = Elevation() if recording.has_sudo else None
    linux = LinuxSession(OnceShell(ReplayShell(recording)), channel, elevation)
    return run_collectors(linux, linux_collectors(linux), announce)
