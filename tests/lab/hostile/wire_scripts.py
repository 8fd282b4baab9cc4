"""Scripts below the registry: frames, ids, credits, signatures."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping

from tests.lab.hostile.smb import IOCTL, OK, PENDING, Request, Script

HOURS = 3600.0
ASYNC_BREAK = 0xFFFF_FFFF_FFFF_FFFF


class Silent(Script):
    """Takes the connection and never says a word."""

    def run(self) -> None:
        time.sleep(HOURS)


class Deaf(Script):
    """Greets as SMB should, then never answers anything after the logon."""

    def tree_connect(self, request: Request) -> None:
        time.sleep(HOURS)


class Drip(Script):
    """One byte of its first answer a second."""

    def send_frame(self, data: bytes) -> None:
        for byte in struct.pack(">I", len(data)) + data:
            self.sock.sendall(bytes([byte]))
            time.sleep(1)


class DripLater(Script):
    """As honest as any, but after the logon one byte in a tenth of a second."""

    def send_frame(self, data: bytes) -> None:
        if not self.sealed:
            return super().send_frame(data)
        for byte in struct.pack(">I", len(data)) + data:
            self.sock.sendall(bytes([byte]))
            time.sleep(0.1)
        return None


class JustInTime(Script):
    """Every answer comes a little before the client gives up."""

    def send_frame(self, data: bytes) -> None:
        time.sleep(1.5)
        super().send_frame(data)


class LateByMinutes(Script):
    """Its first answer would come after two minutes."""

    def negotiate(self, request: Request) -> None:
        time.sleep(119)
        super().negotiate(request)


class ResetInMidAnswer(Script):
    """Half an answer, then a TCP reset."""

    def rpc(self, pdu: bytes) -> bytes:
        self.sock.sendall(struct.pack(">I", 4000) + b"\xfdSMB" + bytes(500))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise ConnectionResetError


class ClosesAtNegotiate(Script):
    """Closes when it is asked for a dialect."""

    def negotiate(self, request: Request) -> None:
        raise ConnectionResetError


class Keepalives(Script):
    """NetBIOS keep-alives without end in place of answers ([RFC 1002] §4.3.7)."""

    def run(self) -> None:
        while True:
            self.sock.sendall(b"\x85\0\0\0" * 1000)


class GiantLength(Script):
    """A frame that claims 16 MiB."""

    def negotiate(self, request: Request) -> None:
        self.sock.sendall(b"\0\xff\xff\xff")
        while True:
            self.sock.sendall(bytes(65536))


class Smb1Only(Script):
    """Answers in SMB1."""

    def negotiate(self, request: Request) -> None:
        self.send_frame(b"\xffSMB\x72" + bytes(4) + b"\x88\x01\xc8" + bytes(60))


class Smb1Wildcard(Script):
    """The multi-protocol answer 0x02FF, which belongs to an SMB1 question."""

    dialect = 0x02FF


class OldDialect(Script):
    """SMB 2.0.2, which was not offered."""

    dialect = 0x0202


class NoSigning(Script):
    """Can sign nothing."""

    security_mode = 0


class NoPreauth(Script):
    """SMB 3.1.1 without its pre-authentication hash."""

    def contexts(self) -> list[tuple[int, bytes]]:
        return []


class LoopingContexts(Script):
    """Negotiate contexts that point beyond the packet."""

    def negotiate_body(self) -> bytes:
        body = super().negotiate_body()
        return body[:6] + struct.pack("<H", 0xFFFF) + body[8:60] + struct.pack("<I", 0xFFFF_FFF0) + body[64:]


class NegotiateRefused(Script):
    """A status in place of a dialect."""

    def negotiate(self, request: Request) -> None:
        self.send_frame(self.packet(request, bytes(9), 0xC00000BB))


# --- after a genuine logon ---


class Later(Script):
    """Misbehaves on calls of the pipe, after ``honest_calls`` of them; ``bend`` says how."""

    honest_calls = 0
    calls = 0

    def deliver(self, request: Request, packet: bytes) -> None:
        if request.command == IOCTL and self.keys and not self.on_service(request):
            self.calls += 1
            if self.calls > self.honest_calls:
                return self.bend(request, packet)
        return super().deliver(request, packet)

    def bend(self, request: Request, packet: bytes) -> None:
        """What is sent in place of an answer."""
        raise NotImplementedError

    def sign(self, request: Request, status: int = OK, **other: int) -> bytes:
        """A protected packet of our choice."""
        return self.protected(self.packet(request, struct.pack("<HBBIB", 9, 0, 0, 0, 0), status, **other))


class WrongIds(Later):
    """Answers to questions that nobody asked, without end."""

    def bend(self, request: Request, packet: bytes) -> None:
        for number in range(100_000):
            self.send_frame(self.sign(request, message_id=500_000 + number))


class PendingFlood(Later):
    """STATUS_PENDING again and again."""

    def bend(self, request: Request, packet: bytes) -> None:
        while True:
            self.send_frame(self.sign(request, PENDING, flags=3))


class PendingForEver(Later):
    """STATUS_PENDING once, and nothing after it."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.sign(request, PENDING, flags=3))


