"""The seams between collectors and the wire. Transports implement them; recording and replay wrap them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from config.message import Message, Param
from config.windows_marks import NO_MARKS, WindowsMarks
from scanner.model import Outcome
from scanner.wmi_classes import WmiClass

RegistryData = str | int | bytes | tuple[str, ...]
"""REG_SZ and REG_EXPAND_SZ: str · REG_DWORD, REG_QWORD: int · REG_MULTI_SZ: tuple · everything else, and text that is
not valid UTF-16: bytes."""

WmiScalar = str | int | float | bool
WmiValue = WmiScalar | tuple[WmiScalar, ...] | None
"""One property of a WMI object; NULL is None."""


class SessionError(Exception):
    """An attempt to read ended without an answer; ``outcome`` and ``reason`` become part of the facts."""

    outcome: Outcome = Outcome.FAILED

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code, params)
        self.reason = Message(code, params)


class AccessDenied(SessionError):
    """The host refused the login, or the account may not read this."""

    outcome = Outcome.DENIED


class LogonRefused(AccessDenied):
    """The credential itself was refused; counts against the lock-out budget.

    Reason codes: ``login.refused``, ``login.locked``, ``login.disabled``, ``login.expired``,
    ``login.must_change``.
    """


class Unreachable(SessionError):
    """No connection, or it broke."""

    outcome = Outcome.UNREACHABLE


class TimedOut(SessionError):
    """A deadline of ours passed."""

    outcome = Outcome.TIMED_OUT


class Unsupported(SessionError):
    """The host speaks nothing that we accept (SMB1 only, SHA-1 SSH …) or lacks the feature."""

    outcome = Outcome.UNSUPPORTED


class ClassAbsent(Unsupported):
    """The computer has no such WMI class or namespace: an answer of its own, neither a failure nor "unlicensed"."""


class Untrusted(SessionError):
    """The channel failed authentication: forged, unsigned or plain answer, wrong host key."""

    outcome = Outcome.FAILED


class LimitExceeded(SessionError):
    """The host sent more than a hard limit allows."""

    outcome = Outcome.FAILED


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """One value: its REG_* type number and decoded data."""

    kind: int
    data: RegistryData


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """One key as read at one time. ``path`` is absolute (``HKLM\\SOFTWARE\\…``); ``last_write`` is RFC 3339 or None."""

    path: str
    values: Mapping[str, RegistryValue]
    last_write: str | None = None
    observation: str = ""

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("\\")[2]

    def text(self, name: str) -> str | None:
        """A string value, or None when absent or not text."""
        value = self._find(name)
        return value.data if value and isinstance(value.data, str) else None

    def number(self, name: str) -> int | None:
        """An integer value, or None when absent or not a number."""
        value = self._find(name)
        return value.data if value and isinstance(value.data, int) else None

    def binary(self, name: str) -> bytes | None:
        """A binary value, or None when absent or not binary."""
        value = self._find(name)
        return value.data if value and isinstance(value.data, bytes) else None

    def _find(self, name: str) -> RegistryValue | None:
        if name in self.values:
            return self.values[name]
        folded = name.casefold()  # value names are case-insensitive
        return next((v for n, v in self.values.items() if n.casefold() == folded), None)


class Registry(Protocol):
    """Read-only registry. Paths name their view (``WOW6432Node``) themselves; the 64-bit view is always opened."""

    def names(self, path: str) -> tuple[str, ...]:
        """Names of the direct subkeys; empty when the key is absent. Raises SessionError."""
        ...

    def key(self, path: str) -> RegistryKey | None:
        """One key with its values, or None when it is absent. Raises SessionError."""
        ...

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        """Every direct subkey with its values; nothing when the key is absent.

        A subkey that could not be read is yielded as its error, so that the others are kept.
        Raises SessionError when the whole reading ends early.
        """
        ...


@dataclass(frozen=True, slots=True)
class ShellAnswer:
    """What one constant command printed."""

    stdout: bytes
    stderr: bytes
    exit_status: int
    observation: str = ""

    def text(self) -> str:
        """Standard output as UTF-8 with undecodable bytes replaced."""
        return self.stdout.decode("utf-8", "replace")


class Shell(Protocol):
    """Runs commands of the constant tuple ``scanner.collectors.linux.COMMANDS`` and nothing else."""

    def run(self, command: str) -> ShellAnswer:
        """Raises SessionError."""
        ...


@dataclass(frozen=True, slots=True)
class WmiRow:
    """One instance of a WMI class as read at one time."""

    source: str  # root/cimv2:Win32_BIOS
    values: Mapping[str, WmiValue]
    observation: str = ""

    def text(self, name: str) -> str | None:
        """A string without surrounding blanks; None when it is NULL, empty or no string."""
        value = self.values.get(name)
        return (value.strip() or None) if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A whole number, or None; true and false are none."""
        value = self.values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """True or false, also where a provider answers 1 or 0; None when it is NULL."""
        value = self.values.get(name)
        return bool(value) if isinstance(value, bool | int) else None


