"""Programs that no package manager lists: each kind once, with its owner, and nothing that is counted elsewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import applications
from scanner.collectors.linux.answers import Answer, split
from scanner.collectors.linux.application_files import program_of
from scanner.collectors.linux.commands import APPLICATIONS, DPKG_PACKAGES, RPM_PACKAGES
from scanner.model import InstalledSoftware, Scope, SkippedEntry
from tests.scanner.collectors.linux.shell import session_of

NONE = frozenset[str]()


def parsed(packages: frozenset[str] = NONE, /, **sections: str) -> list[InstalledSoftware | SkippedEntry]:
    text = "".join(f"@@{name}\n{body}\n" for name, body in sections.items())
    return list(applications.parse(Answer(split(text), "o1"), packages))


def lines_of(path: str, document: object) -> str:
    return "\n".join(f"{path}:{line}" for line in json.dumps(document, ensure_ascii=False, indent=1).splitlines())


def entry(path: str, *lines: str) -> str:
    return "\n".join(f"{path}:{line}" for line in lines)


def test_a_store_folder_counts_unless_its_package_is_listed() -> None:
    text = lines_of("/opt/apps/com.qq.tim/info", {"appid": "com.qq.tim", "version": "3.3.5", "arch": ["amd64"]})
    [found] = parsed(documents=text)
    assert isinstance(found, InstalledSoftware)
    assert (found.name, found.version, found.architecture, found.scope) == ("com.qq.tim", "3.3.5", "amd64", Scope.STORE)
    assert (found.source, found.location) == ("/opt/apps/com.qq.tim/info", "/opt/apps/com.qq.tim")
    assert parsed(frozenset({"com.qq.tim"}), documents=text) == []


def test_linglong_layers_of_one_version_are_one_program_and_runtimes_are_none() -> None:
    layers = [
        {"commit": str(n), "info": {"id": "cn.wps.wps-office", "version": version, "arch": ["x86_64"], "kind": kind}}
        for n, (version, kind) in enumerate([("11.1.0.11664", "app"), ("11.1.0.11664", "app"), ("20.0", "runtime")])
    ]
    text = lines_of("/var/lib/linglong/states.json", {"layers": [*layers, {"info": 3}], "ll-version": "1.7"})
    answer = session_of(
        {
            APPLICATIONS: f"@@documents\n{text}\n@@end\n",
            DPKG_PACKAGES: "@@end\n",
            RPM_PACKAGES: "@@end\n",
        }
    )
    found = list(applications.collect(answer))
    assert [(f.source, f.version) for f in found if isinstance(f, InstalledSoftware)] == [
        ("linglong:cn.wps.wps-office", "11.1.0.11664")
    ]
    assert [f.reason.code for f in found if isinstance(f, SkippedEntry)] == ["linux.malformed_document"]


def test_an_older_linglong_is_read_by_the_info_of_each_layer() -> None:
    path = "/var/lib/linglong/layers/com.163.music/1.2.1.1/x86_64/info.json"
    [found] = parsed(documents=lines_of(path, {"appid": "com.163.music", "version": "1.2.1.1", "kind": "app"}))
    assert (found.source, getattr(found, "version", None)) == ("linglong:com.163.music", "1.2.1.1")


@pytest.mark.parametrize("text", ["{", "[1]", "null", "[" * 5000, '{"a": ' * 2000])
def test_a_document_that_is_no_object_is_skipped_by_name(text: str) -> None:
    [found] = parsed(documents=entry("/opt/apps/x/info", text))
    assert isinstance(found, SkippedEntry)
    assert (found.source, found.reason.code) == ("/opt/apps/x/info", "linux.malformed_document")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/opt/eda/bin/eda %F", "/opt/eda/bin/eda"),
        ('"/home/li/my cad/run.sh" %U', "/home/li/my cad/run.sh"),
        ("env A=1 B=x /opt/x/y", "/opt/x/y"),
        ("wine C:\\x.exe", ""),
        ("", ""),
        ('"/opt/unbalanced', ""),
    ],
)
def test_the_program_of_a_desktop_entry_is_its_first_absolute_path(command: str, program: str) -> None:
    assert program_of(command) == program


@pytest.mark.parametrize(
    "lines",
    [
        ("Name=A", "Exec=/usr/bin/a"),
        ("Name=A", "Exec=a"),
        ("Name=A", "Exec=/opt/apps/com.a/files/a"),
        ("Name=A", "Exec=/opt/a/a", "NoDisplay=true"),
        ("Name=A", "Exec=/opt/a/a", "Hidden=True"),
        ("Name=A", "Exec=/opt/a/a", "X-Flatpak=org.a"),
        ("Type=Link", "Name=A", "Exec=/opt/a/a"),
    ],
)
def test_a_desktop_entry_that_is_managed_or_hidden_is_no_program(lines: tuple[str, ...]) -> None:
    assert parsed(entries=entry("/home/li/.local/share/applications/a.desktop", *lines)) == []


def test_a_desktop_entry_that_a_package_owns_is_left_to_the_package() -> None:
    path = "/usr/share/applications/wps.desktop"
    text = entry(path, "Name=WPS", "Exec=/opt/kingsoft/wps-office/office6/wps %f")
    assert parsed(entries=text, owners=f"wps-office: {path}") == []
    assert [found.source for found in parsed(entries=text)] == [path]


def test_a_desktop_entry_names_the_appimage_it_starts_and_is_not_counted_beside_it() -> None:
    file = "/home/li/Applications/freecad.AppImage"
    [found] = parsed(
        files=f"appimage 1700000000.25 1025 li {file}",
        zone="+0800",
        entries=entry(
            "/home/li/.local/share/applications/f.desktop", "Name=FreeCAD", f"Exec={file}", "X-AppImage-Version=1.0.1"
        ),
    )
    assert isinstance(found, InstalledSoftware)
    assert (found.name, found.version, found.owner, found.size_kib) == ("FreeCAD", "1.0.1", "li", 2)
    assert (found.installed_on, found.file_time) == ("2023-11-15", "2023-11-15T06:13:20+08:00")


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("WeChat-4.0.1-x86_64.AppImage", "WeChat", "4.0.1"),
        ("Yozo Office v9.0.appimage", "Yozo Office", "9.0"),
        ("draw.io-aarch64.AppImage", "draw.io", None),
        (".AppImage", ".AppImage", None),
    ],
)
def test_an_appimage_is_named_by_its_file(file: str, name: str, version: str | None) -> None:
    assert applications.appimage_name(file) == (name, version)


def test_a_home_that_is_closed_is_named() -> None:
    [found] = parsed(homes="read /home/li\ndenied /home/wang er")
    assert (found.source, isinstance(found, SkippedEntry)) == ("/home/wang er", True)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["documents", "entries", "files", "owners", "homes", "zone"]),
    st.sampled_from(["/opt/apps/a/info:", "/var/lib/linglong/states.json:", "/a/b.desktop:", "flatpak 1 2 ", ""]),
    st.text(),
)
def test_no_answer_breaks_the_parsers(section: str, start: str, text: str) -> None:
    for record in parsed(NONE, **{section: f"{start}{text}"}):
        assert record.observation == "o1"


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_document_breaks_the_reader_of_linglong(document: object) -> None:
    for value in (document, {"layers": document}, {"layers": [{"info": document}]}):
        assert parsed(documents=lines_of("/var/lib/linglong/states.json", value)) is not None
