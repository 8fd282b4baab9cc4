"""Ask the hosts of a batch what they tell anybody: no login, no secret, a few packets each, and nothing is changed.

Runs in one limited child for many hosts: a process a host would cost more than the probes. Its guard lets it reach the
batch's addresses at the probes' ports and nothing else. A host gets about 35 packets, one probe after the other.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from config.clock import Clock, SystemClock
from config.network_services import NetworkService, ServiceKind
from scanner import sighting as sightings
from scanner.guard import Guard, confine
from scanner.probe_answers import NODE_STATUS_QUERY, node_status, ntlm_challenge, server_alive2, ssh_banner
from scanner.process import Job, Upwards
from scanner.session import SessionError
from scanner.sighting import EPMAP, NETBIOS, PACKETS_A_HOST, SMB, SSH, Sighting
from scanner.transports import dcerpc
from scanner.transports.ntlm import NtlmLogin
from scanner.transports.orpc import OBJECT_EXPORTER
from scanner.transports.smb_channel import Channel, ChannelLimits, connect
from scanner.transports.smb_logon import MORE_PROCESSING_REQUIRED, negotiate, told_offset
from scanner.transports.smb_protection import PreauthHash
from scanner.transports.smb_wire import Command, Malformed, parse_session_setup, session_setup

AT_ONCE = 64  # threads that mostly wait
ANSWER_BYTES = 1 << 16
SERVER_ALIVE2 = 5
IP_RECVTTL = 12  # linux/in.h; the socket module has no name for it
ABORT = struct.pack("ii", 1, 0)  # struct linger: closing sends one reset and nothing after it


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """One host: its address, the ports that discovery found open, and whether licensing ports are tried as well."""

    address: str
    ports: frozenset[int]
    services: bool = True


class BatchGuard(Guard):
    """The rule of a worker that asks several hosts."""

    def __init__(self, addresses: Iterable[str], ports: frozenset[int]) -> None:
        listed = list(addresses)
        super().__init__(listed[0], ports)
        self._addresses = frozenset(map(ip_address, listed))

    def is_own(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address in self._addresses


def probe_batch(job: Job, emit: Upwards) -> None:
    """Ask every host of a batch; ``{"address", "sightings"}`` goes up for each as it is done. Process target.

    The job is ``{"targets": [{"address", "ports", "services"}], "services": [[port, kind, name]], "seconds", "rate"}``;
    ``rate`` is the packets a second that the hosts together may get.
    """
    targets = [ProbeTarget(t["address"], frozenset(t["ports"]), t["services"]) for t in job["targets"]]
    services = [NetworkService(port, ServiceKind(kind), name) for port, kind, name in job["services"]]
    ports = frozenset({SSH, EPMAP, NETBIOS, SMB}) | {service.port for service in services}
    confine(BatchGuard((target.address for target in targets), ports))
    clock, seconds = SystemClock(), float(job["seconds"])
    with ThreadPoolExecutor(min(AT_ONCE, len(targets))) as pool:
        waiting: dict[Future[tuple[Sighting, ...]], ProbeTarget] = {}
        pause = threading.Event()  # nobody sets it: a wait of a known length
        for target in targets:
            waiting[pool.submit(probe_host, target, services, seconds, clock)] = target
            pause.wait(PACKETS_A_HOST / job["rate"])
        for done in as_completed(waiting):
            found = [sightings.to_json(seen) for seen in done.result()]
            emit({"address": waiting[done].address, "sightings": found})


def probe_host(
    target: ProbeTarget, services: Sequence[NetworkService], seconds: float, clock: Clock
) -> tuple[Sighting, ...]:
    """Everything one host tells; a probe that it does not answer, or answers with rubbish, gives nothing."""
    probes: list[Callable[[], Sighting]] = [lambda: ask_netbios(target.address, seconds)]
    if SMB in target.ports:
        probes.append(lambda: ask_ntlm(target.address, seconds, clock))
    if EPMAP in target.ports:
        probes.append(lambda: ask_oxid(target.address, seconds))
    if SSH in target.ports:
        probes.append(lambda: ask_ssh(target.address, seconds))
    found: list[Sighting] = []
    for probe in probes:
        with contextlib.suppress(OSError, ValueError, SessionError, Malformed, struct.error):
            found.append(probe())
    if target.services:
        found += listening(target.address, services, seconds)
    return tuple(found)


def ask_ntlm(address: str, seconds: float, clock: Clock, port: int = SMB) -> Sighting:
    """Negotiate SMB and begin a login that is never finished: the server's challenge names it.

    No account is named and no answer is computed, so nothing is counted against anybody.
    """
    channel = Channel(
        connect(address, port, seconds), ChannelLimits(seconds, seconds, 3 * seconds, ANSWER_BYTES), clock
    )
    try:
        settled = negotiate(channel, PreauthHash())
        answer = channel.call(Command.SESSION_SETUP, session_setup(NtlmLogin("", "", "").first_token()))
        if answer.status != MORE_PROCESSING_REQUIRED:
            raise ValueError("no challenge")
        seen = ntlm_challenge(parse_session_setup(answer)[1], clock.now())
        offset = seen.clock_offset_seconds
        return replace(
            seen,
            clock_offset_seconds=told_offset(channel, settled) if offset is None else offset,
            dialect=settled.dialect.shown,
        )
    finally:
        channel.close()


def ask_oxid(address: str, seconds: float, port: int = EPMAP) -> Sighting:
    """ServerAlive2 of the object resolver, which asks for no login."""
    with _connected(address, port, seconds) as sock:
        sock.sendall(dcerpc.bind(OBJECT_EXPORTER))
        if not dcerpc.accepted(_pdu(sock)):
            raise ValueError("no object resolver")
        sock.sendall(dcerpc.request(SERVER_ALIVE2, b""))
        answer = _pdu(sock)
    if len(answer) < 24 or answer[2] != dcerpc.RESPONSE:
        raise ValueError("no answer of ServerAlive2")
    return server_alive2(answer[24:])


def ask_netbios(address: str, seconds: float) -> Sighting:
    """Node status over UDP; the answer's TTL shows whether a router lies in between."""
    if ":" in address:
        raise ValueError("NetBIOS is spoken over IPv4 alone")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.settimeout(seconds)
        sock.connect((address, NETBIOS))
        sock.send(NODE_STATUS_QUERY)
        data, ancillary, _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(4))
    lives = [
        struct.unpack("i", value[:4])[0] for level, kind, value in ancillary if (level, kind) == (0, socket.IP_TTL)
    ]
    return node_status(data, lives[0] if lives else None)


