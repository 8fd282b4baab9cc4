"""Use case: join the partial captures of one inspection by several laptops into one inspection, and judge it anew.

The parts are sealed inspections of this appliance (usually imported). Their bundles are verified and read again: what
is joined is what was sealed. The merged inspection keeps the custody log and the signed digests of every part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence import custody, manifest, merging
from appliance.evidence.merging import PARTS, Conflict, Selection
from appliance.folder import DataFolder, InspectionFolder
from appliance.jobs import Job
from appliance.recognition import corrections
from appliance.store import inspections as store
from appliance.store.database import Db, Row, dumps, opened
from appliance.store.ledgers import ACCEPTED, SUPERSEDED
from appliance.store.schema import INSPECTION
from appliance.visits import auditing, unpacking
from appliance.visits.changes import FILE as CHANGES
from appliance.visits.ending import KIND as ENDING
from appliance.visits.merge_parts import Opened, open_parts, own_catalogue
from config.clock import rfc3339
from config.durable import move_folder, private_folder, remove_folder, replace_file
from config.problems import BadInput, EnvironmentProblem
from config.problems import Conflict as Conflicting

KIND = "merge"
ASIDE = "merge-"
RECORD = "merge.json"
LOG = "custody.jsonl"
PROOFS = (manifest.TAG_MANIFEST, manifest.MANIFEST, manifest.SIGNATURE, manifest.PUBLIC_KEY)
Choices = Mapping[str, str]


def list_conflicts(appliance: Appliance, inspection_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What must be decided before these inspections are merged. Raises as :func:`start`."""
    with ExitStack() as stack:
        parts = open_parts(appliance, inspection_ids, stack)
        return [conflict.to_json() for conflict in _conflicts(appliance, parts)]


def start(appliance: Appliance, inspection_ids: Sequence[str], choices: Choices) -> Job:
    """Merge as a job; its result names the new inspection and the counts of its audit.

    Raises NotFound, Refused ``merge.not_sealed``, ``merge.other_unit``, ``merge.other_kind`` or
    ``merge.other_authorisation``, BadInput ``merge.too_few``, ``merge.twice`` or ``merge.unknown_choice``, Conflict
    ``merge.undecided``, or ``merge.busy`` while another merge or the end of an inspection is at work.
    """
    with ExitStack() as stack:
        parts = open_parts(appliance, inspection_ids, stack)
        _require_decided(_conflicts(appliance, parts), choices)
    with appliance.jobs.deciding:
        if any(job.kind in (KIND, ENDING) for job in appliance.jobs.running()):
            raise Conflicting("merge.busy")
        return appliance.jobs.start(KIND, "hosts", "", lambda job: merge(appliance, inspection_ids, choices, job))


def merge(appliance: Appliance, inspection_ids: Sequence[str], choices: Choices, job: Job) -> dict[str, Any]:
    """Make the merged inspection and judge it. Raises as :func:`start`, EnvironmentProblem when the disk is full."""
    with ExitStack() as stack:
        parts = open_parts(appliance, inspection_ids, stack)
        conflicts = _conflicts(appliance, parts)
        _require_decided(conflicts, choices)
        selection = Selection(tuple(one.part for one in parts), dict(choices))
        row = _own_row(appliance, parts, selection)
        appliance.log_own("inspection.merging", inspection=row["id"], parts=" ".join(inspection_ids))
        _make(appliance, parts, selection, conflicts, row, job)
    with appliance.index() as index:
        own = {name: row[name] for name in ("id", "unit_id", "kind", "created_at")}
        store.index_inspection(index, own)
    appliance.log(row["id"], "inspection.merged", parts=" ".join(inspection_ids), choices=dumps(dict(choices)))
    with appliance.open_inspection(row["id"]) as (db, _):
        return {"inspection": row["id"], **auditing.run(appliance, row["id"], db, job)}


