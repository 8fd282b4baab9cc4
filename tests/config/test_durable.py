"""A file is replaced whole or not at all, and what it replaced is blanked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.durable import private_folder, replace_file


def test_a_replaced_file_has_the_new_bytes_and_its_owners_mode_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old" * 50_000)
    path.chmod(0o644)
    with path.open("rb") as held:
        replace_file(path, b"new")
        assert held.read() == bytes(150_000)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_a_crash_left_aside_does_not_stop_the_next_writing(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_bytes(b"half of something longer")
    replace_file(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_link_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "file.new").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_private_folder_is_its_owners_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(private_folder(tmp_path / "vault").stat().st_mode) == 0o700
