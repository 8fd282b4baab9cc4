"""One DCE/RPC association of the peer: bind, NTLM, requests, and the ways in which an answer can be wrong."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lab.dcom.ndr import guid
from tests.lab.dcom.ntlm import Acceptor, BadLogon

NDR = guid("8a885d04-1ceb-11c9-9fe8-08002b104860") + struct.pack("<I", 2)
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_ACK, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
ACCESS_DENIED = 5
UNKNOWN_AUTHENTICATION = 8  # [MS-RPCE] §2.2.2.5
FRAGMENT = 4280

Tamper = Callable[[int, bytes], bytes]
"""From the number of a protected answer fragment (from 0, over the whole peer) and its packet: what is sent instead."""


class RpcFault(Exception):
    """A call that ends in a FAULT packet."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class Cut(Exception):
    """The peer closes the connection instead of answering."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a server sees it."""

    interface: str
    opnum: int
    stub: bytes
    ipid: bytes
    user: str | None
    level: int = 0  # of its authentication


@dataclass(frozen=True, slots=True)
class Verifier:
    """The security trailer of a request."""

    kind: int
    level: int
    padding: int
    context: int
    head: bytes
    signature: bytes


@dataclass
class Service:
    """What a peer offers to an association."""

    interfaces: dict[bytes, str]
    acceptor: Callable[[], Acceptor]
    dispatch: Callable[[Call], bytes]
    interface_of: Callable[[bytes], str | None]  # by IPID
    secondary: str = ""
    fragment: int = FRAGMENT
    signs: bool = True
    tamper: Tamper | None = None
    answers: int = 0  # protected fragments sent
    refuses_ntlm: bool = False


@dataclass
class Association:
    """Serves one connection until its end."""

    service: Service
    sock: socket.socket
    contexts: dict[int, str] = field(default_factory=dict[int, str])
    acceptors: dict[int, Acceptor] = field(default_factory=dict[int, Acceptor])
    parts: list[bytes] = field(default_factory=list[bytes])

    def serve(self) -> None:
        with self.sock, contextlib.suppress(OSError, Cut):
            while (head := self._read(16)) is not None:
                length, _, call_id = struct.unpack_from("<HHI", head, 8)
                rest = self._read(length - 16)
                if rest is None:
                    return
                self._packet(head + rest, call_id)

    def _read(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            chunk = self.sock.recv(size - len(data))
            if not chunk:
                return None
            data += chunk
        return data

    def _packet(self, packet: bytes, call_id: int) -> None:
        kind, auth_length = packet[2], struct.unpack_from("<H", packet, 10)[0]
        end = len(packet) - (auth_length + 8 if auth_length else 0)
        verifier = None
        if auth_length:
            fields = struct.unpack_from("<BBBxI", packet, end)
            verifier = Verifier(*fields, packet[end : end + 8], packet[end + 8 :])
        if kind in (BIND, ALTER):
            self._bind(kind, call_id, packet, verifier)
        elif kind == AUTH3 and verifier:
            with contextlib.suppress(BadLogon):
                self.acceptors[verifier.context].authenticate(verifier.signature)
        elif kind == REQUEST:
            self._request(call_id, packet, end, verifier)

    def _bind(self, kind: int, call_id: int, packet: bytes, verifier: Verifier | None) -> None:
        if self.service.refuses_ntlm and verifier:
            self._send(BIND_NAK, call_id, struct.pack("<HBBBx", UNKNOWN_AUTHENTICATION, 1, 5, 0), b"")
            return
        count, at, results = packet[24], 28, b""
        for _ in range(count):
            number, syntaxes = struct.unpack_from("<HB", packet, at)
            name = self.service.interfaces.get(packet[at + 4 : at + 24])
            at += 24 + 20 * syntaxes
            if name:
                self.contexts[number] = name
            results += struct.pack("<HH", 0, 0) + NDR if name else struct.pack("<HH", 2, 1) + bytes(20)
        address = b"" if kind == ALTER else self.service.secondary.encode() + b"\0"
        size = self.service.fragment
        body = struct.pack("<HHIH", size, size, 0x4321, len(address)) + address
        body += bytes(-(16 + len(body)) % 4) + struct.pack("<BBH", count, 0, 0) + results
        token = b""
        if verifier:
            acceptor = self.acceptors[verifier.context] = self.service.acceptor()
            token = acceptor.challenge(verifier.signature)
            body += verifier.head
        self._send(BIND_ACK if kind == BIND else ALTER_ACK, call_id, body, token)

    def _request(self, call_id: int, packet: bytes, end: int, verifier: Verifier | None) -> None:
        number, opnum = struct.unpack_from("<HH", packet, 20)
        has_object = packet[3] & 0x80
        at = 40 if has_object else 24
        try:
            body, user = self._opened(packet[:at], packet[at:end], verifier)
        except BadLogon:
            self._fault(call_id, number, ACCESS_DENIED)
            return
        self.parts.append(body)
        if not packet[3] & 2:
            return
        stub, self.parts = b"".join(self.parts), []
        ipid = packet[24:40] if has_object else b""
        name = self.service.interface_of(ipid) or self.contexts.get(number, "")
        try:
            answer = self.service.dispatch(Call(name, opnum, stub, ipid, user, verifier.level if verifier else 0))
        except RpcFault as fault:
            self._fault(call_id, number, fault.status)
            return
        self._respond(call_id, number, answer, verifier)

    def _opened(self, head: bytes, body: bytes, verifier: Verifier | None) -> tuple[bytes, str | None]:
        if verifier is None:
            return body, None
        acceptor = self.acceptors[verifier.context]
        if acceptor.user is None:
            raise BadLogon("never logged in")
        plain = acceptor.unwrap(head, body, verifier.head, verifier.signature, verifier.level == 6)
        return plain[: len(plain) - verifier.padding], acceptor.user

    def _respond(self, call_id: int, number: int, stub: bytes, verifier: Verifier | None) -> None:
        room = (self.service.fragment - 64) & ~15
        starts = range(0, max(len(stub), 1), room)
        for at in starts:
            flags = (1 if at == 0 else 0) | (2 if at == starts[-1] else 0)
            middle = struct.pack("<IHBB", len(stub) - at, number, 0, 0)
            piece = stub[at : at + room]
            if verifier is None or not self.service.signs:
                self._send(RESPONSE, call_id, middle + piece, b"", flags)
            else:
                self._protected(call_id, flags, middle, piece, verifier)

    def _protected(self, call_id: int, flags: int, middle: bytes, piece: bytes, verifier: Verifier) -> None:
        padding = -len(piece) % 16
        piece += bytes(padding)
        trailer = struct.pack("<BBBBI", verifier.kind, verifier.level, padding, 0, verifier.context)
        length = 24 + len(piece) + 8 + 16
        head = struct.pack("<BBBBIHHI", 5, 0, RESPONSE, flags, 0x10, length, 16, call_id) + middle
        acceptor = self.acceptors[verifier.context]
        body, signature = acceptor.wrap(head, piece, trailer, verifier.level == 6)
        packet = head + body + trailer + signature
        if self.service.tamper:
            packet = self.service.tamper(self.service.answers, packet)
        self.service.answers += 1
        self.sock.sendall(packet)

    def _fault(self, call_id: int, number: int, status: int) -> None:
        self._send(FAULT, call_id, struct.pack("<IHBBII", 32, number, 0, 0, status, 0), b"", 3 | 0x20)

    def _send(self, kind: int, call_id: int, body: bytes, token: bytes, flags: int = 3) -> None:
        length = 16 + len(body) + len(token)
        self.sock.sendall(struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, len(token), call_id) + body + token)
