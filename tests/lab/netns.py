"""Network namespaces: made, plugged into a switch, left again. Nothing here touches the machine's own interfaces.

Names carry the process id (``hz<pid>x<n>-<role>``), so that what a dead process left behind can be found and removed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = re.compile(r"^hz(?P<pid>\d+)x\d+-")
BRIDGE = "br0"
NIC = "eth0"
END_SECONDS = 60


class LabError(Exception):
    """The lab could not be built; the text holds what the failing program printed."""


def run_checked(argv: Sequence[str], stdin: str = "") -> str:
    """Run a program of this machine and return what it printed. Raises LabError with its words when it fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace. Programs run in it with the machine's own files."""

    name: str

    @property
    def prefix(self) -> list[str]:
        """What to put before a command line so that it runs in this namespace."""
        return ["ip", "netns", "exec", self.name]

    def create(self) -> None:
        """Make it, with loopback up and IPv6 off (router and multicast noise would blur captures)."""
        run_checked(["ip", "netns", "add", self.name])
        quiet = "for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done; ip link set lo up"
        run_checked([*self.prefix, "sh", "-c", f"[ -d /proc/sys/net/ipv6 ] || exec ip link set lo up; {quiet}"])

    def configure(self, *lines: str) -> None:
        """Run ``ip`` command lines inside."""
        run_checked(["ip", "-n", self.name, "-batch", "-"], "\n".join(lines) + "\n")

    def run(self, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command inside and return what it printed; its exit code is not checked."""
        return subprocess.run([*self.prefix, *argv], capture_output=True, text=True, **options)

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a command inside with binary pipes; the caller ends it."""
        return subprocess.Popen(
            [*self.prefix, *argv], universal_newlines=False, text=False, encoding=None, errors=None, **options
        )

    def pids(self) -> list[int]:
        """Process ids that live in it, seen from the machine."""
        done = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True)
        return [int(word) for word in done.stdout.split()]

    def remove(self) -> None:
        """End what still runs inside, by pid, and delete it; quiet when it is gone already."""
        pids = self.pids()
        for pid in pids:
            end(pid)
        await_end(pids)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


def end(pid: int) -> None:
    """Kill one process that the lab started; quiet when it has ended by itself."""
    if pid in (os.getpid(), os.getppid(), 1):
        raise LabError(f"refusing to kill process {pid}")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def await_end(pids: Sequence[int]) -> None:
    """Wait until none of the killed processes lives. Raises LabError after a minute."""
    deadline = time.monotonic() + END_SECONDS
    while left := [pid for pid in pids if alive(pid)]:
        if time.monotonic() > deadline:
            raise LabError(f"processes {left} do not end")
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and was not collected by its parent does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def make_switch(switch: Namespace) -> None:
    """Make the namespace that holds the bridge; no interface of the machine is ever put on it."""
    switch.create()
    switch.configure(f"link add {BRIDGE} type bridge mcast_snooping 0", f"link set {BRIDGE} up")


def plug(host: Namespace, switch: Namespace, port: int, mac: str, address: str) -> None:
    """Wire a namespace to the switch. ``address`` is written with its prefix length, e.g. ``10.77.0.11/24``.

    Both ends of the cable are created inside namespaces: the machine itself never sees them.
    """
    peer = f"port{port}"
    cable = ["ip", "link", "add", NIC, "netns", host.name, "address", mac, "type", "veth"]
    run_checked([*cable, "peer", "name", peer, "netns", switch.name])
    switch.configure(f"link set {peer} master {BRIDGE} up")
    host.configure(f"addr add {address} dev {NIC}", f"link set {NIC} up")


def drop(host: Namespace, ports: Sequence[int]) -> None:
    """Let a firewall inside the host swallow TCP packets to these ports."""
    for port in ports:
        run_checked([*host.prefix, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP"])


def existing() -> list[Namespace]:
    """Every lab namespace on this machine, of any process."""
    names = [line.split()[0] for line in run_checked(["ip", "netns", "list"]).splitlines() if line.strip()]
    return [Namespace(name) for name in names if NAME.match(name)]


def sweep() -> list[str]:
    """Remove the namespaces (and the processes inside) of lab owners that no longer live; return their names."""
    dead = [space for space in existing() if not alive(_owner(space))]
    for space in dead:
        space.remove()
    return [space.name for space in dead]


def _owner(space: Namespace) -> int:
    match = NAME.match(space.name)
    return int(match["pid"]) if match else os.getpid()


def listening_ports(pid: int) -> set[int]:
    """TCP ports in state LISTEN in the network namespace of a process (``/proc/<pid>/net/tcp``, state 0A)."""
    ports: set[int] = set()
    for name in ("tcp", "tcp6"):
        table = Path(f"/proc/{pid}/net/{name}")
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        ports |= {int(row.split()[1].rpartition(":")[2], 16) for row in rows if row.split()[3] == "0A"}
    return ports


def python(script: Path, *arguments: str) -> list[str]:
    """Command line that runs one of our stand-alone scripts, isolated from the environment."""
    return [sys.executable, "-I", str(script), *arguments]


def clean_environment() -> Mapping[str, str]:
    """What a program inside a host gets: no variable of the machine's user."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
