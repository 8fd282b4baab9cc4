"""One host in one process: log in, run the collectors, send raw records and facts up. Runs in the limited child.

Messages up, one JSON object each: ``{"step": "sending"}`` before anything made from the password leaves,
``{"step": "accepted"}`` once it is known to be right, ``{"login": "accepted", "channel"}`` when collecting begins,
``{"raw": record}`` for every answer, ``{"change": line}`` before the host is changed in any way (the worker waits for
the answer, because it has no files of its own), ``{"refused": {"kind", "outcome", "reason"}}`` when it did not come to
collecting, ``{"facts": document}`` last.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from config.clock import Clock, SystemClock, rfc3339
from config.windows_marks import WindowsMarks
from scanner import facts
from scanner.collectors import linux as linux_programs
from scanner.collectors.linux.answers import OnceShell
from scanner.collectors.windows import collectors_for
from scanner.facts import Attempt
from scanner.login_step import LoginStep
from scanner.model import CollectorResult, Platform, Record
from scanner.process import Emit, Job, Upwards
from scanner.raw import error_to_json
from scanner.recording import Recorder, RecordingShell, recorded
from scanner.remote_registry import Access
from scanner.restoring import announcing
from scanner.runner import run_collectors
from scanner.scope import install_guard
from scanner.session import LinuxSession, SessionError, WindowsSession
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from scanner.transports.ssh import SshLimits, SshTarget, fetch_host_key, open_linux
from scanner.transports.wmi import ENDPOINT_PORT, OBJECT_PORTS, WmiLimits, WmiTarget
from scanner.transports.wmi_session import LazyWmi, lazy_wmi

ABORT = struct.pack("ii", 1, 0)  # struct linger: closing sends one reset and nothing after it

WMI_PORTS = OBJECT_PORTS | {ENDPOINT_PORT}

Collected = tuple[list[Record], list[CollectorResult]]


@dataclass(frozen=True, slots=True)
class HostJob:
    """What a worker is told. ``protocol`` is ``smb`` or ``ssh``; ``port`` the one it may connect to."""

    facts_id: str
    address: str
    protocol: str
    port: int
    username: str
    domain: str
    secret: str
    host_key: str
    redaction_key: str  # hexadecimal
    limits: Mapping[str, Any]
    permits_service_start: bool = False
    wmi: bool = False  # port 135 was open at discovery
    marks: Mapping[str, Any] = field(default_factory=dict[str, Any])  # config.windows_marks
    sudo: bool = False  # the credential may use sudo

    @property
    def ports(self) -> frozenset[int]:
        """The ports this worker may connect to."""
        return frozenset({self.port}) | (WMI_PORTS if self.wmi else frozenset())

    @classmethod
    def from_json(cls, job: Job) -> HostJob:
        """Build from the object that came down the pipe."""
        return cls(**{name: job[name] for name in cls.__slots__ if name in job})

    def __repr__(self) -> str:
        return f"HostJob({self.address}, {self.protocol}, {self.username!r})"


def collect_host(job: Job, emit: Upwards) -> None:
    """Collect one host. Process target; every error of the host becomes a message, our own crash a ChildCrashed."""
    host = HostJob.from_json(job)
    install_guard(host.address, host.ports)
    clock = SystemClock()
    started = rfc3339(clock.now())
    try:
        with _opened(host, clock, emit) as session:
            emit({"login": "accepted", "channel": session.channel})
            records, results = _collect(session, host, clock, emit)
    except SessionError as error:
        emit({"refused": error_to_json(error)})
        return
    attempt = Attempt(
        host.facts_id,
        host.address,
        started,
        rfc3339(clock.now()),
        _platform(session),
        session.grade if isinstance(session, LinuxSession) else session.channel,
        host.username,
    )
    emit.text("facts", facts.to_text(facts.assemble(attempt, records, results)))


def fetch_key(job: Job, emit: Emit) -> None:
    """Fetch the SSH host key of one host without logging in. Process target."""
    install_guard(job["address"], frozenset({job["port"]}))
    try:
        key = fetch_host_key(job["address"], job["port"], job["timeout_seconds"])
    except SessionError as error:
        emit({"refused": error_to_json(error)})
        return
    emit({"host_key": {"type": key.type, "base64": key.base64, "fingerprint": key.fingerprint}})


def knock(job: Job, emit: Emit) -> None:
    """Say whether one port still answers a connection, by accepting or refusing it. Process target."""
    address, port = str(job["address"]), int(job["port"])
    install_guard(address, frozenset({port}))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(job["timeout_seconds"])
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        try:
            probe.connect((address, port))
        except ConnectionRefusedError:
            emit({"answers": True})
        except OSError:
            emit({"answers": False})
        else:
            emit({"answers": True})


def _collect(session: WindowsSession | LinuxSession, host: HostJob, clock: Clock, emit: Emit) -> Collected:
    key = bytes.fromhex(host.redaction_key)
    recorder = Recorder(lambda record: emit({"raw": record.to_json()}), clock, session.channel, key)

    def announce(name: str) -> None:
        recorder.collector = name

    if isinstance(session, WindowsSession):
        windows = recorded(session, recorder, WindowsMarks.from_json(host.marks))
        return run_collectors(windows, collectors_for(windows), announce)
    linux = LinuxSession(OnceShell(RecordingShell(session.shell, recorder)), session.channel, session.elevation)
    return run_collectors(linux, linux_programs.collectors_for(linux), announce)


@contextmanager
def _opened(host: HostJob, clock: Clock, emit: Upwards) -> Generator[WindowsSession | LinuxSession]:
    def announce(step: LoginStep) -> None:
        emit({"step": step})

    if host.protocol == "smb":
        smb = SmbTarget(
            address=host.address,
            port=host.port,
            username=host.username,
            domain=host.domain,
            secret=host.secret,
            announce=announce,
        )
        with _wmi(host, clock) as wmi:
            access = Access(host.permits_service_start, announcing(emit), wmi.registry if wmi else None)
            with open_windows(smb, SmbLimits(**host.limits), clock, access) as windows:
                yield replace(windows, wmi=wmi)
    else:
        ssh = SshTarget(host.address, host.port, host.username, host.secret, host.host_key, announce, host.sudo)
        with open_linux(ssh, SshLimits(**host.limits), clock) as linux:
            yield linux


@contextmanager
def _wmi(host: HostJob, clock: Clock) -> Generator[LazyWmi | None]:
    """WMI beside SMB, opened at its first question; the SMB login has proved the account by then."""
    if not host.wmi:
        yield None
        return
    target = WmiTarget(address=host.address, username=host.username, domain=host.domain, secret=host.secret)
    limits = WmiLimits(
        connect_seconds=host.limits["connect_seconds"],
        logon_seconds=host.limits["answer_seconds"],
        deadline_seconds=host.limits["deadline_seconds"],
        keys=host.limits["keys"],
        value_bytes=host.limits["value_bytes"],
        total_bytes=host.limits["total_bytes"],
    )
    with lazy_wmi(target, limits, clock) as wmi:
        yield wmi


def _platform(session: WindowsSession | LinuxSession) -> Platform:
    return Platform.WINDOWS if isinstance(session, WindowsSession) else Platform.LINUX
