"""Run one sweep from the network namespace this process is in: job as JSON on stdin, results as JSON on stdout."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from config.clock import SystemClock
from config.settings import load
from scanner.discovery import plan_discovery, sweep


def main() -> None:
    """Job: addresses, privileged, chunk (addresses a chunk)."""
    job = json.load(sys.stdin)
    settings = load(environment={}).discovery.model_copy(update={"chunk_addresses": job["chunk"]})
    plan = plan_discovery(job["addresses"], settings, privileged=job["privileged"])
    results = sweep(plan, settings, SystemClock(), cancelled=lambda: False)
    json.dump([{"type": type(result).__name__, **asdict(result)} for result in results], sys.stdout)


if __name__ == "__main__":
    main()
