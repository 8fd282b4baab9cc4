"""Whether a secret, in any form that software may write it, stands in the raw bytes of a file system."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from Cryptodome.Hash import MD4

SHORTEST = 6


def forms(secret: str) -> Iterator[bytes]:
    """UTF-8, UTF-16LE, as JSON, base64 at each of its three alignments, and the NT hash in bytes and in hex."""
    nt_hash = MD4.new(secret.encode("utf-16-le")).digest()
    for plain in (secret.encode(), secret.encode("utf-16-le"), nt_hash):
        yield plain
        yield from _base64(plain)
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
    yield json.dumps(secret)[1:-1].encode()


def _base64(plain: bytes) -> Iterator[bytes]:
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        end = len(whole) - (0 if (before + len(plain)) % 3 == 0 else 4)
        yield whole[4 if before else 0 : end]


def found(secrets: Iterable[str], places: Iterable[Path]) -> list[bytes]:
    """The forms of ``secrets`` that stand in the bytes of the files ``places``; empty is what is hoped for."""
    patterns = {max(form.split(b"\n"), key=len) for secret in secrets for form in forms(secret)}
    assert all(len(pattern) >= SHORTEST for pattern in patterns)
    command = ["grep", "-a", "-o", "-h", "-F", "-f", "-", "--", *map(str, places)]
    environment = {"LC_ALL": "C", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, input=b"\n".join(patterns), capture_output=True, env=environment)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()