class WmiQuery(Protocol):
    """Reads properties of the constant list ``scanner.wmi_classes.CLASSES`` and nothing else."""

    @property
    def channel(self) -> str:
        """Grade of the channel: ``dcom-ntlm-sealed``, ``dcom-ntlm-signed``; empty before it is open."""
        ...

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        """All instances. Raises ClassAbsent where the computer has no such class, else SessionError, Banned."""
        ...


class FileState(StrEnum):
    """What became of the question whether a file or folder is there."""

    PRESENT = "present"
    ABSENT = "absent"  # its folder is there, it is not
    FOLDER_ABSENT = "folder_absent"
    UNKNOWN = "unknown"  # refused, no name that Windows takes, or the drive is not shared with administrators


@dataclass(frozen=True, slots=True)
class FileSeen:
    """One file or folder as its own attributes tell; times are RFC 3339 and None where it is not there."""

    path: str  # C:\\Program Files\\WinRAR\\WinRAR.exe
    state: FileState
    folder: bool = False
    size: int = 0
    created: str | None = None
    written: str | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class OpenedHive:
    """A registry file as a registry; ``dirty`` where its last changes were not written to it yet."""

    registry: Registry
    dirty: bool = False


class FileTree(Protocol):
    """Read-only files of one computer over its administrative shares. Paths are ``C:\\…``."""

    def look(self, paths: Sequence[str]) -> tuple[FileSeen, ...]:
        """Whether each is there, in the order of ``paths``; nothing is read of them. Raises SessionError."""
        ...

    def find(self, wanted: Mapping[str, Sequence[str]]) -> tuple[tuple[str, FileSeen], ...]:
        """Label → paths below a drive, to those that are there, on each drive, with their label.

        One ``*`` in a path stands for the rest of a folder's name. Raises SessionError.
        """
        ...

    def hive(self, path: str, mount: str) -> OpenedHive:
        r"""The registry file as a registry below ``mount`` (``HKU\S-1-5-21-…``).

        Raises Unsupported where it is absent or not a hive, AccessDenied, SessionError.
        """
        ...


@dataclass(frozen=True, slots=True)
class WindowsSession:
    """What a Windows collector may use. ``wmi`` is None where it was not asked for, ``files`` where none can be seen.

    ``clock_offset_seconds``: the host's clock minus ours; None where nothing authenticates what the host says of it.
    ``reached``: by which way the registry was opened, for the record. ``opened_at``: when, by our clock.
    ``claims``: product codes and folders, folded, that entries already read name; later collectors leave them out.
    """

    registry: Registry
    channel: str
    wmi: WmiQuery | None = None
    clock_offset_seconds: float | None = None
    reached: Mapping[str, Any] | None = None
    files: FileTree | None = None
    marks: WindowsMarks = NO_MARKS
    opened_at: str | None = None
    claims: set[str] = field(default_factory=set[str], compare=False)


@dataclass(slots=True)
class Elevation:
    """Permission to ask once as root, and what root gave; None until it gave something."""

    answer: ShellAnswer | None = None


@dataclass(frozen=True, slots=True)
class LinuxSession:
    """What a Linux collector may use."""

    shell: Shell
    channel: str
    elevation: Elevation | None = None

    @property
    def grade(self) -> str:
        """The channel, and ``+sudo`` when root gave something over it."""
        return f"{self.channel}+sudo" if self.elevation and self.elevation.answer else self.channel
