"""One TCP connection of DCE/RPC: login, calls, limits. An answer that leaves it upwards carried our session's verifier.

A fault travels without protection on real servers, so it is never data: it ends the channel with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import Clock
from scanner.login_step import Announce, LoginStep, unheard
from scanner.session import LimitExceeded, SessionError, TimedOut, Unreachable, Unsupported, Untrusted
from scanner.transports import rpc_wire as wire
from scanner.transports.dcerpc import FIRST, LAST
from scanner.transports.ntlm import NtlmLogin, WeakChallenge
from scanner.transports.ntlm_seal import CLIENT, SERVER, Direction, Forged
from scanner.transports.rpc_wire import Fragment, Level
from scanner.transports.smb_channel import connect
from scanner.transports.smb_wire import Malformed

MAX_FRAGMENTS = 16_384  # of one answer; real servers send at least a kilobyte in each


class Fault(SessionError):
    """The server refused a call. ``status`` is its number; nobody has signed it."""

    def __init__(self, status: int) -> None:
        super().__init__("wmi.fault", status=f"0x{status:08X}")
        self.status = status


class NotListening(Unreachable):
    """Nothing answered at the port: it is closed, or a firewall is in between."""


class Silence(TimedOut):
    """The server said nothing in the time of its stage."""


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """Seconds for the connection and for everything; bytes of one answer and of everything received."""

    connect_seconds: float
    deadline_seconds: float
    answer_bytes: int
    total_bytes: int


class Budget:
    """What one host may cost over all its connections. ``waits`` counts how often we waited for an answer."""

    def __init__(self, limits: RpcLimits, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.waits = 0
        self._deadline = clock.monotonic() + limits.deadline_seconds
        self._received = 0

    def until(self, seconds: float) -> float:
        """When a stage of so many seconds must be over."""
        return min(self.clock.monotonic() + seconds, self._deadline)

    def left(self, until: float, stage: str) -> float:
        """Seconds left. Raises TimedOut."""
        now = self.clock.monotonic()
        if now < until:
            return until - now
        if now >= self._deadline:
            raise TimedOut("wmi.deadline_passed", seconds=self.limits.deadline_seconds)
        raise Silence("wmi.silent", stage=stage)

    def count(self, size: int) -> None:
        """Raises LimitExceeded."""
        self._received += size
        if self._received > self.limits.total_bytes:
            raise LimitExceeded("wmi.too_many_bytes", limit=self.limits.total_bytes)


class RpcChannel:
    """Calls of one security context, one at a time. After a SessionError it stays broken."""

    def __init__(self, address: str, port: int, budget: Budget, level: Level) -> None:
        try:
            self._sock = connect(address, port, budget.limits.connect_seconds)
        except Unreachable as error:
            raise NotListening("wmi.cannot_connect", address=address, port=port) from error
        self._budget = budget
        self._level = level
        self._buffer = bytearray()
        self._call_id = 1
        self._out: Direction | None = None
        self._in: Direction | None = None
        self.broken: SessionError | None = None

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def log_on(
        self, interfaces: Sequence[bytes], login: NtlmLogin, seconds: float, announce: Announce = unheard
    ) -> None:
        """Bind all interfaces and log in; whether the password was right, only the first call shows.

        Raises Unreachable, TimedOut, Unsupported, Untrusted.
        """
        until = self._budget.until(seconds)
        self._budget.waits += 1
        try:
            self._send(wire.bind(interfaces, self._level, login.bare_first()), until)
            token = wire.accepted(self._fragment(until, "login"), len(interfaces))
            message, key = login.bare_second(token)
            announce(LoginStep.SENDING)
            self._send(wire.auth3(self._level, message), until)
        except wire.NoNtlm as error:
            raise self._fail(Unsupported("ladder.dcom_hardened", detail=str(error))) from error
        except wire.Refused as error:
            raise self._fail(Unsupported("wmi.bind_refused", detail=str(error))) from error
        except WeakChallenge as error:
            raise self._fail(Untrusted("wmi.weak_login", flags=str(error))) from error
        except Malformed as error:
            raise self._fail(Untrusted("wmi.malformed_answer", detail=str(error))) from error
        except SessionError as error:
            raise self._fail(error) from None
        self._out, self._in = Direction(key, CLIENT), Direction(key, SERVER)

    def call(self, context: int, opnum: int, stub: bytes, target: bytes, seconds: float, stage: str) -> bytes:
        """One call and its verified answer. Raises Fault, Untrusted, TimedOut, Unreachable, LimitExceeded."""
        if self.broken:
            raise self.broken
        until = self._budget.until(seconds)
        self._call_id += 1
        self._budget.waits += 1
        try:
            for part in wire.request(self._call_id, context, opnum, target, stub, self._level):
                self._send(self._protected(part), until)
            return self._answer(until, stage)
        except Malformed as error:
            raise self._fail(Untrusted("wmi.malformed_answer", detail=str(error))) from error
        except SessionError as error:
            raise self._fail(error) from None

    def _fail(self, error: SessionError) -> SessionError:
        self.broken = self.broken or error
        return error

    def _protected(self, part: wire.Part) -> bytes:
        assert self._out is not None, "call before log_on"
        body, signature = self._out.protect(part.head, part.body, part.trailer, seal=self._level is Level.PRIVACY)
        return part.head + body + part.trailer + signature

    def _answer(self, until: float, stage: str) -> bytes:
        stub = bytearray()
        for number in range(MAX_FRAGMENTS):
            packet = self._fragment(until, stage)
            if packet.kind == wire.FAULT:
                raise Fault(wire.fault_status(packet))
            if packet.kind != wire.RESPONSE or packet.call_id != self._call_id:
                raise Malformed(f"RPC packet type {packet.kind} of call {packet.call_id}")
            if bool(packet.flags & FIRST) != (number == 0):
                raise Malformed("order of fragments")
            stub += self._opened(packet)
            if len(stub) > self._budget.limits.answer_bytes:
                break
            if packet.flags & LAST:
                return bytes(stub)
        raise LimitExceeded("wmi.answer_too_large", limit=self._budget.limits.answer_bytes)

    def _opened(self, packet: Fragment) -> bytes:
        """The body without padding, after its signature was checked. Raises Untrusted."""
        assert self._in is not None, "call before log_on"
        if not packet.signature:
            raise Untrusted("wmi.unsigned_answer")
        padding = wire.padding_of(packet, self._level)
        seal = self._level is Level.PRIVACY
        try:
            body = self._in.open(packet.head, packet.body, packet.trailer, packet.signature, seal=seal)
        except Forged as error:
            raise Untrusted("wmi.forged_answer") from error
        return body[: len(body) - padding]

    def _send(self, packet: bytes, until: float) -> None:
        self._sock.settimeout(self._budget.left(until, "send"))
        try:
            self._sock.sendall(packet)
        except TimeoutError as error:
            raise Silence("wmi.silent", stage="send") from error
        except OSError as error:
            raise Unreachable("wmi.connection_lost", detail=error.strerror) from error

    def _fragment(self, until: float, stage: str) -> Fragment:
        self._fill(wire.COMMON.size, until, stage)
        length = max(int.from_bytes(self._buffer[8:10], "little"), wire.COMMON.size)
        self._fill(length, until, stage)
        packet = bytes(self._buffer[:length])
        del self._buffer[: len(packet)]
        return wire.parse(packet)

    def _fill(self, wanted: int, until: float, stage: str) -> None:
        while len(self._buffer) < wanted:
            self._sock.settimeout(self._budget.left(until, stage))
            try:
                chunk = self._sock.recv(1 << 16)
            except TimeoutError:
                continue  # the budget says whose time is over
            except OSError as error:
                raise Unreachable("wmi.connection_lost", detail=error.strerror) from error
            if not chunk:
                raise Unreachable("wmi.connection_lost", detail="closed by the host")
            self._budget.count(len(chunk))
            self._buffer += chunk
