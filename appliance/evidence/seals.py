"""The second seal: what came after the first — the signed papers — is added beside it, signed, and chains it.

The first seal stays as it is, byte for byte, and can be checked alone. The folder ``second/`` holds the scans, a record
of what was sealed before, the custody log up to now, and optionally the token of a time-stamping authority; its
manifest lists all of them and the first seal's signed list and signature, and is signed by the same key.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.evidence import manifest
from appliance.evidence.bundle import BundleFile, BundleSealed, ZipSink, appearing, put
from appliance.evidence.manifest import Digest
from appliance.evidence.signing import Signer
from config.clock import Clock, rfc3339
from config.problems import BadInput, Refused

PAPERS = "second/papers"
RECORD = "second/record.json"
TIMESTAMP = "second/tagmanifest.tsr"
SCHEMA = "hezheng.second_seal/1"


@dataclass(frozen=True, slots=True)
class FirstSeal:
    """What stands on the signed paper."""

    bundle: str
    digest: str
    fingerprint: str
    sealed_at: str


def write_second(
    first: Path, target: Path, chained: FirstSeal, files: Iterable[BundleFile], signer: Signer, clock: Clock
) -> BundleSealed:
    """Write ``target``: the zip ``first`` and its second seal. ``files`` are papers, log and token, under ``second/``.

    ``digest`` of the answer is that of the second seal's manifest. Raises Refused ``evidence.other_key`` when the key
    is not that of the first seal, BadInput for a bad or double path, and as :func:`bundle.write_bundle`.
    """
    if signer.fingerprint != chained.fingerprint:
        raise Refused("evidence.other_key", fingerprint=chained.fingerprint)
    now = clock.now()
    record = _record(chained, rfc3339(now))
    ordered = _ordered([*files, BundleFile(RECORD, record)])

    def fill(partial: Path) -> str:
        shutil.copyfile(first, partial)
        with partial.open("r+b") as file:
            with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
                signed = {name: archive.read(name) for name in sorted(manifest.UNLISTED)}
                digest = _fill(ZipSink(archive, now), ordered, signed, signer)
            file.flush()
            os.fsync(file.fileno())
        return digest

    return appearing(target, signer, fill)


def _record(chained: FirstSeal, sealed_at: str) -> bytes:
    document: Mapping[str, Any] = {"schema": SCHEMA, "first": asdict(chained), "sealed_at": sealed_at}
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _ordered(files: Sequence[BundleFile]) -> list[BundleFile]:
    seen: set[str] = {path.casefold() for path in (*manifest.SECOND_UNLISTED, manifest.SECOND_SM3_SUMS)}
    for file in files:
        folded = file.path.casefold()
        if not file.path.startswith(manifest.SECOND) or not manifest.is_portable(file.path) or folded in seen:
            raise BadInput("evidence.bad_path", path=manifest.shown(file.path))
        seen.add(folded)
    return sorted(files, key=lambda file: file.path)


def _fill(sink: ZipSink, files: Sequence[BundleFile], signed: Mapping[str, bytes], signer: Signer) -> str:
    written: dict[str, Digest] = {file.path: put(sink, file) for file in files}
    sm3 = manifest.lines({path: digest.sm3 for path, digest in written.items()})
    sink.write(manifest.SECOND_SM3_SUMS, (sm3,))
    small = {**signed, manifest.SECOND_SM3_SUMS: sm3}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in small.items()}
    text = manifest.lines({**digests, **{path: digest.sha256 for path, digest in written.items()}})
    sink.write(manifest.SECOND_MANIFEST, (text,))
    sink.write(manifest.SECOND_SIGNATURE, (signer.sign(text),))
    return hashlib.sha256(text).hexdigest()
