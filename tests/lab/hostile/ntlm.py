"""Server side of NTLMv2 for scripted servers: enough to let a client in that knows the password, or only pretend to.

Source: [MS-NLMP] §2.2.1 (messages), §3.3.2 (NTLMv2), §3.4.5 (keys).
"""

from __future__ import annotations

import hmac
import os
import struct
from dataclasses import dataclass, field

from Cryptodome.Cipher import ARC4
from Cryptodome.Hash import MD4

SIGNATURE = b"NTLMSSP\0"
UNICODE, TARGET, SIGN, SEAL, NTLM = 0x1, 0x4, 0x10, 0x20, 0x200
ALWAYS_SIGN, SERVER_TYPE, SESSION_SECURITY, TARGET_INFO = 0x8000, 0x20000, 0x80000, 0x800000
KEY_128, KEY_EXCHANGE, KEY_56 = 0x20000000, 0x40000000, 0x80000000
USUAL = (
    UNICODE | TARGET | SIGN | SEAL | NTLM | ALWAYS_SIGN | SERVER_TYPE | SESSION_SECURITY | TARGET_INFO
    | KEY_128 | KEY_EXCHANGE | KEY_56
)  # fmt: skip
NETBIOS_NAME, NETBIOS_DOMAIN, DNS_NAME, DNS_DOMAIN, TIMESTAMP, END = 1, 2, 3, 4, 7, 0
SOME_TIME = 133_700_000_000_000_000  # FILETIME of a day in 2024: a scripted server needs no clock


@dataclass
class Acceptor:
    """One login. ``flags`` and ``target_info`` are what a rogue bends."""

    secret: str
    name: str = "SCRIPTED"
    flags: int = USUAL
    nonce: bytes = field(default_factory=lambda: os.urandom(8))
    target_info: bytes | None = None

    def challenge(self) -> bytes:
        """The CHALLENGE message."""
        name = self.name.encode("utf-16-le")
        info = pairs(self.name) if self.target_info is None else self.target_info
        head = SIGNATURE + struct.pack("<IHHII", 2, len(name), len(name), 56, self.flags) + self.nonce + bytes(8)
        ends = struct.pack("<HHI", len(info), len(info), 56 + len(name)) + bytes((10, 0, 0x61, 0x4A, 0, 0, 0, 15))
        return head + ends + name + info

    def session_key(self, token: bytes) -> bytes:
        """The exported session key, from the client's AUTHENTICATE. Raises ValueError on a wrong password."""
        message = token[token.index(SIGNATURE) :]
        answer, domain, user, key = (_field(message, at) for at in (20, 28, 36, 52))
        owner = hmac.digest(MD4.new(self.secret.encode("utf-16-le")).digest(), _upper(user) + domain, "md5")
        proof, blob = answer[:16], answer[16:]
        if not hmac.compare_digest(hmac.digest(owner, self.nonce + blob, "md5"), proof):
            raise ValueError("wrong password")
        base = hmac.digest(owner, proof, "md5")
        return ARC4.new(base).decrypt(key) if struct.unpack_from("<I", message, 60)[0] & KEY_EXCHANGE else base


def pairs(name: str, **more: bytes) -> bytes:
    """Target information as Windows gives it."""
    text, low = name.encode("utf-16-le"), name.lower().encode("utf-16-le")
    items = [(NETBIOS_DOMAIN, text), (NETBIOS_NAME, text), (DNS_DOMAIN, low), (DNS_NAME, low)]
    items += [(TIMESTAMP, struct.pack("<Q", SOME_TIME)), *((10, value) for value in more.values()), (END, b"")]
    return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in items)


def is_authenticate(data: bytes) -> bool:
    """Whether bytes that a server received hold an NTLM response."""
    return SIGNATURE + struct.pack("<I", 3) in data


def spnego(token: bytes) -> bytes:
    """A NegTokenResp: accept-incomplete, NTLM, the token ([RFC 4178] §4.2.2)."""
    oid = bytes.fromhex("a10c060a2b06010401823702020a")
    return _der(0xA1, _der(0x30, bytes.fromhex("a0030a0101") + oid + _der(0xA2, _der(0x04, token))))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag, 0x83)) + size.to_bytes(3, "big") + content


def _field(message: bytes, at: int) -> bytes:
    size, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset : offset + size]


def _upper(user: bytes) -> bytes:
    return user.decode("utf-16-le").upper().encode("utf-16-le")
