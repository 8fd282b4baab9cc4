"""Fill an inspection's folder from a bundle that is taken over; runs in the child (:mod:`stranger_child`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.evidence import manifest
from appliance.evidence.reading import BundleReader
from appliance.folder import DataFolder
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import inspections as inspection_store
from appliance.store.database import Db, Row, opened
from appliance.store.schema import INSPECTION
from appliance.visits import unpacking
from config.durable import sync_folder
from config.ids import is_ulid

Progress = Callable[[int, int], None]


def inspection_id(reader: BundleReader) -> str:
    """The id of the inspection in a bundle. Raises BadInput."""
    found = str(reader.inspection.get("id"))
    if not is_ulid(found):
        raise unpacking.bad(reader, "data/inspection.json", ValueError("id"))
    return found


def fill(reader: BundleReader, path: Path, decided: Mapping[str, Any], progress: Progress) -> Row:
    """Make the inspection's folder in ``aside``, a data folder; returns ``kind, created_at, rates, findings``.

    ``decided``: ``aside``, ``unit_id`` (the unit's id here), ``sealed_at``, and ``seal``, the row of the bundle. Raises
    BadInput for content that our loaders refuse, EnvironmentProblem when the disk is full.
    """
    aside = DataFolder(Path(decided["aside"]))
    unpacking.require_space(reader, aside.root)
    folder = aside.new_inspection(inspection_id(reader))
    seal: Row = {**decided["seal"], "sealed_at": decided["sealed_at"], "audit_id": str(reader.audit.get("id"))}
    with opened(folder.database, INSPECTION, create=True) as db:
        unpacking.fill_inspection(reader, db, {**reader.inspection, "sealed_at": decided["sealed_at"]})
        unpacking.fill_tables(reader, db)
        results = _fill_results(reader, db, progress)
        unpacking.fill_audit(reader, db)
        inspection_store.save_bundle(db, seal)
        inspection_store.update(db, {"unit_id": decided["unit_id"]})
        unpacking.check_filled(reader, db)
        taken = _summary(db)
    unpacking.write_files(reader, folder)
    unpacking.write_parts(reader, folder)
    unpacking.write_attachments(reader, folder)
    unpacking.write_raw(reader, folder, results)
    later = manifest.SECOND_CUSTODY in reader.names  # it goes on from the first seal's
    unpacking.copy(reader, manifest.SECOND_CUSTODY if later else manifest.CUSTODY, folder.custody)
    shutil.copyfile(path, folder.bundles / seal["file"])
    sync_folder(folder.bundles)
    return taken


def _fill_results(reader: BundleReader, db: Db, progress: Progress) -> list[Row]:
    found: list[Row] = []
    total = len(host_store.list_hosts(db))
    with db.atomic():
        for result in unpacking.results(reader):
            unpacking.save_result(reader, db, result, result.facts)
            found.append(result.row)
            progress(len(found), total)
    return found


def _summary(db: Db) -> Row:
    row, audit = inspection_store.read(db), audit_store.latest_audit(db)
    assert audit is not None, "fill_audit has just stored it"
    findings = audit_store.counts(db, audit["id"])["findings"]
    return {"kind": row["kind"], "created_at": row["created_at"], "rates": audit["rates"], "findings": findings}
