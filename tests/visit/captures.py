"""What the laptop sent, by capture; and runs that the suite makes a few times and the benches make often."""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from config.clock import SystemClock
from tests.lab.lan import Lan
from tests.lab.plans import Answer, HostPlan, LinuxPc, Listener, WindowsPc
from tests.scanner.transports.windows_lan import hive
from tests.visit.fleet_site import FleetSite

SUBNET = "10.78.0.0/24"
PASSWORD = "Not-a-real-1"  # of accounts that exist only in the test LAN
AFTER_SECONDS = 3.0
BEGUN_BYTES = 2000  # of capture: some twenty frames


def plans() -> list[HostPlan]:
    """Computers that are read for a while, two that accept and say nothing; all other addresses are dead."""
    registry = hive()
    windows = [
        WindowsPc(
            name=f"PC{n}",
            address=f"10.78.0.{10 + n}",
            more_addresses=tuple(f"10.78.0.{50 + 10 * n + k}" for k in range(8)),
            mac=f"10:c5:95:78:00:0{n}",
            password=PASSWORD,
            registry=registry,
        )
        for n in range(3)
    ]
    linux = LinuxPc(
        name="LX", address="10.78.0.20", mac="10:c5:95:78:00:20", password=PASSWORD, os_release="ID=debian\n"
    )
    answers = (Answer(445), Answer(22))
    silent = [
        Listener(name=f"SIL{n}", address=f"10.78.0.{30 + n}", mac=f"10:c5:95:78:00:3{n}", answers=answers)
        for n in range(2)
    ]
    return [*windows, linux, *silent]


def sent(pcap: Path, source: str) -> Iterator[tuple[float, str]]:
    """Time and target of every IPv4 packet and ARP request that ``source`` sent (libpcap file, Ethernet)."""
    data = pcap.read_bytes()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length = struct.unpack_from("<III", data, at)
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[12:14] == b"\x08\x00" and str(ip_address(frame[26:30])) == source:
            yield seconds + micros / 1e6, str(ip_address(frame[30:34]))
        elif frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01" and str(ip_address(frame[28:32])) == source:
            yield seconds + micros / 1e6, str(ip_address(frame[38:42]))


class Silence(NamedTuple):
    """Seconds until the last packet left: since a person asked for it, and since the custody log says so."""

    pressed: float
    recorded: float


def seconds_to_silence(site: FleetSite, delay: float, *, by_command: bool = False) -> Silence:
    """Scan, and cancel ``delay`` seconds after its first packets."""
    pcap = site.folder / "cancel.pcap"
    with site.lan.capture(pcap):
        job = site.start_scan()
        while pcap.stat().st_size < BEGUN_BYTES:
            time.sleep(0.02)
        time.sleep(delay)
        scan = site.get("scans")["items"][-1]["id"]
        pressed = SystemClock().now().timestamp()
        if by_command:
            done = site.command("scan", "cancel", site.inspection, scan)
            assert done.returncode == 0, done.stderr
        else:
            site.post(f"scans/{scan}/cancel")
        site.await_job(job, lambda state: state["state"] != "running")  # pyright: ignore[reportUnknownLambdaType]
        time.sleep(AFTER_SECONDS)
    times = [at for at, _ in sent(pcap, site.lan.laptop_address)]
    return Silence(max(times) - pressed, max(times) - _last_cancelled(site))


def _last_cancelled(site: FleetSite) -> float:
    custody = site.folder / "data" / "inspections" / site.inspection / "custody.jsonl"
    records = map(json.loads, custody.read_text("utf-8").splitlines())
    return max(datetime.fromisoformat(one["at"]).timestamp() for one in records if one["action"] == "scan.cancelled")


def generated_scope(seed: int) -> tuple[list[str], list[str]]:
    """Ranges and exclusions inside the subnet, that cut through its hosts; the same for the same seed."""
    noise = hashlib.sha256(f"scope {seed}".encode()).digest()
    first, size = 5 + noise[0] % 40, 20 + noise[1] % 60
    last = first + size
    excluded = sorted({first + noise[2 + k] % size for k in range(3)})
    ranges = [f"10.78.0.{first}-10.78.0.{last}"]
    if noise[9] % 2 and last < 200:
        ranges.append(f"10.78.0.{last + 5}-10.78.0.{last + 9}")
    return ranges, [f"10.78.0.{n}" for n in excluded]


def outside(lan: Lan, pcap: Path, ranges: list[str], exclusions: list[str]) -> set[str]:
    """Targets of packets that lie outside."""
    allowed = {
        str(ip_address(number))
        for text in ranges
        for number in range(int(ip_address(text.partition("-")[0])), int(ip_address(text.rpartition("-")[2])) + 1)
    } - set(exclusions)
    targets = {target for _, target in sent(pcap, lan.laptop_address)}
    assert targets & allowed, "nothing was sent"
    assert all(ip_address(target) in ip_network(SUBNET) for target in targets - allowed)
    return targets - allowed


def scan_in_scope(site: FleetSite, seed: int, **options: bool) -> set[str]:
    """Scan in a generated scope; returns targets outside of it."""
    ranges, exclusions = generated_scope(seed)
    site.authorise(ranges, exclusions)
    pcap = site.folder / "scope.pcap"
    with site.lan.capture(pcap):
        site.scan(**options)
    return outside(site.lan, pcap, ranges, exclusions)
