"""Facts out of a folder: the collectors of the network over what was carried. Runs in the limited child.

Messages up: ``{"raw": record}`` for every answer, ``{"facts": document}`` last; or ``{"problem": message}`` alone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from config.clock import Clock, SystemClock, parse_rfc3339, rfc3339
from config.problems import BadInput
from config.windows_marks import WindowsMarks
from scanner import facts
from scanner.collectors.linux import LINUX_COLLECTORS
from scanner.collectors.linux.answers import OnceShell
from scanner.collectors.windows import collectors_for
from scanner.facts import Attempt
from scanner.model import FactsOrigin, HostFacts, Platform
from scanner.process import Job, Upwards
from scanner.recording import Recorder, RecordingShell, recorded
from scanner.runner import run_collectors
from scanner.session import LinuxSession, ShellAnswer, WindowsSession
from scanner.single_machine import regfile, regquery, script
from scanner.single_machine.folder import PAIR, Envelope, Files, opened, text_of
from scanner.single_machine.sessions import CHANNEL, FolderFiles, FolderRegistry, FolderShell, FolderWmi

EXPORTS = ("machine.reg", "people.reg", "installer.reg")
SLACK = timedelta(days=1)
"""How far the clock of the computer may lie outside the time between the making of the kit and now."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder, checked. ``since``: when the kit was made."""

    files: Files
    envelope: Envelope
    facts_id: str
    address: str
    since: datetime


def read_folder(job: Job, emit: Upwards) -> None:
    """``{"files": {name: base64}, "facts_id", "address", "since", "redaction_key", "marks"}``. Process target."""
    files = {str(name): base64.b64decode(data) for name, data in job["files"].items()}
    try:
        folder = Folder(files, opened(files), job["facts_id"], job["address"], parse_rfc3339(job["since"]))
        clock, key = SystemClock(), bytes.fromhex(job["redaction_key"])
        recorder = Recorder(lambda record: emit({"raw": record.to_json()}), clock, CHANNEL, key)
        read = collected(folder, recorder, WindowsMarks.from_json(job["marks"]), clock)
    except BadInput as problem:
        emit({"problem": problem.message.to_json()})
        return
    emit.text("facts", facts.to_text(read))


def collected(folder: Folder, recorder: Recorder, marks: WindowsMarks, clock: Clock) -> HostFacts:
    """Run the collectors of the folder's platform. Raises BadInput ``single.unfinished``."""
    windows = folder.envelope.platform is Platform.WINDOWS
    session, said = windows_session(folder) if windows else linux_session(folder)

    def announce(name: str) -> None:
        recorder.collector = name

    if isinstance(session, WindowsSession):
        replayable = recorded(session, recorder, marks)
        records, results = run_collectors(replayable, collectors_for(replayable), announce)
    else:
        linux = LinuxSession(OnceShell(RecordingShell(session.shell, recorder)), CHANNEL)
        records, results = run_collectors(linux, LINUX_COLLECTORS, announce)
    now = clock.now()
    at = rfc3339(said if said and folder.since - SLACK <= said <= now + SLACK else now)
    attempt = Attempt(folder.facts_id, folder.address, at, at, folder.envelope.platform, CHANNEL)
    return replace(facts.assemble(attempt, records, results), origin=FactsOrigin.COLLECTOR)


def windows_session(folder: Folder) -> tuple[WindowsSession, datetime | None]:
    """The session over the folder, and the computer's own clock."""
    files, page = folder.files, folder.envelope.code_page
    told = regquery.parse(text_of(files.get("answers.txt", b""), page))
    if not told.complete:
        raise BadInput("single.unfinished")
    trees: regfile.Keys = {}
    for name in EXPORTS:
        trees |= regfile.parse(text_of(files.get(name, b"")))
    told.exported.update(path.casefold() for path in trees if path.casefold().endswith("\\installproperties"))
    if "script.txt" in files:
        scripted = script.parse(text_of(files["script.txt"]))
    else:
        scripted = script.parse_wmic(text_of(files.get("wmic.txt", b"")))
    session = WindowsSession(
        FolderRegistry(told, trees),
        CHANNEL,
        FolderWmi(scripted) if scripted.rows else None,
        files=FolderFiles(scripted) if scripted.looked else None,
        reached={"rung": CHANNEL},
    )
    return session, scripted.clock


def linux_session(folder: Folder) -> tuple[LinuxSession, datetime | None]:
    """The session over the folder, and the computer's own clock."""
    said = {pair["name"]: pair["value"] for pair in PAIR.finditer(text_of(folder.files["info.txt"]))}
    exit_status, seconds = said.get("exit", ""), said.get("clock", "")
    answer = ShellAnswer(
        folder.files.get("answers.txt", b""),
        folder.files.get("errors.txt", b""),
        int(exit_status) if exit_status.isascii() and exit_status.isdigit() else -1,
    )
    plain = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    return LinuxSession(FolderShell(answer), CHANNEL), datetime.fromtimestamp(int(seconds), UTC) if plain else None