class WrongSession(Later):
    """The answer of another session."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.sign(request, session_id=99))


class WrongTree(Later):
    """The answer of another share."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.protected(packet[:36] + struct.pack("<I", 99) + packet[40:]))


class WrongCommand(Later):
    """An answer to another command under the right id."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.sign(request, command=14))


class Request2Client(Later):
    """A request where an answer belongs."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.sign(request, flags=0))


class Compound(Later):
    """Answers chained to each other, though nothing was."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.protected(packet[:20] + struct.pack("<I", 64) + packet[24:]))


class NoCredits(Script):
    """Grants no credit after the logon."""

    grant = 1

    def tree_connect(self, request: Request) -> None:
        self.grant = 0
        super().tree_connect(request)


class HugeCredits(Script):
    """Grants 65,535 credits with every answer: the client must not overrun anything."""

    grant = 0xFFFF


class Forged(Later):
    """One bit of the protected answer is flipped."""

    def bend(self, request: Request, packet: bytes) -> None:
        data = bytearray(self.protected(packet))
        data[-1] ^= 1
        self.send_frame(bytes(data))


class ForgedSignature(Forged):
    """The same in a session that signs."""

    seals = False


class ForgedOld(Forged):
    """The same at SMB 2.1."""

    dialect = 0x0210


class Unsigned(Later):
    """A signing session, an answer without signature."""

    seals = False

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(packet)


class Plain(Later):
    """A sealed session, an answer in the clear."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(packet)


class SignedInSealed(Later):
    """A sealed session, an answer that is only signed."""

    def bend(self, request: Request, packet: bytes) -> None:
        assert self.keys
        self.send_frame(self.keys.signed(packet))


class Compressed(Later):
    """A compression transform that nobody negotiated ([MS-SMB2] §2.2.42)."""

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(b"\xfcSMB" + struct.pack("<IHHI", 0xFFFF_FFFF, 1, 0, 0) + packet)


class Replayed(Later):
    """Sends the answer again and again."""

    def bend(self, request: Request, packet: bytes) -> None:
        data = self.protected(packet)
        while True:
            self.send_frame(data)


class OplockBreaks(Later):
    """OPLOCK_BREAK notifications without end."""

    def bend(self, request: Request, packet: bytes) -> None:
        data = self.sign(request, message_id=ASYNC_BREAK, command=18)
        while True:
            self.send_frame(data)


class StatusLoop(Later):
    """Every call ends in another error."""

    STATUSES = (0xC000000D, 0xC00000B0, 0xC0000120, 0xC0000467)

    def bend(self, request: Request, packet: bytes) -> None:
        self.send_frame(self.sign(request, self.STATUSES[self.answered % 4]))


class MillionsOfFrames(Later):
    """Frames of one byte."""

    def bend(self, request: Request, packet: bytes) -> None:
        while True:
            self.sock.sendall(b"\0\0\0\1x" * 1000)


class NoIpc(Script):
    """No share of that name."""

    def tree_connect(self, request: Request) -> None:
        self.reply(request, struct.pack("<HBBIB", 9, 0, 0, 0, 0), 0xC00000CC)


class ServiceNeverStarts(Script):
    """The pipe is about to come, for ever."""

    def open_registry(self, request: Request) -> None:
        self.reply(request, struct.pack("<HBBIB", 9, 0, 0, 0, 0), 0xC00000AC)


class ShortCreate(Script):
    """A CREATE answer without its file id."""

    def open_registry(self, request: Request) -> None:
        self.reply(request, bytes(8))


BEFORE_LOGON: Mapping[str, type[Script]] = {
    "silent": Silent,
    "drip": Drip,
    "late-by-minutes": LateByMinutes,
    "closes-at-negotiate": ClosesAtNegotiate,
    "keepalives": Keepalives,
    "giant-length": GiantLength,
    "smb1-only": Smb1Only,
    "smb1-wildcard": Smb1Wildcard,
    "old-dialect": OldDialect,
    "no-signing": NoSigning,
    "no-preauth": NoPreauth,
    "looping-contexts": LoopingContexts,
    "negotiate-refused": NegotiateRefused,
}
AFTER_LOGON: Mapping[str, type[Script]] = {
    "deaf": Deaf,
    "drip-later": DripLater,
    "just-in-time": JustInTime,
    "reset-in-mid-answer": ResetInMidAnswer,
    "wrong-ids": WrongIds,
    "pending-flood": PendingFlood,
    "pending-for-ever": PendingForEver,
    "wrong-session": WrongSession,
    "wrong-tree": WrongTree,
    "wrong-command": WrongCommand,
    "request-to-client": Request2Client,
    "compound": Compound,
    "no-credits": NoCredits,
    "huge-credits": HugeCredits,
    "forged": Forged,
    "forged-signature": ForgedSignature,
    "forged-2.1": ForgedOld,
    "unsigned": Unsigned,
    "plain": Plain,
    "signed-in-sealed": SignedInSealed,
    "compressed": Compressed,
    "replayed": Replayed,
    "oplock-breaks": OplockBreaks,
    "status-loop": StatusLoop,
    "millions-of-frames": MillionsOfFrames,
    "no-ipc": NoIpc,
    "service-never-starts": ServiceNeverStarts,
    "short-create": ShortCreate,
}
