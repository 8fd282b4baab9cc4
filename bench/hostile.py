"""How long, and how big, one worker gets at the worst of the hostile hosts: each script of the lab against one worker.

On loopback, with the product's own limits except shorter waits; a script fails that outlives the worker's deadline,
ends without a cause, or makes the worker itself crash or run out of memory.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from config.clock import SystemClock
from scanner import process
from scanner.endings import cause_of
from scanner.worker import collect_host, fetch_key
from tests.lab.hostile.serve import SMB_SCRIPTS, SSH_SCRIPTS

CHECKOUT = Path(__file__).parents[1]
SECRET = "Lent-by-the-unit-7"  # of an account that exists nowhere
CLOCK = SystemClock()
READING, DEADLINE, AT_ONCE = 9, 12, 4
MIB = 1 << 20
LIMITS = process.Limits(DEADLINE, 30, 1024, 4 * MIB, 16 * MIB)
COMMON = {"connect_seconds": 2, "answer_seconds": 3, "deadline_seconds": READING, "total_bytes": 16 * MIB}
SMB = {**COMMON, "lanes": 16, "value_bytes": MIB, "keys": 300}
SSH = {**COMMON, "output_bytes": 2 * MIB}
SLACK = 3.0  # starting and burying a process on a busy machine
OURS = ("worker.crashed", "worker.out_of_memory", "worker.out_of_time", "worker.out_of_scope")


def main() -> dict[str, Any]:
    """How many scripts got the better of a worker; the claim is none."""
    with serving() as ports, ThreadPoolExecutor(AT_ONCE) as pool:
        ended = dict(zip(ports, pool.map(attack, ports, ports.values()), strict=True))
    failed = [script for script, (seconds, code) in ended.items() if seconds > DEADLINE + SLACK or code in (*OURS, "")]
    slowest = max(ended, key=lambda script: ended[script][0])
    late = sorted(script for script, (_, code) in ended.items() if code == "worker.deadline")
    return {
        "name": "hostile",
        "ours": len(failed),
        "peer": None,
        "ratio": None,
        "unit": f"of {len(ended)} scripts that got the better of a worker",
        "failed": failed,
        "ended_by_the_deadline": late,
        "slowest": {"script": slowest, "seconds": round(ended[slowest][0], 1)},
        "how": f"each script alone against one worker on loopback, {AT_ONCE} at a time; deadline {DEADLINE} s",
    }


@contextmanager
def serving() -> Generator[Mapping[str, int]]:
    """All scripts, each on a port of loopback."""
    scripts = (*SMB_SCRIPTS, *SSH_SCRIPTS)
    ports = dict(zip(scripts, free_ports(len(scripts)), strict=True))
    hosts = [("127.0.0.1", port, script) for script, port in ports.items()]
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        plan.write_text(json.dumps({"secret": SECRET, "hosts": hosts}), "utf-8")
        argv = [sys.executable, "-m", "tests.lab.hostile.serve", str(plan)]
        server = subprocess.Popen(argv, cwd=CHECKOUT, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            await_port(hosts[-1][1])
            yield ports
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # a session of its own: the server and its connections
            server.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at the moment; all are held until the last is found, so that none comes twice."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def await_port(port: int) -> None:
    """Wait until the last port listens."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the scripted servers do not listen")


def attack(script: str, port: int) -> tuple[float, str]:
    """Seconds of the longer of its workers, and the code of the cause (``READ`` when it read what it came for)."""
    began = CLOCK.monotonic()
    key, cause = ("", "") if script in SMB_SCRIPTS else fetched(port)
    then = CLOCK.monotonic()
    if script in SMB_SCRIPTS or key:
        cause = collected("smb" if script in SMB_SCRIPTS else "ssh", port, key)
    return max(then - began, CLOCK.monotonic() - then), cause


def fetched(port: int) -> tuple[str, str]:
    """The host key, or why there is none."""
    job = {"address": "127.0.0.1", "port": port, "timeout_seconds": 2}
    for message in words(fetch_key, job):
        if "host_key" in message:
            return f"{message['host_key']['type']} {message['host_key']['base64']}", ""
        return "", str(message["refused"]["reason"]["code"])
    return "", ""


def collected(protocol: str, port: int, key: str) -> str:
    """How a worker's collection of one script ended."""
    job = {
        "facts_id": "bench",
        "address": "127.0.0.1",
        "protocol": protocol,
        "port": port,
        "username": "inspector",
        "domain": "",
        "secret": SECRET,
        "host_key": key,
        "redaction_key": "00" * 32,
        "limits": SMB if protocol == "smb" else SSH,
        "permits_service_start": False,
    }
    for message in words(collect_host, job):
        if "refused" in message:
            return str(message["refused"]["reason"]["code"])
        if "facts" in message:
            return str((message["facts"].get("reason") or {}).get("code") or message["facts"]["outcome"])
    return ""


def words(target: process.Target, job: process.Job) -> Iterator[dict[str, Any]]:
    """What the worker sends; its own end, if it is ended, as a refusal."""
    try:
        yield from process.run(target, job, LIMITS, CLOCK)
    except process.ChildEnded as ended:
        yield {"refused": {"reason": cause_of(ended, DEADLINE)[1].to_json()}}


if __name__ == "__main__":
    print(json.dumps(main()))
