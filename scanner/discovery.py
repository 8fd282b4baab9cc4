"""Which addresses answer: nmap over chunks of addresses, each chunk in a limited process of its own.

nmap gets ``-n``, fixed options and literal addresses as separate arguments: no shell, and not python-nmap's launcher,
which splits its target string with shlex, so that a crafted target becomes options. python-nmap reads nmap's answer.
No scripts, no version and no operating system fingerprints.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, cast

import nmap

from config.clock import Clock, rfc3339
from config.message import Message
from config.problems import EnvironmentProblem
from config.settings import Discovery
from scanner import process
from scanner.devices import classify, is_local_mac
from scanner.discovery_plan import (
    Chunk,
    DiscoveryPlan,
    chunks,
    literal,
    mode_remark,
    nmap_arguments,
    plan_discovery,
    probed_ports,
)
from scanner.model import Host, Service
from scanner.process import Child, ChildCrashed, ChildEnded, DeadlinePassed, Emit, Job, Limits

__all__ = [
    "Chunk",
    "ChunkDone",
    "ChunkFailed",
    "DiscoveryPlan",
    "chunks",
    "find_nmap",
    "may_send_raw",
    "mode_remark",
    "plan_discovery",
    "sweep",
]

NMAP_PATHS = ("/usr/bin/nmap", "/usr/local/bin/nmap", "/opt/local/bin/nmap")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
CAP_NET_RAW = 13
POLL_SECONDS = 0.2
MEMORY_MB = 512
XML_BYTES = 8 << 20  # 256 hosts × 13 ports are about half a MiB
DETAIL_CHARACTERS = 300

Mode = Literal["raw", "connect"]


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """One swept chunk. ``unrouted``: addresses to which this machine has no route, so nothing was sent."""

    index: int
    addresses: tuple[str, ...]
    hosts: tuple[Host, ...]
    mode: Mode
    unrouted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A chunk without a usable answer; it can be swept again."""

    index: int
    addresses: tuple[str, ...]
    reason: Message


def find_nmap(candidates: Iterable[str] = NMAP_PATHS) -> str:
    """Path of the installed nmap. Raises EnvironmentProblem ``discovery.nmap_missing``."""
    for path in candidates:
        if os.access(path, os.X_OK) and Path(path).is_file():
            return path
    raise EnvironmentProblem("discovery.nmap_missing")


def may_send_raw(path: str, status: Path = Path("/proc/self/status")) -> bool:
    """Whether nmap, started from here, may send ARP and SYN: by our capability, or by the file's own (``setcap``)."""
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    if int(fields["CapEff"], 16) >> CAP_NET_RAW & 1:
        return True
    with contextlib.suppress(OSError):  # no such attribute on this file or file system
        permitted = os.getxattr(path, "security.capability")[4:8]  # struct vfs_cap_data, capability(7)
        return bool(int.from_bytes(permitted, "little") >> CAP_NET_RAW & 1)
    return False


def sweep(
    plan: DiscoveryPlan,
    settings: Discovery,
    clock: Clock,
    *,
    cancelled: Callable[[], bool],
    skip: Collection[int] = (),
    nmap_path: str | None = None,
) -> Generator[ChunkDone | ChunkFailed]:
    """Sweep the plan's addresses in chunks, several at a time, and yield each chunk as it ends.

    ``skip`` resumes: indexes of :func:`chunks` that are done. Ends early, with every nmap killed, when ``cancelled()``
    turns true or the iterator is closed: a chunk that was not yielded was not swept. The caller checks the
    authorisation. Before anything is sent it raises EnvironmentProblem ``discovery.nmap_missing`` or BadInput
    ``discovery.bad_address``, ``discovery.no_ports``.
    """
    task = _Task(nmap_path or find_nmap(), probed_ports(plan, settings), plan.privileged, plan.gentle, settings, clock)
    at_once = 1 if plan.gentle else settings.parallel_chunks
    waiting = deque(chunk for chunk in chunks(plan) if chunk.index not in skip)
    running: dict[Connection, _Run] = {}
    try:
        while (waiting or running) and not cancelled():
            while waiting and len(running) < at_once:
                run = _Run(waiting.popleft(), task)
                running[run.child.connection] = run
            for connection in _ready(running):
                if (result := running[connection].advance()) is not None:
                    del running[connection]
                    yield result
    finally:
        for run in running.values():
            run.kill()