def _require_decided(conflicts: Sequence[Conflict], choices: Choices) -> None:
    known = {conflict.key: conflict.choices for conflict in conflicts}
    for key, choice in choices.items():
        if choice not in known.get(key, ()):
            raise BadInput("merge.unknown_choice", key=key[:80], choice=choice[:80])
    if left := merging.undecided(conflicts, choices):
        keys = "、".join(conflict.key for conflict in left[: merging.SHOWN])
        raise Conflicting("merge.undecided", count=len(left), keys=keys)


def _conflicts(appliance: Appliance, parts: Sequence[Opened]) -> list[Conflict]:
    titles = {kind.value: form.title for kind, form in appliance.columns.forms.items()}
    return merging.conflicts([one.part for one in parts], own_catalogue(appliance), titles)


def _own_row(appliance: Appliance, parts: Sequence[Opened], selection: Selection) -> Row:
    """The merged inspection's own row: the visit began with the first part."""
    policy = selection.value("policy")
    appliance.policy(policy)
    rows = [one.reader.inspection for one in parts]
    row: Row = {"id": appliance.ids.new(), "unit": parts[0].part.unit, "kind": parts[0].part.kind, "policy": policy}
    row |= {name: selection.value(name) for name in ("phase", "as_of")}
    with appliance.index() as index:
        unit = store.find_unit(index, row["unit"])
    assert unit is not None, "an inspection of the unit is here"
    return row | {"unit_id": unit["id"], "created_at": min(str(one["created_at"]) for one in rows), "sealed_at": None}


def _make(
    appliance: Appliance,
    parts: Sequence[Opened],
    selection: Selection,
    conflicts: Sequence[Conflict],
    row: Row,
    job: Job,
) -> None:
    """The merged inspection's folder, made aside; it appears whole or not at all."""
    for left in appliance.folder.run.glob(f"{ASIDE}*"):
        remove_folder(left)
    aside = DataFolder(appliance.folder.run / f"{ASIDE}{row['id']}")
    try:
        private_folder(aside.inspections)
        folder = aside.new_inspection(row["id"])
        with opened(folder.database, INSPECTION, create=True) as db:
            store.create(db, row)
            for number, one in enumerate(parts, 1):
                _Joining(one, selection, selection.dropped_hosts()).fill(db, folder)
                job.progress(number, len(parts), KIND)
            unpacking.check_filled(parts[0].reader, db)
        _write_common(appliance, folder, parts, selection, conflicts)
        move_folder(folder.root, appliance.folder.inspections / row["id"])
    except OSError as error:
        raise EnvironmentProblem("imports.cannot_write", detail=str(error.strerror)) from error
    finally:
        remove_folder(aside.root)


@dataclass
class _Joining:
    """Takes one part over, row by row. What other parts have put there already is not put there again."""

    opened: Opened
    selection: Selection
    dropped: frozenset[str]
    _there: dict[str, set[Any]] = field(default_factory=dict[str, set[Any]])

    def fill(self, db: Db, folder: InspectionFolder) -> None:
        """Rows, results, raw records and files of one part."""
        reader = self.opened.reader
        self._there = {
            "host_keys": {row["address"] for row in db.rows("SELECT address FROM host_keys")},
            "sightings": {_sighting(row) for row in db.rows("SELECT address, seen_at, source FROM sightings")},
        }
        unpacking.fill_tables(reader, db, self._keep)
        rows: list[Row] = []
        with db.atomic():
            for result in unpacking.results(reader):
                if result.row["host_id"] not in self.dropped:
                    unpacking.save_result(reader, db, result, result.facts)
                    rows.append(result.row)
        unpacking.write_raw(reader, folder, rows)
        unpacking.write_attachments(reader, folder)

    def _keep(self, table: str, row: Row) -> Row | None:
        if row.get("host_id") in self.dropped:
            return None
        keep = RULES.get(table)
        return keep(self, row) if keep else row

    def host(self, row: Row) -> Row | None:
        return None if row.get("id") in self.dropped else row

    def host_key(self, row: Row) -> Row | None:
        return None if row.get("address") in self._there["host_keys"] else row

    def sighting(self, row: Row) -> Row | None:
        return None if _sighting(row) in self._there["sightings"] else row

    def ledger_file(self, row: Row) -> Row:
        """A file that was not chosen stays to be seen, out of force."""
        if row["state"] != ACCEPTED or self.selection.takes_ledger(self._part, row["kind"], row["sha256"]):
            return row
        return {**row, "state": SUPERSEDED}

    def link(self, row: Row) -> Row | None:
        return row if self.selection.takes_named(self._part, "link", row["computer_no"]) else None

    def record(self, row: Row) -> Row | None:
        said = json.loads(row["document"])
        if {said.get("host_id"), said.get("other_id")} & self.dropped:
            return None
        of_unit = row["kind"] == "decisions" and not said["host_id"]
        return row if not of_unit or self.selection.takes_named(self._part, "decision", said["product_id"]) else None

    @property
    def _part(self) -> str:
        return self.opened.part.inspection


