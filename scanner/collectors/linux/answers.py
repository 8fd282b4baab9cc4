"""Cut the answer of one constant command into its sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanner.session import LinuxSession, SessionError, ShellAnswer, Unsupported

MARK = "@@"
END = "end"


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of each section (blank ones dropped) and the id of the raw record they came from."""

    sections: Mapping[str, tuple[str, ...]]
    observation: str = ""

    def lines(self, section: str) -> tuple[str, ...]:
        """Lines of ``section``; empty when the command did not print it."""
        return self.sections.get(section, ())

    def first(self, section: str) -> str | None:
        """First line of ``section``, stripped, or None."""
        return next((line.strip() for line in self.lines(section)), None)


def ask(session: LinuxSession, command: str) -> Answer:
    """Run ``command`` and cut its answer.

    Raises SessionError: what the shell raised; Unsupported ``linux.no_shell`` when the account has no ordinary shell
    (a menu, a forced command); ``linux.cut_short`` when the answer does not reach its end.
    """
    return cut(session.shell.run(command))


def cut(answer: ShellAnswer) -> Answer:
    """Pure part of :func:`ask`."""
    sections = split(answer.text())
    if not sections:
        raise Unsupported("linux.no_shell", exit=answer.exit_status)
    if END not in sections:
        raise SessionError("linux.cut_short", exit=answer.exit_status)
    return Answer(sections, answer.observation)


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
