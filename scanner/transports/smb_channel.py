"""One TCP connection of SMB: frames, message ids, credits, limits. What leaves it upwards has been verified.

Credits: [MS-SMB2] §3.2.4.1.2; the client starts with one, pays one a request, earns what each answer grants.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.clock import Clock
from scanner.session import LimitExceeded, SessionError, TimedOut, Unreachable, Unsupported, Untrusted
from scanner.transports.smb_protection import STATUS_PENDING, Protection, Unprotected
from scanner.transports.smb_wire import FLAG_ASYNC, SMB1, Answer, Command, Malformed, parse, request

MAX_FRAME = 1 << 18  # every answer that we ask for fits into 64 KiB and a header
MAX_STRAY_ANSWERS = 64
MAX_CREDITS = 8192
CREDIT_REQUEST = 64
RECEIVE_CHUNK = 1 << 18
ON_TREE = frozenset({Command.CREATE, Command.READ, Command.IOCTL})


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """Seconds for the connection, for one answer, and for everything; bytes for everything received."""

    connect_seconds: float
    answer_seconds: float
    deadline_seconds: float
    total_bytes: int


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A TCP connection to a literal address: no name is ever looked up. Raises Unreachable, ValueError."""
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A worker that is ended must fall silent: one reset, instead of a FIN repeated for minutes to a dead host.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except TimeoutError as error:
        sock.close()
        raise Unreachable("smb.connect_timeout", address=address, port=port) from error
    except OSError as error:
        sock.close()
        raise Unreachable("smb.cannot_connect", address=address, port=port, detail=error.strerror) from error
    except BaseException:
        sock.close()
        raise
    return sock


