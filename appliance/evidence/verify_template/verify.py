"""Check the unpacked evidence bundle that this file came with; see VERIFY.md. Standard library, Python 3.8 or later.

Exit codes: 0 intact and signed by FINGERPRINT, 1 broken, 3 not a bundle, 4 intact but the signer is not confirmed.
"""

# ruff: noqa: T201, UP006, UP035
from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import stat
import sys
from functools import partial
from pathlib import Path
from typing import IO, Callable, Dict

Files = Dict[str, Callable[[], IO[bytes]]]
TAGS, PAYLOAD, SM3, BAGIT = "tagmanifest-sha256.txt", "manifest-sha256.txt", "sm3sums.txt", "bagit.txt"
FIRST, KEY = (TAGS, "signature/tagmanifest.sig"), "signature/pubkey.pem"  # a seal: what is signed, its signature
SECOND = ("second/manifest-sha256.txt", "second/manifest.sig")  # lists the signed papers, and FIRST: so it chains it
REQUIRED = {*FIRST, PAYLOAD, SM3, BAGIT, KEY, "bag-info.txt", "VERIFY.md", "verify.py"}
P = 2**256 - 2**224 + 2**192 + 2**96 - 1  # NIST P-256: y² = x³ - 3x + B modulo P, base point G of order N
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")  # what precedes X and Y


def stop(error: OSError) -> None:
    raise error


def read_folder(root: Path, problems: list[str]) -> Files:
    files: Files = {}
    for base, folders, names in os.walk(root, onerror=stop):
        for path in (Path(base, name) for name in folders + names):
            if stat.S_ISREG(path.lstat().st_mode):
                files[path.relative_to(root).as_posix()] = partial(path.open, "rb")
            elif not stat.S_ISDIR(path.lstat().st_mode):
                problems.append(f"NOT A FILE {path}")
    return files


def content(files: Files, name: str) -> bytes:
    try:
        with files[name]() as file:
            return file.read(64 << 20)
    except (KeyError, OSError):
        return b""


def sha256(files: Files, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with files[name]() as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
        return digest.hexdigest()
    except (KeyError, OSError):
        return "none"


def manifest(files: Files, name: str, problems: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in content(files, name).decode("utf-8", "surrogateescape").splitlines(keepends=True):
        match = re.fullmatch(r"([0-9a-f]{64})  ([^\\\x00-\x1f\x7f\ud800-\udfff]+)\n", line)
        if not match or {"", ".", ".."} & set(match[2].split("/")) or match[2] in found:
            problems.append(f"BAD LINE in {name}: {line}")
        else:
            found[match[2]] = match[1]
    return found


def add(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int] | None:
    if a is None or b is None:  # None is the point at infinity
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    top, bottom = (3 * a[0] * a[0] - 3, 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = top * pow(bottom, -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def is_signed(der: bytes, signature: bytes, data: bytes) -> bool:
    """ECDSA P-256 with SHA-256 (FIPS 186-5 §6.4.2); the signature's DER must be minimal, s the smaller of two."""
    if len(der) != 91 or not der.startswith(SPKI) or not 8 <= len(signature) <= 72:
        return False
    x, y, size = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big"), signature[3]
    r, s = int.from_bytes(signature[4 : 4 + size], "big"), int.from_bytes(signature[6 + size :], "big")
    body = b"".join(bytes([2, n.bit_length() // 8 + 1]) + n.to_bytes(n.bit_length() // 8 + 1, "big") for n in (r, s))
    on_curve = max(x, y) < P and (y * y - x * x * x + 3 * x - B) % P == 0
    if signature != bytes([0x30, len(body)]) + body or not (0 < r < N and 0 < s <= N // 2 and on_curve):
        return False
    u, v = (n * pow(s, -1, N) % N for n in (int.from_bytes(hashlib.sha256(data).digest(), "big"), r))
    sums, total = (None, (GX, GY), (x, y), add((GX, GY), (x, y))), None
    for bit in range(255, -1, -1):
        total = add(add(total, total), sums[(u >> bit & 1) + 2 * (v >> bit & 1)])
    return total is not None and total[0] % N == r


def check(files: Files, problems: list[str]) -> str:
    """Collect what is wrong; return the signer's fingerprint."""
    try:
        der = base64.b64decode(b"".join(content(files, KEY).splitlines()[1:-1]))
    except ValueError:
        der = b""
    seals = [FIRST, SECOND] if any(path.startswith("second/") for path in files) else [FIRST]
    problems += [f"SIGNATURE of {a}" for a, b in seals if not is_signed(der, content(files, b), content(files, a))]
    tags, payload, sm3, second = (manifest(files, name, problems) for name in (TAGS, PAYLOAD, SM3, SECOND[0]))
    wrong = [path for path in tags if re.match("data/|second/", path)] + [
        path for path in payload if path[:5] != "data/"
    ]
    wrong += ({path for path in second if path[:7] != "second/"} ^ set(FIRST)) if len(seals) > 1 else second
    problems += [f"DISAGREE {path}" for path in {*wrong, *(payload.keys() ^ sm3.keys())}]
    listed, unlisted = {**second, **payload, **tags}, {path for seal in seals for path in seal}
    problems += [f"MISSING {path}" for path in (listed.keys() | REQUIRED | unlisted) - files.keys()]
    problems += [f"EXTRA {path}" for path in files.keys() - listed.keys() - unlisted]
    problems += [f"CHANGED {path}" for path in listed.keys() & files.keys() if sha256(files, path) != listed[path]]
    return hashlib.sha256(der).hexdigest()


def verify(path: Path, signer: str) -> int:
    """Print what is wrong and who signed; return the exit code."""
    problems: list[str] = []
    files = read_folder(path, problems) if path.is_dir() else {}
    if not {PAYLOAD, BAGIT, *FIRST} & files.keys():
        print("not a bundle (unpack a zip first)")
        return 3
    found = check(files, problems)
    for problem in sorted(problems):
        print("".join(c if c.isprintable() else "?" for c in problem))
    print(f"bundle {sha256(files, TAGS)}\nsecond {sha256(files, SECOND[0])}\nsigner {found}")
    code = 1 if problems else 0 if found == signer else 4
    print({0: "intact", 1: "BROKEN", 4: "intact, but the signer is not confirmed"}[code])
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--signer", default="", help="fingerprint from the paper record")
    arguments = parser.parse_args()
    sys.exit(verify(arguments.bundle, re.sub(r"[\s:]", "", arguments.signer).lower()))
