"""Use case: take over a bundle as an inspection that can only be read — on the office's computer, or years later.

The bundle is verified first; its folder is made aside and appears whole or not at all. The bundle itself is kept beside
what was read from it, so that it can be verified and replayed again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence import manifest
from appliance.evidence.reading import BundleReader, info, opened_bundle
from appliance.evidence.verify import VerificationOutcome
from appliance.folder import DataFolder, InspectionFolder
from appliance.jobs import Job
from appliance.store import audits as audit_store
from appliance.store import endings as ending_store
from appliance.store import hosts as host_store
from appliance.store import imports as store
from appliance.store import inspections as inspection_store
from appliance.store.database import Db, Row, opened
from appliance.store.schema import INSPECTION
from appliance.visits import sealing, unpacking
from appliance.visits.audit_reader import unbroken, verified
from config.clock import rfc3339
from config.durable import move_folder, private_folder, remove_folder, sync_folder
from config.ids import is_ulid
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

    Raises Negative for a broken bundle, BadInput for what is none.
    """
    found = unbroken(path, sealing.known_signers(appliance))
    with opened_bundle(path) as reader:
        inspection_id = _id(reader)
        told = {name: str(reader.inspection.get(name, "")) for name in ("unit", "kind", "phase", "as_of")}
        return {
            "name": path.name,
            "digest": found.digest,
            "second_digest": found.second_digest,
            "fingerprint": found.fingerprint,
            "known": found.outcome is VerificationOutcome.INTACT,
            "version": reader.version,
            "inspection_id": inspection_id,
            **told,
            "sealed_at": info(reader).get("Sealed-At", ""),
            "here": _is_here(appliance, inspection_id),
        }


def take_over(appliance: Appliance, path: Path, signer: str | None, job: Job) -> dict[str, Any]:
    """Verify the bundle and make an inspection of it; returns its row in the list of imports.

    Raises Negative for a broken bundle, Refused for an unknown signer unless ``signer`` is given and fits, Conflict
    ``imports.already_here``, BadInput for content that our loaders refuse, EnvironmentProblem when the disk is full.
    """
    found = verified(path, sealing.known_signers(appliance), signer)
    digest, fingerprint = found.digest, found.fingerprint
    with opened_bundle(path) as reader:
        inspection_id = _id(reader)
        ended = _require_absent(appliance, inspection_id, reader)
        appliance.log_own("bundle.importing", inspection=inspection_id, file=path.name, digest=digest)
        seal = {"id": appliance.ids.new(), "file": "", "digest": digest, "fingerprint": fingerprint}
        seal |= {"seal": 2 if found.second_digest else 1, "second_digest": found.second_digest or None}
        aside = _aside(appliance, inspection_id, path)
        try:
            folder = _fill(appliance, reader, aside, path, seal, job)
            move_folder(folder.root, appliance.folder.inspections / inspection_id)
        except OSError as error:
            raise EnvironmentProblem("imports.cannot_write", detail=str(error.strerror)) from error
        finally:
            remove_folder(aside.root)
        _enter(appliance, reader, inspection_id, path.name, seal, ended)
    appliance.log(inspection_id, "bundle.imported", digest=digest, fingerprint=fingerprint, file=path.name)
    return next(row for row in list_all(appliance) if row["inspection_id"] == inspection_id)


def list_all(appliance: Appliance) -> list[Row]:
    """Imported inspections: inspection_id, unit, kind, imported_at, imported_by, file, digest, fingerprint, ended."""
    with appliance.index() as index:
        return store.list_all(index)


def _id(reader: BundleReader) -> str:
    inspection_id = str(reader.inspection.get("id"))
    if not is_ulid(inspection_id):
        raise unpacking.bad(reader, "data/inspection.json", ValueError("id"))
    return inspection_id


def _require_absent(appliance: Appliance, inspection_id: str, reader: BundleReader) -> Row | None:
    """What stayed of it when it was ended here before. Raises Conflict when it is still here."""
    ended = _ended(appliance, inspection_id)
    if _is_here(appliance, inspection_id):
        raise Conflict("imports.already_here", name=reader.name, id=inspection_id)
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