def _ready(running: Mapping[Connection, _Run]) -> list[Connection]:
    spoke = set(wait(list(running), POLL_SECONDS))
    return [c for c, run in running.items() if c in spoke or run.child.seconds_left == 0]


@dataclass(frozen=True, slots=True)
class _Task:
    """What all chunks of one sweep share."""

    nmap: str
    ports: tuple[int, ...]
    privileged: bool
    gentle: bool
    settings: Discovery
    clock: Clock

    def start(self, chunk: Chunk) -> Child:
        job = {
            "nmap": self.nmap,
            "addresses": chunk.addresses,
            "ports": self.ports,
            "privileged": self.privileged,
            "packets_per_second": self.settings.host_packets_per_second,
            "sweep_rate": self.settings.sweep_packets_per_second,
            "gentle": self.gentle,
        }
        seconds = self.settings.chunk_timeout_seconds
        return process.start(sweep_chunk, job, Limits(seconds, seconds, MEMORY_MB), self.clock)


class _Run:
    """One chunk on its way; holds its nmap by pidfd, so that no other process can be hit."""

    def __init__(self, chunk: Chunk, task: _Task) -> None:
        self.child = task.start(chunk)
        self._chunk = chunk
        self._task = task
        self._result: ChunkDone | ChunkFailed | None = None
        self._nmap: int | None = None

    def advance(self) -> ChunkDone | ChunkFailed | None:
        """Take the child's next word; return the result once the child has ended."""
        try:
            word = self.child.receive()
        except ChildEnded as ended:
            self.kill()
            return self._ended_early(ended)
        if word is None:
            self.kill()
            return self._result or self._failed(Message.of("discovery.child_failed", detail="no result"))
        self._hear(word)
        return None

    def kill(self) -> None:
        """End nmap and the child that reads it."""
        if self._nmap is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._nmap, signal.SIGKILL)
            os.close(self._nmap)
            self._nmap = None
        self.child.kill()

    def _hear(self, word: Mapping[str, Any]) -> None:
        if "pid" in word:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                self._nmap = os.pidfd_open(int(word["pid"]))
        elif "failed" in word:
            self._result = self._failed(Message.from_json(word["failed"]))
        else:
            self._result = self._done(word)

    def _done(self, word: Mapping[str, Any]) -> ChunkDone | ChunkFailed:
        strangers = [found["address"] for found in word["hosts"] if found["address"] not in self._chunk.addresses]
        if strangers:
            return self._failed(Message.of("discovery.suspicious_result", detail=str(strangers[0])))
        seen_at = rfc3339(self._task.clock.now())
        hosts = tuple(_host(found, seen_at) for found in word["hosts"])
        mode: Mode = "raw" if self._task.privileged else "connect"
        return ChunkDone(self._chunk.index, self._chunk.addresses, hosts, mode, tuple(word["unrouted"]))

    def _ended_early(self, ended: ChildEnded) -> ChunkFailed:
        if isinstance(ended, DeadlinePassed):
            return self._failed(Message.of("discovery.timed_out", seconds=self._task.settings.chunk_timeout_seconds))
        detail = ended.trace.strip().rpartition("\n")[2] if isinstance(ended, ChildCrashed) else ""
        return self._failed(Message.of("discovery.child_failed", detail=(detail or repr(ended))[:DETAIL_CHARACTERS]))

    def _failed(self, reason: Message) -> ChunkFailed:
        addresses = self._chunk.addresses
        about = {"count": len(addresses), "first": addresses[0], "last": addresses[-1]}
        return ChunkFailed(self._chunk.index, addresses, Message(reason.code, {**about, **reason.params}))


def _host(found: Mapping[str, Any], seen_at: str) -> Host:
    services = tuple(Service(int(port)) for port in found["ports"])
    kind, evidence = classify(services, found["vendor"])
    return Host(
        address=found["address"],
        seen_at=seen_at,
        mac=found["mac"],
        mac_vendor=found["vendor"],
        mac_random=is_local_mac(found["mac"]),
        services=services,
        kind=kind,
        kind_evidence=evidence,
    )


