"""Installed packages, by the package manager that is there: the name of the distribution decides nothing.

``ID=kylin`` is deb on desktops and rpm on servers. A manager counts as there when its tool and its database are.

References:
    - https://man7.org/linux/man-pages/man1/dpkg-query.1.html
    - https://rpm-software-management.github.io/rpm/manual/queryformat.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

from config.message import Message
from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, ask
from scanner.collectors.linux.commands import DPKG_PACKAGES, RPM_PACKAGES
from scanner.model import InstallDateSource, InstalledSoftware, Platform, Scope, SkippedEntry
from scanner.session import LinuxSession, SessionError, Unsupported

Parsed = InstalledSoftware | SkippedEntry | None
Times = Mapping[str, int]

DPKG_FIELDS = 7
RPM_FIELDS = 8
NO_VALUE = "(none)"  # what rpm prints for an absent tag
_THERE = frozenset({"installed", "triggers-pending", "triggers-awaited", "half-configured", "unpacked"})
_LATEST = 253402300799  # the last second of the year 9999


def collect(session: LinuxSession) -> Iterator[InstalledSoftware | SkippedEntry]:
    """Yield every installed package.

    Raises Unsupported ``linux.no_package_manager`` when there is neither dpkg nor rpm, SessionError
    ``linux.package_query_failed`` when a query ended with an error (what it printed was yielded), and
    ``linux.no_packages`` for an empty list: a computer without packages does not exist.
    """
    dpkg, rpm = ask(session, DPKG_PACKAGES), ask(session, RPM_PACKAGES)
    managers = tuple((name, answer) for name, answer in (("dpkg", dpkg), ("rpm", rpm)) if "packages" in answer.sections)
    if not managers:
        raise Unsupported("linux.no_package_manager")
    found = 0
    for name, answer in managers:
        for record in parse_dpkg(answer) if name == "dpkg" else parse_rpm(answer):
            found += isinstance(record, InstalledSoftware)
            yield record
    for name, answer in managers:
        check_exit(name, answer)
    if not found:
        raise SessionError("linux.no_packages", managers=", ".join(name for name, _ in managers))


def check_exit(manager: str, answer: Answer) -> None:
    """Raise SessionError ``linux.package_query_failed`` unless the query ended with status 0."""
    if (code := answer.first("exit")) != "0":
        raise SessionError("linux.package_query_failed", manager=manager, exit=code)


def parse_dpkg(answer: Answer) -> Iterator[InstalledSoftware | SkippedEntry]:
    """The packages of a dpkg answer; removed ones (``config-files``) are left out."""
    times = parse_times(answer.lines("times"))
    parse = partial(parse_dpkg_line, times=times, zone=parse_zone(answer.first("zone")), observation=answer.observation)
    return _records(parse, answer.lines("packages"))


def parse_rpm(answer: Answer) -> Iterator[InstalledSoftware | SkippedEntry]:
    """The packages of an rpm answer; ``gpg-pubkey`` entries are keys, not software."""
    parse = partial(parse_rpm_line, zone=parse_zone(answer.first("zone")), observation=answer.observation)
    return _records(parse, answer.lines("packages"))


def parse_dpkg_line(line: str, times: Times, zone: timezone, observation: str) -> Parsed:
    """One package; its file list was last written when it was installed or upgraded.

    ``install ok installed⇥libc6:amd64⇥2.28-10⇥amd64⇥libs⇥12337⇥GNU Libc Maintainers <debian-glibc@lists.debian.org>``
    """
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) != DPKG_FIELDS or not fields[1]:
        return _malformed("dpkg", line, observation)
    status, package, version, architecture, section, size, maintainer = fields
    state = status.rpartition(" ")[2]
    if state == "half-installed":
        return SkippedEntry(f"dpkg:{package}", Message.of("linux.half_installed", package=package), observation)
    if state not in _THERE:
        return None
    name = package.partition(":")[0]
    written = times.get(f"{name}:{architecture}", times.get(name))
    moment = None if written is None else moment_of(written, zone).isoformat()
    return InstalledSoftware(
        name=name,
        source=f"dpkg:{package}",
        scope=Scope.PACKAGE,
        version=version or None,
        publisher=maintainer or None,
        architecture=architecture or None,
        installed_on=moment and moment[:10],
        installed_on_source=InstallDateSource.FILE_TIME if moment else None,
        file_time=moment,
        size_kib=number(size),
        package_format="dpkg",
        section=section or None,
        observation=observation,
    )


def parse_rpm_line(line: str, zone: timezone, observation: str) -> Parsed:
    """One package.

    ``bash⇥5.0.17-1.ky10⇥x86_64⇥1700000000⇥6291456⇥Unspecified⇥KylinSoft⇥Kylin Linux``
    """
    fields = ["" if (text := field.strip()) == NO_VALUE else text for field in line.split("\t")]
    if len(fields) != RPM_FIELDS or not fields[0]:
        return _malformed("rpm", line, observation)
    name, version, architecture, installed, size, group, vendor, packager = fields
    if name == "gpg-pubkey":
        return None
    seconds, length = number(installed), number(size)
    return InstalledSoftware(
        name=name,
        source=f"rpm:{name}-{version}.{architecture}".rstrip(".-"),
        scope=Scope.PACKAGE,
        version=version or None,
        publisher=vendor or packager or None,
        architecture=architecture or None,
        installed_on=date_of(seconds, zone),
        installed_on_source=None if seconds is None else InstallDateSource.PACKAGE_DATABASE,
        size_kib=None if length is None else -(-length // 1024),
        package_format="rpm",
        section=group or None,
        observation=observation,
    )


def parse_times(lines: Iterable[str]) -> dict[str, int]:
    """Unix seconds by package, or package and architecture.

    ``1621234567.8901234560 libc6:amd64.list`` → ``{"libc6:amd64": 1621234567}``
    """
    found: dict[str, int] = {}
    for line in lines:
        moment, _, file = line.strip().partition(" ")
        seconds = number(moment.partition(".")[0])
        if seconds is not None and file.endswith(".list"):
            found[file.removesuffix(".list")] = seconds
    return found


def parse_zone(text: str | None) -> timezone:
    """``+0800`` → that offset, the computer's own; UTC when it gives none. China has no daylight saving."""
    if text is None or len(text) != 5 or text[0] not in "+-" or not (text[1:].isascii() and text[1:].isdigit()):
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    if offset >= timedelta(days=1):
        return UTC
    return timezone(-offset if text[0] == "-" else offset)


def _records(parse: Callable[[str], Parsed], lines: Iterable[str]) -> Iterator[InstalledSoftware | SkippedEntry]:
    return (record for line in lines if (record := parse(line)) is not None)


def _malformed(manager: str, line: str, observation: str) -> SkippedEntry:
    return SkippedEntry(manager, Message.of("linux.malformed_package", line=line.strip()[:120]), observation)


def number(text: str) -> int | None:
    """A plausible count or time: at most 12 digits; rpm and find print nothing longer."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def moment_of(seconds: int, zone: timezone) -> datetime:
    return datetime.fromtimestamp(min(seconds, _LATEST - 86400), zone)


def date_of(seconds: int | None, zone: timezone) -> str | None:
    return None if seconds is None else moment_of(seconds, zone).date().isoformat()


COLLECTOR: LinuxCollector = Collector("linux.packages", 1, Platform.LINUX, collect)
