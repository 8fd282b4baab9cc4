"""200 keys × 10 values at 10 ms of round trip: our lanes against impacket's helpers, through a delaying relay."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.peers.registry import HOST, compare, one_pc, require_verification, result
from tests.lab import relay
from tests.lab.lan import Lan
from tests.lab.netns import python

LANES = 32
ONE_WAY_MS = 5
RELAY = Path(relay.__file__)


def main() -> dict[str, Any]:
    """Median of five, both sides in turn in one process."""
    with one_pc() as lan, delayed(lan) as port:
        round_trip = round_trip_ms(port)
        require_verification(LANES)
        mine, peer = compare("127.0.0.1", port, LANES)
    how = (
        f"relay of its own process that keeps pipelining, round trip {round_trip:.1f} ms as measured; Samba host, SMB "
        f"3.1.1 sealed, {LANES} pipes; from logged on to the last value, pipe opening included; same content "
        "compared; a forged answer was refused in this run; median of 5"
    )
    return result("registry-10ms", [c.wall for c in mine], [c.wall for c in peer], "s", how)


@contextmanager
def delayed(lan: Lan) -> Generator[int]:
    """The port of a relay on the laptop that stands between us and the host."""
    argv = python(RELAY, "127.0.0.1", "0", HOST, "445", str(ONE_WAY_MS))
    process = lan.laptop.popen(argv, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def round_trip_ms(port: int) -> float:
    """What one question and answer costs, from an SMB NEGOTIATE that the host refuses or answers."""
    seconds: list[float] = []
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            time.sleep(0.05)  # the relay's own connection to the host
            begun = time.perf_counter()
            sock.sendall(NEGOTIATE)
            sock.recv(4096)
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1000


_HEADER = b"\xfeSMB" + bytes.fromhex("4000 0000 0000 0000 0000 0100") + bytes(48)
_BODY = bytes.fromhex("2400 0100 0100 0000 00000000") + bytes(16) + bytes(8) + bytes.fromhex("1002")
NEGOTIATE = (len(_HEADER) + len(_BODY)).to_bytes(4, "big") + _HEADER + _BODY


if __name__ == "__main__":
    print(json.dumps(main()))
