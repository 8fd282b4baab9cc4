"""Use case: restore a backup into an empty place, and the drill that proves beforehand that it would work.

A backup file is read as untrusted: only the files that its manifest lists, only inside the target, only their sizes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from appliance.evidence import custody
from appliance.evidence.container import ZIP_ERRORS
from appliance.evidence.manifest import is_safe
from appliance.folder import DataFolder
from appliance.store import hosts, snapshot
from appliance.store.database import opened
from appliance.store.schema import INDEX, INSPECTION
from appliance.visits.backup import LEFT_OUT, MANIFEST, SCHEMA, Manifest, Stored
from config.durable import private_folder, remove_folder, sync_folder
from config.problems import BadInput, Conflict, EnvironmentProblem, Negative

MANIFEST_LIMIT = 256 << 20
CHUNK = 1 << 20
_MANIFEST = TypeAdapter(Manifest)


def check(file: Path, work: Path) -> dict[str, Any]:
    """The drill: restore into a folder below ``work``, compare everything, remove it again.

    Returns ``{"created_at", "version", "files", "bytes", "inspections", "results", "rows"}``. Raises as
    :func:`restore`.
    """
    drill = private_folder(work) / "drill"
    try:
        return _restored(file, drill)
    finally:
        with suppress(OSError):
            remove_folder(drill)


def restore(file: Path, target: DataFolder) -> dict[str, Any]:
    """Restore into a data folder that is empty or not there; all or nothing.

    Raises Conflict when something is there, BadInput for what is no backup, Negative for a damaged one,
    EnvironmentProblem without space or for a newer version's backup.
    """
    if target.root.exists() and any(target.root.iterdir()):
        raise Conflict("restore.not_empty", path=str(target.root))
    aside = target.root.with_name(target.root.name + ".restoring")
    try:
        found = _restored(file, aside)
        aside.replace(target.root)
        sync_folder(target.root.parent)
    except OSError as error:
        raise EnvironmentProblem("restore.cannot_write", path=str(target.root), detail=str(error.strerror)) from error
    finally:
        with suppress(OSError):
            remove_folder(aside)
    return {**found, "path": str(target.root)}


def _restored(file: Path, folder: Path) -> dict[str, Any]:
    """Unpack and compare. Raises OSError too."""
    remove_folder(folder)
    private_folder(folder)
    with _opened(file) as archive:
        manifest = _manifest(file, archive)
        size = sum(stored.size for stored in manifest.files.values())
        if shutil.disk_usage(folder).free < size:
            raise EnvironmentProblem("restore.no_space", needed_mb=-(-size >> 20), path=str(folder.parent))
        for name in manifest.folders:
            private_folder(folder / name)
        for name, stored in manifest.files.items():
            _unpack(archive, name, stored, folder)
    _sync_tree(folder)
    results = _compare(folder, manifest)
    found = {"created_at": manifest.created_at, "version": manifest.version, "files": len(manifest.files)}
    inspections = [name for name in manifest.rows if name.startswith("inspections/")]
    rows = sum(sum(tables.values()) for tables in manifest.rows.values())
    return {**found, "bytes": size, "inspections": len(inspections), "results": results, "rows": rows}


@contextmanager
def _opened(file: Path) -> Generator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except FileNotFoundError as error:
        raise BadInput("restore.no_file", path=str(file)) from error
    except ZIP_ERRORS as error:
        raise BadInput("restore.not_a_backup", name=file.name) from error
    with archive:
        yield archive


def _manifest(file: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        with archive.open(MANIFEST) as stream:
            manifest = _MANIFEST.validate_json(stream.read(MANIFEST_LIMIT))
    except (KeyError, ValidationError, *ZIP_ERRORS) as error:
        raise BadInput("restore.not_a_backup", name=file.name) from error
    if manifest.schema != SCHEMA:
        raise BadInput("restore.newer", name=file.name, schema=manifest.schema[:40])
    for name in (*manifest.files, *manifest.folders):
        if not is_safe(name) or name.split("/")[0] in LEFT_OUT:
            raise BadInput("restore.unsafe_path", name=file.name)
    if not manifest.rows.keys() | manifest.heads.keys() <= manifest.files.keys():
        raise BadInput("restore.unsafe_path", name=file.name)
    return manifest


def _unpack(archive: zipfile.ZipFile, name: str, stored: Stored, folder: Path) -> None:
    target = folder / name
    private_folder(target.parent)
    digest, left = hashlib.sha256(), stored.size
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as writing:
        for data in _read(archive, name, stored):
            digest.update(data)
            writing.write(data)
            left -= len(data)
        writing.flush()
        os.fsync(writing.fileno())
    if left or digest.hexdigest() != stored.sha256:
        raise Negative("restore.damaged", path=name)


def _read(archive: zipfile.ZipFile, name: str, stored: Stored) -> Generator[bytes]:
    """The bytes of a file, never more than it should have."""
    left = stored.size
    try:
        with archive.open(name) as stream:
            while left > 0 and (data := stream.read(min(CHUNK, left))):
                left -= len(data)
                yield data
    except (KeyError, *ZIP_ERRORS) as error:
        raise Negative("restore.damaged", path=name) from error


def _sync_tree(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)


def _compare(folder: Path, manifest: Manifest) -> int:
    """Rows, custody heads, schema, and each result's raw file; returns the number of results."""
    for name, tables in manifest.rows.items():
        if dict(snapshot.counts(folder / name)) != tables:
            raise Negative("restore.damaged", path=name)
    for name, head in manifest.heads.items():
        if not custody.check(folder / name, head).intact:
            raise Negative("restore.damaged", path=name)
    restored = DataFolder(folder)
    with opened(restored.index, INDEX):
        pass
    return sum(_raw_files(path.parent) for path in restored.inspections.glob("*/inspection.db"))


def _raw_files(inspection: Path) -> int:
    with opened(inspection / "inspection.db", INSPECTION) as db:
        for row in hosts.raw_files(db):
            path = inspection / "raw" / row["raw_file"]
            if (
                path.parent != inspection / "raw"
                or not path.is_file()
                or hashlib.sha256(path.read_bytes()).hexdigest() != row["raw_digest"]
            ):
                raise Negative("restore.damaged", path=path.name)
        return int(db.value("SELECT COUNT(*) FROM results"))
