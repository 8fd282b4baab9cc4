"""An isolated LAN of real peers: a switch, an inspector's laptop, one namespace a host.

``with Lan.start([...]) as lan:`` starts all hosts side by side and leaves nothing behind: no process, no namespace, no
file, also when a test fails in between. What a killed process left is swept at the next start.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.lab import domain, netns, peer, samba, ssh
from tests.lab.netns import LabError, Namespace
from tests.lab.peer import Boot, Peer
from tests.lab.plans import CuttingRelay, DomainController, DomainMember, HostPlan, LinuxPc, Listener, Off, WindowsPc
from tests.lab.sniffer import sniffing

DEFAULT_SUBNET = "10.77.0.0/24"
LAPTOP_MAC = "10:c5:95:00:00:fe"  # Lenovo
FOLDER_PREFIX = "hezheng-lab-"
LISTENER = Path(__file__).with_name("listener.py")
RELAY = Path(__file__).with_name("cutting_relay.py")
NEEDED = ("ip", "unshare", "nsenter", "smbd", "smbpasswd", "net", "sshd", "ssh-keygen", "openssl", "rpm", "rpmbuild")

_numbers = itertools.count()


class Lan:
    """A running LAN. ``laptop`` is the only namespace that a scanner belongs in."""

    def __init__(self, tag: str, subnet: str) -> None:
        self.subnet = ipaddress.ip_network(subnet)
        self.switch = Namespace(f"{tag}-switch")
        self.laptop = Namespace(f"{tag}-laptop")
        self.laptop_address = str(self.subnet.broadcast_address - 1)
        self.folder = Path(tempfile.gettempdir()) / f"{FOLDER_PREFIX}{tag}"
        self._tag = tag
        self._peers: dict[str, Peer] = {}
        self._ports = itertools.count(1)

    @classmethod
    def start(cls, hosts: Sequence[HostPlan], subnet: str = DEFAULT_SUBNET) -> Self:
        """Build the LAN and wait until every host answers. Raises LabError; nothing is left behind then."""
        _require_programs()
        sweep()
        lan = cls(f"hz{os.getpid()}x{next(_numbers)}", subnet)
        try:
            lan._build(hosts)
        except BaseException:
            lan.stop()
            raise
        return lan

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def host(self, name: str) -> Peer:
        """One host by its name in the plan. Raises KeyError."""
        return self._peers[name]

    @property
    def hosts(self) -> tuple[Peer, ...]:
        """All hosts in the plan's order, those that are off included."""
        return tuple(self._peers.values())

    def stop(self) -> None:
        """End every process by pid, remove the namespaces and the folder; may be called twice."""
        for host in self.hosts:
            peer.stop(host)
        for space in (self.laptop, *(host.namespace for host in self.hosts), self.switch):
            space.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def capture(self, path: Path, where: Literal["laptop", "switch"] = "laptop") -> Generator[Path]:
        """Record every frame at the laptop's interface, or at all ports of the switch, into a pcap file."""
        space, interface = (self.laptop, netns.NIC) if where == "laptop" else (self.switch, "any")
        with sniffing(interface, path, popen=space.popen):
            yield path

    def describe(self) -> dict[str, Any]:
        """The LAN as one JSON object, without secrets."""
        return {
            "schema": "hezheng.lab/1",
            "subnet": str(self.subnet),
            "laptop": {"namespace": self.laptop.name, "address": self.laptop_address},
            "hosts": [_described(host) for host in self.hosts],
        }

    def _build(self, hosts: Sequence[HostPlan]) -> None:
        _check_addresses(hosts, self)
        self.folder.mkdir(mode=0o755)
        netns.make_switch(self.switch)
        self.laptop.create()
        self._plug(self.laptop, LAPTOP_MAC, self.laptop_address)
        for plan in hosts:
            self._add(plan)
        for host in self.hosts:
            peer.await_ready(host)

    def _add(self, plan: HostPlan) -> None:
        host = Peer(plan, Namespace(f"{self._tag}-{plan.name}"), self.folder / plan.name)
        self._peers[plan.name] = host
        if (prepare := BOOTS.get(type(plan))) is None:
            return
        host.namespace.create()
        self._plug(host.namespace, plan.mac, plan.address)
        more = [f"addr add {address}/{self.subnet.prefixlen} dev {netns.NIC}" for address in plan.more_addresses]
        if more:
            host.namespace.configure(*more)
        netns.drop(host.namespace, plan.filtered_ports)
        (host.folder / "root" / "etc").mkdir(parents=True)
        peer.start(host, prepare(plan, host.folder))

    def _plug(self, space: Namespace, mac: str, address: str) -> None:
        netns.plug(space, self.switch, next(self._ports), mac, f"{address}/{self.subnet.prefixlen}")


def sweep() -> None:
    """Remove namespaces, processes and folders of lab owners that no longer live."""
    for name in netns.sweep():
        shutil.rmtree(Path(tempfile.gettempdir()) / f"{FOLDER_PREFIX}{name.partition('-')[0]}", ignore_errors=True)


def missing_programs() -> list[str]:
    """Programs of the system packages that the lab needs and this machine lacks."""
    path = netns.clean_environment()["PATH"]
    return [name for name in NEEDED if shutil.which(name, path=path) is None]


def _prepare_listener(plan: Listener, folder: Path) -> Boot:
    answers = json.dumps([dataclasses.asdict(answer) for answer in plan.answers])
    (folder / "answers.json").write_text(answers)
    command = " ".join(netns.python(LISTENER))
    return Boot(f'exec {command} "$(cat answers.json)"\n', tuple(answer.port for answer in plan.answers))


def _prepare_relay(plan: CuttingRelay, folder: Path) -> Boot:
    command = " ".join(netns.python(RELAY, plan.target, str(plan.answers), "close" if plan.hang_up else "hang"))
    return Boot(f"exec {command}\n", samba.SMB_PORTS)


BOOTS: dict[type[HostPlan], Callable[[Any, Path], Boot]] = {
    WindowsPc: samba.prepare,
    LinuxPc: ssh.prepare,
    Listener: _prepare_listener,
    DomainController: domain.prepare,
    DomainMember: domain.prepare_member,
    CuttingRelay: _prepare_relay,
}


def _described(host: Peer) -> dict[str, Any]:
    return {
        "name": host.name,
        "kind": type(host.plan).__name__,
        "address": host.address,
        "mac": host.mac,
        "on": not isinstance(host.plan, Off),
        "ports": list(host.ports),
    }


def _check_addresses(hosts: Sequence[HostPlan], lan: Lan) -> None:
    taken = {lan.laptop_address}
    for plan in hosts:
        for address in (plan.address, *plan.more_addresses):
            if ipaddress.ip_address(address) not in lan.subnet or address in taken:
                raise LabError(f"{plan.name}: {address} is outside {lan.subnet} or used twice")
            taken.add(address)


def _require_programs() -> None:
    if os.geteuid() != 0:
        raise LabError("the test LAN needs root")
    if missing := missing_programs():
        raise LabError(f"the test LAN needs these programs: {', '.join(missing)}")
