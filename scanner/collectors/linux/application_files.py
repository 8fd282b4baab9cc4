"""The lines that ``grep`` and ``find`` print about files of applications, as small typed values; pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone

from scanner.collectors.linux.packages import moment_of, number

JSON_FILE = re.compile(r"(/[^:]*(?:/info|\.json)):(.*)")
ENTRY_FILE = re.compile(r"(/.*?\.(?:desktop|yaml|xml)):(.*)")
HOME = re.compile(r"/home/([^/]+)/|/(root)/")
MANAGED = ("/usr/", "/bin/", "/sbin/", "/snap/", "/var/lib/", "/opt/apps/")
BY_HAND = "/usr/local/"
DEEPEST = 64  # nesting that a real document has; the parser of the standard library recurses
ASSIGNED = re.compile(r"\w+=.*")
FILES_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file as ``find`` prints it. ``target`` of a link."""

    kind: str  # flatpak, appimage
    seconds: int | None
    zone: timezone
    size: int
    user: str
    path: str
    target: str = ""

    @property
    def moment(self) -> str | None:
        """Time of last change, RFC 3339."""
        return None if self.seconds is None else moment_of(self.seconds, self.zone).isoformat()


@dataclass(frozen=True, slots=True)
class DesktopEntry:
    """What a desktop entry says of its program. ``program`` is the first absolute path it starts, or empty."""

    path: str
    name: str | None
    program: str
    version: str | None = None
    shown: bool = True

    @property
    def unmanaged(self) -> bool:
        """Whether the program lies outside the folders that package managers and stores fill."""
        inside = self.program.startswith(MANAGED) and not self.program.startswith(BY_HAND)
        return self.program.startswith("/") and not inside


def documents(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, object] | None]]:
    """JSON objects by file, None where a file holds no object.

    ``/opt/apps/com.tencent.weixin/info:{`` · ``/opt/apps/com.tencent.weixin/info:  "appid": "com.tencent.weixin",``
    """
    texts: dict[str, list[str]] = {}
    for line in lines:
        if match := JSON_FILE.fullmatch(line):
            texts.setdefault(match[1], []).append(match[2])
    for path, text in texts.items():
        yield path, _object("\n".join(text))


def by_file(lines: Iterable[str]) -> dict[str, list[str]]:
    """The lines of each file. ``/usr/local/share/applications/eda.desktop:Name=EDA``"""
    found: dict[str, list[str]] = {}
    for line in lines:
        if (match := ENTRY_FILE.fullmatch(line)) and (match[1] in found or len(found) < FILES_LIMIT):
            found.setdefault(match[1], []).append(match[2])
    return found


def desktop_entry(path: str, lines: Sequence[str]) -> DesktopEntry:
    """One desktop entry; of a key that is repeated the first value counts: later ones are of its actions.

    ``Name=EDA`` · ``Name[zh_CN]=电路设计`` · ``Exec=env LANG=zh_CN.UTF-8 "/opt/eda/bin/eda" %F``
    """
    values: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition("=")
        values.setdefault(key.strip(), value.strip())
    hidden = "true" in (values.get("NoDisplay", "").lower(), values.get("Hidden", "").lower())
    application = values.get("Type", "Application") == "Application" and "X-Flatpak" not in values
    return DesktopEntry(
        path=path,
        name=values.get("Name[zh_CN]") or values.get("Name") or None,
        program=program_of(values.get("Exec", "")),
        version=values.get("X-AppImage-Version") or None,
        shown=application and not hidden,
    )


def program_of(command: str) -> str:
    """The program of an Exec line when it is an absolute path, behind ``env`` and its assignments; else empty."""
    try:
        words = shlex.split(command)
    except ValueError:  # an unbalanced quote
        words = command.split()
    if words and words[0] in ("env", "/usr/bin/env"):
        words = [word for word in words[1:] if not ASSIGNED.fullmatch(word)]
    return words[0] if words and words[0].startswith("/") else ""


def found_files(lines: Iterable[str], zone: timezone) -> list[FoundFile]:
    """``appimage 1700000000.5 83886080 zhang /home/zhang/Downloads/WeChat 4.AppImage``;
    ``flatpak 1700000000.1 13 root /var/lib/flatpak/app/org.x.Y/current x86_64/stable``
    """
    found: list[FoundFile] = []
    for line in lines:
        kind, seconds, size, user, path = [*line.split(" ", 4), *[""] * 5][:5]
        target = ""
        if kind == "flatpak":
            path, _, target = path.partition("/current ")
            path += "/current"
        if kind in ("flatpak", "appimage") and path.startswith("/") and len(found) < FILES_LIMIT:
            since = number(seconds.partition(".")[0])
            found.append(FoundFile(kind, since, zone, number(size) or 0, user, path, target))
    return found


def owner_of(path: str) -> str | None:
    """The user in whose home a file lies. ``/home/zhang/eda`` → ``zhang``"""
    match = HOME.match(path)
    return (match[1] or match[2]) if match else None


def _object(text: str) -> dict[str, object] | None:
    if text.count("[") + text.count("{") > DEEPEST * 1000:
        return None
    try:
        document: Mapping[str, object] | object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