RULES: Mapping[str, Callable[[_Joining, Row], Row | None]] = {
    "hosts": _Joining.host,
    "host_keys": _Joining.host_key,
    "sightings": _Joining.sighting,
    "ledger_files": _Joining.ledger_file,
    "computer_links": _Joining.link,
    "records": _Joining.record,
}
"""What is done with the rows of a table; those of the other tables are all taken."""


def _sighting(row: Row) -> tuple[Any, ...]:
    return row.get("address"), row.get("seen_at"), row.get("source")


def _write_common(
    appliance: Appliance,
    folder: InspectionFolder,
    parts: Sequence[Opened],
    selection: Selection,
    conflicts: Sequence[Conflict],
) -> None:
    """Corrections, the journal of changes, and where it all comes from."""
    said = [
        correction
        for one in parts
        for correction in unpacking.sealed_corrections(one.reader)
        if selection.takes_named(one.part.inspection, "correction", correction.id)
    ]
    if said:
        replace_file(folder.root / "recognition.json", corrections.dump(said).encode())
    if changes := b"".join(unpacking.journal(one.reader) for one in parts):
        replace_file(folder.root / CHANGES, changes)
    for one in parts:
        place = private_folder(folder.root / PARTS / one.part.inspection)
        unpacking.copy(one.reader, manifest.CUSTODY, place / LOG)
        for name in PROOFS:
            unpacking.copy(one.reader, name, place / name.rpartition("/")[2])
    record = {
        "merged_at": rfc3339(appliance.clock.now()),
        "merged_by": appliance.operator,
        "parts": [_described(one, selection, folder.root / PARTS / one.part.inspection) for one in parts],
        "conflicts": [{**conflict.to_json(), "choice": selection.choices[conflict.key]} for conflict in conflicts],
    }
    replace_file(
        folder.root / PARTS / RECORD, json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True).encode()
    )


def _described(one: Opened, selection: Selection, place: Path) -> Row:
    """``place``: the folder with what proves the part."""
    mine = {seen.host_id for seen in one.part.hosts}
    return {
        "inspection": one.part.inspection,
        "digest": one.digest,
        "fingerprint": one.fingerprint,
        "version": one.reader.version,
        "hosts": len(mine),
        "left_out": sorted(mine & selection.dropped_hosts()),
        "custody": _log_of(place / LOG),
    }


def _log_of(file: Path) -> Row:
    """Number and hash of the last line of a part's custody log, and who wrote in it."""
    head = custody.check(file).head
    people = {entry.operator for entry in custody.entries(file)} - {custody.SYSTEM}
    return {"seq": head.seq, "sha256": head.sha256, "operators": sorted(people)}


def origin(appliance: Appliance, inspection_id: str) -> dict[str, Any] | None:
    """``merged_at, merged_by, parts, conflicts`` of a merged inspection; None for any other. Raises NotFound."""
    file = appliance.folder.inspection(inspection_id).root / PARTS / RECORD
    return json.loads(file.read_bytes()) if file.exists() else None
