"""What the fleet benches share: Samba and Linux computers at many addresses, collected by a whole appliance.

Our side is the product itself: started in the laptop's namespace, driven over its API, every result committed to disk.
The other side is a pool of the programs that people use today, as many at once as we have workers.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.lab.lan import Lan
from tests.lab.plans import Hardware, HostPlan, LinuxPc, Package, WindowsPc
from tests.scanner.transports.windows_lan import UNINSTALL, hive
from tests.visit.fleet_site import FleetSite

SUBNET = "10.88.0.0/24"
PASSWORD = "Not-a-real-1"  # of accounts that exist only in the test LAN
COMPUTERS, ADDRESSES_EACH = 20, 5
LINUX, LINUX_ADDRESSES_EACH = 4, 10
PACKAGES = 850
WORKERS = 8
PEER_SAMPLE = 8
SAMPLE_SECONDS = 0.25
POLL_SECONDS = 0.1
OS_RELEASE = 'ID=debian\nNAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\n'


@dataclass
class Watch:
    """What was seen of our processes, and of the API, while hosts were collected."""

    pss_kib: list[int] = field(default_factory=list[int])
    api_seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


@dataclass(frozen=True)
class Measured:
    """Seconds of wall clock for so many hosts on either side, and what was seen meanwhile."""

    windows: tuple[int, float]
    windows_peer: tuple[int, float]
    linux: tuple[int, float]
    linux_peer: tuple[int, float]
    watch: Watch


def windows_plans() -> list[HostPlan]:
    """Each with a firmware of its own and 200 programs of 10 values."""
    registry = hive()
    return [
        WindowsPc(
            name=f"PC{n:02}",
            address=f"10.88.0.{n * ADDRESSES_EACH + 1}",
            more_addresses=tuple(f"10.88.0.{n * ADDRESSES_EACH + 1 + k}" for k in range(1, ADDRESSES_EACH)),
            mac=f"10:c5:95:88:00:{n:02x}",
            password=PASSWORD,
            registry=registry,
            hardware=Hardware("LENOVO", "启天M450", f"PC{n:06}", str(uuid.UUID(int=0x88000000 + n))),
        )
        for n in range(COMPUTERS)
    ]


def linux_plans() -> list[HostPlan]:
    """Each with 850 packages."""
    packages = tuple(Package(f"package-{n:03}", f"1.{n}-1") for n in range(PACKAGES))
    first = COMPUTERS * ADDRESSES_EACH + 1
    return [
        LinuxPc(
            name=f"LX{n:02}",
            address=f"10.88.0.{first + n * LINUX_ADDRESSES_EACH}",
            more_addresses=tuple(
                f"10.88.0.{first + n * LINUX_ADDRESSES_EACH + k}" for k in range(1, LINUX_ADDRESSES_EACH)
            ),
            mac=f"10:c5:95:89:00:{n:02x}",
            password=PASSWORD,
            os_release=OS_RELEASE,
            machine_id=f"{n:032x}",
            packages=packages,
        )
        for n in range(LINUX)
    ]


def addresses(plans: Sequence[HostPlan]) -> list[str]:
    """All addresses of these hosts."""
    return [address for plan in plans for address in (plan.address, *plan.more_addresses)]


@contextmanager
def site(plans: Sequence[HostPlan], settings: str = "") -> Generator[FleetSite]:
    """The LAN with an appliance on its laptop."""
    folder = Path(tempfile.mkdtemp(prefix="hezheng-bench-"))
    try:
        with Lan.start(plans, SUBNET) as lan:
            running = FleetSite(lan, folder, [SUBNET], f"[scan]\nworkers = {WORKERS}\n{settings}")
            try:
                yield running
            finally:
                running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def measure() -> Measured:
    """Once a process, for all benches that speak of it."""
    watch = Watch()
    windows, linux = windows_plans(), linux_plans()
    with site(windows) as running:
        running.credential("local", "smb", PASSWORD)
        ours = collect(running, len(addresses(windows)), watch)
        theirs = pool(running, [reg_query(address) for address in addresses(windows)[::ADDRESSES_EACH][:PEER_SAMPLE]])
    with site(linux) as running:
        running.credential("local", "ssh", PASSWORD)
        ours_linux = collect(running, len(addresses(linux)), None)
        theirs_linux = pool(running, [dpkg_query(address) for address in addresses(linux)])
    return Measured(ours, theirs, ours_linux, theirs_linux, watch)


def collect(running: FleetSite, expected: int, watch: Watch | None) -> tuple[int, float]:
    """Scan; time the collection from its first host to its last commit."""
    job = running.start_scan()
    running.await_job(job, _collecting, 300)
    began, over = time.monotonic(), threading.Event()
    watching = (_weigh, _ask) if watch else ()
    watchers = [threading.Thread(target=act, args=(running, over, watch)) for act in watching]
    for watcher in watchers:
        watcher.start()
    while not _over(running.job(job)):  # asking more often would cost both sides of the measured machine
        time.sleep(POLL_SECONDS)
    ended = running.job(job)
    seconds = time.monotonic() - began
    over.set()
    for watcher in watchers:
        watcher.join()
    result = ended["result"]
    assert result["collected"] == expected, (result, running.hosts())
    check_content(running)
    return expected, seconds


def _collecting(job: Mapping[str, Any]) -> bool:
    return job["stage"] == "collection" or _over(job)


def _over(job: Mapping[str, Any]) -> bool:
    return job["state"] != "running"


def check_content(running: FleetSite) -> None:
    """Every host's list of programs must be whole: 200 keys of the registry, or all packages."""
    for host in running.hosts().values():
        facts = running.get(f"hosts/{host['id']}/facts")
        read = len(facts["installations"]) + len(facts.get("skipped", ()))
        assert read >= (PACKAGES if facts["platform"] == "linux" else 200), (host["address"], read)


