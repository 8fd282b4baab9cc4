"""What the complete PC's expected list and captured answers are compared by."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from scanner.model import InstalledSoftware, Record
from scanner.raw import RawRecord

FOLDER = Path(__file__).parents[3] / "data" / "windows" / "complete_pc"
COLUMNS = ("name", "scope", "owner", "version", "files_present", "catalogue_id", "date_conflict", "noise_by")


def expected() -> set[tuple[str, ...]]:
    """The hand-written list."""
    with (FOLDER / "expected.csv").open(encoding="utf-8", newline="") as lines:
        return {tuple(row[column] for column in COLUMNS) for row in csv.DictReader(lines)}


def listed(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Every installation as a row of that list."""
    return [
        (
            record.name,
            record.scope.value,
            (record.owner or "").rpartition("-")[2],
            record.version or "",
            {True: "yes", False: "gone", None: ""}[record.files_present],
            record.catalogue_id or "",
            record.date_conflict or "",
            "parent" if record.parent_key else "",
        )
        for record in records
        if isinstance(record, InstalledSoftware)
    ]


def captured() -> list[RawRecord]:
    """The answers that the lab PC gave once, as they were recorded."""
    lines = (FOLDER / "raw.jsonl").read_text("utf-8").splitlines()
    return [RawRecord.from_json(json.loads(line)) for line in lines]
