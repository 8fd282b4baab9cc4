"""``hezheng serve`` doing nothing: memory of all its processes, and how soon the first page comes."""

from __future__ import annotations

import http.client
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS = 5
SETTLE_SECONDS = 2.0
HEZHENG = Path(sys.executable).parent / "hezheng"


def main() -> dict[str, Any]:
    """PSS in MB; the seconds to the first page are in ``how``."""
    runs = [_once() for _ in range(RUNS)]
    memory = statistics.median(mb for mb, _ in runs)
    page = statistics.median(seconds for _, seconds in runs)
    how = f"PSS of serve and its children; first page after {page:.2f} s; medians of {RUNS}"
    return {"ours": round(memory, 1), "peer": None, "ratio": None, "unit": "MB", "how": how}


def _once() -> tuple[float, float]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        started = time.perf_counter()
        argv = [str(HEZHENG), "serve", "--data", data, "--port", str(port)]
        process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        try:
            _first_page(port)
            seconds = time.perf_counter() - started
            time.sleep(SETTLE_SECONDS)
            return sum(map(_pss_mb, _family(process.pid))), seconds
        finally:
            process.terminate()
            process.wait()


def _first_page(port: int) -> None:
    for _ in range(400):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError("no page")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
