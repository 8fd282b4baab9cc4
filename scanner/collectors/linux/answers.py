"""Cut the answer of the one constant command into its parts and sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from scanner.collectors.linux.commands import COLLECT
from scanner.session import LinuxSession, SessionError, Shell, ShellAnswer, Unsupported

MARK = "@@"
PART = re.compile(r"^@@part ([a-z]+)$\n?", re.MULTILINE)
END = "end"


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of each section of one part (blank ones dropped) and the id of the raw record they came from."""

    sections: Mapping[str, tuple[str, ...]]
    observation: str = ""

    def lines(self, section: str) -> tuple[str, ...]:
        """Lines of ``section``; empty when the command did not print it."""
        return self.sections.get(section, ())

    def with_sections(self, other: Answer, names: Iterable[str]) -> Answer:
        """This answer with some sections of another one, and that one's record."""
        return Answer({**self.sections, **{name: other.lines(name) for name in names}}, other.observation)

    def first(self, section: str) -> str | None:
        """First line of ``section``, stripped, or None."""
        return next((line.strip() for line in self.lines(section)), None)


@dataclass
class OnceShell:
    """A shell that sends a command once and gives its answer to every collector that asks; errors are not kept."""

    inner: Shell
    _kept: dict[str, ShellAnswer] = field(default_factory=dict[str, ShellAnswer], repr=False)

    def run(self, command: str) -> ShellAnswer:
        """Raises SessionError."""
        if command not in self._kept:
            self._kept[command] = self.inner.run(command)
        return self._kept[command]


def ask(session: LinuxSession, part: str) -> Answer:
    """Run the one command and cut out one part of its answer.

    Raises SessionError: what the shell raised; Unsupported ``linux.no_shell`` when the account has no ordinary shell
    (a menu, a forced command); ``linux.cut_short`` when the part does not reach its end.
    """
    return cut(session.shell.run(COLLECT), part)


def cut(answer: ShellAnswer, part: str) -> Answer:
    """Pure part of :func:`ask`."""
    parts = _parts(answer)
    if not parts:
        raise Unsupported("linux.no_shell", exit=answer.exit_status)
    sections = split(parts.get(part, ""))
    if END not in sections:
        raise SessionError("linux.cut_short", exit=answer.exit_status)
    return Answer(sections, answer.observation)


@lru_cache(maxsize=1)  # each collector asks for its part of the same answer
def _parts(answer: ShellAnswer) -> Mapping[str, str]:
    return split_parts(answer.text())


def split_parts(text: str) -> dict[str, str]:
    """The text of each part by name; what stands before the first is dropped.

    ``Welcome!\\n@@part os\\n@@uname\\nLinux\\n@@end\\n`` → ``{"os": "@@uname\\nLinux\\n@@end\\n"}``
    """
    pieces = PART.split(text.replace("\r\n", "\n"))
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def split(text: str) -> dict[str, tuple[str, ...]]:
    """Sections by name; text before the first mark is dropped.

    ``Welcome!\\n@@uname\\nLinux\\n@@end\\n`` → ``{"uname": ("Linux",), "end": ()}``
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(MARK):
            current = found.setdefault(line.removeprefix(MARK).strip(), [])
        elif current is not None and line.strip():
            current.append(line)
    return {name: tuple(lines) for name, lines in found.items()}
