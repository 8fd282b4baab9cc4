"""What the discovery benches share: many live addresses on a switch, found by our sweep and by nmap's defaults."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from config.settings import load
from tests.lab.lan import Lan
from tests.lab.plans import Answer, HostPlan, Listener

CHECKOUT = Path(__file__).parents[2]
PORTS = load(environment={}).discovery.ports
KINDS = ((135, 445), (22,), (80, 9100), (80, 554), (445, 3389), (22, 80, 443))

Found = Mapping[str, frozenset[int]]


def plans(subnet: str, live: int) -> list[HostPlan]:
    """``live`` addresses spread over the subnet, behind six computers with different open ports."""
    usable = list(ip_network(subnet).hosts())[1:-1]
    chosen = [str(usable[n * len(usable) // live]) for n in range(live)]
    return [
        Listener(
            name=f"H{kind}",
            address=chosen[kind],
            more_addresses=tuple(chosen[kind + len(KINDS) :: len(KINDS)]),
            mac=f"10:c5:95:90:00:0{kind}",
            answers=tuple(Answer(port) for port in ports),
        )
        for kind, ports in enumerate(KINDS)
    ]


def ours(lan: Lan, subnet: str) -> tuple[float, Found]:
    """Our sweep in a running appliance; its processes and its parsing are included."""
    addresses = json.dumps([str(address) for address in ip_network(subnet).hosts()])
    command = [*lan.laptop.prefix, sys.executable, "-m", "bench.peers.sweep_warm"]
    done = subprocess.run(command, input=addresses, capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr[-500:]
    answer: dict[str, Any] = json.loads(done.stdout)
    chunks: list[dict[str, Any]] = answer["chunks"]
    assert all(chunk["type"] == "ChunkDone" for chunk in chunks), chunks[:1]
    hosts = [host for chunk in chunks for host in chunk["hosts"]]
    found = {host["address"]: frozenset(service["port"] for service in host["services"]) for host in hosts}
    return float(answer["seconds"]), found


def nmaps(lan: Lan, subnet: str) -> tuple[float, Found]:
    """``nmap -n -sn``, then ``nmap -n -Pn -p`` with our ports on the live ones, default timing."""
    began = time.monotonic()
    alive = [a for a in _run(lan, ["-sn", subnet]) if a != lan.laptop_address]
    found = _run(lan, ["-Pn", "-p", ",".join(map(str, PORTS)), *alive])
    return time.monotonic() - began, found


def _run(lan: Lan, arguments: list[str]) -> dict[str, frozenset[int]]:
    done = lan.laptop.run(["nmap", "-n", "-oX", "-", *arguments])
    assert done.returncode == 0, done.stderr
    found: dict[str, frozenset[int]] = {}
    for host in ElementTree.fromstring(done.stdout).iter("host"):
        state, address = host.find("status"), host.find("address[@addrtype='ipv4']")
        if state is not None and address is not None and state.get("state") == "up":
            ports = [p for p in host.iter("port") if p.find("state[@state='open']") is not None]
            found[str(address.get("addr"))] = frozenset(int(str(port.get("portid"))) for port in ports)
    return found


def compare(name: str, subnet: str, live: int, rounds: int) -> dict[str, Any]:
    """Both sides in turn; the same hosts and ports must be found each time. Medians."""
    with Lan.start(plans(subnet, live), subnet) as lan:
        pairs = [(ours(lan, subnet), nmaps(lan, subnet)) for _ in range(rounds)]
    for (_, mine), (_, theirs) in pairs:
        assert len(theirs) == live, len(theirs)
        assert mine == theirs, "the two sides found different things"
    fast, slow = (sorted(pair[side][0] for pair in pairs)[rounds // 2] for side in (0, 1))
    how = (
        f"{live} live of {ip_network(subnet).num_addresses} addresses, {len(PORTS)} ports; same hosts and ports as "
        f"nmap -n -sn, then nmap -n -Pn -p on the live ones; our children included; median of {rounds}"
    )
    line = {"name": name, "ours": round(fast, 2), "peer": round(slow, 2), "ratio": round(slow / fast, 2)}
    return line | {"unit": "s", "how": how}
