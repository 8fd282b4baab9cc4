"""Use case: seal an inspection — one signed bundle that holds everything the verdicts rest on."""

from __future__ import annotations

import csv
import io
import json
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.evidence.signing import signer_from_vault
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.store import audits as audit_store
from appliance.store import endings as ending_store
from appliance.store import inspections as store
from appliance.store.database import Db, Row
from appliance.version import VERSION
from appliance.visits import auditing
from appliance.visits.bundle_content import bundle_files
from appliance.visits.changes import FILE, open_changes
from config.clock import rfc3339
from config.problems import Conflict, NotFound

COVERAGE_COLUMNS = ("host_id", "address", "mac", "kind", "outcome", "reason", "facts_id")
SHOWN_ADDRESSES = 5
FORMULA_STARTS = "=+-@\t\r＝＋－＠"


def start(appliance: Appliance, inspection_id: str) -> Job:
    """Seal as a job.

    Raises Conflict before the first audit, while something runs, or while a change to a computer is not put back (the
    credential that undoing needs is destroyed after the seal); Refused with a locked vault.
    """
    with appliance.open_inspection(inspection_id, although_final=True) as (db, folder):
        if audit_store.latest_audit(db) is None:
            raise Conflict("inspection.nothing_to_seal")
        for job in appliance.jobs.running(inspection_id):
            raise Conflict("inspection.busy", kind=job.kind.partition(":")[0])
        if left := open_changes(folder.root / FILE):
            addresses = sorted({change.address for change in left})
            raise Conflict("change.blocks_sealing", count=len(left), addresses="、".join(addresses[:SHOWN_ADDRESSES]))
    signer_from_vault(appliance.vault)

    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id, although_final=True) as (db, folder):
            return seal(appliance, inspection_id, db, folder, job)

    return appliance.jobs.start("seal", "files", inspection_id, work)


def seal(appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, job: Job) -> dict[str, Any]:
    """Write and sign the bundle; afterwards the inspection is read-only. Raises Conflict for a damaged custody log."""
    audit = auditing.latest(db)
    inspection = store.read(db)
    appliance.check_custody(inspection_id)
    appliance.log(inspection_id, "bundle.sealing", audit=audit["id"], digest=audit["digest"])
    bundle_id = appliance.ids.new()
    files = list(bundle_files(appliance, inspection_id, db, folder, audit))
    job.progress(0, len(files), "seal")
    info = {
        "Source-Organization": inspection["unit"],
        "External-Identifier": inspection_id,
        "Bag-Software-Agent": f"Hezheng {VERSION}",
    }
    target = folder.bundles / f"{bundle_id}.zip"
    sealed = write_bundle(target, files, info, signer_from_vault(appliance.vault), appliance.clock)
    sealed_at = rfc3339(appliance.clock.now())
    row: Row = {"id": bundle_id, "audit_id": audit["id"], "sealed_at": sealed_at, "file": target.name}
    row |= {"digest": sealed.digest, "fingerprint": sealed.fingerprint}
    appliance.log(inspection_id, "bundle.sealed", bundle=bundle_id, digest=sealed.digest)
    with db.atomic():
        store.save_bundle(db, row)
        store.update(db, {"sealed_at": sealed_at})
    with appliance.index() as index:
        counts = audit_store.counts(db, audit["id"])["findings"]
        figures: Row = {"sealed_at": sealed_at, "bundle_digest": sealed.digest}
        store.roll_up(index, inspection_id, figures | {"rates": audit["rates"], "findings": counts})
    job.progress(len(files), len(files), "seal")
    return {**row, "path": str(target)}


