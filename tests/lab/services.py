"""A Windows PC whose RemoteRegistry service has a state: SMB 2.1 signed, ``\\svcctl`` and ``\\winreg``.

Behaves as documented: a stopped service's pipe does not exist; opening it starts a service whose start type allows
that; a disabled service does not start; a running one stays running when it is set to disabled. Every call of the
service control manager is kept in :attr:`Machine.calls`. Source: [MS-SCMR] §3.1.4.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.hostile.smb import BIND, IOCTL, READ, Request, Script, setup_body

CLOSE = 6
NAME_NOT_FOUND, ACCESS_DENIED_STATUS, DISCONNECTED = 0xC0000034, 0xC0000022, 0xC00000B0
STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
AUTOMATIC, MANUAL, DISABLED = 2, 3, 4
CLOSE_HANDLE, CONTROL, CHANGE_CONFIG, OPEN_MANAGER, OPEN_SERVICE, QUERY_CONFIG, START, QUERY_STATUS_EX = (
    0, 1, 11, 15, 16, 17, 19, 40,
)  # fmt: skip
NAMES = {CONTROL: "stop", CHANGE_CONFIG: "config", START: "start"}
RIGHT = {CONTROL: 0x20, CHANGE_CONFIG: 0x2, START: 0x10}
NO_CHANGE = 0xFFFFFFFF


@dataclass
class Machine:
    """The computer behind the connections. ``calls`` lists ``(connection, what)`` in the order they were answered."""

    start_type: int = DISABLED
    state: int = STOPPED
    triggers: bool = True  # opening the pipe starts the service
    pending_seconds: float = 0
    idle_seconds: float = 0  # a service without pipes stops itself after so long; 0: never
    manager_denied: bool = False
    logon_status: int = 0  # what a right password is answered with, when not 0
    clock: int = 0  # what it calls the time, in FILETIME ticks; 0: it does not say
    registry_seconds: float = 0  # how long each call of the registry takes
    process: int = 0
    calls: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    pipes: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    _starts: int = 0
    _settles: float = 0
    _idle_since: float = 0

    def look(self) -> None:
        """Let time do its work: what was pending settles, what is idle stops."""
        now = time.monotonic()
        if self.state in (START_PENDING, STOP_PENDING) and now >= self._settles:
            self.state = RUNNING if self.state == START_PENDING else STOPPED
        idle = self.idle_seconds and not self.pipes and now - self._idle_since > self.idle_seconds
        if self.state == RUNNING and idle:
            self.state = STOPPED
        self.process = self.process if self.state != STOPPED else 0

    def begin(self) -> int:
        """StartService."""
        if self.state != STOPPED:
            return 1056
        if self.start_type == DISABLED:
            return 1058
        self._starts += 1
        self.process = 1000 + self._starts
        self._enter(START_PENDING, RUNNING)
        return 0

    def end(self) -> int:
        """ControlService(STOP)."""
        if self.state != RUNNING:
            return 1062
        self._enter(STOP_PENDING, STOPPED)
        return 0

    def _enter(self, pending: int, final: int) -> None:
        self.state = pending if self.pending_seconds else final
        self._settles = self._idle_since = time.monotonic() + self.pending_seconds
        if self.state == STOPPED:
            self.process = 0

    def hurry(self) -> None:
        """What is pending settles now, and what comes at once."""
        with self.lock:
            self.pending_seconds = self._settles = 0

    def opened(self) -> bool:
        """Open the registry's pipe; whether it is there."""
        if self.state == STOPPED and self.triggers and self.start_type != DISABLED:
            self.begin()
        if self.state == RUNNING:
            self.pipes += 1
        return self.state == RUNNING

    def released(self, count: int) -> None:
        """So many pipes were closed."""
        self.pipes -= count
        self._idle_since = time.monotonic()

    @property
    def found(self) -> tuple[int, int]:
        """State and start type."""
        with self.lock:
            self.look()
            return self.state, self.start_type

    @property
    def writes(self) -> list[str]:
        """The changes that were asked of it, in order."""
        return [what for _, what in self.calls if what.split(":")[0] in NAMES.values()]


