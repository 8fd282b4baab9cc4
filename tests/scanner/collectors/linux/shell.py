"""A shell that answers from a table, for parsers; what a real host answers is tested over SSH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanner.collectors.linux.commands import COLLECT
from scanner.session import LinuxSession, ShellAnswer


@dataclass(frozen=True, slots=True)
class TableShell:
    """Answers the one command with the parts of a table, each ended by the table's own text."""

    parts: Mapping[str, str]

    def run(self, command: str) -> ShellAnswer:
        assert command == COLLECT
        text = "".join(f"\n@@part {name}\n{answer}\n" for name, answer in self.parts.items())
        return ShellAnswer(text.encode(), b"", 0, "o1")


def session_of(parts: Mapping[str, str]) -> LinuxSession:
    """A session over :class:`TableShell`: text by name of part."""
    return LinuxSession(TableShell(parts), "table")
