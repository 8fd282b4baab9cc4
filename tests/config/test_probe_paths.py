"""Where portable copies lie: data that can never point outside a local drive's folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.probe_paths import FILE, probe_paths
from config.problems import BadInput


def write(folder: Path, text: str) -> Path:
    file = folder / "probe_paths.toml"
    file.write_text(text, "utf-8")
    return file


def test_program_files_is_written_out_for_both_kinds_of_programs(tmp_path: Path) -> None:
    file = write(tmp_path, "[paths]\nwinrar = ['%ProgramFiles%\\WinRAR\\WinRAR.exe', 'WinRAR\\WinRAR.exe']\n")
    assert probe_paths(file) == {
        "winrar": (
            "Program Files\\WinRAR\\WinRAR.exe",
            "Program Files (x86)\\WinRAR\\WinRAR.exe",
            "WinRAR\\WinRAR.exe",
        )
    }


def test_the_products_that_travel_as_copies_are_covered() -> None:
    paths = probe_paths()
    assert len(paths) >= 40
    wanted = {
        "adobe-photoshop", "adobe-acrobat", "autocad", "microsoft-office", "wps-office", "winrar", "7-zip",
        "foxit-reader", "coreldraw", "solidworks", "matlab", "zwcad", "gstarcad", "tangent-arch", "glodon-gtj",
        "360-safe", "duba", "rising-antivirus", "huorong", "xshell", "navicat", "ultraedit", "vmware-workstation",
        "wanxing-pdf",
    }  # fmt: skip
    assert wanted <= paths.keys()


def test_no_path_stands_for_two_products() -> None:
    owners: dict[str, set[str]] = {}
    for product, paths in probe_paths().items():
        for path in paths:
            owners.setdefault(path.lower(), set()).add(product)
    assert {path: ids for path, ids in owners.items() if len(ids) > 1} == {}


BAD = [
    "C:\\WinRAR\\WinRAR.exe",
    "\\\\server\\share\\x.exe",
    "\\WinRAR\\WinRAR.exe",
    "WinRAR\\..\\Windows\\x.exe",
    "WinRAR/WinRAR.exe",
    "WinRAR.exe",
    "*\\WinRAR.exe",
    "WinRAR\\*.exe",
    "A*\\B*\\x.exe",
    "WinRAR\\WinRA?.exe",
    "WinRAR\\WinRAR.dll",
    "WinRAR \\WinRAR.exe",
    "%ProgramFiles%\\..\\x.exe",
    "%ProgramFiles%\\*\\..\\x.exe",
    "",
    "a" * 250 + "\\x.exe",
]


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_could_lead_elsewhere_is_refused_with_its_line(tmp_path: Path, path: str) -> None:
    file = write(tmp_path, f"# one line\n[paths]\nsevenzip = ['7-Zip\\7zFM.exe']\nwinrar = ['{path}']\n")
    with pytest.raises(BadInput) as caught:
        probe_paths(file)
    params = caught.value.message.params
    assert (params["file"], params["line"], params["key"]) == ("probe_paths.toml", 4, "paths.winrar")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[paths]\nwinrar = 'WinRAR\\WinRAR.exe'\n", 2),
        ("[paths]\nwinrar = []\n", 2),
        ("[paths]\nwinrar = [1]\n", 2),
        ("[paths]\nWinRAR = ['WinRAR\\WinRAR.exe']\n", 2),
        ("[other]\n", 1),
        ("paths = 1\n", 1),
        ("[paths]\nwinrar = ]\n", 2),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(BadInput) as caught:
        probe_paths(write(tmp_path, text))
    assert caught.value.message.params["line"] == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        probe_paths(tmp_path / "probe_paths.toml")
    assert caught.value.message.code == "catalogue.bad_file"


def test_the_file_of_this_version_reads() -> None:
    assert all(path.lower().endswith(".exe") for paths in probe_paths(FILE).values() for path in paths)
