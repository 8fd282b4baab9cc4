"""Captured answers of whole computers, and the records that come out of each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from scanner.collectors.linux import LINUX_COLLECTORS
from scanner.collectors.linux.answers import OnceShell
from scanner.runner import run_collectors
from scanner.session import LinuxSession, ShellAnswer

CASES = Path(__file__).parents[3] / "data" / "linux" / "collect"


class Captured:
    """Answers with a captured text."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def run(self, command: str) -> ShellAnswer:
        return ShellAnswer(self.text, b"", 0, "o1")


def records_of(text: bytes) -> list[dict[str, Any]]:
    """What the collectors make of one answer, without the fields that are None."""
    session = LinuxSession(OnceShell(Captured(text)), "captured")
    records, results = run_collectors(session, LINUX_COLLECTORS, lambda name: None)
    assert {result.outcome for result in results} == {"READ"}
    shown = ({"record": type(record).__name__, **asdict(record)} for record in records)
    return [json.loads(json.dumps({k: v for k, v in r.items() if v not in (None, ())}, default=repr)) for r in shown]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_captured_answer_gives_its_records(case: str) -> None:
    expected = json.loads((CASES / case / "records.json").read_text("utf-8"))
    assert records_of((CASES / case / "answer.txt").read_bytes()) == expected


def test_every_family_of_system_has_a_capture() -> None:
    assert {path.name for path in CASES.iterdir()} >= {"kylin-desktop", "kylin-server", "uos-desktop"}
