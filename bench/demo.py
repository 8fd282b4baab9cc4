"""A whole inspection of the demo unit, LAN set-up and teardown included."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RUNS = 3
EXPECTED = Path(__file__).parent.parent / "tests" / "data" / "demo" / "expected.json"
HEZHENG = Path(sys.executable).parent / "hezheng"


def main() -> dict[str, Any]:
    """Median seconds of the command from start to exit."""
    collected = json.loads(EXPECTED.read_text("utf-8"))["collected"]
    seconds: list[float] = []
    for _ in range(RUNS):
        started = time.perf_counter()
        done = subprocess.run([str(HEZHENG), "demo", "--json"], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
        assert json.loads(done.stdout)["collected"] == collected
    how = f"median of {RUNS} runs of `hezheng demo`, process start to exit"
    return {"ours": round(statistics.median(seconds), 2), "peer": None, "ratio": None, "unit": "s", "how": how}
