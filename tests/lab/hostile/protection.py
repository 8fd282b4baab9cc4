"""Keys, signatures and sealing of a scripted SMB server: AES-CMAC or HMAC signatures, AES-128-GCM.

Written apart from the scanner's own, so that the two cannot share a mistake. Source: [MS-SMB2] §3.1.4.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

from Cryptodome.Cipher import AES
from Cryptodome.Hash import CMAC

SIGNED = 0x8
SEAL_HEADER = 52


def kdf(key: bytes, label: bytes, context: bytes) -> bytes:
    """SP 800-108 counter mode, 128 bits."""
    return hmac.digest(key, b"\0\0\0\1" + label + b"\0" + context + b"\0\0\0\x80", hashlib.sha256)[:16]


def chain(before: bytes, packet: bytes) -> bytes:
    """One step of the pre-authentication hash."""
    return hashlib.sha512(before + packet).digest()


@dataclass
class Keys:
    """What protects a session after the logon."""

    dialect: int
    signing: bytes
    to_server: bytes
    to_client: bytes

    @classmethod
    def derive(cls, dialect: int, session_key: bytes, preauth: bytes) -> Keys:
        """By dialect: 2.1 signs with the session key itself."""
        if dialect == 0x0210:
            return cls(dialect, session_key, b"", b"")
        if dialect == 0x0311:
            names = (b"SMBSigningKey\0", b"SMBC2SCipherKey\0", b"SMBS2CCipherKey\0")
            return cls(dialect, *(kdf(session_key, name, preauth) for name in names))
        return cls(dialect, kdf(session_key, b"SMB2AESCMAC\0", b"SmbSign\0"), b"", b"")

    def signed(self, packet: bytes) -> bytes:
        """The packet with its flag and signature set."""
        flags = struct.unpack_from("<I", packet, 16)[0] | SIGNED
        blank = packet[:16] + struct.pack("<I", flags) + packet[20:48] + bytes(16) + packet[64:]
        return blank[:48] + self._mac(blank) + blank[64:]

    def _mac(self, packet: bytes) -> bytes:
        if self.dialect == 0x0210:
            return hmac.digest(self.signing, packet, hashlib.sha256)[:16]
        return CMAC.new(self.signing, packet, AES).digest()

    def sealed(self, packet: bytes, session_id: int) -> bytes:
        """The packet in a transform header."""
        nonce = os.urandom(12)
        head = nonce + bytes(4) + struct.pack("<IHHQ", len(packet), 0, 1, session_id)
        cipher = AES.new(self.to_client, AES.MODE_GCM, nonce=nonce)
        cipher.update(head)
        body, tag = cipher.encrypt_and_digest(packet)
        return b"\xfdSMB" + tag + head + body

    def unsealed(self, data: bytes) -> bytes:
        """The client's packet. Raises ValueError when its tag is wrong."""
        cipher = AES.new(self.to_server, AES.MODE_GCM, nonce=data[20:32])
        cipher.update(data[20:SEAL_HEADER])
        return cipher.decrypt_and_verify(data[SEAL_HEADER:], data[4:20])
