"""Ask one batch of hosts as the appliance does, from the namespace this process is in.

A program of its own because children come from a forkserver, which stays in the namespace where it first started:
``inside`` moves a thread of the test, not the forkserver that an earlier test left running.
Reads the job of :func:`scanner.probes.probe_batch` as JSON from stdin; prints ``{address: sightings}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from config.clock import SystemClock
from scanner import process
from scanner.probes import probe_batch
from scanner.process import Limits


def answers_of(job: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What one limited child found."""
    answers = process.run(probe_batch, job, Limits(120, 20, 512), SystemClock())
    return {answer["address"]: answer["sightings"] for answer in answers}


if __name__ == "__main__":
    json.dump(answers_of(json.load(sys.stdin)), sys.stdout)