# What follows runs in the child.


class _Unusable(Exception):
    def __init__(self, reason: Message) -> None:
        super().__init__(reason.code)
        self.reason = reason


def sweep_chunk(job: Job, emit: Emit) -> None:
    """Child: run nmap over one chunk and emit ``{"pid"}``, then ``{"hosts", "unrouted"}`` or ``{"failed"}``."""
    unrouted = [address for address in job["addresses"] if not _has_route(address)]
    targets = [address for address in job["addresses"] if address not in unrouted]
    try:
        if not targets:
            raise _Unusable(Message.of("discovery.no_route"))
        xml, errors = _run_nmap(job, targets, emit)
        emit({"hosts": _read_hosts(job["nmap"], xml, errors, len(targets)), "unrouted": unrouted})
    except _Unusable as unusable:
        emit({"failed": unusable.reason.to_json()})


def _run_nmap(job: Job, targets: list[str], emit: Emit) -> tuple[bytes, bytes]:
    arguments = nmap_arguments(
        targets,
        job["ports"],
        privileged=job["privileged"],
        packets_per_second=job["packets_per_second"],
        sweep_rate=job["sweep_rate"],
        gentle=job["gentle"],
    )
    with subprocess.Popen(
        [job["nmap"], *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  this process has one thread
    ) as running:
        emit({"pid": running.pid})
        xml, errors = running.communicate()
    if running.returncode != 0:
        raise _Unusable(_nmap_failed(errors, f"exit {running.returncode}"))
    return xml, errors


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(process.PR_SET_PDEATHSIG, signal.SIGKILL)


def _read_hosts(path: str, xml: bytes, errors: bytes, expected: int) -> list[dict[str, Any]]:
    _check_xml(xml)
    try:
        parser = nmap.PortScanner(nmap_search_path=(path,))
        answer = cast("dict[str, Any]", parser.analyse_nmap_xml_scan(xml.decode("utf-8", "replace")))
    except nmap.PortScannerError as error:
        raise _Unusable(Message.of("discovery.truncated")) from error
    # nmap skips what it cannot reach and still says success: silence must not read as an empty network.
    if int(answer["nmap"]["scanstats"]["totalhosts"]) != expected:
        raise _Unusable(_nmap_failed(errors, "targets skipped"))
    found = (_found(address, host) for address, host in answer["scan"].items() if host["status"]["state"] == "up")
    return [host for host in found if not _is_own(host["address"])]


def _check_xml(xml: bytes) -> None:
    if len(xml) > XML_BYTES:
        raise _Unusable(Message.of("discovery.suspicious_result", detail=f"{len(xml)} bytes"))
    if b"<!ENTITY" in xml:
        raise _Unusable(Message.of("discovery.suspicious_result", detail="<!ENTITY"))
    if not xml.rstrip().endswith(b"</nmaprun>") or b'exit="success"' not in xml:
        raise _Unusable(Message.of("discovery.truncated"))


def _found(address: str, host: Mapping[str, Any]) -> dict[str, Any]:
    mac = host["addresses"].get("mac")
    ports = sorted(port for port, seen in host.get("tcp", {}).items() if seen["state"] == "open")
    return {"address": literal(address), "mac": mac, "vendor": host["vendor"].get(mac), "ports": ports}


def _nmap_failed(errors: bytes, otherwise: str) -> Message:
    lines = errors.decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in lines if line.strip()), otherwise)
    return Message.of("discovery.nmap_failed", detail=said[:DETAIL_CHARACTERS])


def _has_route(address: str) -> bool:
    """Ask the kernel: connecting a datagram socket picks a route and sends nothing."""
    with _datagram_socket(address) as probe:
        try:
            probe.connect((address, 9))
        except OSError as error:
            return error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
    return True


def _is_own(address: str) -> bool:
    """Whether this is the inspector's machine itself: only an own address can be bound. Loopback is nobody's."""
    if ip_address(address).is_loopback:
        return False
    with _datagram_socket(address) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _datagram_socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
