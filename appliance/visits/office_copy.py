"""The office's copy of a sealed bundle: read back from its medium and compared, before anything is destroyed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from appliance.evidence.container import is_zip
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from appliance.folder import InspectionFolder
from appliance.store.database import Row
from appliance.visits.medium import Medium, medium_of
from config.problems import BadInput, EnvironmentProblem, Negative, Refused

SHOWN = ("id", "seal", "digest", "second_digest", "fingerprint", "sealed_at")


def verify_copies(folder: InspectionFolder, bundles: list[Row], copy: Path, reason: str) -> list[dict[str, Any]]:
    """The newest sealed bundle, which holds those before it, with where its copy lies, read back from the medium.

    A zip is verified whole (digests, signature, our signer); an encrypted copy must be the very bytes that were handed
    out. Raises BadInput for a copy that is not there, Refused for the same medium without ``reason``, Negative for
    a copy that is not what was sealed.
    """
    if not copy.exists():
        raise BadInput("ending.no_such_copy", path=str(copy))
    try:
        medium, ours = medium_of(copy), medium_of(folder.root)
        files = _files(copy)
        _check_medium(medium, ours, copy, reason)
        return [_verified(folder, row, files, copy) | _of(medium) for row in bundles[-1:]]
    except OSError as error:
        raise EnvironmentProblem("ending.copy_unreadable", path=str(copy), detail=str(error.strerror)) from error


def _files(copy: Path) -> list[Path]:
    return sorted(path for path in copy.iterdir() if path.is_file()) if copy.is_dir() else [copy]


def _check_medium(medium: Medium, ours: Medium, copy: Path, reason: str) -> None:
    if reason:
        return
    if medium.volatile:
        raise Refused("ending.volatile_medium", path=str(copy))
    if medium.shares(ours):
        raise Refused("ending.same_medium", path=str(copy))


def _of(medium: Medium) -> dict[str, str]:
    return {"device": medium.device, "filesystem": medium.filesystem}


def _verified(folder: InspectionFolder, row: Row, files: Iterable[Path], copy: Path) -> dict[str, Any]:
    handed_out = {path.stat().st_size: path for path in folder.bundles.glob(f"{row['id']}*")}
    broken = ""
    for file in files:
        read_from_medium(file)
        if is_zip(file):
            found = verify_bundle(file, {row["fingerprint"]}, None)
            ours = (found.digest, found.second_digest) == (row["digest"], row["second_digest"] or "")
            good = ours and found.outcome is VerificationOutcome.INTACT
            broken = broken or (file.name if ours and not good else "")
        else:
            sealed = handed_out.get(file.stat().st_size)
            good = sealed is not None and _sha256(sealed) == _sha256(file)
        if good:
            return {name: row[name] for name in SHOWN} | {
                "copy": str(file),
                "sha256": _sha256(file),
            }
    if broken or not copy.is_dir():
        raise Negative("ending.copy_broken", name=broken or copy.name, digest=row["digest"])
    raise BadInput("ending.copy_missing", path=str(copy), file=row["file"])


def read_from_medium(path: Path) -> None:
    """Write out what is still in memory and forget it, so that the next reading reads the medium. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
