"""What protects an SMB session: key derivation, signatures and sealing. Every answer is verified here or refused.

References:
    - [MS-SMB2] §3.1.4.1 (signing), §3.1.4.2 (keys), §3.1.4.3 (encryption), §2.2.41 (transform header)
    - NIST SP 800-108 (counter mode KDF with HMAC-SHA256)
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from scanner.session import Untrusted
from scanner.transports.smb_wire import FLAG_SIGNED, HEADER, SIGNATURE_AT, SMB2, TRANSFORM, Dialect, Malformed, parse

STATUS_PENDING = 0x00000103
TRANSFORM_HEADER = struct.Struct("<4s16s16sIHHQ")
TRANSFORM_AAD_AT = 20
TRANSFORM_SEALED = 1


class Signing(IntEnum):
    """[MS-SMB2] §2.2.3.1.7."""

    HMAC_SHA256 = 0
    AES_CMAC = 1
    AES_GMAC = 2


class Cipher(IntEnum):
    """[MS-SMB2] §2.2.3.1.2."""

    AES_128_CCM = 1
    AES_128_GCM = 2
    AES_256_CCM = 3
    AES_256_GCM = 4

    @property
    def key_bits(self) -> int:
        """128 or 256."""
        return 256 if self in (Cipher.AES_256_CCM, Cipher.AES_256_GCM) else 128

    @property
    def nonce_bytes(self) -> int:
        """CCM takes 11 of the 16 nonce bytes, GCM 12."""
        return 11 if self in (Cipher.AES_128_CCM, Cipher.AES_256_CCM) else 12


CIPHERS = (Cipher.AES_128_GCM, Cipher.AES_128_CCM, Cipher.AES_256_GCM, Cipher.AES_256_CCM)
SIGNINGS = (Signing.AES_GMAC, Signing.AES_CMAC, Signing.HMAC_SHA256)


def derive(key: bytes, label: bytes, context: bytes, bits: int = 128) -> bytes:
    """SP 800-108 in counter mode; one or two blocks of SHA-256 are never needed in full, so one is enough."""
    data = struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits)
    return hmac.digest(key, data, "sha256")[: bits // 8]


class PreauthHash:
    """SHA-512 chain over the messages before protection starts (SMB 3.1.1)."""

    def __init__(self) -> None:
        self.value = bytes(64)

    def add(self, packet: bytes) -> None:
        """Chain one packet, as sent or received."""
        self.value = hashlib.sha512(self.value + packet).digest()


def signing_key(dialect: Dialect, session_key: bytes, preauth: bytes) -> bytes:
    """The key for signatures; SMB 2.1 uses the session key itself."""
    if dialect is Dialect.SMB_2_1:
        return session_key
    if dialect is Dialect.SMB_3_1_1:
        return derive(session_key, b"SMBSigningKey\0", preauth)
    return derive(session_key, b"SMB2AESCMAC\0", b"SmbSign\0")


def cipher_keys(dialect: Dialect, session_key: bytes, preauth: bytes, cipher: Cipher) -> tuple[bytes, bytes]:
    """Keys for what we send and for what we receive."""
    if dialect is Dialect.SMB_3_1_1:
        bits = cipher.key_bits
        return (
            derive(session_key, b"SMBC2SCipherKey\0", preauth, bits),
            derive(session_key, b"SMBS2CCipherKey\0", preauth, bits),
        )
    return (
        derive(session_key, b"SMB2AESCCM\0", b"ServerIn \0"),
        derive(session_key, b"SMB2AESCCM\0", b"ServerOut\0"),
    )


def _hmac_sha256(key: bytes, packet: bytes, _message_id: int, _server: bool) -> bytes:
    return hmac.digest(key, packet, "sha256")[:16]


def _aes_cmac(key: bytes, packet: bytes, _message_id: int, _server: bool) -> bytes:
    mac = CMAC(AES(key))
    mac.update(packet)
    return mac.finalize()


def _aes_gmac(key: bytes, packet: bytes, message_id: int, server: bool) -> bytes:
    return AESGCM(key).encrypt(struct.pack("<QI", message_id, int(server)), b"", packet)


_MACS: dict[Signing, Callable[[bytes, bytes, int, bool], bytes]] = {
    Signing.HMAC_SHA256: _hmac_sha256,
    Signing.AES_CMAC: _aes_cmac,
    Signing.AES_GMAC: _aes_gmac,
}


class Protection(Protocol):
    """What stands between our packets and the wire."""

    @property
    def signs(self) -> bool:
        """Whether requests carry the signed flag."""
        ...

    def protect(self, packet: bytes, message_id: int) -> bytes:
        """The packet as it goes on the wire."""
        ...

    def open(self, data: bytes) -> bytes:
        """The verified packet. Raises Untrusted or Malformed."""
        ...


class Unprotected:
    """Before the logon is complete: nothing secret is sent and nothing received is believed afterwards."""

    signs = False

    def protect(self, packet: bytes, message_id: int) -> bytes:
        """As it is."""
        return packet

    def open(self, data: bytes) -> bytes:
        """As it is."""
        return data


@dataclass(slots=True)
class Signed:
    """Every request signed, every final answer's signature verified."""

    algorithm: Signing
    key: bytes = field(repr=False)
    signs = True

    def protect(self, packet: bytes, message_id: int) -> bytes:
        """Fill in the signature."""
        mac = _MACS[self.algorithm](self.key, packet, message_id, False)
        return packet[:SIGNATURE_AT] + mac + packet[HEADER.size :]

    def open(self, data: bytes) -> bytes:
        """Verify. An interim ``STATUS_PENDING`` may be unsigned ([MS-SMB2] §3.2.5.1.3): it carries nothing."""
        if data[:4] == TRANSFORM:
            raise Untrusted("smb.unexpected_sealing")
        answer = parse(data)
        if not answer.flags & FLAG_SIGNED:
            if answer.status == STATUS_PENDING:
                return data
            raise Untrusted("smb.unsigned_answer")
        blank = data[:SIGNATURE_AT] + bytes(16) + data[HEADER.size :]
        expected = _MACS[self.algorithm](self.key, blank, answer.message_id, True)
        if not hmac.compare_digest(expected, data[SIGNATURE_AT : HEADER.size]):
            raise Untrusted("smb.forged_answer")
        return data


