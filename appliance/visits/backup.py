"""Use case: back up the whole appliance into one file; the vault and the keys never go with it.

A backup is a zip of the data folder with ``backup.json`` (files with size and SHA-256, rows by table, custody heads).
It may be taken while a scan runs: databases are copied between two transactions and before the files they name, which
are written before they are named.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.evidence.custody import Head
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.store import snapshot
from appliance.version import VERSION
from appliance.visits import ending, inspections
from appliance.visits.medium import medium_of
from appliance.visits.office_copy import read_from_medium
from config.clock import rfc3339
from config.durable import sync_folder
from config.problems import BadInput, Conflict, EnvironmentProblem, Refused

KIND = "backup"
SCHEMA = "hezheng.backup/1"
MANIFEST = "backup.json"
LEFT_OUT = frozenset({"vault", "keys", "run", "lock", "ending"})
PASSING = (".part", ".new", ".copy", "-journal")
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a backup."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """``backup.json``: what restoring must find again."""

    created_at: str
    version: str
    files: dict[str, Stored]
    folders: list[str] = field(default_factory=list[str])  # also the empty ones
    rows: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])  # database → table → rows
    heads: dict[str, Head] = field(default_factory=dict[str, Head])  # custody log → last line
    schema: str = SCHEMA


def start(appliance: Appliance, target: Path) -> Job:
    """Back up as a job to a new file, or to a file named by the time in the folder ``target``.

    Raises Refused inside the data folder, Conflict for a file that is there already or while an inspection ends.
    """
    if target.resolve().is_relative_to(appliance.folder.root.resolve()):
        raise Refused("backup.inside", path=str(target))
    if target.is_dir():
        target = target / f"hezheng-backup-{appliance.clock.now():%Y%m%d-%H%M%S}.zip"
    if target.exists():
        raise Conflict("backup.target_exists", path=str(target))
    if not target.parent.is_dir():
        raise BadInput("backup.no_folder", path=str(target.parent))
    with appliance.jobs.deciding:
        if any(job.kind in (ending.KIND, KIND) for job in appliance.jobs.running()):
            raise Conflict("backup.busy")
        return appliance.jobs.start(KIND, "files", "", lambda job: create(appliance, target, job))


def create(appliance: Appliance, target: Path, job: Job) -> dict[str, Any]:
    """Write the backup; returns ``{"path", "sha256", "files", "bytes", "inspections", "same_medium"}``."""
    present = [row["id"] for row in inspections.list_present(appliance)]
    appliance.log_own("appliance.backing_up", path=str(target), inspections=" ".join(present))
    aside = target.with_name(target.name + ".part")
    try:
        with tempfile.TemporaryDirectory(prefix="backup-", dir=appliance.folder.run) as copies:
            manifest = _write(appliance, aside, Path(copies), job)
        aside.replace(target)
        sync_folder(target.parent)
        read_from_medium(target)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        same = medium_of(target).shares(medium_of(appliance.folder.root))
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise EnvironmentProblem("backup.cannot_write", path=str(target), detail=str(error.strerror)) from error
    appliance.log_own("appliance.backed_up", path=str(target), sha256=digest, inspections=" ".join(present))
    size = sum(stored.size for stored in manifest.files.values())
    found = {"path": str(target), "sha256": digest, "files": len(manifest.files), "bytes": size}
    return {**found, "inspections": len(present), "same_medium": same}


def _write(appliance: Appliance, aside: Path, copies: Path, job: Job) -> Manifest:
    folder = appliance.folder
    every = _data(folder)
    databases = {_name(folder, path): path for path in every if path.suffix == ".db"}
    manifest = Manifest(rfc3339(appliance.clock.now()), VERSION, {})
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for number, (name, path) in enumerate(databases.items()):
                copy = copies / f"{number}.db"
                snapshot.take(path, copy)
                manifest.rows[name] = dict(snapshot.counts(copy))
                manifest.files[name] = _add(archive, name, copy)
                copy.unlink()
            manifest.folders.extend(_name(folder, path) for path in every if path.is_dir())
            others = [path for path in every if path.is_file() and _name(folder, path) not in databases]
            for done, path in enumerate(others, 1):
                name = _name(folder, path)
                manifest.files[name] = _add(archive, name, path)
                if path.name == "custody.jsonl":
                    manifest.heads[name] = _head(path, manifest.files[name].size)
                job.progress(done, len(others), "backup")
            archive.writestr(MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _name(folder: DataFolder, path: Path) -> str:
    return path.relative_to(folder.root).as_posix()


def _data(folder: DataFolder) -> list[Path]:
    """Every file and folder that is data: no secrets, and nothing that is only half there."""
    tops = [path for path in sorted(folder.root.iterdir()) if path.name not in LEFT_OUT]
    every = [path for top in tops for path in (top, *sorted(top.rglob("*")))]
    return [path for path in every if not path.is_symlink() and not _passes(path)]


def _passes(path: Path) -> bool:
    return path.name.endswith(PASSING) or snapshot.BEFORE in path.name


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Stored:
    """Add a file; of one that grows by lines, the whole lines it has now."""
    left = _whole_lines(path) if path.suffix == ".jsonl" else path.stat().st_size
    digest, size = hashlib.sha256(), left
    info = zipfile.ZipInfo.from_file(path, name)
    info.compress_type = zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while left > 0 and (data := source.read(min(CHUNK, left))):
            digest.update(data)
            target.write(data)
            left -= len(data)
    return Stored(digest.hexdigest(), size - left)


def _whole_lines(path: Path) -> int:
    """Bytes up to and with the last newline."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - CHUNK)
            file.seek(start)
            if (at := file.read(end - start).rfind(b"\n")) >= 0:
                return start + at + 1
            end = start
    return 0


def _head(path: Path, size: int) -> Head:
    with path.open("rb") as file:
        return custody.check_lines(file.read(size).splitlines(keepends=True)).head