class ServiceScript(Script):
    """One connection to a machine."""

    dialect = 0x0210
    seals = False

    def __init__(self, sock: socket.socket, secret: str, machine: Machine, number: int) -> None:
        super().__init__(sock, secret)
        self.machine, self.number = machine, number
        self.service_pipes: set[bytes] = set()
        self.names: dict[bytes, str] = {}
        self.rights: dict[bytes, int] = {}
        self.pipe = ""

    def negotiate_body(self) -> bytes:
        body = super().negotiate_body()
        return body[:40] + struct.pack("<Q", self.machine.clock) + body[48:]

    def accept(self, request: Request, session_key: bytes) -> None:
        if self.machine.logon_status:
            return self.reply(request, setup_body(0, b""), self.machine.logon_status)
        return super().accept(request, session_key)

    def handle(self, request: Request) -> None:
        if request.command == CLOSE:
            return self.close_pipe(request)
        if request.command in (IOCTL, READ):
            file_id = request.body[8:24] if request.command == IOCTL else request.body[16:32]
            self.pipe = self.names.get(file_id, "")
            with self.machine.lock:
                self.machine.look()
                if self.pipe == "winreg" and self.machine.state != RUNNING:
                    return self.reply(request, error_body(), DISCONNECTED)
        return super().handle(request)

    def create(self, request: Request) -> None:
        offset, size = struct.unpack_from("<HH", request.body, 44)
        name = request.packet[offset : offset + size].decode("utf-16-le").lower()
        with self.machine.lock:
            self.machine.look()
            if name == "winreg" and not self.machine.opened():
                return self.reply(request, error_body(), NAME_NOT_FOUND)
        before = set(self.pipes)
        super().create(request)
        self.service_pipes.clear()  # this machine answers for its services itself
        self.names |= dict.fromkeys(set(self.pipes) - before, name)
        return None

    def close_pipe(self, request: Request) -> None:
        """CLOSE."""
        if self.names.pop(request.body[8:24], "") == "winreg":
            with self.machine.lock:
                self.machine.released(1)
        self.reply(request, struct.pack("<HHI", 60, 0, 0) + bytes(52))

    def gone(self) -> None:
        """The client has gone; its pipes go with it."""
        with self.machine.lock:
            self.machine.released(list(self.names.values()).count("winreg"))

    def rpc(self, pdu: bytes) -> bytes:
        if self.pipe != "svcctl" or pdu[2] == BIND:
            time.sleep(self.machine.registry_seconds if pdu[2] != BIND else 0)
            return super().rpc(pdu)
        with self.machine.lock:
            self.machine.look()
            return self.response(self.service_call(struct.unpack_from("<H", pdu, 22)[0], pdu[24:]))

    def service_call(self, opnum: int, stub: bytes) -> bytes:
        """One call of the service control manager."""
        handle, rest = stub[:20], stub[20:]
        if opnum == OPEN_MANAGER:
            return self.opened_handle(0) if not self.machine.manager_denied else bytes(20) + code(5)
        if opnum == OPEN_SERVICE:
            size = struct.unpack_from("<I", rest, 8)[0]
            name = rest[12 : 12 + 2 * size].decode("utf-16-le").rstrip("\0")
            rights = struct.unpack_from("<I", rest, len(rest) - 4)[0]
            return self.opened_handle(rights) if name == "RemoteRegistry" else bytes(20) + code(1060)
        return self.answers(opnum, handle, rest)

    def opened_handle(self, rights: int) -> bytes:
        """A fresh handle."""
        handle = bytes(4) + os.urandom(16)
        self.rights[handle] = rights
        return handle + code(0)

    def answers(self, opnum: int, handle: bytes, rest: bytes) -> bytes:
        """Calls on a handle."""
        machine = self.machine
        if opnum == CLOSE_HANDLE:
            return bytes(20) + code(0)
        if opnum == QUERY_STATUS_EX:
            status = struct.pack("<9I", 0x20, machine.state, 1, 0, 0, 0, 0, machine.process, 0)
            return struct.pack("<I", len(status)) + status + struct.pack("<I", 36) + code(0)
        if opnum == QUERY_CONFIG:
            return struct.pack("<9I", 0x20, machine.start_type, 1, 0, 0, 0, 0, 0, 0) + struct.pack("<I", 36) + code(0)
        return self.change(opnum, handle, rest)

    def change(self, opnum: int, handle: bytes, rest: bytes) -> bytes:
        """Stop, configure, start; anything else is written down as what it is."""
        name = NAMES.get(opnum, f"opnum {opnum}")
        start_type = struct.unpack_from("<I", rest, 4)[0] if opnum == CHANGE_CONFIG else 0
        self.machine.calls.append((self.number, f"config:{start_type}" if start_type else name))
        if not self.rights.get(handle, 0) & RIGHT.get(opnum, 0):
            result = 5
        elif opnum == CHANGE_CONFIG:
            self.machine.start_type, result = start_type, 0
        else:
            result = self.machine.begin() if opnum == START else self.machine.end()
        head = {CONTROL: bytes(28), CHANGE_CONFIG: bytes(4)}.get(opnum, b"")
        return head + code(result)


def code(error: int) -> bytes:
    """A Win32 error at the end of a stub."""
    return struct.pack("<I", error)


def error_body() -> bytes:
    """[MS-SMB2] §2.2.2."""
    return struct.pack("<HBBIB", 9, 0, 0, 0, 0)


@contextmanager
def serving(machine: Machine, secret: str, address: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """Serve a machine in this process, a thread a connection; the port."""
    with socket.create_server((address, port), backlog=32) as listener:
        thread = threading.Thread(target=_accept, args=(listener, machine, secret), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _accept(listener: socket.socket, machine: Machine, secret: str) -> None:
    number = 0
    with contextlib.suppress(OSError):
        while True:
            sock, _ = listener.accept()
            number += 1
            threading.Thread(target=_converse, args=(sock, machine, secret, number), daemon=True).start()


def _converse(sock: socket.socket, machine: Machine, secret: str, number: int) -> None:
    script = ServiceScript(sock, secret, machine, number)
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            script.run()
    script.gone()
