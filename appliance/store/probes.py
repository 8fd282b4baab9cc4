"""What hosts told without a login, kept on the host's own row: the newest answer of each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.store.database import Db, dumps, loads
from scanner import sighting as sightings
from scanner.sighting import Sighting

Document = dict[str, Any]


def save_sightings(db: Db, host_id: str, at: str, found: Iterable[Document]) -> None:
    """Keep the answers of one round of probes; a source that is silent this time keeps its older answer.

    ``found`` as :func:`scanner.sighting.to_json` writes it; ``at`` in RFC 3339. Licensing ports are replaced whole: a
    port that is closed now is no service any more.
    """
    kept = {seen["source"]: seen for seen in documents(db, host_id) if not _is_port(seen)}
    kept |= {seen["source"]: {**seen, "at": at} for seen in found}
    rows = dumps([kept[source] for source in sorted(kept)])
    db.execute("UPDATE hosts SET document = json_set(document, '$.sightings', json(?)) WHERE id = ?", [rows, host_id])


def documents(db: Db, host_id: str) -> list[Document]:
    """The answers of one host as JSON, each with the time ``at``; empty when there are none."""
    row = db.first("SELECT json_extract(document, '$.sightings') AS seen FROM hosts WHERE id = ?", [host_id])
    return loads(row["seen"]) if row and row["seen"] else []


def all_documents(db: Db) -> Mapping[str, list[Document]]:
    """``host_id`` → answers as JSON, of the hosts that have any."""
    sql = "SELECT id, json_extract(document, '$.sightings') AS seen FROM hosts WHERE seen IS NOT NULL ORDER BY id"
    return {row["id"]: loads(row["seen"]) for row in db.rows(sql)}


def all_sightings(db: Db) -> Mapping[str, tuple[Sighting, ...]]:
    """``host_id`` → answers, of the hosts that have any."""
    return {host: tuple(map(sightings.from_json, found)) for host, found in all_documents(db).items()}


def _is_port(seen: Document) -> bool:
    return str(seen["source"]).startswith("port:")
