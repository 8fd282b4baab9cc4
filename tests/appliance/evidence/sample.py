"""A small sealed bundle, faults to put into it, and the verifier that travels with it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import cast

from appliance.evidence.bundle import BundleFile, BundleSealed, write_bundle
from appliance.evidence.custody import Custody
from appliance.evidence.seals import FirstSeal, write_second
from appliance.evidence.signing import Signer
from config.clock import FixedClock

BEIJING = timezone(timedelta(hours=8))
SIGNER = Signer.generate()
INFO = {"External-Identifier": "01JD0000000000000000000000", "Source-Organization": "示范单位"}


def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 21, 9, 30, 5, tzinfo=BEIJING))


def facts(host: str) -> bytes:
    return json.dumps(
        {"schema": "hezheng.facts/1", "id": host, "installations": [{"name": "WPS Office"}] * 20}
    ).encode()


def custody_log(folder: Path) -> bytes:
    path = folder / "custody.jsonl"
    with Custody(path, clock()) as log:
        for number in range(12):
            log.append("inspector", "host.collected", {"host": f"10.1.0.{number}", "channel": "smb3.1.1-sealed"})
    return path.read_bytes()


def payload(folder: Path, rates: bytes = b'{"n":3,"d":4}\n') -> list[BundleFile]:
    """Payload as an inspection has it: two hosts, a ledger with a Chinese name, verdicts, the custody log."""
    hosts = [BundleFile(f"data/hosts/{host}/facts.json", facts(host)) for host in ("A1", "B2", "C3")]
    raw = [
        BundleFile(
            f"data/hosts/{host}/raw/smb.jsonl", iter([f'{{"host":"{host}","n":{n}}}\n'.encode() for n in range(50)])
        )
        for host in ("A1", "B2", "C3")
    ]
    ledger = folder / "ledger.csv"
    ledger.write_text("资产编号,型号\nZC-001,启天 M450\n" * 10, "utf-8")
    return [
        *hosts,
        *raw,
        BundleFile("data/ledgers/固定资产 台账（2026）.csv", ledger),
        BundleFile("data/verdicts.jsonl", b'{"decision":"to_verify","rule":"R31"}\n' * 30),
        BundleFile("data/rates.json", rates),
        BundleFile("data/decisions.jsonl", b""),
        BundleFile("data/custody/log.jsonl", custody_log(folder)),
    ]


def seal(target: Path, signer: Signer = SIGNER, rates: bytes = b'{"n":3,"d":4}\n') -> BundleSealed:
    source = target.parent / f"{target.name}.source"
    source.mkdir()
    sealed = write_bundle(target, payload(source, rates), INFO, signer, clock())
    shutil.rmtree(source)
    return sealed


def chained(first: BundleSealed) -> FirstSeal:
    return FirstSeal(first.path.name, first.digest, first.fingerprint, "2026-11-21T09:30:05.000+08:00")


def papers() -> list[BundleFile]:
    """The scans of two signed sheets."""
    return [
        BundleFile("second/papers/签字页.pdf", b"%PDF-1.7 signed by both sides"),
        BundleFile("second/papers/检查记录.jpg", b"\xff\xd8\xff a photograph"),
    ]


def seal_twice(target: Path, signer: Signer = SIGNER) -> BundleSealed:
    """Both seals in one zip; the log of the second goes on from that of the first."""
    first = seal(target.with_name(f"first-of-{target.name}"), signer)
    folder = target.parent / f"{target.name}.log"
    log = custody_log(folder)
    with Custody(folder / "custody.jsonl", clock()) as custody:
        custody.append("inspector", "bundle.sealed", {"digest": first.digest})
    assert (folder / "custody.jsonl").read_bytes().startswith(log)
    files = [*papers(), BundleFile("second/custody.jsonl", folder / "custody.jsonl")]
    return write_second(first.path, target, chained(first), files, signer, clock())


class Dice:
    """A reproducible stream of choices."""

    def __init__(self, seed: int) -> None:
        self._state = str(seed).encode()

    def below(self, limit: int) -> int:
        self._state = hashlib.sha256(self._state).digest()
        return int.from_bytes(self._state[:8], "big") % limit

    def pick(self, of: list[str]) -> str:
        return of[self.below(len(of))]


@cache
def traveller() -> Callable[[Path, str], int]:
    """``verify(folder, signer)`` of the script inside every bundle."""
    script = Path(__file__).parents[3] / "appliance/evidence/verify_template/verify.py"
    spec = importlib.util.spec_from_file_location("bundle_verify", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast(Callable[[Path, str], int], module.verify)


def stranger_says(folder: Path, signer: str = SIGNER.fingerprint) -> int:
    """Exit code of the travelling script, run in this process, its words thrown away."""
    with contextlib.redirect_stdout(io.StringIO()):
        return traveller()(folder, signer)
