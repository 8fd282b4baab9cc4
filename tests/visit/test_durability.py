"""What was acknowledged outlives kill -9, a power cut and a full disk; a full disk is said in words, and mended."""

from __future__ import annotations

from pathlib import Path

from bench import kill_scan


def test_50_kills_at_random_moments_of_a_scan_lose_and_repeat_nothing(tmp_path: Path) -> None:
    total = kill_scan.killed(50, 20, tmp_path)
    assert (total["lost"], total["duplicated"], total["damaged"]) == (0, 0, 0)
    assert total["kills"] == 50
    assert total["acknowledged"] > 50
