"""What was acknowledged outlives kill -9, a power cut and a full disk; a full disk is said in words, and mended."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from api.commands.base import follow
from bench import disk_full, kill_scan, power_cut, wipe
from config.messages import catalogue
from tests.lab import images, needles, stream
from tests.lab.demo_unit import Demo
from tests.visit.test_interruptions import PASSPHRASE, Site


def test_50_kills_at_random_moments_of_a_scan_lose_and_repeat_nothing(tmp_path: Path) -> None:
    total = kill_scan.killed(50, 20, tmp_path)
    assert (total["lost"], total["duplicated"], total["damaged"]) == (0, 0, 0)
    assert total["kills"] == 50
    assert total["acknowledged"] > 50


@pytest.mark.lab
def test_power_cuts_at_random_moments_lose_nothing_acknowledged(tmp_path: Path) -> None:
    total = power_cut.cut(12, 6, tmp_path)
    assert (total["lost"], total["bad"]) == (0, 0)
    assert total["acknowledged"] > 0


@pytest.mark.lab
def test_the_power_cut_measurement_sees_a_missing_sync(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    total = power_cut.cut(6, 6, tmp_path, syncs=False)
    assert total["lost"] + total["bad"] > 0
    capfd.readouterr()  # the traces of what did not open


@pytest.mark.lab
def test_a_disk_that_is_full_at_any_write_is_said_in_words_and_goes_on_later(tmp_path: Path) -> None:
    total = disk_full.filled(2, tmp_path, every=16)
    assert (total["unsaid"], total["lost"], total["stuck"]) == (0, 0, 0)
    assert sum(total["said"].values()) > total["runs"] // 2


@pytest.mark.lab
def test_a_really_full_disk_stops_the_keeping_and_freed_space_lets_it_go_on(tmp_path: Path) -> None:
    with images.mounted(tmp_path / "disk.img", tmp_path / "disk", 16) as disk:
        made = stream.prepared(disk / "data", 20)
        said = stream.Said()
        for leave in (0, 40_000, 400_000):
            ballast = images.fill(disk, leave)
            (told,) = _told(made, said)
            assert "空间" in catalogue()[told]
            assert made.problems(said.all) == []
            ballast.unlink()
        assert _told(made, said) == []
        assert made.problems(said.all) == []
        assert made.done() == len(set(said.all)) == 20


def _told(made: stream.Stream, said: stream.Said) -> list[str]:
    """What people are told by a child that reads the hosts that are left."""
    codes = stream.Said()
    with stream.child(lambda: disk_full.saying(codes, lambda: made.run(said.say))) as pid:
        assert os.waitpid(pid, 0)[1] == 0
    return codes.all


@pytest.mark.lab
def test_a_nearly_full_disk_pauses_the_scan_which_goes_on_later_and_leaves_no_password_in_the_end(
    demo: Demo, tmp_path: Path
) -> None:
    with images.mounted(tmp_path / "disk.img", tmp_path / "disk", 96) as disk:
        (disk / "data").mkdir()
        (disk / "data" / "hezheng.toml").write_text("[storage]\nmin_free_mb = 40\n[vault]\nargon2_memory_mib = 8\n")
        ballast = images.fill(disk, 30 << 20)
        site = Site(demo, disk)
        try:
            job = site.post("scans", {"accept_first_contact": True})
            site.await_question(job["id"], "scan.low_disk")
            assert site.results() == {}
            ballast.unlink()
            site.post(f"scans/{site.get('scans')['items'][-1]['id']}/continue")
            assert follow(site.client, job)["state"] == "done"
            assert len(site.results()) == demo.expected["computers"]
            _end(site, tmp_path)
        finally:
            site.served.stop()
    lent = [PASSPHRASE, *{str(credential["secret"]) for credential in demo.credentials}]
    assert needles.found(lent, [tmp_path / "disk.img"]) == []


def _end(site: Site, folder: Path) -> None:
    """Seal what the scan brought, keep the office's copy in ``folder``, and end the inspection."""
    follow(site.client, site.post("audits"))
    sealed = follow(site.client, site.post("bundles", {"unencrypted": True}))["result"]
    copy = folder / "bundle.zip"
    shutil.copyfile(sealed["path"], copy)
    body = {"copy_path": str(copy), "same_medium_reason": ""}
    assert follow(site.client, site.post("ending", body))["result"]["stage"] == "done"


@pytest.mark.lab
def test_lent_secrets_are_nowhere_on_the_disks_after_the_end_also_of_one_that_was_killed(tmp_path: Path) -> None:
    total = wipe.wiped(3, tmp_path)
    assert (total["runs"], total["found"]) == (3, 0)


@pytest.mark.lab
def test_the_search_sees_what_was_written_and_unlinked_in_any_form(tmp_path: Path) -> None:
    """Otherwise finding nothing would say nothing."""
    secret = "Lent-Pa55word-密"
    laptop = wipe.Laptop.made(tmp_path)

    def leave_traces(data: Path, _stick: Path) -> None:
        data.mkdir()
        for folder in (data, Path("/tmp"), Path("/var/log"), Path(os.environ["HOME"])):
            for number, form in enumerate(needles.forms(secret)):
                file = folder / f"{number}"
                file.write_bytes(b"before " + form + b" after")
                with file.open("rb") as written:
                    os.fsync(written.fileno())
                file.unlink()

    laptop.run(leave_traces)
    assert len(laptop.leaks([secret])) >= 4 * len(set(needles.forms(secret)))
    assert laptop.leaks(["Lent-Pa55word-another"]) == []