def _aside(appliance: Appliance, inspection_id: str, path: Path) -> DataFolder:
    """A fresh place beside the inspections; what an import that was killed left there is removed."""
    for left in appliance.folder.run.glob(f"{ASIDE}*"):
        remove_folder(left)
    needed = SPACE * path.stat().st_size
    if shutil.disk_usage(appliance.folder.root).free < needed:
        raise EnvironmentProblem("imports.disk_full", needed_mb=needed >> 20)
    aside = DataFolder(appliance.folder.run / f"{ASIDE}{inspection_id}")
    private_folder(aside.inspections)
    return aside


def _fill(
    appliance: Appliance, reader: BundleReader, aside: DataFolder, path: Path, seal: Row, job: Job
) -> InspectionFolder:
    folder = aside.new_inspection(_id(reader))
    sealed_at = info(reader).get("Sealed-At") or rfc3339(appliance.clock.now())
    seal["sealed_at"], seal["audit_id"], seal["file"] = sealed_at, str(reader.audit.get("id")), f"{seal['id']}.zip"
    with opened(folder.database, INSPECTION, create=True) as db:
        unpacking.fill_inspection(reader, db, {**reader.inspection, "sealed_at": sealed_at})
        unpacking.fill_tables(reader, db)
        found = _fill_results(reader, db, job)
        unpacking.fill_audit(reader, db)
        inspection_store.save_bundle(db, seal)
        inspection_store.update(db, {"unit_id": _unit(appliance, reader)[0]["id"]})
        unpacking.check_filled(reader, db)
    unpacking.write_files(reader, folder)
    unpacking.write_parts(reader, folder)
    unpacking.write_attachments(reader, folder)
    unpacking.write_raw(reader, folder, found)
    later = manifest.SECOND_CUSTODY in reader.names  # it goes on from the first seal's
    unpacking.copy(reader, manifest.SECOND_CUSTODY if later else manifest.CUSTODY, folder.custody)
    shutil.copyfile(path, folder.bundles / seal["file"])
    sync_folder(folder.bundles)
    return folder


def _fill_results(reader: BundleReader, db: Db, job: Job) -> list[Row]:
    found: list[Row] = []
    total = len(host_store.list_hosts(db))
    with db.atomic():
        for result in unpacking.results(reader):
            unpacking.save_result(reader, db, result, result.facts)
            found.append(result.row)
            job.progress(len(found), total, KIND)
    return found


def _unit(appliance: Appliance, reader: BundleReader) -> tuple[Row, bool]:
    """The unit by the id in the bundle, else by its name; and whether it is new here."""
    unit = unpacking.unit_of(reader)
    with appliance.index() as index:
        known = inspection_store.find_unit(index, unit["id"]) or inspection_store.find_unit(index, unit["name"])
    return (unit, True) if known is None else (known, False)


def _enter(
    appliance: Appliance, reader: BundleReader, inspection_id: str, file: str, seal: Row, ended: Row | None
) -> None:
    """Into the index, in one transaction."""
    with appliance.inspection(inspection_id) as (db, _):
        row, audit = inspection_store.read(db), audit_store.latest_audit(db)
        assert audit is not None, "the import has just stored it"
        counts = audit_store.counts(db, audit["id"])["findings"]
    figures: Row = {"sealed_at": seal["sealed_at"], "bundle_digest": seal["digest"]}
    entry: Row = {"inspection_id": inspection_id, "imported_at": rfc3339(appliance.clock.now()), "file": file}
    entry |= {"imported_by": appliance.operator, "digest": seal["digest"], "fingerprint": seal["fingerprint"]}
    unit, new = _unit(appliance, reader)
    with appliance.index() as index, index.atomic():
        if new:
            inspection_store.save_unit(index, unit)
        if ended is None:
            own = {"id": inspection_id, **{name: row[name] for name in ("unit_id", "kind", "created_at")}}
            inspection_store.index_inspection(index, own)
        else:
            store.forget_ending(index, inspection_id)
        inspection_store.roll_up(index, inspection_id, figures | {"rates": audit["rates"], "findings": counts})
        store.save(index, entry, ended)
