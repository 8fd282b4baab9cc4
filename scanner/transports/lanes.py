"""Many calls at once: several pipes on one SMB session, one request in flight on each ([MS-RPCE] without multiplexing).

A task is a generator that yields calls and receives the stubs of their answers; each runs on a lane of its own.
Context handles belong to the pipe that opened them, so a lane keeps its hive handles to itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from time import sleep
from typing import Generic, TypeVar

from scanner.session import AccessDenied, LimitExceeded, SessionError, Unreachable, Unsupported, Untrusted
from scanner.transports import dcerpc, smb_wire
from scanner.transports.smb_channel import Channel
from scanner.transports.smb_logon import shown
from scanner.transports.smb_wire import Answer, Command, Malformed
from scanner.transports.winreg_ndr import ACCESS_DENIED, ALLOWED, Call

T = TypeVar("T")
Task = Generator[Call, bytes, T]

OK = 0
BUFFER_OVERFLOW = 0x80000005  # the rest of the message is read with READ
PIPE_ABSENT = frozenset({0xC0000034, 0xC00000AC, 0xC000000F})
PIPE_DENIED = frozenset({0xC0000022})
STARTS_WAITED_FOR = 2
START_SECONDS = 1.0  # a trigger-started RemoteRegistry needs about this long
STUB_OVERHEAD = 1 << 16
OPEN = smb_wire.open_pipe("winreg")


class Lane:
    """One bound pipe."""

    def __init__(self, file_id: bytes, stub_limit: int) -> None:
        self.file_id = file_id
        self.assembler = dcerpc.Assembler(stub_limit)
        self.hives: dict[str, bytes] = {}


class Lanes:
    """All bound pipes of one session."""

    def __init__(self, channel: Channel, lanes: Sequence[Lane]) -> None:
        self._channel = channel
        self._lanes = tuple(lanes)

    @property
    def count(self) -> int:
        """How many tasks can run at once."""
        return len(self._lanes)

    def run(self, tasks: Sequence[Callable[[Lane], Task[T]]]) -> list[T]:
        """Run at most ``count`` tasks to their ends; their results in order.

        Raises SessionError; the session is over then, because answers may still be under way.
        """
        try:
            return self._run([_Turn(lane, make(lane)) for lane, make in zip(self._lanes, tasks, strict=False)])
        except SessionError as error:
            raise self._channel.fail(error) from None
        except Malformed as error:
            raise self._channel.fail(Untrusted("winreg.malformed", detail=str(error))) from error
        except OverflowError as error:
            raise self._channel.fail(LimitExceeded("winreg.answer_too_large")) from error
        except dcerpc.Fault as error:
            raise self._channel.fail(_fault(error)) from error

    def _run(self, turns: Sequence[_Turn[T]]) -> list[T]:
        ready = deque(turn for turn in turns if turn.step(None))
        waiting: dict[int, _Turn[T]] = {}
        while ready or waiting:
            while ready and self._channel.credits:
                turn = ready.popleft()
                waiting[self._channel.submit(*turn.outgoing)] = turn
            if not waiting:
                raise Unsupported("smb.no_credits")
            answer = self._channel.next_answer()
            turn = waiting.pop(answer.message_id)
            if turn.receive(answer):
                ready.append(turn)
        return [turn.result[0] for turn in turns]


class _Turn(Generic[T]):
    """A task on its lane and what it wants to send next."""

    __slots__ = ("_lane", "_task", "outgoing", "result")

    def __init__(self, lane: Lane, task: Task[T]) -> None:
        self._lane = lane
        self._task = task
        self.outgoing: tuple[Command, bytes] = (Command.READ, b"")
        self.result: list[T] = []

    def step(self, stub: bytes | None) -> bool:
        """Hand the task its answer; whether it wants another call."""
        try:
            opnum, argument = next(self._task) if stub is None else self._task.send(stub)
        except StopIteration as end:
            self.result.append(end.value)
            return False
        if opnum not in ALLOWED:
            raise ValueError(f"operation {opnum} is not read-only")
        pdu = dcerpc.request(opnum, argument)
        self.outgoing = Command.IOCTL, smb_wire.ioctl(smb_wire.FSCTL_PIPE_TRANSCEIVE, self._lane.file_id, pdu)
        return True

    def receive(self, answer: Answer) -> bool:
        """Take one SMB answer; whether something is to be sent next."""
        stub = self._lane.assembler.feed(_pipe_data(answer))
        if stub is not None:
            return self.step(stub)
        self.outgoing = Command.READ, smb_wire.read(self._lane.file_id)
        return True


def _pipe_data(answer: Answer) -> bytes:
    if answer.status not in (OK, BUFFER_OVERFLOW):
        raise Unreachable("winreg.pipe_broken", status=shown(answer.status))
    data = smb_wire.parse_ioctl(answer) if answer.command == Command.IOCTL else smb_wire.parse_read(answer)
    if not data:
        raise Malformed("empty pipe answer")
    return data


def _fault(fault: dcerpc.Fault) -> SessionError:
    if fault.status == ACCESS_DENIED:
        return AccessDenied("winreg.denied")
    return Unsupported("winreg.fault", status=shown(fault.status))


def open_lanes(channel: Channel, count: int, value_bytes: int) -> Lanes:
    r"""Open and bind ``count`` ``\winreg`` pipes, all but the first together; fewer when the host allows fewer.

    Raises AccessDenied, Unsupported (service off), SessionError.
    """
    try:
        files = _bound(channel, [_first_pipe(channel)])
        if count > 1:
            files += _bound(channel, _more_pipes(channel, count - 1))
    except Malformed as error:
        raise channel.fail(Untrusted("winreg.malformed", detail=str(error))) from error
    return Lanes(channel, [Lane(file, value_bytes + STUB_OVERHEAD) for file in files])


def _first_pipe(channel: Channel) -> bytes:
    """Alone, because it starts the service: Samba whose workers are still starting loses simultaneous binds."""
    answer = channel.call(Command.CREATE, OPEN)
    for _ in range(STARTS_WAITED_FOR):
        if answer.status not in PIPE_ABSENT:
            break
        sleep(START_SECONDS)
        answer = channel.call(Command.CREATE, OPEN)
    if answer.status != OK:
        raise _pipe_error(answer.status)
    return smb_wire.parse_open_pipe(answer)


def _more_pipes(channel: Channel, count: int) -> list[bytes]:
    answers = channel.gather(Command.CREATE, [OPEN] * count)
    return [smb_wire.parse_open_pipe(answer) for answer in answers if answer.status == OK]


def _bound(channel: Channel, files: list[bytes]) -> list[bytes]:
    pdu = dcerpc.bind()
    bodies = [smb_wire.ioctl(smb_wire.FSCTL_PIPE_TRANSCEIVE, file, pdu) for file in files]
    answers = channel.gather(Command.IOCTL, bodies)
    if not all(dcerpc.accepted(_pipe_data(answer)) for answer in answers):
        raise Unsupported("winreg.bind_refused")
    return files


def _pipe_error(status: int) -> SessionError:
    if status in PIPE_DENIED:
        return AccessDenied("winreg.denied")
    if status in PIPE_ABSENT:
        return Unsupported("winreg.service_stopped")
    return Unsupported("winreg.cannot_open", status=shown(status))
