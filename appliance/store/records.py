"""Records entered by hand for one inspection: decisions, objections, papers, notes. They are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from appliance.judgement.declared import (
    DeskDecision,
    Disposal,
    HostNote,
    KmsHost,
    LicenceServer,
    Objection,
    OfficialResult,
    Purchase,
    Record,
    Rectification,
    Repair,
    SameComputer,
    SiteScope,
)
from appliance.store.database import Db, Row, dumps, loads

T = TypeVar("T")

KINDS: dict[str, type[Record | Purchase]] = {
    "decisions": DeskDecision,
    "objections": Objection,
    "disposals": Disposal,
    "repairs": Repair,
    "kms_hosts": KmsHost,
    "licence_servers": LicenceServer,
    "site_scopes": SiteScope,
    "host_notes": HostNote,
    "same_computers": SameComputer,
    "official": OfficialResult,
    "rectifications": Rectification,
    "purchases": Purchase,
}
"""By the name that the record's list has in ``appliance.judgement.declared.Declared``."""
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in KINDS.values()}


def parse(kind: str, document: Row) -> Any:
    """A record of a kind. Raises pydantic's ValidationError."""
    return _ADAPTERS[KINDS[kind]].validate_python(document)


def save(db: Db, record_id: str, kind: str, entered_at: str, record: Any) -> Row:
    """Add one record; returns it as stored, with its id, kind and time of entry."""
    document = _ADAPTERS[KINDS[kind]].dump_python(record, mode="json")
    db.insert("records", {"id": record_id, "kind": kind, "entered_at": entered_at, "document": dumps(document)})
    return {**document, "id": record_id, "kind": kind, "entered_at": entered_at}


def documents(db: Db, kinds: Iterable[str]) -> list[Row]:
    """Records of some kinds as JSON objects, in order of entry."""
    wanted = list(kinds)
    marks = ", ".join("?" for _ in wanted)
    rows = db.rows(f"SELECT * FROM records WHERE kind IN ({marks}) ORDER BY id", wanted)  # noqa: S608  only marks
    return [
        {**loads(row["document"]), "id": row["id"], "kind": row["kind"], "entered_at": row["entered_at"]}
        for row in rows
    ]


def get(db: Db, kind: str, record_id: str) -> Row | None:
    """One record, or None."""
    return next((row for row in documents(db, [kind]) if row["id"] == record_id), None)


def load(db: Db) -> dict[str, tuple[Any, ...]]:
    """All records by kind, in order of entry."""
    found: dict[str, list[Any]] = {}
    for row in db.rows("SELECT kind, document FROM records ORDER BY id"):
        found.setdefault(row["kind"], []).append(_ADAPTERS[KINDS[row["kind"]]].validate_json(row["document"]))
    return {kind: tuple(records) for kind, records in found.items()}
