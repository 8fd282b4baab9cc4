"""Fill a merged inspection's folder from the bundles of its parts; runs in the child (:mod:`stranger_child`).

What is joined is what was sealed. The merged inspection keeps the custody log and the signed digests of every part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.evidence import custody, manifest, merging
from appliance.evidence.merging import PARTS, Conflict, Selection
from appliance.folder import DataFolder, InspectionFolder
from appliance.recognition import corrections
from appliance.store import inspections as store
from appliance.store.database import Db, Row, opened
from appliance.store.ledgers import ACCEPTED, SUPERSEDED
from appliance.store.schema import INSPECTION
from appliance.visits import unpacking
from appliance.visits.changes import FILE as CHANGES
from appliance.visits.merge_parts import Opened, open_part, require_one_visit
from config.durable import private_folder, replace_file
from config.problems import BadInput
from config.problems import Conflict as Conflicting

RECORD = "merge.json"
LOG = "custody.jsonl"
PROOFS = (manifest.TAG_MANIFEST, manifest.MANIFEST, manifest.SIGNATURE, manifest.PUBLIC_KEY)
Choices = Mapping[str, str]
Progress = Callable[[int, int], None]


def open_parts(paths: Mapping[str, str], known: Collection[str], stack: ExitStack) -> list[Opened]:
    """The parts, verified; ``paths``: where the bundle of each inspection is.

    Raises Refused ``merge.other_unit``, ``merge.other_kind``, ``merge.other_authorisation``, and as a verification.
    """
    parts = [open_part(inspection_id, Path(path), known, stack) for inspection_id, path in paths.items()]
    require_one_visit([one.part for one in parts])
    return parts


def conflicts(parts: Sequence[Opened], catalogue: str, titles: Mapping[str, str]) -> list[Conflict]:
    """What must be decided. ``catalogue``: of the software that will judge; ``titles``: of the kinds of ledgers."""
    return merging.conflicts([one.part for one in parts], catalogue, titles)


def require_decided(found: Sequence[Conflict], choices: Choices) -> None:
    """Raises BadInput ``merge.unknown_choice``, Conflict ``merge.undecided``."""
    known = {conflict.key: conflict.choices for conflict in found}
    for key, choice in choices.items():
        if choice not in known.get(key, ()):
            raise BadInput("merge.unknown_choice", key=key[:80], choice=choice[:80])
    if left := merging.undecided(found, choices):
        keys = "、".join(conflict.key for conflict in left[: merging.SHOWN])
        raise Conflicting("merge.undecided", count=len(left), keys=keys)


@dataclass(frozen=True, slots=True)
class Joined:
    """The parts with every conflict decided."""

    parts: Sequence[Opened]
    found: Sequence[Conflict]
    choices: Choices

    @property
    def selection(self) -> Selection:
        """What the choices leave of the parts."""
        return Selection(tuple(one.part for one in self.parts), dict(self.choices))

    def told(self) -> Row:
        """Of the merged inspection: unit, kind, policy, phase, as_of, created_at; the visit began with the first."""
        selection, first = self.selection, self.parts[0].part
        chosen = {name: selection.value(name) for name in ("policy", "phase", "as_of")}
        begun = min(str(one.reader.inspection["created_at"]) for one in self.parts)
        return {"unit": first.unit, "kind": first.kind, **chosen, "created_at": begun}

    def make(self, decided: Mapping[str, Any], progress: Progress) -> None:
        """Make the folder in ``aside``, a data folder. ``decided``: ``aside, row, merged_at, merged_by``."""
        aside, selection = DataFolder(Path(decided["aside"])), self.selection
        for one in self.parts:
            unpacking.require_space(one.reader, aside.root)
        folder = aside.new_inspection(decided["row"]["id"])
        with opened(folder.database, INSPECTION, create=True) as db:
            store.create(db, decided["row"])
            for number, one in enumerate(self.parts, 1):
                _Joining(one, selection, selection.dropped_hosts()).fill(db, folder)
                progress(number, len(self.parts))
            unpacking.check_filled(self.parts[0].reader, db)
        self._write_corrections(folder)
        self._write_proofs(folder)
        self._write_record(folder, decided)

    def _write_corrections(self, folder: InspectionFolder) -> None:
        """Corrections, and the journal of changes."""
        said = [
            correction
            for one in self.parts
            for correction in unpacking.sealed_corrections(one.reader)
            if self.selection.takes_named(one.part.inspection, "correction", correction.id)
        ]
        if said:
            replace_file(folder.root / "recognition.json", corrections.dump(said).encode())
        if changes := b"".join(unpacking.journal(one.reader) for one in self.parts):
            replace_file(folder.root / CHANGES, changes)

    def _write_proofs(self, folder: InspectionFolder) -> None:
        for one in self.parts:
            place = private_folder(folder.root / PARTS / one.part.inspection)
            unpacking.copy(one.reader, manifest.CUSTODY, place / LOG)
            for name in PROOFS:
                unpacking.copy(one.reader, name, place / name.rpartition("/")[2])

    def _write_record(self, folder: InspectionFolder, decided: Mapping[str, Any]) -> None:
        """Where it all comes from, and how conflicts were decided."""
        place = folder.root / PARTS
        record = {
            "merged_at": decided["merged_at"],
            "merged_by": decided["merged_by"],
            "parts": [_described(one, self.selection, place / one.part.inspection) for one in self.parts],
            "conflicts": [{**one.to_json(), "choice": self.choices[one.key]} for one in self.found],
        }
        replace_file(place / RECORD, json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True).encode())


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
