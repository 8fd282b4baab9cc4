"""The memory of processes together, those that they start included: the highest sum that was seen."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench.peers.fleet_lan import pss_kib

SAMPLE_SECONDS = 0.2


def peak_until_ended(processes: list[subprocess.Popen[bytes]]) -> tuple[int, int]:
    """Highest sum in KiB of the proportional set sizes of whole sessions, and the number of samples.

    Each process was started with ``start_new_session``: a forkserver's children are of its session, whoever is their
    parent.
    """
    sessions = {process.pid for process in processes}
    highest, samples = 0, 0
    while any(process.poll() is None for process in processes):
        highest, samples = max(highest, sum(map(pss_kib, _members(sessions)))), samples + 1
        time.sleep(SAMPLE_SECONDS)
    return highest, samples


def _members(sessions: set[int]) -> list[int]:
    return [int(place.parent.name) for place in Path("/proc").glob("[0-9]*/stat") if _session(place) in sessions]


def _session(stat: Path) -> int:
    """The sixth field of proc(5)'s ``stat``; 0 for a process that has ended."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0
