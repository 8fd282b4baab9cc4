"""Folders that a collector wrote, read as an import reads them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from config.clock import SystemClock
from config.windows_marks import windows_marks
from scanner import facts
from scanner.collectors.linux import COMMANDS, LINUX_COLLECTORS
from scanner.collectors.linux.answers import OnceShell
from scanner.facts import Attempt
from scanner.model import HostFacts, Platform
from scanner.raw import RawRecord
from scanner.recording import Recorder
from scanner.runner import run_collectors
from scanner.session import LinuxSession, ShellAnswer
from scanner.single_machine import kit
from scanner.single_machine.folder import opened
from scanner.single_machine.reading import Folder, collected
from scanner.single_machine.sessions import FolderShell

INSPECTION, NONCE = "01KAINSPECTKAINSPECTKAINSP", "0123456789abcdef0123"
TIMES = frozenset({"key_last_write", "file_time", "modified_at", "date_conflict", "clock_offset_seconds"})
ORIGIN = frozenset({"observation", "collectors", "channel", "origin", "id", "started_at", "finished_at", "raw_digest"})


def write_kit(folder: Path) -> Path:
    """The stick's files."""
    for name, content in kit.files(INSPECTION, NONCE, windows_marks()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def result_of(stick: Path) -> dict[str, bytes]:
    """The one folder that was written."""
    (folder,) = (stick / "results").iterdir()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(files: Mapping[str, bytes]) -> tuple[HostFacts, list[RawRecord]]:
    """Facts and raw records of a folder."""
    clock, records = SystemClock(), list[RawRecord]()
    folder = Folder(files, opened(files), "F1", "offline:ZC-1", clock.now())
    recorder = Recorder(records.append, clock, "single-machine", b"k" * 32)
    return collected(folder, recorder, windows_marks(), clock), records


def run_shell(shell: Sequence[str], stick: Path, lines: str) -> subprocess.CompletedProcess[bytes]:
    """Run the collector for Linux under a shell, in Chinese and with an account's usual clutter around it."""
    return subprocess.run(
        [*shell, str(stick / kit.LINUX)],
        input=lines.encode(),
        capture_output=True,
        env={**os.environ, "LANG": "zh_CN.UTF-8"},
        timeout=120,
        check=False,
    )


def over_the_network() -> HostFacts:
    """What the network collectors say of this computer: the answer of the command, as SSH would bring it."""
    done = subprocess.run(["/bin/sh", "-c", COMMANDS[0]], capture_output=True, timeout=120, check=False)
    answer = ShellAnswer(done.stdout, done.stderr, done.returncode)
    session = LinuxSession(OnceShell(FolderShell(answer)), "ssh2")
    records, results = run_collectors(session, LINUX_COLLECTORS, lambda _: None)
    return facts.assemble(Attempt("F0", "offline:ZC-1", "", "", Platform.LINUX, "ssh2"), records, results)


def content(value: Any, leave: frozenset[str] = ORIGIN | TIMES) -> Any:
    """Facts without source, ids and times."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: content(getattr(value, f.name), leave) for f in fields(value) if f.name not in leave}
    if isinstance(value, tuple):
        return [content(item, leave) for item in value]
    return value


def without_ids(read_facts: HostFacts) -> HostFacts:
    """Facts whose collectors say how they ended, nothing else."""
    return replace(read_facts, collectors=())
