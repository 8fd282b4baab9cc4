"""Which raw record each merged value came from: the collectors run again over what was recorded. Runs in a child.

``HostFacts`` keeps one identity and one system, merged from several collectors; which of them gave a field is not
stored with the facts, and is found again from the raw records, from which they were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

from scanner.model import Identity, OperatingSystem, Platform, Record
from scanner.process import Emit, Job
from scanner.raw import RawRecord
from scanner.replay import Recording
from scanner.replaying import replay

Origins = dict[str, dict[str, str]]
"""``identity`` and ``os`` → field → id of the raw record."""


def find_origins(job: Job, emit: Emit) -> None:
    """``{"records": […], "platform"}`` → ``{"origins": {"identity": {…}, "os": {…}}}``. Process target."""
    recording = Recording.of(RawRecord.from_json(line) for line in job["records"])
    records, _ = replay(recording, Platform(job["platform"]), "")
    emit({"origins": origins(records)})


def origins(records: Iterable[Record]) -> Origins:
    """The record of the first part that gave each field, as merging takes the first. Pure."""
    listed = list(records)
    return {
        "identity": _first([part for part in listed if isinstance(part, Identity)]),
        "os": _first([part for part in listed if isinstance(part, OperatingSystem)]),
    }


def _first(parts: Iterable[Identity] | Iterable[OperatingSystem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        for field in fields(part):
            if field.name != "observation" and getattr(part, field.name) not in (None, (), ""):
                found.setdefault(field.name, part.observation)
    return found


def is_replayable(records: Iterable[Mapping[str, object]]) -> bool:
    """Whether the records are answers of a computer; what a person entered by hand is none."""
    return not any(str(record.get("collector")).startswith("manual.") for record in records)
