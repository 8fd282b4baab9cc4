"""D1: scans killed by SIGKILL at random moments; every acknowledged result is there, once, with its raw file."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.lab.stream import Said, Stream, child, prepared

KILLS = 1000
HOSTS = 50


def killed(kills: int, hosts: int, folder: Path) -> dict[str, int]:
    """Kill ``kills`` times; each scan over ``hosts`` hosts goes on till its end. What was lost, twice or damaged."""
    stream, seconds = _measured(folder, hosts)
    total = {"kills": 0, "scans": 0, "acknowledged": 0, "lost": 0, "duplicated": 0, "damaged": 0}
    said = Said()
    while total["kills"] < kills:
        with child(lambda s=stream, t=said: s.run(t.say)) as pid:
            finished = _ends_within(pid, said, secrets.randbelow(1 + hosts // 3), seconds / hosts)
        total["kills"] += not finished
        _count(total, stream.problems(said.all))
        if finished:
            assert stream.done() == hosts
            total["scans"] += 1
            total["acknowledged"] += len(said.all)
            stream, said = prepared(folder / str(total["scans"]), hosts), Said()
    total["acknowledged"] += len(said.all)
    return total


def _ends_within(pid: int, said: Said, results: int, each: float) -> bool:
    """Whether it ends by itself within so many results more and part of the next; one takes about ``each`` seconds."""
    enough = len(said.all) + results
    while len(said.all) < enough:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return True
        time.sleep(each / 20)
    time.sleep(each * secrets.randbelow(1000) / 1000 * (1 if results else 5))  # to start takes longer
    return os.waitpid(pid, os.WNOHANG) != (0, 0)


def _measured(folder: Path, hosts: int) -> tuple[Stream, float]:
    """A fresh scan, and how long one takes that is not killed."""
    stream = prepared(folder / "measured", hosts)
    started = time.monotonic()
    with child(lambda: stream.run(Said().say)) as pid:
        os.waitpid(pid, 0)
    return prepared(folder / "0", hosts), time.monotonic() - started


def _count(total: dict[str, int], problems: list[str]) -> None:
    for problem in problems:
        kind = problem.split()[0]
        total["lost" if kind == "lost" else "duplicated" if kind == "twice" else "damaged"] += 1


def main() -> dict[str, Any]:
    """``ours`` is what was lost, duplicated or damaged."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        total = killed(KILLS, HOSTS, Path(folder))
    bad = total["lost"] + total["duplicated"] + total["damaged"]
    how = (
        f"{KILLS} kill -9 of a child that keeps a scripted stream of {HOSTS} hosts a scan (raw file, custody lines, "
        "one transaction a host); after each: databases open and pass SQLite's check, custody chain, raw digests, "
        "every acknowledged result once; then it goes on to the end of the scan"
    )
    return {"name": "kill-scan", "ours": bad, **total, "peer": None, "ratio": None, "unit": "results", "how": how}


if __name__ == "__main__":
    print(json.dumps(main()))
