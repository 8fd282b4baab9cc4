"""Sealing without writing: SHA-256 list, SM3 list and signature, beside ``sha256sum`` over the same files."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from appliance.evidence.bundle import BundleFile, digests_of, no_tag_files, tag_files
from appliance.evidence.signing import Signer
from bench import big_bundle

ROUNDS = 5


def main() -> dict[str, Any]:
    """Median of five rounds, ours and the peer's in turn; files in the page cache for both."""
    with tempfile.TemporaryDirectory() as folder:
        files = big_bundle.write(Path(folder))
        names = b"\0".join(os.fsencode(str(file.source)) for file in files)
        signer = Signer.generate()
        rounds = [(_ours(files, signer), _peer(names)) for _ in range(ROUNDS)]
        megabytes = big_bundle.total(files) / 1e6
    ours, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    how = (
        f"{len(files)} files, {megabytes:.0f} MB: both lists and the P-256 signature, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; "
        "sha256sum makes the SHA-256 list alone on one core; median of 5, files cached"
    )
    rate = {"ours": round(megabytes / ours, 1), "peer": round(megabytes / peer, 1), "ratio": round(peer / ours, 2)}
    return {"name": "seal", **rate, "unit": "MB/s", "how": how}


def _ours(files: list[BundleFile], signer: Signer) -> float:
    start = time.perf_counter()
    digests = digests_of(files)
    tag_files(digests, big_bundle.INFO, signer, no_tag_files)
    return time.perf_counter() - start


def _peer(names: bytes) -> float:
    start = time.perf_counter()
    subprocess.run(("xargs", "-0", "-n", "100000", "sha256sum"), input=names, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(main(), ensure_ascii=False))
