"""Use case: a bundle that the browser of this laptop hands in, kept aside until it is taken over or the next comes."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from appliance.context import Appliance
from appliance.evidence.manifest import portable_name
from appliance.visits.imports import HANDED_IN, KIND, LOOK, SPACE
from config.durable import private_folder, remove_folder
from config.problems import BadInput, Conflict, EnvironmentProblem

CHUNK = 1 << 20
LARGEST = 1 << 30
"""Bytes that the server takes in one request: it holds them in a file of its own before anybody sees them. A larger
bundle is given by its path, which costs no copy.
"""


def receive(appliance: Appliance, name: str, stream: IO[bytes], size: int) -> Path:
    """Keep the ``size`` bytes of ``stream``; what was handed in before is gone. Returns where they lie.

    Raises BadInput ``imports.too_large_here``, Conflict ``imports.busy`` while a bundle is read or handed in,
    BadInput ``imports.cut_short`` when fewer bytes come, EnvironmentProblem when the disk is full or cannot be written.
    """
    if size > LARGEST:
        raise BadInput("imports.too_large_here", name=name[:200], limit_gb=LARGEST >> 30)
    if not appliance.receiving.acquire(blocking=False):
        raise Conflict("imports.busy")
    try:
        return _received(appliance, name, stream, size)
    finally:
        appliance.receiving.release()


def _received(appliance: Appliance, name: str, stream: IO[bytes], size: int) -> Path:
    with appliance.jobs.deciding:
        if any(job.kind in (KIND, LOOK) for job in appliance.jobs.running()):
            raise Conflict("imports.busy")
        discard_all(appliance)
    needed = (SPACE + 1) * size
    if shutil.disk_usage(appliance.folder.root).free < needed:
        raise EnvironmentProblem("imports.disk_full", needed_mb=needed >> 20)
    with ExitStack() as stack:
        folder = private_folder(appliance.folder.run / f"{HANDED_IN}{appliance.ids.new()}")
        stack.callback(remove_folder, folder)
        path = folder / portable_name(name)
        if not size or _write(path, stream, size) < size:
            raise BadInput("imports.cut_short", name=path.name)
        stack.pop_all()
    return path


def discard_all(appliance: Appliance) -> None:
    """Remove what was handed in and not taken over, also at a start: a bundle holds personal data."""
    for left in appliance.folder.run.glob(f"{HANDED_IN}*"):
        remove_folder(left)


def _write(path: Path, stream: IO[bytes], size: int) -> int:
    """Bytes written."""
    written = 0
    try:
        with path.open("xb") as file:
            while written < size and (chunk := stream.read(min(CHUNK, size - written))):
                file.write(chunk)
                written += len(chunk)
    except OSError as error:
        raise EnvironmentProblem("imports.cannot_write", detail=str(error.strerror)) from error
    return written