class Channel:
    """Submits requests and hands out verified final answers. After a SessionError it stays broken."""

    def __init__(self, sock: socket.socket, limits: ChannelLimits, clock: Clock) -> None:
        self._sock = sock
        self._limits = limits
        self._clock = clock
        self._deadline = clock.monotonic() + limits.deadline_seconds
        self._buffer = bytearray()
        self._received = 0
        self._next_id = 0
        self._strays = 0
        self._pending: dict[int, Command] = {}
        self._interim: set[int] = set()
        self._broken: SessionError | None = None
        self.credits = 1
        self.session_id = 0
        self.tree_id = 0
        self.clock_offset_seconds: float | None = None
        self.protection: Protection = Unprotected()
        self.last_sent = b""

    @property
    def broken(self) -> SessionError | None:
        """What ended the channel, if anything did."""
        return self._broken

    def fail(self, error: SessionError) -> SessionError:
        """Mark the channel as ended by ``error`` and return it: the stream cannot be trusted after it."""
        self._broken = self._broken or error
        return self._broken

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def seconds_from_here(self, moment: datetime) -> float:
        """How far ``moment``, as the host names it, is ahead of our clock now."""
        return (moment - self._clock.now()).total_seconds()

    def submit(self, command: Command, body: bytes) -> int:
        """Send one request, return its message id. One credit must be in hand. Raises SessionError."""
        if self._broken:
            raise self._broken
        if self.credits < 1:
            raise self.fail(Unsupported("smb.no_credits"))
        message_id = self._next_id
        self._next_id += 1
        self.credits -= 1
        packet = request(
            command,
            body,
            message_id=message_id,
            session_id=self.session_id,
            tree_id=self.tree_id,
            credits=CREDIT_REQUEST,
            signed=self.protection.signs,
        )
        self._pending[message_id] = command
        self.last_sent = packet
        self._send(self.protection.protect(packet, message_id))
        return message_id

    def next_answer(self) -> Answer:
        """The next verified final answer to a request of ours. Raises SessionError."""
        if self._broken:
            raise self._broken
        until = min(self._clock.monotonic() + self._limits.answer_seconds, self._deadline)
        try:
            while True:
                answer = self._accept(self._frame(until))
                if answer:
                    return answer
        except Malformed as error:
            raise self.fail(Untrusted("smb.malformed_answer", detail=str(error))) from error
        except SessionError as error:
            raise self.fail(error) from None

    def call(self, command: Command, body: bytes) -> Answer:
        """Submit one request and wait for its answer; nothing else may be outstanding. Raises SessionError."""
        self.submit(command, body)
        return self.next_answer()

    def gather(self, command: Command, bodies: Sequence[bytes]) -> list[Answer]:
        """Send all requests as fast as credits allow; answers in the order of ``bodies``. Raises SessionError."""
        order: list[int] = []
        answers: dict[int, Answer] = {}
        while len(answers) < len(bodies):
            while len(order) < len(bodies) and self.credits:
                order.append(self.submit(command, bodies[len(order)]))
            if len(order) == len(answers):
                raise self.fail(Unsupported("smb.no_credits"))
            answer = self.next_answer()
            answers[answer.message_id] = answer
        return [answers[message_id] for message_id in order]

    def _accept(self, data: bytes) -> Answer | None:
        if data[:4] == SMB1:
            raise Unsupported("smb.smb1_only")
        answer = parse(self.protection.open(data))
        command = self._pending.get(answer.message_id)
        if command is None or (answer.status == STATUS_PENDING and answer.message_id in self._interim):
            return self._stray()
        if answer.command != command or self._is_elsewhere(answer):
            raise Untrusted("smb.malformed_answer", detail="command, session or share of another request")
        self.credits = min(self.credits + answer.credits, MAX_CREDITS)
        if answer.status == STATUS_PENDING:
            self._interim.add(answer.message_id)
            return None
        del self._pending[answer.message_id]
        self._interim.discard(answer.message_id)
        return answer

    def _is_elsewhere(self, answer: Answer) -> bool:
        """Whether the answer names another session or share; an asynchronous one has no field for the share."""
        same_tree = answer.flags & FLAG_ASYNC or answer.command not in ON_TREE or answer.tree_id == self.tree_id
        return bool(self.session_id and answer.session_id != self.session_id) or not same_tree

    def _stray(self) -> None:
        self._strays += 1
        if self._strays > MAX_STRAY_ANSWERS:
            raise LimitExceeded("smb.too_many_answers", limit=MAX_STRAY_ANSWERS)

    def _send(self, packet: bytes) -> None:
        self._sock.settimeout(min(self._limits.answer_seconds, self._seconds_left(self._deadline)))
        try:
            self._sock.sendall(len(packet).to_bytes(4, "big") + packet)
        except TimeoutError as error:
            raise self.fail(TimedOut("smb.silent", seconds=self._limits.answer_seconds)) from error
        except OSError as error:
            raise self.fail(Unreachable("smb.connection_lost", detail=error.strerror)) from error

    def _frame(self, until: float) -> bytes:
        self._fill(4, until)
        length = int.from_bytes(self._buffer[1:4], "big")
        if self._buffer[0]:
            raise Malformed("not a session message")
        if length > MAX_FRAME:
            raise LimitExceeded("smb.answer_too_large", size=length, limit=MAX_FRAME)
        self._fill(4 + length, until)
        data = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return data

    def _fill(self, wanted: int, until: float) -> None:
        while len(self._buffer) < wanted:
            chunk = self._receive(until)
            self._received += len(chunk)
            if self._received > self._limits.total_bytes:
                raise LimitExceeded("smb.too_many_bytes", limit=self._limits.total_bytes)
            self._buffer += chunk

    def _receive(self, until: float) -> bytes:
        self._sock.settimeout(self._seconds_left(until))
        try:
            chunk = self._sock.recv(RECEIVE_CHUNK)
        except TimeoutError as error:
            raise self._late() from error
        except OSError as error:
            raise Unreachable("smb.connection_lost", detail=error.strerror) from error
        if not chunk:
            raise Unreachable("smb.connection_lost", detail="closed by the host")
        return chunk

    def _seconds_left(self, until: float) -> float:
        left = until - self._clock.monotonic()
        if left <= 0:
            raise self.fail(self._late())
        return left

    def _late(self) -> TimedOut:
        if self._clock.monotonic() >= self._deadline:
            return TimedOut("smb.deadline_passed", seconds=self._limits.deadline_seconds)
        return TimedOut("smb.silent", seconds=self._limits.answer_seconds)
