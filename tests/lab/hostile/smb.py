"""A scripted SMB server: honest by default, so that a script misbehaves in one place only, also after a real logon.

Speaks 3.1.1 sealed (AES-128-GCM), 3.1.1, 3.0.2 and 2.1 signed, NTLMv2 inside SPNEGO, and ``\\pipe\\winreg``.
Source: [MS-SMB2] §2.2 (layouts), §3.3.5 (server); [C706] §12.6 (RPC).
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from dataclasses import dataclass

from tests.lab.hostile.ntlm import Acceptor, spnego
from tests.lab.hostile.protection import Keys, chain
from tests.lab.hostile.registry import Registry

NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, CREATE, CLOSE, READ, IOCTL = 0, 1, 2, 3, 5, 6, 8, 11
OK, PENDING, BUFFER_OVERFLOW, MORE_PROCESSING = 0, 0x103, 0x80000005, 0xC0000016
LOGON_FAILURE, NOT_SUPPORTED = 0xC000006D, 0xC00000BB
TRANSCEIVE, VALIDATE = 0x0011C017, 0x00140204
SESSION_ID, TREE_ID = 0x0000_4000_0000_0041, 7
HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
FRAGMENT = 4000
PIPE_ROOM = 65536
BIND, BIND_ACK, BIND_NAK, RESPONSE, FAULT = 11, 12, 13, 2, 3
NDR = bytes.fromhex("045d888aeb1cc9119fe808002b10486002000000")


@dataclass
class Request:
    """One request of the client."""

    command: int
    message_id: int
    packet: bytes

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.packet[64:]


class Script:
    """One connection. ``heard`` is every frame that the client sent, as it was on the wire."""

    dialect = 0x0311
    seals = True
    security_mode = 3
    session_flags = 0
    grant = 64

    def __init__(self, sock: socket.socket, secret: str) -> None:
        self.sock = sock
        self.secret = secret
        self.heard: list[bytes] = []
        self.registry = self.make_registry()
        self.keys: Keys | None = None
        self.sealed = False
        self.answered = 0  # protected answers so far
        self.guid = os.urandom(16)
        self.preauth = bytes(64)
        self.acceptor = Acceptor(self.secret)
        self.pipes: dict[bytes, deque[bytes]] = {}
        self.service_pipes: set[bytes] = set()
        self.setups = 0

    def make_registry(self) -> Registry:
        """What the remote registry holds."""
        return Registry()

    def run(self) -> None:
        """Serve until the client goes."""
        while (data := self.receive()) is not None:
            self.handle(self.parse(data))

    # --- frames ---

    def receive(self) -> bytes | None:
        """One frame, None when the client has gone."""
        head = self._exactly(4)
        data = self._exactly(struct.unpack(">I", head)[0]) if head else None
        if data is not None:
            self.heard.append(data)
        return data

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            if not (chunk := self.sock.recv(size - len(data))):
                return None
            data += chunk
        return data

    def send_frame(self, data: bytes) -> None:
        """One frame onto the wire."""
        self.sock.sendall(struct.pack(">I", len(data)) + data)

    def parse(self, data: bytes) -> Request:
        """Decrypt and read the header."""
        packet = self.keys.unsealed(data) if self.keys and data[:4] == b"\xfdSMB" else data
        return Request(struct.unpack_from("<H", packet, 12)[0], struct.unpack_from("<Q", packet, 24)[0], packet)

    def reply(self, request: Request, body: bytes, status: int = OK, **other: int) -> None:
        """Answer one request; ``other`` overrides header fields."""
        self.deliver(request, self.packet(request, body, status, **other))

    def packet(self, request: Request, body: bytes, status: int = OK, **other: int) -> bytes:
        """One answer packet, not protected yet."""
        get = other.get
        return (
            HEADER.pack(
                b"\xfeSMB", 64, 1, status, get("command", request.command), get("grant", self.grant),
                get("flags", 1), 0, get("message_id", request.message_id), 0xFEFF, get("tree_id", self.tree(request)),
                get("session_id", SESSION_ID if request.command else 0), bytes(16),
            )
            + body
        )  # fmt: skip

    def tree(self, request: Request) -> int:
        """The tree id of an answer."""
        return 0 if request.command in (NEGOTIATE, SESSION_SETUP, LOGOFF) else TREE_ID

    def deliver(self, request: Request, packet: bytes) -> None:
        """Protect as the session demands, and send."""
        if self.keys:
            self.answered += 1
        self.send_frame(self.protected(packet))

    def protected(self, packet: bytes) -> bytes:
        """Sealed, signed, or as it is before the logon."""
        if self.keys and self.sealed:
            return self.keys.sealed(packet, SESSION_ID)
        return self.keys.signed(packet) if self.keys else packet

    # --- commands ---

    def handle(self, request: Request) -> None:
        """Answer one request."""
        commands = {
            NEGOTIATE: self.negotiate,
            SESSION_SETUP: self.session_setup,
            TREE_CONNECT: self.tree_connect,
            CREATE: self.create,
            CLOSE: self.close,
            READ: self.read,
            IOCTL: self.ioctl,
            LOGOFF: self.logoff,
        }
        commands.get(request.command, self.unknown)(request)

    def unknown(self, request: Request) -> None:
        """A command that the scanner never sends."""
        self.reply(request, struct.pack("<HBBIB", 9, 0, 0, 0, 0), NOT_SUPPORTED)

    def negotiate(self, request: Request) -> None:
        """NEGOTIATE; the pre-authentication hash starts here."""
        packet = self.packet(request, self.negotiate_body(), grant=1)
        self.preauth = chain(chain(self.preauth, request.packet), packet)
        self.send_frame(packet)

    def negotiate_body(self) -> bytes:
        """What the server chooses."""
        contexts = self.contexts() if self.dialect == 0x0311 else []
        packed = b""
        for kind, data in contexts:
            packed += bytes(-len(packed) % 8) + struct.pack("<HHI", kind, len(data), 0) + data
        head = struct.pack("<HHHH", 65, self.security_mode, self.dialect, len(contexts)) + self.guid
        sizes = struct.pack("<IIIIQQ", self.capabilities(), 65536, 65536, 65536, 0, 0)
        return head + sizes + struct.pack("<HHI", 128, 0, 128 if contexts else 0) + packed

    def capabilities(self) -> int:
        """Large reads."""
        return 0x4

    def contexts(self) -> list[tuple[int, bytes]]:
        """Hash SHA-512, and the cipher AES-128-GCM for a sealed session."""
        hashed = (1, struct.pack("<HHH", 1, 32, 1) + os.urandom(32))
        return [hashed, (2, struct.pack("<HH", 1, 2))] if self.seals else [hashed]

    def session_setup(self, request: Request) -> None:
        """First the challenge, then the verdict."""
        self.setups += 1
        if self.setups == 1:
            return self.send_challenge(request)
        try:
            key = self.acceptor.session_key(request.packet)
        except ValueError:
            return self.reply(request, setup_body(0, b""), LOGON_FAILURE)
        self.preauth = chain(self.preauth, request.packet)
        return self.accept(request, key)

    def send_challenge(self, request: Request) -> None:
        """MORE_PROCESSING_REQUIRED with the NTLM challenge."""
        packet = self.packet(request, setup_body(0, spnego(self.acceptor.challenge())), MORE_PROCESSING)
        self.preauth = chain(chain(self.preauth, request.packet), packet)
        self.send_frame(packet)

    def accept(self, request: Request, session_key: bytes) -> None:
        """The signed SUCCESS; from here on everything is protected."""
        self.keys = Keys.derive(self.dialect, session_key, self.preauth)
        self.reply(request, setup_body(self.session_flags, b""))
        self.sealed = self.seals and self.dialect == 0x0311

    def tree_connect(self, request: Request) -> None:
        """IPC$."""
        self.reply(request, struct.pack("<HBBIII", 16, 2, 0, 0x30, 0, 0x1F01FF))

    def create(self, request: Request) -> None:
        r"""Open ``\winreg``, or ``\svcctl``, which is always honest: scripts misbehave behind it."""
        offset, size = struct.unpack_from("<HH", request.body, 44)
        if request.packet[offset : offset + size].decode("utf-16-le") == "svcctl":
            self.service_pipes.add(self.open_pipe(request))
        else:
            self.open_registry(request)

    def open_registry(self, request: Request) -> None:
        r"""Open ``\winreg``."""
        self.open_pipe(request)

    def open_pipe(self, request: Request) -> bytes:
        """A new file id."""
        file_id = os.urandom(16)
        self.pipes[file_id] = deque()
        self.reply(request, struct.pack("<HBBI48x", 89, 0, 0, 1) + bytes(8) + file_id + bytes(8))
        return file_id

    def close(self, request: Request) -> None:
        """Close a pipe."""
        self.reply(request, struct.pack("<HHI52x", 60, 0, 0))

    def on_service(self, request: Request) -> bool:
        """Whether a call is for the service control manager."""
        return request.body[8:24] in self.service_pipes

    def read(self, request: Request) -> None:
        """The rest of an answer."""
        waiting = self.pipes[request.body[16:32]]
        data = waiting.popleft() if waiting else b""
        body = struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data
        self.reply(request, body, BUFFER_OVERFLOW if waiting else OK)

    def ioctl(self, request: Request) -> None:
        """A call on the pipe, or the confirmation of the negotiation."""
        code, file_id = struct.unpack_from("<I16s", request.body, 4)
        offset, size = struct.unpack_from("<II", request.body, 24)
        data = request.packet[offset : offset + size]
        if code == VALIDATE:
            return self.reply(request, ioctl_body(code, file_id, self.validation()))
        if file_id in self.service_pipes:
            return self.reply(request, ioctl_body(code, file_id, service_answer(data)))
        parts = split(self.rpc(data), PIPE_ROOM)
        self.pipes[file_id] = deque(parts[1:])
        return self.reply(request, ioctl_body(code, file_id, parts[0]), BUFFER_OVERFLOW if parts[1:] else OK)

    def validation(self) -> bytes:
        """What NEGOTIATE said, once more."""
        return struct.pack("<I16sHH", self.capabilities(), self.guid, self.security_mode, self.dialect)

    def logoff(self, request: Request) -> None:
        """Good-bye."""
        self.reply(request, struct.pack("<HH", 4, 0))

    # --- RPC ---

    def rpc(self, pdu: bytes) -> bytes:
        """The PDUs that answer one PDU."""
        if pdu[2] == BIND:
            return self.bind_answer()
        return self.response(self.registry.call(struct.unpack_from("<H", pdu, 22)[0], pdu[24:]))

    def bind_answer(self) -> bytes:
        """BIND_ACK for one context."""
        return bind_ack()

    def response(self, stub: bytes) -> bytes:
        """RESPONSE fragments of a stub."""
        return fragments(stub, FRAGMENT)


def bind_ack() -> bytes:
    """BIND_ACK for one context."""
    address = b"\\PIPE\\scripted\0"
    body = struct.pack("<HHIH", 4280, 4280, 1, len(address)) + address
    return rpc_pdu(BIND_ACK, body + bytes(-len(body) % 4) + struct.pack("<B3xHH", 1, 0, 0) + NDR)


def service_answer(pdu: bytes) -> bytes:
    """RemoteRegistry runs and starts by itself ([MS-SCMR] §3.1.4: 40 status, 17 settings, the others give handles)."""
    if pdu[2] == BIND:
        return bind_ack()
    opnum = struct.unpack_from("<H", pdu, 22)[0]
    status = struct.pack("<I9I", 36, 0x20, 4, 0, 0, 0, 0, 0, 700, 0) + bytes(8)
    settings = struct.pack("<III", 0x20, 2, 1) + bytes(28)
    return fragments({40: status, 17: settings}.get(opnum, bytes(24)), FRAGMENT)


def setup_body(flags: int, token: bytes) -> bytes:
    """Body of a SESSION_SETUP answer."""
    return struct.pack("<HHHH", 9, flags, 72, len(token) & 0xFFFF) + token


def ioctl_body(code: int, file_id: bytes, data: bytes) -> bytes:
    """Body of an IOCTL answer."""
    return struct.pack("<HHI16sIIIIII", 49, 0, code, file_id, 112, 0, 112, len(data), 0, 0) + data


def fragments(stub: bytes, size: int) -> bytes:
    """RESPONSE PDUs of at most ``size`` bytes of stub each."""
    parts = split(stub, size)
    last = len(parts) - 1
    return b"".join(
        rpc_pdu(RESPONSE, struct.pack("<IHH", len(part), 0, 0) + part, (number == 0) | (number == last) << 1)
        for number, part in enumerate(parts)
    )


def rpc_pdu(kind: int, body: bytes, flags: int = 3) -> bytes:
    """One PDU of call 1."""
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, 16 + len(body), 0, 1) + body


def split(data: bytes, size: int) -> list[bytes]:
    """Parts of at most ``size`` bytes; one empty part when there is nothing."""
    return [data[n : n + size] for n in range(0, len(data), size)] or [b""]
