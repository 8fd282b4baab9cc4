"""A capture that misses nothing: tcpdump, waited for at both ends, and refused when it lost a frame.

Without ``--immediate-mode`` the kernel packs frames one after another (TPACKET_V3), so that a buffer holds thousands;
with it every frame takes the room of the largest, and bursts are lost (packet(7), pcap_set_immediate_mode(3PCAP)).
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.netns import LabError

BUFFER_KIB = 32768
WAIT_SECONDS = 30
COUNTS = re.compile(rb"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel")
LOOPBACK = "lo"  # each frame is received twice and captured once

Popen = Callable[..., subprocess.Popen[bytes]]


@contextmanager
def sniffing(interface: str, path: Path, *expression: str, popen: Popen = subprocess.Popen) -> Generator[Path]:
    """Record every frame at ``interface``; at the end the file holds all that came until then. Raises LabError."""
    argv = ["tcpdump", "-i", interface, "-n", "-U", "-B", str(BUFFER_KIB), "-w", str(path), *expression]
    process = popen(argv, stderr=subprocess.PIPE)
    try:
        _read_until(process, re.compile(rb"listening on"))
        yield path
        _drain(process, 2 if interface == LOOPBACK else 1)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _drain(process: subprocess.Popen[bytes], received_each: int) -> None:
    """Wait until what was received by now is written. Raises LabError for a frame that was lost."""
    deadline = time.monotonic() + WAIT_SECONDS
    received = None
    while time.monotonic() < deadline:
        process.send_signal(signal.SIGUSR1)
        captured, now, dropped = map(int, _read_until(process, COUNTS).groups())
        if dropped:
            raise LabError(f"tcpdump lost {dropped} frames")
        received = now if received is None else received
        if captured * received_each >= received:
            return
        time.sleep(0.05)
    raise LabError("tcpdump does not keep up")


def _read_until(process: subprocess.Popen[bytes], wanted: re.Pattern[bytes]) -> re.Match[bytes]:
    heard = b""
    assert process.stderr is not None
    while not (found := wanted.search(heard)):
        if not (line := process.stderr.readline()):
            raise LabError(f"tcpdump: {heard.decode(errors='replace')}")
        heard = line
    return found
