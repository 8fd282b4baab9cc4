"""Use case: seal an inspection — one signed bundle that holds everything the verdicts rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.evidence.certificate import own_certificate
from appliance.evidence.further import further_signatures
from appliance.evidence.signing import signer_from_vault
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.store import audits as audit_store
from appliance.store import endings as ending_store
from appliance.store import inspections as store
from appliance.store.database import Db, Row
from appliance.version import VERSION
from appliance.visits import auditing, custody_watch, office
from appliance.visits.bundle_content import bundle_files
from appliance.visits.changes import FILE, open_changes
from appliance.visits.inspections import list_present
from config.clock import rfc3339
from config.problems import Conflict, NotFound

KIND = "seal"
SHOWN_ADDRESSES = 5


def start(appliance: Appliance, inspection_id: str, *, unencrypted: bool = False) -> Job:
    """Seal as a job.

    Raises Conflict before the first audit, when something changed since the last one, while something runs, or while
    a change to a computer is not put back (the credential that undoing needs is destroyed after the seal); Refused
    with a locked vault, or when there is no certificate to encrypt to and nobody confirmed that (``unencrypted``).
    """
    with appliance.open_inspection(inspection_id, although_final=True) as (db, folder):
        if audit_store.latest_audit(db) is None:
            raise Conflict("inspection.nothing_to_seal")
        _require_current(appliance, inspection_id, db)
        if left := open_changes(folder.root / FILE):
            addresses = sorted({change.address for change in left})
            raise Conflict("change.blocks_sealing", count=len(left), addresses="、".join(addresses[:SHOWN_ADDRESSES]))
    signer_from_vault(appliance.vault)
    office.must_encrypt(appliance, unencrypted=unencrypted)

    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id, although_final=True) as (db, folder):
            return seal(appliance, inspection_id, db, folder, job)

    with appliance.jobs.deciding:
        appliance.jobs.require_none(inspection_id)
        return appliance.jobs.start(KIND, "files", inspection_id, work)


def seal(appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, job: Job) -> dict[str, Any]:
    """Write and sign the bundle; afterwards the inspection is read-only.

    Raises Conflict for a damaged custody log, ``inspection.audit_outdated`` when something changed that the newest
    audit rests on, ``inspection.changed_meanwhile`` when something was entered while the bundle was written.
    """
    before = db.changed_by_others
    audit = auditing.latest(db)
    inspection = store.read(db)
    _require_current(appliance, inspection_id, db)
    appliance.check_custody(inspection_id)
    appliance.log(inspection_id, "bundle.sealing", audit=audit["id"], digest=audit["digest"])
    head = appliance.custody_head(inspection_id)
    custody_watch.keep(appliance, inspection_id, head)
    bundle_id = appliance.ids.new()
    files = list(bundle_files(appliance, inspection_id, db, folder, audit))
    job.progress(0, len(files), "seal")
    info = {
        "Source-Organization": inspection["unit"],
        "External-Identifier": inspection_id,
        "Bag-Software-Agent": f"Hezheng {VERSION}",
        "Custody-Head": f"{head.seq} {head.sha256}",
    }
    target = folder.bundles / f"{bundle_id}.zip"
    with office.gone_unless_recorded(target):
        row = {**_written(appliance, inspection_id, target, files, info), "id": bundle_id, "audit_id": audit["id"]}
        row |= {"custody_seq": head.seq, "custody_sha256": head.sha256}
        with db.atomic():
            store.save_bundle(db, row)
            store.update(db, {"sealed_at": row["sealed_at"]})
            if db.changed_by_others != before:
                raise Conflict("inspection.changed_meanwhile")
            appliance.log(inspection_id, "bundle.sealed", bundle=bundle_id, digest=row["digest"])
    _roll_up(appliance, inspection_id, db)
    job.progress(len(files), len(files), "seal")
    return {**row, "path": str(target)}


def _require_current(appliance: Appliance, inspection_id: str, db: Db) -> None:
    """What is sealed must follow from what is sealed with it."""
    if changed := auditing.changed_since(appliance, inspection_id, db):
        raise Conflict("inspection.audit_outdated", what="、".join(changed))


def _roll_up(appliance: Appliance, inspection_id: str, db: Db) -> None:
    """Into the index: what is shown of a sealed inspection, and that its signer is known."""
    sealed = store.list_bundles(db)[-1]
    audit = auditing.latest(db)
    figures: Row = {"sealed_at": sealed["sealed_at"], "bundle_digest": sealed["digest"], "rates": audit["rates"]}
    with appliance.index() as index:
        store.roll_up(index, inspection_id, figures | {"findings": audit_store.counts(db, audit["id"])["findings"]})


def recover(appliance: Appliance) -> int:
    """After a start: seals that were cut off before the index knew of them. Returns how many there were."""
    found = 0
    for one in list_present(appliance):
        if not one["sealed_at"]:
            with appliance.inspection(one["id"]) as (db, _):
                if store.read(db)["sealed_at"]:
                    _roll_up(appliance, one["id"], db)
                    found += 1
    return found


def _written(
    appliance: Appliance, inspection_id: str, target: Path, files: Sequence[BundleFile], info: Mapping[str, str]
) -> Row:
    """Write, sign and encrypt; what the bundle's row says of it."""
    signer = signer_from_vault(appliance.vault)
    certificate = own_certificate(appliance.folder.keys, signer, appliance.clock)
    extra = further_signatures(appliance.settings.seal, certificate, signer, appliance.vault)
    sealed = write_bundle(target, files, info, signer, appliance.clock, extra)
    encrypted = office.encrypted(appliance, inspection_id, target)
    row: Row = {"file": target.name, "seal": 1, "digest": sealed.digest, "second_digest": None}
    row |= {"fingerprint": sealed.fingerprint, "encrypted": encrypted}
    return {**row, "sealed_at": rfc3339(appliance.clock.now())}


