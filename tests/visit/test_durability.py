"""What was acknowledged outlives kill -9, a power cut and a full disk; a full disk is said in words, and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import kill_scan, power_cut


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
