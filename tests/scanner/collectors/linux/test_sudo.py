"""What root adds to an answer, which record each entry cites, and how sudo's refusals are read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SystemClock
from config.messages import catalogue
from scanner.collectors.linux import collectors_for
from scanner.collectors.linux.answers import OnceShell
from scanner.collectors.linux.commands import COLLECT, PARTS, SUDO, SUDO_WITH_PASSWORD
from scanner.collectors.linux.sudo import refusal
from scanner.model import CollectorResult, Identity, InstalledSoftware, Record, SkippedEntry
from scanner.raw import RawRecord
from scanner.recording import Recorder, RecordingShell
from scanner.replay import Recording, ReplayShell
from scanner.runner import run_collectors
from scanner.session import Elevation, LinuxSession, ShellAnswer, Unsupported

HOME = "/home/zhang/.local/share/applications/own.desktop"
ENTRY = "{0}:Type=Application\n{0}:Name={1}\n{0}:Exec={2}\n"
SHOWN = ENTRY.format("/usr/local/share/applications/shown.desktop", "众人可见", "/opt/shown/app")
OWN = ENTRY.format(HOME, "自装软件", "/home/zhang/own/app")
PLAIN = {
    "os": "@@uname\nLinux\nkos\n5.10\nx86_64\n@@end",
    "hardware": "@@dmi\nsys_vendor read Greatwall\nproduct_serial denied\n@@network\n@@end",
    "applications": f"@@zone\n+0800\n@@entries\n{SHOWN}@@files\n@@homes\ndenied /home/zhang\n@@end",
}
ROOT = {
    "hardware": "@@dmi\nsys_vendor read Greatwall\nproduct_serial read GW0001\n@@end",
    "applications": f"@@zone\n+0800\n@@entries\n{SHOWN}{OWN}@@files\n@@homes\nread /home/zhang\n@@end",
}


@dataclass
class SudoShell:
    """Answers the constant commands as a computer whose sudo wants the password."""

    asked: list[str] = field(default_factory=list[str])

    def run(self, command: str) -> ShellAnswer:
        self.asked.append(command)
        if command == SUDO:
            return ShellAnswer(b"", b"sudo: a password is required\n", 1)
        parts = {part: PLAIN.get(part, "@@end") for part in PARTS} if command == COLLECT else ROOT
        text = "".join(f"\n@@part {name}\n{answer}\n" for name, answer in parts.items())
        return ShellAnswer(text.encode(), b"@@sudo:inspector:" if command != COLLECT else b"", 0)


def collected(session: LinuxSession, recorder: Recorder | None = None) -> tuple[list[Record], list[CollectorResult]]:
    def announce(name: str) -> None:
        if recorder:
            recorder.collector = name

    return run_collectors(session, collectors_for(session), announce)


def live() -> tuple[list[Record], list[RawRecord], SudoShell, str]:
    kept: list[RawRecord] = []
    recorder, shell = Recorder(kept.append, SystemClock(), "ssh2", b"k" * 32), SudoShell()
    session = LinuxSession(OnceShell(RecordingShell(shell, recorder)), "ssh2", Elevation())
    records, _ = collected(session, recorder)
    return records, kept, shell, session.grade


def observed(records: list[Record], kept: list[RawRecord]) -> dict[str, Any]:
    """Source of an entry → the command whose answer it cites."""
    commands = {record.id: record.request["command"] for record in kept}
    return {r.source: commands[r.observation] for r in records if isinstance(r, InstalledSoftware)}


def test_root_adds_what_the_account_may_not_read_and_each_entry_cites_its_own_answer() -> None:
    records, kept, shell, grade = live()
    assert (shell.asked, grade) == ([SUDO, SUDO_WITH_PASSWORD, COLLECT], "ssh2+sudo")
    assert observed(records, kept) == {
        "/usr/local/share/applications/shown.desktop": COLLECT,
        HOME: SUDO_WITH_PASSWORD,
    }
    assert [r.serial for r in records if isinstance(r, Identity) and r.serial] == ["GW0001"]
    assert {r.reason.code for r in records if isinstance(r, SkippedEntry)} <= {"linux.os_unknown"}


def test_a_recording_with_sudo_replays_to_the_same_records() -> None:
    records, kept, _, _ = live()
    recording = Recording.of(kept)
    assert recording.has_sudo

    def announce(name: str) -> None:
        recording.collector = name

    session = LinuxSession(OnceShell(ReplayShell(recording)), "ssh2", Elevation())
    again, _ = run_collectors(session, collectors_for(session), announce)
    assert again == records


def test_without_the_permission_nothing_is_asked_as_root() -> None:
    shell = SudoShell()
    session = replace(LinuxSession(OnceShell(shell), "ssh2"))
    collected(session)
    assert (shell.asked, session.grade) == ([COLLECT], "ssh2")


@pytest.mark.parametrize(
    ("stderr", "exit_status", "code"),
    [
        ("/usr/bin/env: 'sudo': No such file or directory\n", 127, "linux.sudo_missing"),
        ("sudo: sorry, you must have a tty to run sudo\n", 1, "linux.sudo_needs_tty"),
        ("@@sudo:li:li is not in the sudoers file.\n", 1, "linux.sudo_not_allowed"),
        ("Sorry, user li may not run sudo on pc.\n", 1, "linux.sudo_not_allowed"),
        ("Sorry, user li is not allowed to execute '/usr/bin/env -i' as root on pc.\n", 1, "linux.sudo_not_allowed"),
        ("@@sudo:li:Sorry, try again.\nsudo: 1 incorrect password attempt\n", 1, "linux.sudo_password_refused"),
        ("@@sudo:root:\nsudo: no password was provided\n", 1, "linux.sudo_other_password"),
        ("sudo: /etc/sudoers is world writable\n", 1, "linux.sudo_failed"),
    ],
)
def test_each_refusal_of_sudo_has_its_name(stderr: str, exit_status: int, code: str) -> None:
    error = refusal(ShellAnswer(b"", stderr.encode(), exit_status))
    assert (error.reason.code, code in catalogue()) == (code, True)
    assert isinstance(error, Unsupported) is (code == "linux.sudo_missing")


@given(st.binary(max_size=300), st.integers(-1, 255))
def test_whatever_sudo_says_is_a_refusal_with_a_sentence(stderr: bytes, exit_status: int) -> None:
    assert refusal(ShellAnswer(b"", stderr, exit_status)).reason.code in catalogue()
