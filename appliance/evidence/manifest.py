"""Manifest lines, bundle paths and the digests beside them; pure.

References:
    - BagIt 1.0, RFC 8493 §2.1.3: ``checksum  path``, relative, ``/`` between parts
    - the line format is also that of ``sha256sum -c``; RFC 8493's percent escapes are avoided by refusing ``%``, CR
      and LF in paths, because ``sha256sum`` does not know them
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes

from config.message import Message

BAGIT_TEXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
BAGIT = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
SM3_SUMS = "sm3sums.txt"
SIGNATURE = "signature/tagmanifest.sig"
PUBLIC_KEY = "signature/pubkey.pem"
README = "VERIFY.md"
SCRIPT = "verify.py"
CUSTODY = "data/custody/log.jsonl"
SECOND = "second/"
"""Folder of the second seal: the scans of the signed papers, chained to the first seal."""
SECOND_MANIFEST = "second/manifest-sha256.txt"
SECOND_SIGNATURE = "second/manifest.sig"
SECOND_SM3_SUMS = "second/sm3sums.txt"
SECOND_CUSTODY = "second/custody.jsonl"

TAG_FILES = (README, INFO, BAGIT, MANIFEST, PUBLIC_KEY, SM3_SUMS, SCRIPT)
"""What every tag manifest lists, besides tag files that a caller adds."""
UNLISTED = frozenset({TAG_MANIFEST, SIGNATURE})
"""The files of the first seal that stand in none of its manifests: the signed one and its signature.

The second seal's manifest lists them; so it chains the first.
"""
SECOND_UNLISTED = frozenset({SECOND_MANIFEST, SECOND_SIGNATURE})
"""As ``UNLISTED``, for the second seal."""

LINE = re.compile(r"([0-9a-f]{64})  (.+)")
UNPORTABLE = re.compile(r'[\\:*?"<>|%\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]')
UNSAFE = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
PART_BYTES = 200
SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Digest:
    """Digests and size of one file."""

    sha256: str
    sm3: str
    size: int


def new_sm3() -> Any:
    """An SM3 hash object (GB/T 32905); OpenSSL's lets other threads run meanwhile, where Python's has it."""
    return hashlib.new("sm3") if "sm3" in hashlib.algorithms_available else _Sm3()


class _Sm3:
    """The same from the library that is always there."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return self._hash.finalize().hex()


class Hasher:
    """Feeds both digests while the bytes pass."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._sm3 = new_sm3()
        self._size = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(chunk)
        self._sm3.update(chunk)
        self._size += len(chunk)

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks unchanged."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk

    def digest(self) -> Digest:
        """The result; call once."""
        return Digest(self._sha256.hexdigest(), self._sm3.hexdigest(), self._size)


def digest_of(chunks: Iterable[bytes]) -> Digest:
    """Read chunks to their end."""
    hasher = Hasher()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.digest()


def lines(digests: Mapping[str, str]) -> bytes:
    """Manifest text, sorted by path."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()


def parse(name: str, text: bytes) -> tuple[dict[str, str], tuple[Message, ...]]:
    """Path → hex digest, and a problem for each line that is malformed, unsafe or double. Unix line ends only."""
    found: dict[str, str] = {}
    problems: list[Message] = []
    body = text.decode("utf-8", "surrogateescape")
    if not body.endswith("\n"):
        problems.append(Message.of("evidence.bad_manifest_line", manifest=name, line=body.count("\n") + 1))
    for number, line in enumerate(body.removesuffix("\n").split("\n"), 1):
        match = LINE.fullmatch(line)
        if match is None or not is_safe(match[2]) or match[2] in found:
            problems.append(Message.of("evidence.bad_manifest_line", manifest=name, line=number))
        else:
            found[match[2]] = match[1]
    return found, tuple(problems)


def is_safe(path: str) -> bool:
    """Whether a path read from a bundle stays inside it: relative, no ``..``, no control characters."""
    return not UNSAFE.search(path) and all(part not in {"", ".", ".."} for part in path.split("/"))


def is_portable(path: str) -> bool:
    """Whether a path may be written: safe, NFC, and a legal name on every system it may be unpacked on."""
    return (
        is_safe(path)
        and not UNPORTABLE.search(path)
        and unicodedata.is_normalized("NFC", path)
        and all(_is_portable_part(part) for part in path.split("/"))
    )


def portable_name(name: str) -> str:
    """A file's name as handed over, made fit for one part of a bundle path; keep the original in the records."""
    clean = UNPORTABLE.sub("_", unicodedata.normalize("NFC", name).replace("/", "_")).strip(" .")
    stem, dot, suffix = clean.rpartition(".")
    suffix = dot + suffix if stem and len(suffix) <= 16 else ""
    room = PART_BYTES - len(suffix.encode())
    short = clean.removesuffix(suffix).encode()[:room].decode("utf-8", "ignore").rstrip(" .") + suffix
    return f"_{short}" if not short or RESERVED.fullmatch(short) else short


def shown(path: str) -> str:
    """A path read from a hostile bundle as it may stand in a message."""
    return "".join(c if c.isprintable() else "?" for c in path[:SHOWN_CHARACTERS])


def _is_portable_part(part: str) -> bool:
    return len(part.encode()) <= PART_BYTES and part == part.strip(" ").rstrip(".") and not RESERVED.fullmatch(part)
