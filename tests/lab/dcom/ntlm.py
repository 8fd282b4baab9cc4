"""Server side of NTLMv2 with signing and sealing ([MS-NLMP] §3.2.5, §3.4)."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Mapping

from Cryptodome.Cipher import ARC4
from Cryptodome.Hash import MD4

SUPPORTED = 0xE2088235  # UNICODE TARGET SIGN SEAL NTLM ALWAYS_SIGN ESS VERSION 128 KEY_EXCH 56
TARGET_INFO, SERVER_TYPE, KEY_EXCHANGE = 0x800000, 0x20000, 0x40000000
EPOCH = 132_000_000_000_000_000  # some day of 2019; the server's clock is not under test


class BadLogon(Exception):
    """Unknown account, wrong password, or a request that was not signed with the session's key."""


class Acceptor:
    """``challenge(type 1)``, ``authenticate(type 3)``, then ``unwrap`` and ``wrap`` of packets."""

    def __init__(self, users: Mapping[str, str], computer: str, withheld_flags: int = 0) -> None:
        self._users = {name.casefold(): secret for name, secret in users.items()}
        self._computer = computer
        self._withheld = withheld_flags
        self._nonce = os.urandom(8)
        self.user: str | None = None

    def challenge(self, negotiate: bytes) -> bytes:
        flags = struct.unpack_from("<I", negotiate, 12)[0] & SUPPORTED & ~self._withheld
        flags |= TARGET_INFO | SERVER_TYPE | 0x204
        name = self._computer.encode("utf-16-le")
        pairs = ((2, name), (1, name), (4, name), (3, name), (7, struct.pack("<Q", EPOCH)), (0, b""))
        info = b"".join(struct.pack("<HH", number, len(data)) + data for number, data in pairs)
        head = b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(name), len(name), 56, flags) + self._nonce + bytes(8)
        return head + struct.pack("<HHI", len(info), len(info), 56 + len(name)) + bytes(8) + name + info

    def authenticate(self, message: bytes) -> None:
        """Raises BadLogon."""
        answer, domain, user, key = (_field(message, at) for at in (20, 28, 36, 52))
        name = user.decode("utf-16-le")
        secret = self._users.get(name.casefold())
        if secret is None or len(answer) < 24:
            raise BadLogon(name)
        hashed = MD4.new(secret.encode("utf-16-le")).digest()
        owner = _hmac(hashed, name.upper().encode("utf-16-le") + domain)
        if _hmac(owner, self._nonce + answer[16:]) != answer[:16]:
            raise BadLogon(name)
        flags = struct.unpack_from("<I", message, 60)[0]
        base = _hmac(owner, answer[:16])
        self._start(ARC4.new(base).decrypt(key) if flags & KEY_EXCHANGE else base)
        self.user = name

    def _start(self, session: bytes) -> None:
        def magic(way: bytes, use: bytes) -> bytes:
            text = b"session key to " + way + b" " + use + b" key magic constant\0"
            return hashlib.md5(session + text).digest()

        up, down = b"client-to-server", b"server-to-client"
        self._in_key, self._out_key = magic(up, b"signing"), magic(down, b"signing")
        self._in, self._out = ARC4.new(magic(up, b"sealing")), ARC4.new(magic(down, b"sealing"))
        self._in_number = self._out_number = 0

    def unwrap(self, head: bytes, body: bytes, trailer: bytes, signature: bytes, seal: bool) -> bytes:
        """Raises BadLogon when the request's signature does not verify."""
        plain = self._in.decrypt(body) if seal else body
        number = struct.pack("<I", self._in_number)
        self._in_number += 1
        digest = _hmac(self._in_key, number + head + plain + trailer)[:8]
        if struct.pack("<I", 1) + self._in.encrypt(digest) + number != signature:
            raise BadLogon("request signature")
        return plain

    def wrap(self, head: bytes, body: bytes, trailer: bytes, seal: bool) -> tuple[bytes, bytes]:
        travels = self._out.encrypt(body) if seal else body
        number = struct.pack("<I", self._out_number)
        self._out_number += 1
        digest = _hmac(self._out_key, number + head + body + trailer)[:8]
        return travels, struct.pack("<I", 1) + self._out.encrypt(digest) + number


def _field(message: bytes, at: int) -> bytes:
    size, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset : offset + size]


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.md5).digest()
