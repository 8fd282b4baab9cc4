"""The collector for Linux, run for real under two shells on this very computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model import FactsOrigin, Outcome
from scanner.single_machine.folder import opened
from tests.scanner.single_machine.folders import content, over_the_network, read, result_of, run_shell, write_kit

ODD = "ZC-'\"`id`$(id)&;|%PATH%!\nde|pt > x\n张三 \\n $HOME\n"
SHELLS = {
    "dash": ["dash"],
    # every shell of the computer is busybox, also the one that the collector itself starts
    "busybox": ["unshare", "-m", "sh", "-c", 'mount --bind /bin/busybox /bin/dash && exec /bin/sh "$0"'],
}


@pytest.mark.lab
@pytest.mark.parametrize("shell", SHELLS)
def test_the_collector_says_what_the_network_says(shell: str, tmp_path: Path) -> None:
    stick = write_kit(tmp_path)
    done = run_shell(SHELLS[shell], stick, ODD)
    assert done.returncode == 0, done.stderr
    brought, records = read(result_of(stick))
    assert brought.outcome is Outcome.READ
    assert brought.origin is FactsOrigin.COLLECTOR
    assert brought.installations
    assert content(brought) == content(over_the_network())
    assert {record.channel for record in records} == {"single-machine"}


@pytest.mark.lab
def test_what_a_stranger_types_is_kept_and_never_run(tmp_path: Path) -> None:
    stick = write_kit(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert run_shell(["dash"], stick, ODD).returncode == 0
    envelope = opened(result_of(stick))
    assert envelope.asset_no == "ZC-'\"`id`$(id)&;|%PATH%!"
    assert (envelope.department, envelope.person) == ("de|pt > x", "张三 \\n $HOME")
    assert {path.name for path in tmp_path.iterdir()} == before | {"results"}


@pytest.mark.lab
def test_a_stick_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    stick = write_kit(tmp_path)
    (stick / "results").write_text("a file is in the way")
    done = run_shell(["dash"], stick, ODD)
    assert done.returncode == 1
    assert "不能写入" in done.stderr.decode()


def test_the_script_uses_only_what_every_posix_shell_has(tmp_path: Path) -> None:
    text = (write_kit(tmp_path) / "hezheng-linux.sh").read_text("utf-8")
    assert "\r" not in text
    for word in ("[[", "function ", " local ", "<<<", "source ", "eval", "$'"):
        assert word not in text.replace("/usr/local /home", "")