def bundle_files(
    appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, audit: Row
) -> Iterator[BundleFile]:
    """The payload in the layout of ``docs/bundle.md`` (BagIt 1.0 with signature)."""
    yield _json("data/inspection.json", store.read(db))
    yield _json("data/authorisation/authorisations.json", store.list_authorisations(db))
    yield from _host_files(db, folder)
    yield BundleFile("data/coverage.csv", _coverage(db))
    yield from _ledger_files(db, folder)
    yield BundleFile("data/verdicts.jsonl", (_line(v) for v in audit_store.stream_verdicts(db, audit["id"])))
    findings = (f for _, f in audit_store.list_findings(db, audit["id"], -1, -1, {}))
    yield BundleFile("data/findings.jsonl", (_line(f) for f in findings))
    yield _json("data/rates.json", {name: audit[name] for name in ("head", "rates", "positions", "digest")})
    yield _json("data/team.json", {"operator": appliance.operator})
    for kind in ("decisions", "objections"):
        yield BundleFile(f"data/{kind}.jsonl", b"".join(map(_line, record_store.documents(db, [kind]))))
    changes = folder.root / FILE
    yield BundleFile(f"data/{FILE}", changes if changes.exists() else b"")
    yield BundleFile("data/custody/log.jsonl", folder.custody)
    yield from _tool_files(appliance, db)
    if corrections := recognising.sealed_file(folder):
        yield BundleFile("data/tool/recognition.json", corrections)


def _host_files(db: Db, folder: InspectionFolder) -> Iterator[BundleFile]:
    for stored in host_store.list_hosts(db):
        document = host_store.facts_document(db, stored.id)
        if document is not None:
            yield _json(f"data/hosts/{stored.id}/facts.json", document)
    for row in host_store.raw_files(db):
        yield BundleFile(f"data/hosts/{row['host_id']}/raw/{row['raw_file']}", folder.raw / row["raw_file"])


def _coverage(db: Db) -> bytes:
    results = host_store.latest_results(db)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COVERAGE_COLUMNS)
    for stored in host_store.list_hosts(db):
        facts_id, outcome, reason = results.get(stored.id, ("", "", None))
        row = (stored.id, stored.host.address, stored.host.mac or "", stored.host.kind, outcome)
        writer.writerow([csv_cell(str(cell)) for cell in (*row, reason.code if reason else "", facts_id)])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] and text[0] in FORMULA_STARTS else text


def _ledger_files(db: Db, folder: InspectionFolder) -> Iterator[BundleFile]:
    files = ledger_store.list_files(db)
    yield _json("data/ledgers/files.json", files)
    for row in files:
        for path in folder.attachments.glob(f"{row['id']}.*"):
            yield BundleFile(f"data/ledgers/handed-over/{path.name}", path)
        yield _json(f"data/ledgers/parsed/{row['id']}.json", ledger_store.file_records(db, row["id"]))
        yield _json(f"data/ledgers/problems/{row['id']}.json", ledger_store.file_problems(db, row["id"]))
    yield _json("data/ledgers/proofs.json", ledger_store.proof_rows(ledger_store.list_proofs(db)))


def _tool_files(appliance: Appliance, db: Db) -> Iterator[BundleFile]:
    installed = sorted((d.metadata["Name"], d.version) for d in distributions())
    yield _json(
        "data/tool/versions.json",
        {
            "hezheng": VERSION,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "platform": platform.platform(),
            "distributions": dict(installed),
        },
    )
    yield _json("data/tool/policy.json", appliance.policy(store.read(db)["policy"]).to_json())
    yield _json("data/tool/settings.json", appliance.settings.model_dump(mode="json"))
    clock = {"now": rfc3339(appliance.clock.now()), "boottime": appliance.clock.boottime()}
    yield _json("data/tool/clock.json", clock)
    for file in sorted(appliance.loaded_catalogue.source.glob("*.toml")):
        yield BundleFile(f"data/tool/catalogue/{file.name}", file)


def _json(path: str, document: Any) -> BundleFile:
    return BundleFile(path, json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n")


def _line(document: Any) -> bytes:
    return dumps(document).encode() + b"\n"


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


def bundle_path(appliance: Appliance, inspection_id: str, bundle_id: str) -> Path:
    """The file of one bundle. Raises NotFound."""
    for row in list_bundles(appliance, inspection_id):
        if row["id"] == bundle_id:
            return Path(row["path"])
    raise NotFound("evidence.no_bundle", id=bundle_id[:40])
