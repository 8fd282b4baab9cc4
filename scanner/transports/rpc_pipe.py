"""One RPC pipe on a protected SMB session, one call at a time: for what needs no lanes."""

from __future__ import annotations

from scanner.session import AccessDenied, LimitExceeded, SessionError, Unreachable, Unsupported, Untrusted
from scanner.transports import dcerpc, smb_wire
from scanner.transports.smb_channel import Channel
from scanner.transports.smb_logon import shown
from scanner.transports.smb_wire import Answer, Command, Malformed

OK = 0
BUFFER_OVERFLOW = 0x80000005
DENIED = 0xC0000022
RPC_ACCESS_DENIED = 5
ANSWER_LIMIT = 1 << 16


class PipeAbsent(Unsupported):
    """The host has no such pipe, or nobody serves it."""


class RpcPipe:
    """A bound pipe. Answers are verified by the channel below."""

    def __init__(self, channel: Channel, name: str, interface: bytes) -> None:
        """Open and bind. Raises AccessDenied, PipeAbsent, SessionError."""
        self._channel = channel
        self._name = name
        answer = channel.call(Command.CREATE, smb_wire.open_pipe(name))
        if answer.status == DENIED:
            raise AccessDenied("ladder.pipe_denied", pipe=name)
        if answer.status != OK:
            raise PipeAbsent("ladder.no_pipe", pipe=name, status=shown(answer.status))
        try:
            self._file = smb_wire.parse_open_pipe(answer)
            if not dcerpc.accepted(self._data(self._transceive(dcerpc.bind(interface)))):
                raise PipeAbsent("ladder.bind_refused", pipe=name)
        except Malformed as error:
            raise channel.fail(Untrusted("ladder.malformed", pipe=name, detail=str(error))) from error

    def call(self, opnum: int, stub: bytes) -> bytes:
        """One call and its answer's stub. Raises SessionError."""
        assembler = dcerpc.Assembler(ANSWER_LIMIT)
        try:
            answer = self._transceive(dcerpc.request(opnum, stub))
            while (whole := assembler.feed(self._data(answer))) is None:
                answer = self._channel.call(Command.READ, smb_wire.read(self._file))
        except Malformed as error:
            raise self._channel.fail(Untrusted("ladder.malformed", pipe=self._name, detail=str(error))) from error
        except OverflowError as error:
            raise self._channel.fail(LimitExceeded("winreg.answer_too_large")) from error
        except dcerpc.Fault as fault:
            raise self._refusal(fault.status) from fault
        return whole

    def close(self) -> None:
        """Close the pipe."""
        body = b"\x18\x00" + bytes(6) + self._file  # [MS-SMB2] §2.2.15: size 24, no flags, file id
        self._channel.call(Command.CLOSE, body)

    def _transceive(self, pdu: bytes) -> Answer:
        return self._channel.call(Command.IOCTL, smb_wire.ioctl(smb_wire.FSCTL_PIPE_TRANSCEIVE, self._file, pdu))

    def _data(self, answer: Answer) -> bytes:
        if answer.status not in (OK, BUFFER_OVERFLOW):
            raise Unreachable("ladder.pipe_broken", pipe=self._name, status=shown(answer.status))
        data = smb_wire.parse_ioctl(answer) if answer.command == Command.IOCTL else smb_wire.parse_read(answer)
        if not data:
            raise Malformed("empty pipe answer")
        return data

    def _refusal(self, status: int) -> SessionError:
        if status == RPC_ACCESS_DENIED:
            return AccessDenied("ladder.pipe_denied", pipe=self._name)
        return Unsupported("ladder.fault", pipe=self._name, status=shown(status))
