"""残留 is told only where everything that an entry names is gone; what cannot be seen stays unknown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.windows.presence import own_path, present, program_path
from scanner.collectors.windows.uninstall import MACHINE_ROOTS, parse_named, read_root
from scanner.model import InstalledSoftware, SkippedEntry
from scanner.session import FileSeen, FileState, LimitExceeded, RegistryKey, RegistryValue, SessionError, WindowsSession
from tests.scanner.collectors.windows.files import Files
from tests.scanner.collectors.windows.hive import HiveRegistry, key

ROOT = MACHINE_ROOTS[0]
THERE, ABSENT, NO_FOLDER, UNKNOWN = (
    FileState.PRESENT,
    FileState.ABSENT,
    FileState.FOLDER_ABSENT,
    FileState.UNKNOWN,
)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ('"C:\\Tools\\x.exe",0', "C:\\Tools\\x.exe"),
        ("C:\\Tools\\x.exe,-101", "C:\\Tools\\x.exe"),
        ("D:\\a b\\卸载.exe /S /x", "D:\\a b\\卸载.exe"),
        ("%ProgramFiles(x86)%\\X\\x.EXE", "C:\\Program Files (x86)\\X\\x.EXE"),
        ("MsiExec.exe /X{23170F69-40C1-2702-2301-000001000000}", None),
        ("rundll32.exe C:\\x\\y.dll,Remove", None),
        ("C:\\Windows\\Installer\\{1}\\icon.exe", None),
        ('"C:\\ProgramData\\Package Cache\\{1}\\setup.exe" /uninstall', None),
        ("C:\\Program Files\\Common Files\\microsoft shared\\setup.exe", None),
        ("%LOCALAPPDATA%\\X\\x.exe", None),
        ("\\\\server\\share\\x.exe", None),
        ("", None),
        (None, None),
    ],
)
def test_a_command_or_an_icon_names_a_program_of_its_own_or_none(written: str | None, path: str | None) -> None:
    assert program_path(written) == path


@pytest.mark.parametrize(
    "shared", ["C:\\", "C:\\Windows", "C:\\Program Files", "c:\\program files (x86)\\", "C:\\Users"]
)
def test_a_place_of_everybody_says_nothing_about_one_program(shared: str) -> None:
    assert own_path(shared) is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, None),
        ({"C:\\X": THERE}, True),
        ({"C:\\X": ABSENT}, False),
        ({"C:\\X\\x.exe": THERE}, True),
        ({"C:\\X\\x.exe": NO_FOLDER}, False),
        ({"C:\\X\\x.exe": ABSENT}, None),  # one file moved is no proof
        ({"C:\\X\\x.exe": ABSENT, "C:\\X\\u.exe": ABSENT}, False),
        ({"C:\\X": THERE, "C:\\X\\x.exe": ABSENT}, None),
        ({"C:\\X": THERE, "C:\\X\\x.exe": ABSENT, "C:\\X\\u.exe": ABSENT}, False),
        ({"C:\\X": THERE, "C:\\X\\x.exe": THERE, "C:\\X\\u.exe": ABSENT}, True),
        ({"C:\\X": NO_FOLDER, "C:\\X\\x.exe": NO_FOLDER}, False),
        ({"C:\\X": ABSENT, "D:\\Y\\y.exe": UNKNOWN}, None),
        ({"C:\\X\\x.exe": THERE, "D:\\Y\\y.exe": UNKNOWN}, True),
        ({"D:\\Y": UNKNOWN}, None),
    ],
)
def test_what_is_seen_makes_it_present_gone_or_unknown(seen: dict[str, FileState], expected: bool | None) -> None:
    found = [FileSeen(path, state, folder=not path.endswith(".exe")) for path, state in seen.items()]
    assert present(found) is expected


def session(
    *keys: RegistryKey, files: Files | None = None, errors: dict[str, SessionError] | None = None
) -> WindowsSession:
    return WindowsSession(HiveRegistry({k.path: k for k in keys}, errors or {}), "", files=files, opened_at=None)


def test_entries_keep_their_order_and_carry_the_creation_of_their_folder() -> None:
    keys = [
        key(rf"{ROOT.path}\A", DisplayName="A", InstallLocation="C:\\A\\"),
        key(rf"{ROOT.path}\N"),
        key(rf"{ROOT.path}\B", DisplayName="B", DisplayIcon="C:\\B\\b.exe,0"),
    ]
    opened = session(*keys, files=Files({"C:\\A": "2024-01-02T03:04:05.000+00:00"}))
    records = list(read_root(opened, opened.registry, ROOT))
    assert [type(r).__name__ for r in records] == ["InstalledSoftware", "SkippedEntry", "InstalledSoftware"]
    first, _, last = records
    assert isinstance(first, InstalledSoftware)
    assert isinstance(last, InstalledSoftware)
    assert (first.files_present, first.file_time, first.file_time_of) == (
        True,
        "2024-01-02T03:04:05.000+00:00",
        "C:\\A",
    )
    assert (last.files_present, last.file_time) == (False, None)
    assert opened.claims == {"c:\\a", "c:\\b"}


def test_files_that_cannot_be_looked_at_lose_no_entry() -> None:
    opened = session(
        key(rf"{ROOT.path}\A", DisplayName="A", InstallLocation="C:\\A\\"),
        files=Files({}, LimitExceeded("files.too_many_looks", limit=1)),
    )
    records = list(read_root(opened, opened.registry, ROOT))
    assert [(type(r).__name__, getattr(r, "files_present", "")) for r in records] == [
        ("SkippedEntry", ""),
        ("InstalledSoftware", None),
    ]


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=60))
@settings(max_examples=200)
def test_whatever_is_written_names_rooted_paths_or_nothing(icon: str, command: str, location: str) -> None:
    written = {"DisplayName": "X", "DisplayIcon": icon, "UninstallString": command, "InstallLocation": location}
    found = parse_named(ROOT, RegistryKey("HKLM\\X\\Y", {n: RegistryValue(1, v) for n, v in written.items()}))
    assert isinstance(found, SkippedEntry) or all(path[1:3] == ":\\" for path in found.paths)
