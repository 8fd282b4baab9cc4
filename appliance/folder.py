"""The data folder: where everything is, and who may write.

Layout: ``DATA/hezheng.toml``, ``appliance.db``, ``lock``, ``run/``, ``keys/``, ``vault/``,
``inspections/<ULID>/{inspection.db, raw/, attachments/, custody.jsonl}``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.durable import sync_folder
from config.ids import is_ulid
from config.problems import Busy, EnvironmentProblem, NotFound

INSTALLED = Path("/var/lib/hezheng")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths below ``root``; :meth:`prepare` makes the folders (0700)."""

    root: Path

    @property
    def index(self) -> Path:
        return self.root / "appliance.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def reference(self) -> Path:
        return self.root / "reference"

    @property
    def policies(self) -> Path:
        """Policy profiles that campaigns brought."""
        return self.root / "policies"

    @property
    def inspections(self) -> Path:
        return self.root / "inspections"

    @property
    def custody(self) -> Path:
        """The appliance's own log: what was done to whole inspections."""
        return self.root / "custody.jsonl"

    def ending(self, inspection_id: str) -> Path:
        """Where an inspection's folder lies while it is being removed."""
        return self.root / "ending" / inspection_id

    def inspection(self, inspection_id: str) -> InspectionFolder:
        """The folder of one inspection. Raises NotFound for an id that is not there."""
        folder = InspectionFolder(self.inspections / inspection_id)
        if not is_ulid(inspection_id) or not folder.database.exists():
            raise NotFound("inspection.not_found", id=inspection_id[:40])
        return folder

    def new_inspection(self, inspection_id: str) -> InspectionFolder:
        """Make the folders of a new inspection."""
        folder = InspectionFolder(self.inspections / inspection_id)
        for path in (folder.root, folder.raw, folder.attachments, folder.audits, folder.bundles):
            path.mkdir(mode=0o700)
        sync_folder(self.inspections)
        return folder

    def prepare(self) -> None:
        """Make what is missing. Raises EnvironmentProblem when the place cannot be written."""
        try:
            for path in (self.root, self.run, self.keys, self.vault, self.inspections):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentProblem("data.not_writable", path=str(self.root), detail=str(error.strerror)) from error


@dataclass(frozen=True, slots=True)
class InspectionFolder:
    """One visit's own files."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "inspection.db"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def attachments(self) -> Path:
        return self.root / "attachments"

    @property
    def audits(self) -> Path:
        return self.root / "audits"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def custody(self) -> Path:
        return self.root / "custody.jsonl"


def locate(option: Path | None, environment: Mapping[str, str], checkout: Path) -> Path:
    """Where the data is: ``--data`` > ``HEZHENG_DATA`` > ``./data`` in a checkout or ``/var/lib/hezheng``."""
    if option:
        return option.absolute()
    if environment.get("HEZHENG_DATA"):
        return Path(environment["HEZHENG_DATA"]).absolute()
    return checkout / "data" if (checkout / "pyproject.toml").exists() else INSTALLED


@contextmanager
def writing(folder: DataFolder, address: str) -> Generator[None]:
    """Hold the writer's lock; the file says who holds it. Raises Busy with pid and address of the other writer."""
    folder.prepare()
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentProblem("data.not_writable", path=str(folder.root), detail=str(error.strerror)) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = read_holder(folder)
            raise Busy("data.busy", pid=holder["pid"], address=holder["address"], path=str(folder.root)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "address": address}).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def read_holder(folder: DataFolder) -> dict[str, str | int]:
    """Who holds the lock, as it wrote it: ``{"pid", "address"}``."""
    try:
        holder = json.loads(folder.lock.read_text("utf-8") or "{}")
    except (OSError, ValueError):
        holder = {}  # the holder is just writing it; the lock itself is what counts
    return {"pid": int(holder.get("pid", 0)), "address": str(holder.get("address", ""))}
