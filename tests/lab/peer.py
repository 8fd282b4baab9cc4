"""One running host: its own network, mount, UTS and process namespaces around the real server programs.

The machine's files are visible read-only through overlays; what makes the host another computer (accounts, package
database, firmware values) lies in the host's folder and is mounted over them inside its mount namespace only. Killing
the first process of the process namespace ends everything that the host ever started.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import netns
from tests.lab.netns import LabError, Namespace
from tests.lab.plans import HostPlan

READY_SECONDS = 120
OWN_PLACES = ("/etc/", "/var/lib/", "/opt/", "/home/", "/root/", "/usr/bin/", "/usr/local/", "/usr/share/applications/")
GROUPS = "root:x:0:\nnogroup:x:65534:\nusers:x:100:\n"
NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"

PROLOGUE = """\
set -e
cd {folder}
hostname {name}
mount -t tmpfs -o mode=755 lab /run
mount -t overlay -o lowerdir={folder}/root/etc:/etc lab /etc
"""


@dataclass(frozen=True, slots=True)
class Boot:
    """How a kind of host comes up: shell lines (the last one becomes the server) and the ports that prove it."""

    script: str
    ports: tuple[int, ...]
    seconds: float = READY_SECONDS


@dataclass(slots=True)
class Peer:
    """A host of the lab while it runs. ``process`` is None for a host that is off."""

    plan: HostPlan
    namespace: Namespace
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    ports: tuple[int, ...] = ()
    seconds: float = READY_SECONDS

    @property
    def name(self) -> str:
        """Name in the plan; also its hostname."""
        return self.plan.name

    @property
    def address(self) -> str:
        """IPv4 address."""
        return self.plan.address

    @property
    def mac(self) -> str:
        """MAC address, lower case with colons."""
        return self.plan.mac

    def run(self, argv: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on the host itself, with its files, its name and its processes."""
        first = str(self._first_process())
        inside = ["nsenter", "-t", first, "-m", "-u", "-n", "-p", "--", *argv]
        return subprocess.run(inside, input=stdin, capture_output=True, text=True, env=netns.clean_environment())

    def unplug(self) -> None:
        """Pull the cable."""
        self.namespace.configure(f"link set {netns.NIC} down")

    def plug_in(self) -> None:
        """Put the cable back."""
        self.namespace.configure(f"link set {netns.NIC} up")

    def log(self) -> str:
        """What the host's programs printed since it was started."""
        path = self.folder / "boot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _first_process(self) -> int:
        if self.process is None:
            raise LabError(f"{self.name} is off")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


def start(peer: Peer, boot: Boot) -> None:
    """Start the host's first process; :func:`await_ready` waits for it."""
    script = peer.folder / "boot.sh"
    script.write_text(PROLOGUE.format(folder=shlex.quote(str(peer.folder)), name=peer.name) + boot.script)
    isolate = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    with (peer.folder / "boot.log").open("wb") as log:
        peer.process = peer.namespace.popen(
            [*isolate, "sh", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=netns.clean_environment(),
        )
    peer.ports = boot.ports
    peer.seconds = boot.seconds


def await_ready(peer: Peer) -> None:
    """Wait until every port listens. Raises LabError with the host's log when it ends or takes too long."""
    if peer.process is None:
        return
    deadline = time.monotonic() + peer.seconds
    while not set(peer.ports) <= netns.listening_ports(peer.process.pid):
        if peer.process.poll() is not None:
            raise LabError(f"{peer.name} ended with {peer.process.returncode}:\n{peer.log()}")
        if time.monotonic() > deadline:
            raise LabError(f"{peer.name} does not listen on {peer.ports}:\n{peer.log()}")
        time.sleep(0.02)


def stop(peer: Peer) -> None:
    """End the host's processes and wait for them; the kernel ends a process namespace with its first process."""
    if peer.process is None:
        return
    pids = peer.namespace.pids()
    peer.process.kill()  # its first child dies with it (--kill-child)
    peer.process.wait(netns.END_SECONDS)
    netns.await_end(pids)
    peer.process = None


def put(folder: Path, path: str, content: str | bytes, mode: int = 0o644) -> None:
    """Lay a file into one of the places that are the host's own."""
    if not path.startswith(OWN_PLACES):
        raise LabError(f"not a place of the host's own: {path}")
    target = folder / "root" / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    target.chmod(mode)


def hide(folder: Path, path: str) -> None:
    """Make a file of the machine invisible to the host (an overlay whiteout: character device 0/0)."""
    target = folder / "root" / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))


def put_accounts(folder: Path, passwd: Sequence[str], shadow: Sequence[str] = ()) -> None:
    """The host's own user database, in place of the machine's."""
    system = ["root:x:0:0:root:/root:/usr/sbin/nologin", "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin"]
    put(folder, "/etc/passwd", "\n".join([*system, *passwd]) + "\n")
    put(folder, "/etc/shadow", "\n".join(["root:*:19700::::::", *shadow]) + "\n", 0o600)
    put(folder, "/etc/group", GROUPS)
    put(folder, "/etc/nsswitch.conf", NSSWITCH)
