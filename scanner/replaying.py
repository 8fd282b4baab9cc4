"""Facts from recorded answers: the collectors run again over them. Nothing here reaches a network."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from config.windows_marks import WindowsMarks
from scanner import facts
from scanner.collectors.linux import collectors_for as linux_collectors
from scanner.collectors.linux.answers import OnceShell
from scanner.collectors.windows import collectors_for as windows_collectors
from scanner.facts import Attempt
from scanner.model import CollectorResult, HostFacts, Platform, Record
from scanner.process import Job, Upwards
from scanner.raw import RawRecord
from scanner.replay import Recording, ReplayFiles, ReplayRegistry, ReplayShell, ReplayWmi
from scanner.runner import run_collectors
from scanner.session import Elevation, LinuxSession, WindowsSession

Collected = tuple[list[Record], list[CollectorResult]]


def replay_host(job: Job, upwards: Upwards) -> None:
    """Derive facts from recorded answers: ``{"records": […], "attempt": {…}}``. Process target."""
    upwards.text("facts", facts.to_text(derived(job["records"], job["attempt"])))


def replay_hosts(_job: Job, upwards: Upwards) -> None:
    """Derive the facts of one host after another, as the parent hands them down. Process target.

    ``{"next": true}`` is answered with ``{"lines": [one raw record as JSON text, …], "attempt": {…}}`` and that with
    ``{"facts": document as text}``; an empty answer ends it.
    """
    while host := upwards.ask({"next": True}):
        upwards.text("facts", facts.to_text(derived(map(json.loads, host["lines"]), host["attempt"])))


def derived(records: Iterable[Any], attempt: Any) -> HostFacts:
    """The facts that follow from records and the circumstances of their collection.

    Raises KeyError, TypeError, ValueError, AttributeError or RecursionError for what is no record.
    """
    recording = Recording.of(RawRecord.from_json(record) for record in records)
    known = Attempt(**{**attempt, "platform": Platform(attempt["platform"])})
    assert known.platform is not None, "its records say how it was asked"
    return facts.assemble(known, *replay(recording, known.platform, known.channel or ""))


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