def list_bundles(appliance: Appliance, inspection_id: str) -> list[Row]:
    """Bundles of an inspection with the path of each file."""
    with appliance.inspection(inspection_id) as (db, folder):
        return [{**row, "path": str(folder.bundles / row["file"])} for row in store.list_bundles(db)]


def known_signers(appliance: Appliance) -> set[str]:
    """Fingerprints of the keys that sealed this appliance's own bundles."""
    with appliance.index() as index:
        every = store.list_inspections(index, "", -1)
        ended = ending_store.list_fingerprints(index)
    sealed = [row["id"] for row in every if row["sealed_at"] and not row["ended"]]
    return ended | {row["fingerprint"] for one in sealed for row in list_bundles(appliance, one)}


def bundle_row(appliance: Appliance, inspection_id: str, bundle_id: str) -> Row:
    """One bundle with its path. Raises NotFound."""
    for row in list_bundles(appliance, inspection_id):
        if row["id"] == bundle_id:
            return row
    raise NotFound("evidence.no_bundle", id=bundle_id[:40])


def bundle_path(appliance: Appliance, inspection_id: str, bundle_id: str) -> Path:
    """The file of one bundle, not encrypted. Raises NotFound."""
    return Path(bundle_row(appliance, inspection_id, bundle_id)["path"])


def handed_out(appliance: Appliance, inspection_id: str, bundle_id: str, *, unencrypted: bool = False) -> Path:
    """The file that leaves the laptop: the encrypted one where there is one, unless a person asks for the other.

    Which one left is in the custody log. Raises NotFound.
    """
    row = bundle_row(appliance, inspection_id, bundle_id)
    path = Path(row["path"])
    if row["encrypted"] and not unencrypted:
        path = path.with_name(row["encrypted"])
    appliance.log(inspection_id, "bundle.handed_out", bundle=bundle_id, file=path.name)
    return path
