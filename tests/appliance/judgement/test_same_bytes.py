"""The audit of 2,000 computers in another process, order, hash seed and time zone: the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLACES = (
    ("1", "Asia/Shanghai", ""),
    ("2", "America/New_York", "b"),
    ("1", "America/New_York", "c"),
    ("2", "Asia/Shanghai", "d"),
)
"""Hash seed, time zone, order of the input."""


def _started(seed: str, zone: str, order: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "tests.appliance.judgement.large_unit", order]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)


def _said(processes: Sequence[subprocess.Popen[bytes]]) -> list[bytes]:
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


def test_shuffled_input_two_hash_seeds_and_two_time_zones_give_the_same_bytes() -> None:
    first, *others = _said([_started(*place) for place in PLACES])
    head = json.loads(first.splitlines()[1])
    assert head["counts"]["computers"] == 2_000
    assert head["verdicts"]["count"] > 5_000
    assert others == [first] * 3
