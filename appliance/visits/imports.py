"""Use case: take over a bundle as an inspection that can only be read — on the office's computer, or years later.

The bundle is verified first; its folder is made aside and appears whole or not at all. The bundle itself is kept beside
what was read from it, so that it can be verified and replayed again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.store import endings as ending_store
from appliance.store import imports as store
from appliance.store import inspections as inspection_store
from appliance.store.database import Db, Row
from appliance.visits import sealing, strangers
from config.clock import rfc3339
from config.durable import move_folder, private_folder, remove_folder
from config.problems import BadInput, Conflict, EnvironmentProblem, NotFound

KIND = "import"
LOOK = "look"
ASIDE = "import-"
HANDED_IN = "handed-in-"
"""Begins the folders, beside those of imports, of bundles that the browser handed in."""
SPACE = 3  # unpacked beside packed, and the database


def start(appliance: Appliance, path: Path, signer: str | None) -> Job:
    """Import as a job. Raises BadInput when it is no file of a bundle, Conflict while another import runs."""
    _require_file(path)
    with appliance.jobs.deciding:
        if any(job.kind == KIND for job in appliance.jobs.running()):
            raise Conflict("imports.busy")
        return appliance.jobs.start(KIND, "hosts", "", lambda job: _taken(appliance, path, signer, job))


def _taken(appliance: Appliance, path: Path, signer: str | None, job: Job) -> dict[str, Any]:
    """Take over, and then keep no second copy of a bundle that was handed in."""
    row = take_over(appliance, path, signer, job)
    if path.parent.parent == appliance.folder.run and path.parent.name.startswith(HANDED_IN):
        remove_folder(path.parent)
    return row


def _require_file(path: Path) -> None:
    if not path.is_absolute() or not path.is_file():
        raise BadInput("imports.no_file", name=path.name)


def look(appliance: Appliance, path: Path) -> Job:
    """Verify a bundle as a job, and take nothing over. Raises BadInput when it is no file of a bundle."""
    _require_file(path)
    return appliance.jobs.start(LOOK, "files", "", lambda _job: looked_at(appliance, path))


def looked_at(appliance: Appliance, path: Path) -> dict[str, Any]:
    """Whose bundle it is, before anybody decides: name, digest, second_digest, fingerprint, ``known`` (whether this
    appliance has trusted the signer before), version, inspection_id, unit, kind, phase, as_of, sealed_at, and
    ``here`` (whether that inspection is on this appliance already).

    Raises Negative for a broken bundle, BadInput for what is none, and as :func:`appliance.visits.strangers.ask`.
    """
    job = {"path": str(path), "known": sorted(sealing.known_signers(appliance))}
    found = strangers.ask(appliance, strangers.LOOK, [path], job)
    return {"name": path.name, **found, "here": _is_here(appliance, found["inspection_id"])}


def take_over(appliance: Appliance, path: Path, signer: str | None, job: Job) -> dict[str, Any]:
    """Verify the bundle and make an inspection of it; returns its row in the list of imports.

    Raises Negative for a broken bundle, Refused for an unknown signer unless ``signer`` is given and fits, Conflict
    ``imports.already_here``, BadInput for content that our loaders refuse or that costs too much, EnvironmentProblem
    when the disk is full.
    """
    asked = {"path": str(path), "known": sorted(sealing.known_signers(appliance)), "signer": signer}
    taking = _Taking(appliance, path)
    try:
        found = strangers.ask(
            appliance,
            strangers.TAKE,
            [path],
            asked,
            taking.decide,
            lambda done, total: job.progress(done, total, KIND),
            job.cancelled,
        )
        move_folder(
            taking.aside.inspections / taking.inspection_id, appliance.folder.inspections / taking.inspection_id
        )
    except OSError as error:
        raise EnvironmentProblem("imports.cannot_write", detail=str(error.strerror)) from error
    finally:
        remove_folder(taking.aside.root)
    taking.enter(found)
    seal = {name: str(taking.seal[name]) for name in ("digest", "fingerprint")}
    appliance.log(taking.inspection_id, "bundle.imported", **seal, file=path.name)
    return next(row for row in list_all(appliance) if row["inspection_id"] == taking.inspection_id)


@dataclass
class _Taking:
    """One import: what is decided once the child has opened the bundle, and what of it goes into the index."""

    appliance: Appliance
    path: Path
    inspection_id: str = ""
    ended: Row | None = None
    unit: Row = field(default_factory=dict[str, Any])
    seal: Row = field(default_factory=dict[str, Any])

    @property
    def aside(self) -> DataFolder:
        """A place beside the inspections."""
        return DataFolder(self.appliance.folder.run / f"{ASIDE}{self.inspection_id}")

    def decide(self, told: Row) -> Row:
        """Where the child puts it, and what it is called here. Raises Conflict, EnvironmentProblem."""
        appliance = self.appliance
        self.inspection_id, self.unit = told["inspection_id"], told["unit"]
        self.ended = _require_absent(appliance, self.inspection_id, self.path.name)
        appliance.log_own("bundle.importing", inspection=self.inspection_id, file=self.path.name, digest=told["digest"])
        seal_id, second = appliance.ids.new(), told["second_digest"]
        self.seal = {"id": seal_id, "file": f"{seal_id}.zip", "digest": told["digest"]}
        self.seal |= {"fingerprint": told["fingerprint"], "seal": 2 if second else 1, "second_digest": second or None}
        self.seal["sealed_at"] = told["sealed_at"] or rfc3339(appliance.clock.now())
        self._make_room()
        with appliance.index() as index:
            unit_id = _known(index, self.unit)[0]["id"]
        return {
            "aside": str(self.aside.root),
            "seal": self.seal,
            "unit_id": unit_id,
            "sealed_at": self.seal["sealed_at"],
        }

    def _make_room(self) -> None:
        """A fresh place; what an import that was killed left there is removed."""
        for left in self.appliance.folder.run.glob(f"{ASIDE}*"):
            remove_folder(left)
        needed = SPACE * self.path.stat().st_size
        if shutil.disk_usage(self.appliance.folder.root).free < needed:
            raise EnvironmentProblem("imports.disk_full", needed_mb=needed >> 20)
        private_folder(self.aside.inspections)

    def enter(self, found: Row) -> None:
        """Into the index, in one transaction. ``found``: ``kind, created_at, rates, findings``."""
        seal = self.seal
        figures: Row = {"sealed_at": seal["sealed_at"], "bundle_digest": seal["digest"]}
        entry: Row = {"inspection_id": self.inspection_id, "imported_at": rfc3339(self.appliance.clock.now())}
        entry |= {"file": self.path.name, "imported_by": self.appliance.operator}
        entry |= {"digest": seal["digest"], "fingerprint": seal["fingerprint"]}
        with self.appliance.index() as index, index.atomic():
            unit, new = _known(index, self.unit)
            if new:
                inspection_store.save_unit(index, unit)
            if self.ended is None:
                own = {"id": self.inspection_id, "unit_id": unit["id"]}
                inspection_store.index_inspection(index, own | {name: found[name] for name in ("kind", "created_at")})
            else:
                store.forget_ending(index, self.inspection_id)
            told = {name: found[name] for name in ("rates", "findings")}
            inspection_store.roll_up(index, self.inspection_id, figures | told)
            store.save(index, entry, self.ended)


def list_all(appliance: Appliance) -> list[Row]:
    """Imported inspections: inspection_id, unit, kind, imported_at, imported_by, file, digest, fingerprint, ended."""
    with appliance.index() as index:
        return store.list_all(index)


def _require_absent(appliance: Appliance, inspection_id: str, name: str) -> Row | None:
    """What stayed of it when it was ended here before. Raises Conflict when it is still here."""
    ended = _ended(appliance, inspection_id)
    if _is_here(appliance, inspection_id):
        raise Conflict("imports.already_here", name=name, id=inspection_id)
    if ended is not None:
        remove_folder(appliance.folder.inspections / inspection_id)  # an import that failed before the index had it
    return ended


def _ended(appliance: Appliance, inspection_id: str) -> Row | None:
    with appliance.index() as index:
        return ending_store.read(index, inspection_id)


def _is_here(appliance: Appliance, inspection_id: str) -> bool:
    """Also while its ending is under way; one that was ended is not here any more."""
    ended = _ended(appliance, inspection_id)
    if ended is not None:
        return ended["stage"] != ending_store.Stage.DONE
    try:
        appliance.folder.inspection(inspection_id)
    except NotFound:
        return False
    return True


def _known(index: Db, unit: Row) -> tuple[Row, bool]:
    """The unit by the id in the bundle, else by its name; and whether it is new here."""
    known = inspection_store.find_unit(index, unit["id"]) or inspection_store.find_unit(index, unit["name"])
    return (unit, True) if known is None else (known, False)
