"""Both digests of many files at once; the hash functions let other threads run, so every core hashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from appliance.evidence import manifest
from appliance.evidence.manifest import Digest

MOST_THREADS = 8
BATCH = 64
"""Files a thread takes at a time: small ones cost less than handing them over."""
CHUNK = 1 << 20


def digest_many(names: Sequence[str], digest: Callable[[str], Digest | None]) -> dict[str, Digest | None]:
    """``digest(name)`` of each name, by name; it is called in several threads."""

    def batch(part: Sequence[str]) -> list[Digest | None]:
        return [digest(name) for name in part]

    parts = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        return dict(zip(names, chain.from_iterable(pool.map(batch, parts)), strict=True))


def digest_file(path: Path) -> Digest:
    """Both digests of one file. Raises OSError."""
    return manifest.digest_of(read_chunks(os.open(path, os.O_RDONLY | os.O_CLOEXEC)))


def read_chunks(descriptor: int) -> Iterator[bytes]:
    """What is left of an open file, which is closed at the end. Raises OSError."""
    try:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk
    finally:
        os.close(descriptor)
