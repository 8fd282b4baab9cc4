"""A bundle's worth of files for the measurements of sealing and verifying: 500 hosts, 200 MB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from appliance.evidence.bundle import BundleFile
from appliance.evidence.custody import Custody
from config.clock import FixedClock

HOSTS = 500
FACTS_BYTES = 60_000
RAW_BYTES = (180_000, 120_000, 40_000)
INFO = {"External-Identifier": "01JD0000000000000000000000", "Source-Organization": "示范单位"}
CLOCK = FixedClock(datetime(2026, 11, 21, 1, 30, tzinfo=UTC))


def write(root: Path) -> list[BundleFile]:
    """Write the payload under ``root`` and return it: facts and three raw files a host, a custody log."""
    files = [_file(root, f"data/hosts/{host:026d}/{name}", size) for host in range(HOSTS) for name, size in _parts()]
    log = root / "custody.jsonl"
    with Custody(log, CLOCK) as custody:
        for host in range(20):
            custody.append("inspector", "host.collected", {"host": f"10.1.0.{host}"})
    return [*files, BundleFile("data/custody/log.jsonl", log)]


def _parts() -> Iterator[tuple[str, int]]:
    yield "facts.json", FACTS_BYTES
    yield from ((f"raw/{number}.jsonl", size) for number, size in enumerate(RAW_BYTES))


def _file(root: Path, path: str, size: int) -> BundleFile:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    line = f'{{"source":"HKLM\\\\SOFTWARE","digest":"{hashlib.sha256(path.encode()).hexdigest()}"}}\n'.encode()
    target.write_bytes((line * (size // len(line) + 1))[:size])
    return BundleFile(path, target)


def total(files: list[BundleFile]) -> int:
    """Bytes of all of them."""
    return sum(file.source.stat().st_size for file in files if isinstance(file.source, Path))