def _weigh(running: FleetSite, over: threading.Event, watch: Watch) -> None:
    while not over.wait(SAMPLE_SECONDS):
        watch.pss_kib.append(sum(pss_kib(pid) for pid in family(running.served.process.pid)))


def _ask(running: FleetSite, over: threading.Event, watch: Watch) -> None:
    paths = ("status", f"inspections/{running.inspection}/hosts", f"inspections/{running.inspection}/scans",
             f"inspections/{running.inspection}/credentials", f"inspections/{running.inspection}/summary")  # fmt: skip
    while not over.is_set():
        for path in paths:
            began = time.monotonic()
            running.client.get(f"/api/v1/{path}")
            kind = path.rpartition("/")[2]
            watch.api_seconds.setdefault(kind, []).append(time.monotonic() - began)
            over.wait(0.05)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    try:
        lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    below = {int(child) for group in lists for child in group}
    return [pid, *(member for child in below for member in family(child))]


def pss_kib(pid: int) -> int:
    """Proportional set size; 0 for a process that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def reg_query(address: str) -> list[str]:
    """impacket's own program over the same keys."""
    program = Path(sys.executable).parent / "reg.py"
    key = f"HKLM\\{UNINSTALL.partition(chr(92))[2]}"
    return [sys.executable, str(program), f"inspector:{PASSWORD}@{address}", "query", "-keyName", key, "-s"]


def dpkg_query(address: str) -> list[str]:
    """What an administrator's loop runs."""
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return ["ssh", *options, f"inspector@{address}", "dpkg-query", "-W", "-f", "'${Package} ${Version}\\n'"]


def pool(running: FleetSite, commands: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Run the commands on the laptop, as many at once as we have workers."""
    asked = running.folder / "askpass"
    asked.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    asked.chmod(0o700)
    environment = {**os.environ, "SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}

    def run(command: Sequence[str]) -> None:
        done = running.lan.laptop.run(command, env=environment)
        assert done.returncode == 0, done.stderr[-300:]
        assert len(done.stdout.splitlines()) >= 200, done.stdout[-300:]

    began = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(run, commands))
    return len(commands), time.monotonic() - began


def per_minute(measured: tuple[int, float]) -> float:
    """Hosts a minute."""
    hosts, seconds = measured
    return hosts * 60 / seconds


def main_dict(**figures: Any) -> dict[str, Any]:
    """Figures rounded for people."""
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
