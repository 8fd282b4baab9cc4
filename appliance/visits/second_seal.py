"""Use case: the signed papers come back as scans, and a second seal adds them to the bundle, chaining the first."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.context import Appliance
from appliance.evidence import manifest, openssl
from appliance.evidence.bundle import BundleFile
from appliance.evidence.seals import PAPERS, TIMESTAMP, FirstSeal, write_second
from appliance.evidence.signing import signer_from_vault
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.store import inspections as store
from appliance.store.database import Db, Row
from appliance.visits import custody_watch, office
from appliance.visits.sealing import KIND
from config.clock import rfc3339
from config.durable import private_folder, replace_file, sync_folder
from config.problems import BadInput, Conflict, NotFound

KINDS = {
    ".pdf": (b"%PDF-",),
    ".png": (b"\x89PNG\r\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".tif": (b"II*\0", b"MM\0*"),
    ".tiff": (b"II*\0", b"MM\0*"),
    ".ofd": (b"PK\x03\x04",),
}
"""How a scan begins; another file is no scan."""
PAPERS_LIMIT = 200
TOKEN_LIMIT = 60_000
TOKEN = "timestamp.tsr"  # noqa: S105  a time stamp, no secret


def first_seal(db: Db) -> Row:
    """The bundle of the first seal. Raises Conflict before it."""
    for row in store.list_bundles(db):
        if row["seal"] == 1:
            return row
    raise Conflict("evidence.not_sealed_yet")


def add_paper(appliance: Appliance, inspection_id: str, name: str, content: bytes) -> Row:
    """Take one scan of a signed paper. Raises BadInput for what is no scan, Conflict before the first seal, after the
    second, for a name that is taken.
    """
    kept_name = manifest.portable_name(name)
    if not content.startswith(KINDS.get(Path(kept_name).suffix.lower(), ())):
        raise BadInput("evidence.not_a_scan", name=kept_name, known="、".join(sorted(KINDS)))
    with appliance.inspection(inspection_id) as (db, folder):
        _must_take_papers(appliance, inspection_id, db)
        there = _papers(folder)
        if kept_name.casefold() in {path.name.casefold() for path in there}:
            raise Conflict("evidence.paper_exists", name=kept_name)
        if len(there) >= PAPERS_LIMIT:
            raise Conflict("evidence.too_many_papers", limit=PAPERS_LIMIT)
        digest = hashlib.sha256(content).hexdigest()
        appliance.log(inspection_id, "paper.received", name=kept_name, sha256=digest, bytes=len(content))
        replace_file(private_folder(folder.root / "papers") / kept_name, content)
        return {"name": kept_name, "sha256": digest, "bytes": len(content)}


def list_papers(appliance: Appliance, inspection_id: str) -> list[Row]:
    """Scans that are kept, by name."""
    with appliance.inspection(inspection_id) as (_, folder):
        return [_shown(path) for path in _papers(folder)]


def remove_paper(appliance: Appliance, inspection_id: str, name: str) -> None:
    """Take a wrong scan away before the second seal. Raises NotFound, Conflict."""
    with appliance.inspection(inspection_id) as (db, folder):
        _must_take_papers(appliance, inspection_id, db)
        for path in _papers(folder):
            if path.name == name:
                appliance.log(inspection_id, "paper.removed", name=name)
                path.unlink()
                sync_folder(path.parent)
                return
    raise NotFound("evidence.no_paper", name=manifest.shown(name))


def timestamp_query(appliance: Appliance, inspection_id: str) -> bytes:
    """What is carried to a time-stamping authority (RFC 3161): nothing of the bundle but the digest on paper."""
    with appliance.inspection(inspection_id) as (db, folder):
        signed = _tag_manifest(folder, first_seal(db))
    with _as_files(appliance, signed=signed) as files:
        return openssl.timestamp_query(files["signed"])


def set_timestamp(appliance: Appliance, inspection_id: str, token: bytes, authority: bytes) -> Row:
    """Keep the authority's answer for the second seal, once it is checked against the authority's certificate."""
    if len(token) > TOKEN_LIMIT:
        raise BadInput("evidence.bad_timestamp", detail=f"> {TOKEN_LIMIT}")
    with appliance.inspection(inspection_id) as (db, folder):
        _must_take_papers(appliance, inspection_id, db)
        signed = _tag_manifest(folder, first_seal(db))
        with _as_files(appliance, signed=signed, authority=authority) as files:
            openssl.check_timestamp(token, files["signed"], files["authority"])
        digest = hashlib.sha256(token).hexdigest()
        appliance.log(inspection_id, "timestamp.received", sha256=digest)
        replace_file(folder.root / TOKEN, token)
        return {"name": TOKEN, "sha256": digest, "bytes": len(token)}


def start(appliance: Appliance, inspection_id: str, *, unencrypted: bool = False) -> Job:
    """Seal the papers as a job. Raises Conflict without papers, before the first seal, after the second; Refused."""
    with appliance.inspection(inspection_id) as (db, folder):
        _must_be_between_the_seals(db)
        if not _papers(folder):
            raise Conflict("evidence.no_papers")
    signer_from_vault(appliance.vault)
    office.must_encrypt(appliance, unencrypted=unencrypted)

    def work(job: Job) -> dict[str, Any]:
        with appliance.inspection(inspection_id) as (db, folder):
            return seal(appliance, inspection_id, db, folder, job)

    with appliance.jobs.deciding:
        appliance.jobs.require_none(inspection_id)
        return appliance.jobs.start(KIND, "files", inspection_id, work)


def seal(appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, job: Job) -> dict[str, Any]:
    """Write the bundle with both seals. Raises Conflict for a damaged custody log, Refused for another key."""
    _must_be_between_the_seals(db)
    first = first_seal(db)
    papers = _papers(folder)
    job.progress(0, len(papers), "seal")
    appliance.check_custody(inspection_id)
    appliance.log(inspection_id, "bundle.second_sealing", first=first["digest"], papers=len(papers))
    head = appliance.custody_head(inspection_id)
    custody_watch.keep(appliance, inspection_id, head)
    files = [BundleFile(f"{PAPERS}/{path.name}", path) for path in papers]
    files.append(BundleFile(manifest.SECOND_CUSTODY, folder.custody.read_bytes()))
    if (folder.root / TOKEN).exists():
        files.append(BundleFile(TIMESTAMP, folder.root / TOKEN))
    chained = FirstSeal(first["id"], first["digest"], first["fingerprint"], first["sealed_at"])
    bundle_id = appliance.ids.new()
    target = folder.bundles / f"{bundle_id}.zip"
    signer = signer_from_vault(appliance.vault)
    with office.gone_unless_recorded(target):
        sealed = write_second(folder.bundles / first["file"], target, chained, files, signer, appliance.clock)
        row: Row = {"id": bundle_id, "audit_id": first["audit_id"], "file": target.name, "seal": 2}
        row |= {"sealed_at": rfc3339(appliance.clock.now()), "second_digest": sealed.digest}
        row |= {"encrypted": office.encrypted(appliance, inspection_id, target)}
        row |= {"digest": first["digest"], "fingerprint": sealed.fingerprint}
        row |= {"custody_seq": head.seq, "custody_sha256": head.sha256}
        appliance.log(inspection_id, "bundle.second_sealed", bundle=bundle_id, digest=sealed.digest)
        store.save_bundle(db, row)
    job.progress(len(papers), len(papers), "seal")
    return {**row, "path": str(target), "first": asdict(chained)}


def _must_take_papers(appliance: Appliance, inspection_id: str, db: Db) -> None:
    appliance.jobs.require_none(inspection_id, KIND)
    _must_be_between_the_seals(db)


def _must_be_between_the_seals(db: Db) -> None:
    first_seal(db)
    if any(row["seal"] == 2 for row in store.list_bundles(db)):
        raise Conflict("evidence.sealed_twice")


def _papers(folder: InspectionFolder) -> list[Path]:
    return sorted((folder.root / "papers").glob("*.*"))


def _shown(path: Path) -> Row:
    content = path.read_bytes()
    return {"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@contextmanager
def _as_files(appliance: Appliance, **contents: bytes) -> Generator[dict[str, Path]]:
    """Contents as files, each under its name in a folder of this request alone: openssl reads files."""
    with TemporaryDirectory(prefix="openssl-", dir=appliance.folder.run) as folder:
        files = {name: Path(folder) / name for name in contents}
        for name, file in files.items():
            file.write_bytes(contents[name])
        yield files


def _tag_manifest(folder: InspectionFolder, row: Row) -> bytes:
    """The signed list of the first seal."""
    with zipfile.ZipFile(folder.bundles / row["file"]) as archive:
        return archive.read(manifest.TAG_MANIFEST)
