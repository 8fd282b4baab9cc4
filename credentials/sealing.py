"""Passphrase to key, and key to sealed text. Knows nothing of files or inspections.

References:
    - Argon2id: RFC 9106
    - AES-256-GCM: NIST SP 800-38D; a fresh random 96-bit nonce for each sealing
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import unicodedata
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from config.settings import Vault as VaultSettings

KEY_BYTES = 32
NONCE_BYTES = 12
SALT_BYTES = 16
MEMORY_MIB = range(8, 1025)
ITERATIONS = range(1, 11)
LANES = range(1, 17)


class SealBroken(Exception):
    """The key or the context is not the one it was sealed with, or the text was changed. Carries no content."""


@dataclass(frozen=True, slots=True)
class Kdf:
    """How a passphrase becomes the key-encryption key; stored beside what it protects."""

    memory_mib: int
    iterations: int
    lanes: int
    salt: str = field(repr=False)  # base64

    @property
    def bounded(self) -> bool:
        """Whether these parameters, read from a file, are ones this machine should spend memory and time on."""
        return (
            self.memory_mib in MEMORY_MIB
            and self.iterations in ITERATIONS
            and self.lanes in LANES
            and len(_decode(self.salt)) == SALT_BYTES
        )


def fresh_kdf(settings: VaultSettings) -> Kdf:
    """Parameters from the settings with a new salt."""
    salt = base64.b64encode(os.urandom(SALT_BYTES)).decode()
    return Kdf(settings.argon2_memory_mib, settings.argon2_iterations, settings.argon2_lanes, salt)


def derive(passphrase: str, kdf: Kdf) -> bytes:
    """The 32-byte key. NFC first, so that the same words typed on two input methods are the same passphrase."""
    argon2 = Argon2id(
        salt=_decode(kdf.salt),
        length=KEY_BYTES,
        iterations=kdf.iterations,
        lanes=kdf.lanes,
        memory_cost=kdf.memory_mib * 1024,
    )
    return argon2.derive(unicodedata.normalize("NFC", passphrase).encode())


def fresh_key() -> bytes:
    """A random data key."""
    return os.urandom(KEY_BYTES)


def context(*parts: str | int) -> bytes:
    """Associated data from parts; JSON keeps ``("a|b", "c")`` and ``("a", "b|c")`` apart."""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


def seal(key: bytes, plain: bytes, associated: bytes) -> str:
    """Encrypt; base64 of nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, associated)).decode()


def unseal(key: bytes, sealed: str, associated: bytes) -> bytes:
    """Decrypt what :func:`seal` made. Raises SealBroken."""
    data = _decode(sealed)
    if len(data) <= NONCE_BYTES:
        raise SealBroken
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], associated)
    except InvalidTag:
        raise SealBroken from None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
