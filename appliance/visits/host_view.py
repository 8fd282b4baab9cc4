"""Use case: one computer complete. What was read, what was not and why, and where each value came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.store import hosts as store
from appliance.store.database import Db, Row
from appliance.visits import host_facts
from config.message import Message
from scanner import process
from scanner.errands import FIND_ORIGINS
from scanner.process import ChildEnded, Limits
from scanner.provenance import is_replayable

GROUPS = ("installations", "licence_states", "traces", "antivirus", "floating_licences")
ONCE = ("identity", "os")
READ = "READ"
REPLAY_SECONDS = 60
TARGETS = ("path", "command", "mount")
LONGEST_TARGET = 200

Origin = Mapping[str, str]
"""One raw record without its answer: id, collector, op, target, channel, at."""


def complete(appliance: Appliance, inspection_id: str, host_id: str) -> Row:
    """``{"host", "readings", "values", "groups", "not_read", "records"}``. Raises NotFound.

    ``values``: identity and system as ``{"group", "field", "value", "from"}``; ``groups``: by name the entries with
    ``from``, None where nobody read them; ``not_read``: collectors that ended early, groups and entries, each with the
    reason; ``from``: the raw record (id, collector, question, channel grade, time), None where the facts came without.
    """
    host = host_facts.get_host(appliance, inspection_id, host_id)
    with appliance.inspection(inspection_id) as (db, folder):
        document = store.facts_document(db, host_id)
        readings = _readings(db, host_id, document)
        raw = _raw_lines(db, folder.raw, document)
    view: Row = {"host": host, "readings": readings, "values": [], "groups": {}, "not_read": [], "records": 0}
    if document is None:
        return view
    records = {line["id"]: origin(line) for line in raw}
    origins = _origins(appliance, document, raw)
    return view | {
        "facts": {name: document.get(name) for name in FACTS_HEAD},
        "values": list(values(document, origins, records)),
        "groups": {name: entries(document.get(name), records) for name in GROUPS},
        "not_read": list(not_read(document, records)),
        "records": len(records),
    }


FACTS_HEAD = (
    "id", "outcome", "origin", "started_at", "finished_at", "platform", "channel", "account", "raw_digest",
    "collectors",
)  # fmt: skip


def _readings(db: Db, host_id: str, document: Mapping[str, Any] | None) -> list[Row]:
    """Every attempt at this host, oldest first; ``counts`` says which one the audit goes by."""
    chosen = document["id"] if document else None
    return [
        {
            "facts_id": row["facts_id"],
            "finished_at": row["finished_at"],
            "outcome": row["outcome"],
            "reason": json.loads(row["reason"]) if row["reason"] else None,
            "counts": row["facts_id"] == chosen,
        }
        for row in store.attempts(db, host_id)
    ]


def _raw_lines(db: Db, folder: Path, document: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    name = store.raw_file_of(db, document["id"]) if document else None
    if not name:
        return []
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def _origins(appliance: Appliance, document: Mapping[str, Any], raw: list[dict[str, Any]]) -> Mapping[str, Origin]:
    """Which record gave each field of identity and system; empty where that cannot be found again."""
    if not raw or not document.get("platform") or not is_replayable(raw):
        return {}
    limits = Limits(REPLAY_SECONDS * 2, REPLAY_SECONDS, appliance.settings.scan.worker_memory_mb)
    job = {"records": raw, "platform": document["platform"]}
    try:
        for message in process.run(FIND_ORIGINS, job, limits, appliance.clock):
            return message["origins"]
    except ChildEnded:
        return {}
    return {}


def values(document: Mapping[str, Any], origins: Mapping[str, Origin], records: Mapping[str, Origin]) -> Iterator[Row]:
    """Each known field of identity and system with the record it came from. Pure."""
    for group in ONCE:
        merged: Mapping[str, Any] = document.get(group) or {}
        for field, value in merged.items():
            if field == "observation" or value in (None, "", []):
                continue
            record = origins.get(group, {}).get(field) or merged.get("observation")
            yield {"group": group, "field": field, "value": value, "from": records.get(record or "")}


def entries(group: Iterable[Mapping[str, Any]] | None, records: Mapping[str, Origin]) -> list[Row] | None:
    """The entries of one group without their empty fields, each with its record; None stays None: not read. Pure."""
    if group is None:
        return None
    return [
        {name: value for name, value in entry.items() if value is not None and name != "observation"}
        | {"from": records.get(entry.get("observation", ""))}
        for entry in group
    ]


def not_read(document: Mapping[str, Any], records: Mapping[str, Origin]) -> Iterator[Row]:
    """What is missing and why: whole collectors, groups that nobody could read, single entries. Pure."""
    for result in document.get("collectors", ()):
        if result["outcome"] != READ:
            yield {"what": result["collector"], "kind": "collector", "reason": result["reason"], "from": None}
    for name in GROUPS:
        if document.get(name) is None:
            reason = Message.of("facts.group_not_read", group=name).to_json()
            yield {"what": name, "kind": "group", "reason": reason, "from": None}
    for entry in document.get("skipped", ()):
        record = records.get(entry.get("observation", ""))
        yield {"what": entry["source"], "kind": "entry", "reason": entry["reason"], "from": record}


def origin(line: Mapping[str, Any]) -> Origin:
    """One raw record's head."""
    request: Mapping[str, Any] = line["request"]
    target = next((str(request[name]) for name in TARGETS if request.get(name)), "")
    return {
        "record": line["id"],
        "collector": line["collector"],
        "op": str(request.get("op", "")),
        "target": target[:LONGEST_TARGET],
        "channel": line["channel"],
        "at": line["at"],
    }
