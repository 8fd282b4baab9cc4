"""Which system it is: os-release, and what 麒麟 and UOS say beside it.

References:
    - https://www.freedesktop.org/software/systemd/man/latest/os-release.html
    - https://www.freedesktop.org/software/systemd/man/latest/machine-id.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, ask
from scanner.collectors.linux.commands import OPERATING_SYSTEM
from scanner.model import Identity, OperatingSystem, Platform
from scanner.session import LinuxSession, SessionError, Unsupported

Pairs = Mapping[str, str]

_ESCAPED = re.compile(r'\\(["$`\\])')
_PAIR = re.compile(r"([^\s=#][^=]*)=(.*)")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_SERVER = re.compile(r"server|服务器", re.IGNORECASE)
_CLIENT = re.compile(r"desktop|workstation|桌面", re.IGNORECASE)
_KYLIN_RELEASE = re.compile(r"V?(\d+(?:\.\d+)*)(?:[- ](SP\d+))?", re.IGNORECASE)
_BRACKETED = re.compile(r"（([^（）]+)）")


def collect(session: LinuxSession) -> Iterator[Identity | OperatingSystem]:
    """Yield host name and machine id, then the operating system.

    Raises Unsupported ``linux.not_linux`` for another kernel, SessionError ``linux.os_unknown`` when nothing names
    the system.
    """
    answer = ask(session, OPERATING_SYSTEM)
    uname = answer.lines("uname")
    if not uname or uname[0].strip() != "Linux":
        raise Unsupported("linux.not_linux", system=uname[0].strip()[:40] if uname else None)
    yield parse_identity(answer)
    if (system := parse_system(answer)) is None:
        raise SessionError("linux.os_unknown")
    yield system


def parse_identity(answer: Answer) -> Identity:
    """Host name (``uname -n``) and machine id; a machine id that is no 32 hexadecimal digits is None.

    ``@@machine-id`` / ``b08dfa6083e7567a1921a715000001fb``
    """
    machine_id = (answer.first("machine-id") or "").lower()
    return Identity(
        hostname=_uname(answer, 1),
        machine_id=machine_id if _MACHINE_ID.fullmatch(machine_id) else None,
        observation=answer.observation,
    )


def parse_system(answer: Answer) -> OperatingSystem | None:
    """The operating system, or None when neither os-release nor system-release names it."""
    release = parse_pairs(answer.lines("os-release"))
    kylin = parse_pairs(answer.lines("kyinfo"))
    uos = parse_pairs(answer.lines("os-version"))
    name = release.get("PRETTY_NAME") or release.get("NAME") or answer.first("system-release")
    if not name:
        return None
    return OperatingSystem(
        family=Platform.LINUX,
        name=name,
        version=release.get("VERSION_ID"),
        build=uos.get("OsBuild") or release.get("KYLIN_RELEASE_ID") or kylin.get("dist_id"),
        edition=uos.get("EditionName") or release.get("VARIANT") or bracketed(release.get("VERSION", "")),
        release=uos.get("MinorVersion") or kylin_release(release, kylin) or release.get("VERSION"),
        architecture=_uname(answer, 3),
        installation_type=installation_type(release, kylin, uos),
        distribution=release["ID"].lower() if "ID" in release else None,  # the standard asks for lower case
        distribution_like=release.get("ID_LIKE"),
        kernel=_uname(answer, 2),
        observation=answer.observation,
    )


def parse_pairs(lines: Iterable[str]) -> dict[str, str]:
    """``KEY=value`` lines of os-release, ``.kyinfo`` and ``os-version``; comments, sections and empty values fall out.

    ``PRETTY_NAME="Kylin V10 SP1"`` · ``SystemName[zh_CN]=统信桌面操作系统`` · ``VERSION_CODENAME=buster``
    """
    matches = (_PAIR.fullmatch(line.strip()) for line in lines)
    pairs = {match[1].strip(): unquote(match[2].strip()) for match in matches if match}
    return {key: value for key, value in pairs.items() if value}


def unquote(value: str) -> str:
    """Undo shell quoting of one value; an unbalanced quote stays as it is."""
    if len(value) < 2 or value[0] != value[-1] or value[0] not in "\"'":
        return value
    inner = value[1:-1]
    return _ESCAPED.sub(r"\1", inner) if value[0] == '"' else inner


def kylin_release(release: Pairs, kylin: Pairs) -> str | None:
    """``V10 SP1`` of 麒麟; None for others.

    ``dist_id=Kylin-Desktop-V10-SP1-2403-update1-EDU-Release-20240914-LoongArch64-2024-09-14 12:27:59``,
    ``milestone=10-SP1-Release-Build04-20200711``, else ``PRETTY_NAME="Kylin V10 SP1"``
    """
    if release.get("ID", "").lower() != "kylin":
        return None
    said = kylin.get("dist_id") or kylin.get("milestone") or release.get("PRETTY_NAME", "")
    match = _KYLIN_RELEASE.search(said)
    return f"V{match[1]}" + (f" {match[2].upper()}" if match[2] else "") if match else None


def installation_type(release: Pairs, kylin: Pairs, uos: Pairs) -> str | None:
    """``Server`` or ``Client`` where the system says so, else None.

    ``ProductType=Desktop`` · ``NAME="Kylin Linux Advanced Server"`` · ``VERSION="银河麒麟桌面操作系统（教育版）V10"``
    """
    keys = ("VARIANT_ID", "NAME", "PRETTY_NAME", "VERSION")
    said = (uos.get("ProductType"), kylin.get("dist_id"), *(release.get(key) for key in keys))
    for text in said:
        if text and _SERVER.search(text):
            return "Server"
        if text and _CLIENT.search(text):
            return "Client"
    return None


def bracketed(version: str) -> str | None:
    """``银河麒麟桌面操作系统（教育版）V10`` → ``教育版``."""
    match = _BRACKETED.search(version)
    return match[1] if match else None


def _uname(answer: Answer, position: int) -> str | None:
    lines = answer.lines("uname")
    return lines[position].strip() if len(lines) > position else None


COLLECTOR: LinuxCollector = Collector("linux.os", 1, Platform.LINUX, collect)
