"""WMI out of a dictionary: what a computer answers, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.session import ClassAbsent, RegistryKey, SessionError, WindowsSession, WmiRow, WmiValue
from scanner.wmi_classes import WmiClass

Answer = Sequence[Mapping[str, WmiValue]] | SessionError


@dataclass
class FixedWmi:
    """Answers by class; a class that is not there is absent."""

    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    channel: str = "dcom-ntlm-sealed"

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        answer = self.answers.get(wanted.name, ClassAbsent("wmi.class_absent", name=wanted.path))
        if isinstance(answer, SessionError):
            raise answer
        shown = [{name: row.get(name) for name in wanted.columns} for row in answer]
        return tuple(WmiRow(wanted.path, row, "o00001") for row in shown)


class NoRegistry:
    """A registry that nothing may ask."""

    def names(self, path: str) -> tuple[str, ...]:
        raise AssertionError(path)

    def key(self, path: str) -> RegistryKey | None:
        raise AssertionError(path)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        raise AssertionError(path)


def session(answers: Mapping[str, Answer] | None) -> WindowsSession:
    """A session with this WMI, or without any."""
    wmi = None if answers is None else FixedWmi(answers)
    return WindowsSession(NoRegistry(), "smb3.1.1-sealed", wmi)
