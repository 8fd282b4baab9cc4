"""100 scans killed by SIGKILL at random moments of a service change, each then recovered: the service as found."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import Any

from scanner.service_state import Step
from scanner.transports import lanes
from tests.lab.services import DISABLED, MANUAL, STOPPED, Machine, serving
from tests.scanner.test_ladder import SECRET, Killed, journal_of, killed, recover

RUNS = 100
LINES = {DISABLED: 10, MANUAL: 8}


def main() -> dict[str, Any]:
    """Every run: killed once while reading, up to twice while recovering, then recovered to the end."""
    lanes.START_SECONDS = 0.02  # pyright: ignore[reportConstantRedefinition]
    as_found = sum(_run() for _ in range(RUNS))
    how = (
        "scripted svcctl peer (SMB 2.1 signed); the scan is killed just before or just after a journal line chosen at "
        "random, recovering is killed at random as well, then run to its end; service state and start type compared"
    )
    return {"name": "journal-kill", "ours": as_found, "peer": RUNS, "ratio": None, "unit": "runs as found", "how": how}


def _run() -> bool:
    start_type = secrets.choice((DISABLED, MANUAL))
    machine = Machine(start_type, triggers=False, pending_seconds=secrets.choice((0, 0.05)))
    with tempfile.TemporaryDirectory() as folder, serving(machine, SECRET) as port:
        path = Path(folder) / "journal"
        path.touch()
        killed(path, port, 1 + secrets.randbelow(LINES[start_type]), secrets.choice((False, True)), recovering=False)
        for _ in range(secrets.randbelow(3)):
            killed(path, port, 1 + secrets.randbelow(4), secrets.choice((False, True)), recovering=True)
        recover(path, port, Killed(path, 0, after=False))
        lines = journal_of(path)
        return machine.found == (STOPPED, start_type) and (not lines or lines[-1].step == Step.CLOSED)


if __name__ == "__main__":
    print(json.dumps(main()))
