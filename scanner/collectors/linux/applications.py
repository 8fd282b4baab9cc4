"""Programs that no package manager lists: store folders, linglong, flatpak, snap, AppImage, and desktop entries.

What the package manager owns is left to it: a store folder or desktop entry of an installed package is the same copy.
A desktop entry counts only where it starts a program outside the folders of the package managers, a user's as well as
the machine's. An AppImage counts by its file, and a desktop entry that starts it lends it its name. Homes that the
account may not enter are skipped with that reason.

References:
    - /opt/apps/APPID/info: 统信应用打包规范 (``appid``, ``name``, ``version``, ``arch``)
    - /var/lib/linglong/states.json: linyaps, ``RepositoryCache`` (``layers`` → ``info``: ``id``, ``name``, ``version``,
      ``arch``, ``kind``, ``module``)
    - https://specifications.freedesktop.org/desktop-entry-spec/latest/
    - https://snapcraft.io/docs/snap-format (``meta/snap.yaml``), https://www.freedesktop.org/software/appstream/docs/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from config.message import Message
from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, ask
from scanner.collectors.linux.application_files import (
    DesktopEntry,
    FoundFile,
    by_file,
    desktop_entry,
    documents,
    found_files,
    owner_of,
)
from scanner.collectors.linux.commands import APPLICATIONS, DPKG_PACKAGES, RPM_PACKAGES
from scanner.collectors.linux.packages import date_of, parse_dpkg, parse_rpm, parse_zone
from scanner.collectors.linux.sudo import gained
from scanner.model import InstallDateSource, InstalledSoftware, Platform, Scope, SkippedEntry
from scanner.session import LinuxSession

Parsed = InstalledSoftware | SkippedEntry
Pairs = Mapping[str, str]

STORE = re.compile(r"/opt/apps/([^/]+)/info")
SNAP = re.compile(r"/(?:var/lib/snapd/)?snap/([^/]+)/current/meta/snap\.yaml")
FLATPAK = re.compile(r"(.*)/flatpak/app/([^/]+)/current")
LINGLONG = "/var/lib/linglong/"
LINGLONG_APP = "app"
SNAP_APP = ("app", "")
RELEASE = re.compile(r'<release\b[^>]*\bversion="([^"]*)"')
APPIMAGE_TAIL = re.compile(r"[-_.](?:x86[-_]64|amd64|aarch64|arm64|loongarch64|i[3-6]86|linux)\b.*$", re.IGNORECASE)
APPIMAGE_VERSION = re.compile(r"[-_ ]v?(\d+(?:\.\d+)+[\w.+-]*)$")


def collect(session: LinuxSession) -> Iterator[Parsed]:
    """Yield every program that no package manager lists, and what could not be looked into."""
    answer = ask(session, APPLICATIONS)
    packages = package_names(session) if answer.lines("documents") else frozenset[str]()
    as_root = gained(session, APPLICATIONS)
    yield from _once(parse_both(answer, as_root, packages) if as_root else parse(answer, packages))


def package_names(session: LinuxSession) -> frozenset[str]:
    """Names of the packages in the same answer."""
    dpkg, rpm = parse_dpkg(ask(session, DPKG_PACKAGES)), parse_rpm(ask(session, RPM_PACKAGES))
    return frozenset(found.name for found in (*dpkg, *rpm) if isinstance(found, InstalledSoftware))


def parse(answer: Answer, packages: frozenset[str]) -> Iterator[Parsed]:
    """All of one answer; ``packages`` are the names that a package manager lists."""
    entries = by_file(answer.lines("entries"))
    files = found_files(answer.lines("files"), parse_zone(answer.first("zone")))
    desktops = [desktop_entry(path, lines) for path, lines in entries.items() if path.endswith(".desktop")]
    owned = set(answer.lines("owners"))
    desktops = [entry for entry in desktops if not any(line.endswith(f": {entry.path}") for line in owned)]
    records = (
        *_documents(answer, packages),
        *(snap(path, lines) for path, lines in entries.items() if SNAP.fullmatch(path)),
        *(flatpak(file, entries) for file in files if file.kind == "flatpak"),
        *(appimage(file, desktops) for file in files if file.kind == "appimage"),
        *(desktop(entry) for entry in desktops if _is_program(entry, files)),
        *_closed_homes(answer.lines("homes")),
    )
    for record in records:
        if record is not None:
            yield replace(record, observation=answer.observation)


def parse_both(answer: Answer, as_root: Answer, packages: frozenset[str]) -> Iterator[Parsed]:
    """What the account sees and what root sees beside it; each record cites the answer that has it."""
    own = {record.source for record in parse(answer, packages)}
    seen = answer.lines("entries")
    known = set(seen)
    more = tuple(line for line in as_root.lines("entries") if line not in known)
    both = answer.with_sections(as_root, ("files", "homes"))
    for record in parse(replace(both, sections={**both.sections, "entries": (*seen, *more)}), packages):
        yield replace(record, observation=answer.observation) if record.source in own else record


def _documents(answer: Answer, packages: frozenset[str]) -> Iterator[Parsed]:
    for path, document in documents(answer.lines("documents")):
        if document is None:
            yield SkippedEntry(path, Message.of("linux.malformed_document", file=path))
        elif match := STORE.fullmatch(path):
            if (appid := _text(document, "appid") or match[1]) not in packages and match[1] not in packages:
                yield store(path, appid, document)
        elif path.startswith(LINGLONG):
            yield from linglong(path, document)


def store(path: str, appid: str, document: Mapping[str, object]) -> InstalledSoftware:
    """An application folder of the UOS or deepin store.

    ``{"appid": "com.tencent.weixin", "name": "微信", "version": "2.1.5", "arch": ["amd64"], …}``
    """
    return InstalledSoftware(
        name=appid,
        source=path,
        scope=Scope.STORE,
        version=_text(document, "version"),
        architecture=_text(document, "arch"),
        location=path.removesuffix("/info"),
        package_format="opt_apps",
    )


def linglong(path: str, document: Mapping[str, object]) -> Iterator[Parsed]:
    """The applications of the package cache (or of one older ``info.json``); bases and runtimes are no programs.

    ``{"layers": [{"commit": "…", "info": {"id": "org.dde.calendar", "version": "5.14.5.0", "kind": "app", …}}]}``
    """
    layers = document.get("layers", [document])
    for layer in layers if isinstance(layers, list) else ():
        info = layer.get("info", layer) if isinstance(layer, dict) else None
        if not isinstance(info, dict) or not (name := _text(info, "id") or _text(info, "appid")):
            yield SkippedEntry(path, Message.of("linux.malformed_document", file=path))
        elif (_text(info, "kind") or LINGLONG_APP) == LINGLONG_APP and not layer.get("deleted"):
            yield InstalledSoftware(
                name=name,
                source=f"linglong:{name}",
                scope=Scope.STORE,
                version=_text(info, "version"),
                architecture=_text(info, "arch"),
                package_format="linglong",
            )


def snap(path: str, lines: Sequence[str]) -> InstalledSoftware | None:
    """One snap; bases, gadgets and snapd itself are no programs. ``name: code`` · ``version: '1.2'`` · ``type: app``"""
    values: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(": ")
        values.setdefault(key, value.strip().strip("'\""))
    if values.get("type", "") not in SNAP_APP or not (name := values.get("name")):
        return None
    return InstalledSoftware(
        name=name,
        source=f"snap:{name}",
        scope=Scope.STORE,
        version=values.get("version") or None,
        location=path.removesuffix("/meta/snap.yaml"),
        package_format="snap",
    )


def flatpak(file: FoundFile, entries: Mapping[str, Sequence[str]]) -> Parsed:
    """One flatpak application by its ``current`` link, which points to ``x86_64/stable``; version by its metainfo."""
    match = FLATPAK.fullmatch(file.path)
    if match is None:
        return SkippedEntry(file.path, Message.of("linux.malformed_document", file=file.path))
    folder = file.path.removesuffix("current")
    lines = (line for path, found in entries.items() if path.startswith(folder) for line in found)
    versions = (found[1] for line in lines if (found := RELEASE.search(line)))
    owner = owner_of(file.path)
    found = InstalledSoftware(
        name=match[2],
        source=f"flatpak:{match[2]}",
        scope=Scope.USER if owner else Scope.STORE,
        version=next(versions, None),
        architecture=file.target.partition("/")[0] or None,
        owner=owner,
        location=folder.rstrip("/"),
        package_format="flatpak",
    )
    return _dated(found, file)


def appimage(file: FoundFile, desktops: Iterable[DesktopEntry]) -> InstalledSoftware:
    """One AppImage file; a desktop entry that starts it names it, else the file's own name does.

    ``WeChat-4.0.1-x86_64.AppImage`` → ``WeChat`` 4.0.1
    """
    name, version = appimage_name(file.path.rpartition("/")[2])
    entry = next((entry for entry in desktops if entry.program == file.path), None)
    found = InstalledSoftware(
        name=(entry.name if entry else None) or name,
        source=file.path,
        scope=Scope.FILE,
        version=(entry.version if entry else None) or version,
        owner=owner_of(file.path),
        location=file.path,
        size_kib=-(-file.size // 1024),
        package_format="appimage",
        files_present=True,
    )
    return _dated(found, file)


def appimage_name(file: str) -> tuple[str, str | None]:
    """Name and version out of a file name."""
    stem = APPIMAGE_TAIL.sub("", file[: -len(".appimage")])
    version = APPIMAGE_VERSION.search(stem)
    name = stem[: version.start()] if version else stem
    return name.strip(" -_.") or file, version[1] if version else None


def desktop(entry: DesktopEntry) -> InstalledSoftware:
    """A program that was unpacked by hand and has a menu entry."""
    owner = owner_of(entry.path)
    return InstalledSoftware(
        name=entry.name or entry.program.rpartition("/")[2],
        source=entry.path,
        scope=Scope.USER if owner else Scope.MACHINE,
        version=entry.version,
        owner=owner,
        location=entry.program,
        package_format="desktop",
    )


def _is_program(entry: DesktopEntry, files: Iterable[FoundFile]) -> bool:
    """Whether the entry stands for a program of its own: shown, unmanaged, and not counted by its file already."""
    return entry.shown and entry.unmanaged and all(file.path != entry.program for file in files)


def _closed_homes(lines: Iterable[str]) -> Iterator[SkippedEntry]:
    for line in lines:
        state, _, home = line.partition(" ")
        if state == "denied":
            yield SkippedEntry(home, Message.of("linux.home_denied", home=home))


def _dated(record: InstalledSoftware, file: FoundFile) -> InstalledSoftware:
    day = date_of(file.seconds, file.zone)
    source = InstallDateSource.FILE_TIME if day else None
    return replace(record, installed_on=day, installed_on_source=source, file_time=file.moment)


def _text(document: Mapping[str, object], key: str) -> str | None:
    """A text, or the first of a list of texts."""
    value = document.get(key)
    value = value[0] if isinstance(value, list) and value else value
    return value.strip() or None if isinstance(value, str) else None


def _once(records: Iterable[Parsed]) -> Iterator[Parsed]:
    """The same program in the same version from the same source is one copy (linglong keeps a layer a module)."""
    seen: set[tuple[str, str | None]] = set()
    for record in records:
        key = record.source, record.version if isinstance(record, InstalledSoftware) else None
        if key not in seen:
            seen.add(key)
            yield record


COLLECTOR: LinuxCollector = Collector("linux.applications", 1, Platform.LINUX, collect)
