"""Sweep once from the namespace this process is in, as a running appliance does: its forkserver is already there.

Job as JSON on stdin: the addresses. Answer on stdout: ``{"seconds", "chunks"}``.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from bench.peers.idle_child import nothing
from config.clock import SystemClock
from config.settings import load
from scanner import process
from scanner.discovery import plan_discovery, sweep
from scanner.process import Limits


def main() -> None:
    """Run the default settings."""
    addresses, clock, settings = json.load(sys.stdin), SystemClock(), load(environment={}).discovery
    process.preload(("scanner.worker", "scanner.discovery"))
    list(process.run(nothing, {}, Limits(30, 10, 512), clock))
    began = time.monotonic()
    found = list(sweep(plan_discovery(addresses, settings, privileged=True), settings, clock, cancelled=lambda: False))
    seconds = time.monotonic() - began
    chunks = [{"type": type(chunk).__name__, **asdict(chunk)} for chunk in found]
    json.dump({"seconds": seconds, "chunks": chunks}, sys.stdout)


if __name__ == "__main__":
    main()