class Sealed:
    """Every request encrypted, every answer's tag verified, every plain answer refused."""

    signs = False

    def __init__(self, cipher: Cipher, send_key: bytes, receive_key: bytes, session_id: int) -> None:
        aead = AESCCM if cipher.nonce_bytes == 11 else AESGCM
        self._send, self._receive = aead(send_key), aead(receive_key)
        self._nonce_bytes = cipher.nonce_bytes
        self._session_id = session_id
        self._sent = 0

    def protect(self, packet: bytes, message_id: int) -> bytes:
        """Encrypt under a counter: the key is this session's own, so no nonce comes twice."""
        self._sent += 1
        nonce = self._sent.to_bytes(16, "little")
        associated = nonce + struct.pack("<IHHQ", len(packet), 0, TRANSFORM_SEALED, self._session_id)
        sealed = self._send.encrypt(nonce[: self._nonce_bytes], packet, associated)
        return TRANSFORM + sealed[-16:] + associated + sealed[:-16]

    def open(self, data: bytes) -> bytes:
        """Verify and decrypt."""
        if data[:4] == SMB2:
            raise Untrusted("smb.plain_answer")
        if len(data) < TRANSFORM_HEADER.size:
            raise Malformed("short transform header")
        magic, tag, nonce, size, _, flags, session_id = TRANSFORM_HEADER.unpack_from(data)
        if magic != TRANSFORM or flags != TRANSFORM_SEALED or session_id != self._session_id:
            raise Untrusted("smb.plain_answer")
        try:
            packet = self._receive.decrypt(
                nonce[: self._nonce_bytes],
                data[TRANSFORM_HEADER.size :] + tag,
                data[TRANSFORM_AAD_AT : TRANSFORM_HEADER.size],
            )
        except InvalidTag as error:
            raise Untrusted("smb.forged_answer") from error
        if len(packet) != size:
            raise Malformed("sealed size")
        return packet
