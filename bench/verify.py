"""Verifying a bundle of 500 hosts and 200 MB: ours beside ``sha256sum -c``, and how long standard tools alone take."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.evidence.bundle import write_bundle
from appliance.evidence.signing import Signer
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from bench import big_bundle

ROUNDS = 5
SIGNATURE = ("-verify", "signature/pubkey.pem", "-signature", "signature/tagmanifest.sig")
STANDARD = (
    ("openssl", "dgst", "-sha256", *SIGNATURE, "tagmanifest-sha256.txt"),
    ("sha256sum", "--strict", "--quiet", "-c", "tagmanifest-sha256.txt"),
    ("sha256sum", "--strict", "--quiet", "-c", "manifest-sha256.txt"),
    ("find", ".", "-type", "f"),
)


def main() -> dict[str, Any]:
    """Median of five rounds; ours checks both lists, the signature, the log and every name as well."""
    signer = Signer.generate()
    with tempfile.TemporaryDirectory() as folder:
        files = big_bundle.write(Path(folder) / "source")
        bag = write_bundle(Path(folder) / "bag", files, big_bundle.INFO, signer, big_bundle.CLOCK).path
        zipped = write_bundle(Path(folder) / "bag.zip", files, big_bundle.INFO, signer, big_bundle.CLOCK).path
        rounds = [(_ours(bag, signer), _run(bag, STANDARD[2])) for _ in range(ROUNDS)]
        standard = _seconds(lambda: [_run(bag, command) for command in STANDARD])
        script = _run(bag, ("python3", "-I", "verify.py", "--signer", signer.fingerprint))
        whole = _ours(zipped, signer)
        megabytes = big_bundle.total(files) / 1e6
    ours, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    how = (
        f"{len(files)} files, {megabytes:.0f} MB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, files cached, "
        "median of 5; sha256sum -c checks the SHA-256 list alone on one core. "
        f"Standard tools alone (openssl, sha256sum, find): {standard:.1f} s; verify.py: {script:.1f} s; "
        f"ours straight from the zip: {whole:.1f} s"
    )
    rate = {"ours": round(megabytes / ours, 1), "peer": round(megabytes / peer, 1), "ratio": round(peer / ours, 2)}
    return {"name": "verify", **rate, "unit": "MB/s", "how": how}


def _ours(bundle: Path, signer: Signer) -> float:
    start = time.perf_counter()
    assert verify_bundle(bundle, [signer.fingerprint], None).outcome is VerificationOutcome.INTACT
    return time.perf_counter() - start


def _run(bag: Path, command: tuple[str, ...]) -> float:
    return _seconds(lambda: subprocess.run(command, cwd=bag, stdout=subprocess.DEVNULL, check=True))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(main(), ensure_ascii=False))