def ask_ssh(address: str, seconds: float, port: int = SSH) -> Sighting:
    """What the server says before anything is asked."""
    data = b""
    with _connected(address, port, seconds) as sock:
        while b"SSH-" not in data or b"\n" not in data[data.index(b"SSH-") :]:
            if not (chunk := sock.recv(1024)) or len(data) > 8192:
                break
            data += chunk
    return ssh_banner(data)


def listening(address: str, services: Sequence[NetworkService], seconds: float) -> Iterator[Sighting]:
    """Which licensing ports accept a connection; it is reset at once and nothing is sent."""
    waiting: dict[socket.socket, NetworkService] = {}
    try:
        for service in services:
            sock = _fresh(address)
            waiting[sock] = service
            sock.setblocking(False)
            sock.connect_ex((address, service.port))
        opened = _accepted(waiting, seconds)
    finally:
        for sock in waiting:
            sock.close()
    for service in opened:
        yield Sighting(source=f"port:{service.port}", service=service.kind)


def _accepted(waiting: Mapping[socket.socket, NetworkService], seconds: float) -> list[NetworkService]:
    """The ports that answered with an open door within ``seconds`` of the last answer."""
    left, opened = set(waiting), list[NetworkService]()
    while left:
        _, ready, _ = select.select([], list(left), [], seconds)
        if not ready:
            break
        for sock in ready:
            left.discard(sock)
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.EISCONN):
                opened.append(waiting[sock])
    return sorted(opened, key=lambda service: service.port)


def _fresh(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    return sock


@contextlib.contextmanager
def _connected(address: str, port: int, seconds: float) -> Generator[socket.socket]:
    with _fresh(address) as sock:
        sock.settimeout(seconds)
        sock.connect((address, port))
        yield sock


def _pdu(sock: socket.socket) -> bytes:
    """One DCE/RPC packet. Raises ValueError when it is none."""
    head = _exactly(sock, 16)
    length = struct.unpack_from("<H", head, 8)[0]
    if head[0] != 5 or length < 16:
        raise ValueError("no RPC packet")
    return head + _exactly(sock, length - 16)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (chunk := sock.recv(size - len(data))):
            raise ValueError("closed by the host")
        data += chunk
    return data
