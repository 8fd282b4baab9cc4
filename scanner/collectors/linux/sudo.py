"""Ask as root for what an ordinary account may not read; only where the credential says that it may use sudo.

First without a password (``NOPASSWD``), else with the account's own, which has just been accepted at the login. Where
sudo wants another account's password (``targetpw``, ``rootpw``) none is sent. A refusal is this collector's outcome;
what the account may read by itself is read all the same.

References:
    - https://www.sudo.ws/docs/man/sudo.man/ (-k, -n, -p, -S), https://www.sudo.ws/docs/man/sudoers.man/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, cut, split_parts
from scanner.collectors.linux.commands import SUDO, SUDO_PROMPT, SUDO_WITH_PASSWORD
from scanner.model import Platform, SkippedEntry
from scanner.session import AccessDenied, LinuxSession, ShellAnswer, Unsupported

NEEDS_SECRET = "password is required"  # noqa: S105  sudo's words
NO_SUCH_PROGRAM = 127
PROMPT = re.compile(re.escape(SUDO_PROMPT) + r"([^:\n]*):")
REFUSALS = (
    ("must have a tty", "linux.sudo_needs_tty"),
    ("no tty present", "linux.sudo_needs_tty"),
    ("not in the sudoers", "linux.sudo_not_allowed"),
    ("may not run sudo", "linux.sudo_not_allowed"),
    ("not allowed to", "linux.sudo_not_allowed"),
    ("incorrect password", "linux.sudo_password_refused"),
    ("try again", "linux.sudo_password_refused"),
)
"""What sudo says in the C locale."""


def collect(session: LinuxSession) -> Iterator[SkippedEntry]:
    """Keep what root may read in ``session.elevation``; yields nothing.

    Raises SessionError: what the shell raised, Unsupported ``linux.sudo_missing``, AccessDenied ``linux.sudo_…``.
    """
    answer = session.shell.run(SUDO)
    if not gave(answer) and NEEDS_SECRET in _errors(answer):
        answer = session.shell.run(SUDO_WITH_PASSWORD)
    if not gave(answer):
        raise refusal(answer)
    if session.elevation:
        session.elevation.answer = answer
    yield from ()


def gained(session: LinuxSession, part: str) -> Answer | None:
    """What root gave of one part; None when nothing was asked as root. Raises SessionError ``linux.cut_short``."""
    elevation = session.elevation
    return cut(elevation.answer, part) if elevation and elevation.answer else None


def gave(answer: ShellAnswer) -> bool:
    """Whether the command itself ran."""
    return bool(split_parts(answer.text()))


def refusal(answer: ShellAnswer) -> AccessDenied | Unsupported:
    """Why sudo did not run the command."""
    said = _errors(answer)
    if answer.exit_status == NO_SUCH_PROGRAM:
        return Unsupported("linux.sudo_missing")
    for words, code in REFUSALS:
        if words in said:
            return AccessDenied(code)
    if prompt := PROMPT.search(said):
        return AccessDenied("linux.sudo_other_password", account=prompt[1][:80])
    return AccessDenied("linux.sudo_failed", exit=answer.exit_status)


def _errors(answer: ShellAnswer) -> str:
    return answer.stderr.decode("utf-8", "replace")


COLLECTOR: LinuxCollector = Collector("linux.sudo", 1, Platform.LINUX, collect)
