"""A shell that answers from a table, for parsers; what a real host answers is tested over SSH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanner.session import LinuxSession, ShellAnswer


@dataclass(frozen=True, slots=True)
class TableShell:
    """Answers by command; ``observation`` is its number in the table."""

    answers: Mapping[str, str]

    def run(self, command: str) -> ShellAnswer:
        number = list(self.answers).index(command) + 1
        return ShellAnswer(self.answers[command].encode(), b"", 0, f"o{number}")


def session_of(answers: Mapping[str, str]) -> LinuxSession:
    """A session over :class:`TableShell`."""
    return LinuxSession(TableShell(answers), "table")
