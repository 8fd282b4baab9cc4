"""One table of what is never recorded in full: product keys, and serial numbers that work like keys. Pure.

A masked text keeps its last five characters and an HMAC-SHA256 under the inspection's own key, so that two copies of
one key are still seen to be one key. A masked blob keeps its size and its readable product id, edition and channel.

DigitalProductId (164 bytes) holds the packed key at 52; DigitalProductId4 (1272 bytes) holds it and its hashes at 808,
between readable UTF-16 fields. Microsoft publishes neither layout; the offsets are those that key readers agree on.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from scanner.session import RegistryValue, WmiScalar, WmiValue

KEY_NAMES = frozenset({
    "productkey", "productkeydefault", "backupproductkeydefault", "oa3xoriginalproductkey", "cdkey", "cd key", "cd_key",
    "licensekey", "license key", "licencekey", "licensecode", "serialnumber", "serial number", "serial", "serialno",
    "regcode", "registrationcode", "registrationkey", "regkey", "activationcode", "activationkey", "authcode", "pidkey",
})  # fmt: skip
"""Names of values, folded, whose text is a key."""

SECRET_NAMES = frozenset({"password", "defaultpassword", "encpwd", "securitypasswordaes", "passwd", "pwd"})
"""Names of values, folded, that are emptied: not even five characters of a password are kept."""

HARDWARE = re.compile(r"HKLM\\(HARDWARE|SYSTEM)\\", re.IGNORECASE)
"""Below these, a serial number names a machine and is no key."""

HYPHENATED = re.compile(rb"(?<![A-Za-z0-9-])[A-Za-z0-9]{5}(?:-[A-Za-z0-9]{5}){4}(?![A-Za-z0-9-])")
HYPHENS = re.compile(b"-[A-Za-z0-9]{5}" * 4)
"""In every match of ``HYPHENATED``, and ruled out far sooner (it begins with a letter): nearly no text holds a key."""

HARDWARE_CLASSES = re.compile(r".*:Win32_(BIOS|SystemEnclosure|ComputerSystemProduct|BaseBoard)$", re.IGNORECASE)
"""WMI classes whose serial number names a machine and is no key."""

KEY_LETTERS = b"BCDFGHJKMNPQRTVWXY2346789"
KEY_LENGTH = 25
BARE = re.compile(rb"(?<![A-Za-z0-9])[%b]{%d}(?![A-Za-z0-9])" % (KEY_LETTERS, KEY_LENGTH))
_ALIKE = bytes(ord("B") if byte in KEY_LETTERS else 0 for byte in range(256))
WIDE = re.compile(rb"(?:[A-Za-z0-9]\0){5}(?:-\0(?:[A-Za-z0-9]\0){5}){4}")

PACKED_KEY = slice(52, 67)  # DigitalProductId: 25 characters of base 24 in 15 bytes
PACKED_KEY_4 = slice(808, 888)  # DigitalProductId4: the packed key and two hashes of it
SIZE_4 = 1272
TAIL = 5
SHORTEST_WITH_TAIL = 10  # of a shorter key, five characters would say too much
MASK = re.compile(r"<masked tail=(?P<tail>[A-Z0-9]*) hmac-sha256=(?P<digest>[0-9a-f]{64})>")


@dataclass(frozen=True, slots=True)
class Masked:
    """What is kept of a key."""

    tail: str
    digest: str

    def __str__(self) -> str:
        return f"<masked tail={self.tail} hmac-sha256={self.digest}>"


def mask(key: str, hmac_key: bytes) -> Masked:
    """Mask one key; spelling with or without hyphens, in either case, gives the same digest."""
    plain = "".join(character for character in key if character.isalnum()).upper()
    tail = plain[-TAIL:] if len(plain) >= SHORTEST_WITH_TAIL and plain.isascii() else ""
    return Masked(tail, hmac.digest(hmac_key, plain.encode("utf-8", "surrogatepass"), "sha256").hex())


def redact_value(path: str, name: str, value: RegistryValue, hmac_key: bytes) -> RegistryValue:
    """One registry value as it may be recorded; most come back unchanged."""
    folded = name.casefold().strip()
    if folded in SECRET_NAMES:
        return RegistryValue(value.kind, _emptied(value.data))
    if folded.startswith("digitalproductid") and isinstance(value.data, bytes):
        return RegistryValue(value.kind, redact_product_id(value.data))
    is_key = folded in KEY_NAMES and not HARDWARE.match(path)
    data = value.data
    if isinstance(data, str):
        return RegistryValue(value.kind, _redact_string(data, is_key, hmac_key))
    if isinstance(data, tuple):
        return RegistryValue(value.kind, tuple(_redact_string(part, is_key, hmac_key) for part in data))
    if isinstance(data, bytes):
        return RegistryValue(value.kind, bytes(len(data)) if is_key else _blank_keys(data))
    return value


def redact_product_id(blob: bytes) -> bytes:
    """DigitalProductId or DigitalProductId4 without the key; a blob of unknown layout becomes zeros."""
    secret = PACKED_KEY_4 if len(blob) >= SIZE_4 else PACKED_KEY
    if len(blob) < secret.stop:
        return bytes(len(blob))
    kept = bytearray(blob)
    kept[secret] = bytes(secret.stop - secret.start)
    return bytes(kept)


def redact_text(output: bytes, hmac_key: bytes) -> bytes:
    """A command's output with every 25-character product key masked."""

    def masked(found: re.Match[bytes]) -> bytes:
        return str(mask(found[0].decode("ascii"), hmac_key)).encode("ascii")

    if HYPHENS.search(output):
        output = HYPHENATED.sub(masked, output)
    if b"B" * KEY_LENGTH in output.translate(_ALIKE):
        output = BARE.sub(masked, output)
    return output


def redact_wmi(source: str, name: str, value: WmiValue, hmac_key: bytes) -> WmiValue:
    """One property of a WMI object as it may be recorded; ``source`` is ``root/cimv2:Win32_BIOS``."""
    folded = name.casefold()
    if folded in SECRET_NAMES:
        return None if value is None else ""
    is_key = folded in KEY_NAMES and not HARDWARE_CLASSES.match(source)

    def clean(item: WmiScalar) -> WmiScalar:
        return _redact_string(item, is_key, hmac_key) if isinstance(item, str) else item

    if isinstance(value, tuple):
        return tuple(clean(item) for item in value)
    return None if value is None else clean(value)


def _redact_string(text: str, is_key: bool, hmac_key: bytes) -> str:
    if not text:
        return text
    if is_key:
        return str(mask(text, hmac_key))
    return redact_text(text.encode("utf-8", "surrogatepass"), hmac_key).decode("utf-8", "surrogatepass")


def _blank_keys(data: bytes) -> bytes:
    for pattern in (WIDE, HYPHENATED):
        data = pattern.sub(lambda found: bytes(len(found[0])), data)
    return data


def _emptied(data: str | int | bytes | tuple[str, ...]) -> str | int | bytes | tuple[str, ...]:
    return type(data)()
