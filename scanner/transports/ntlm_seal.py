"""Signing and sealing of messages with an NTLM session key, and the check of what comes back. Pure.

References:
    - [MS-NLMP] §3.4.4.2 (signature with extended session security), §3.4.5.2, §3.4.5.3 (keys)
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext

CLIENT, SERVER = b"client-to-server", b"server-to-client"


class Forged(Exception):
    """A signature does not verify."""


class Direction:
    """One direction of one session: its keys, its RC4 stream, its sequence number."""

    def __init__(self, session_key: bytes, way: bytes) -> None:
        self._sign = _derive(session_key, way, b"signing")
        self._stream = _rc4(_derive(session_key, way, b"sealing"))
        self._number = 0

    def protect(self, head: bytes, body: bytes, trailer: bytes, *, seal: bool) -> tuple[bytes, bytes]:
        """The body as it travels, and the signature over all three."""
        travels = self._stream.update(body) if seal else body
        return travels, self._signature(head + body + trailer)

    def open(self, head: bytes, body: bytes, trailer: bytes, signature: bytes, *, seal: bool) -> bytes:
        """The body in the clear. Raises Forged."""
        plain = self._stream.update(body) if seal else body
        if not hmac.compare_digest(self._signature(head + plain + trailer), signature):
            raise Forged
        return plain

    def _signature(self, message: bytes) -> bytes:
        number = struct.pack("<I", self._number)
        self._number = (self._number + 1) & 0xFFFFFFFF
        digest = hmac.digest(self._sign, number + message, "md5")[:8]
        return struct.pack("<I", 1) + self._stream.update(digest) + number


def _derive(session_key: bytes, way: bytes, use: bytes) -> bytes:
    text = b"session key to " + way + b" " + use + b" key magic constant\0"
    return hashlib.md5(session_key + text, usedforsecurity=False).digest()


def _rc4(key: bytes) -> CipherContext:
    return Cipher(ARC4(key), mode=None).encryptor()
