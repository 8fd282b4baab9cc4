"""Hosts, their SSH keys and the results of collecting them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pydantic import TypeAdapter

from appliance.store.database import Db, Row, dumps, loads
from appliance.store.installed import save_installed
from config.clock import parse_rfc3339
from config.message import Message
from scanner import facts as facts_json
from scanner.model import Host, HostFacts, Identity, Outcome

_HOST = TypeAdapter(Host)
_IDENTITY: TypeAdapter[Identity | None] = TypeAdapter(Identity | None)
GONE = (Outcome.UNREACHABLE.value, Outcome.TIMED_OUT.value)
"""Outcomes after which a later round of the same scan asks again."""


@dataclass(frozen=True, slots=True)
class StoredHost:
    """A discovered host with the id it has in this inspection."""

    id: str
    host: Host


@dataclass(frozen=True, slots=True)
class HostKeyRow:
    """An SSH host key as first seen; ``state`` is ``first_contact`` or ``confirmed``."""

    address: str
    type: str
    base64: str
    fingerprint: str
    state: str
    seen_at: str


def save_host(db: Db, host: Host, new_id: str) -> str:
    """Insert or refresh the host at an address; returns its id, which stays the same."""
    known = db.first("SELECT id FROM hosts WHERE address = ?", [host.address])
    document = dumps(host_document(host))
    if known:
        db.execute(
            "UPDATE hosts SET kind = ?, seen_at = ?, "
            "document = json_set(?, '$.sightings', json_extract(document, '$.sightings')) WHERE id = ?",
            [host.kind, host.seen_at, document, known["id"]],
        )
        return str(known["id"])
    row = {"id": new_id, "address": host.address, "kind": host.kind, "first_seen_at": host.seen_at}
    db.insert("hosts", {**row, "seen_at": host.seen_at, "document": document})
    return new_id


def host_document(host: Host) -> dict[str, Any]:
    """A host as JSON."""
    return _HOST.dump_python(host, mode="json")


def list_hosts(db: Db, after: str = "", limit: int = -1) -> list[StoredHost]:
    """Hosts in order of id, after ``after``."""
    rows = db.rows("SELECT * FROM hosts WHERE id > ? ORDER BY id LIMIT ?", [after, limit])
    return [_stored(row) for row in rows]


def get_host(db: Db, host_id: str) -> StoredHost | None:
    """One host, or None."""
    row = db.first("SELECT * FROM hosts WHERE id = ?", [host_id])
    return _stored(row) if row else None


def _stored(row: Row) -> StoredHost:
    return StoredHost(row["id"], _HOST.validate_json(row["document"]))


def save_key(db: Db, key: HostKeyRow) -> None:
    """Remember a first-seen key; a key already known for the address is never replaced."""
    db.execute(
        "INSERT OR IGNORE INTO host_keys (address, type, base64, fingerprint, state, seen_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [key.address, key.type, key.base64, key.fingerprint, key.state, key.seen_at],
    )


def list_keys(db: Db) -> list[HostKeyRow]:
    """All SSH host keys by address."""
    sql = "SELECT address, type, base64, fingerprint, state, seen_at FROM host_keys ORDER BY address"
    return [HostKeyRow(**row) for row in db.rows(sql)]


def confirm_keys(db: Db, fingerprints: list[str], operator: str, at: str) -> int:
    """Mark first contacts as confirmed by a person; returns how many changed."""
    marks = ", ".join("?" for _ in fingerprints)
    return db.execute(
        f"UPDATE host_keys SET state = 'confirmed', confirmed_by = ?, confirmed_at = ? "  # noqa: S608  only marks
        f"WHERE state = 'first_contact' AND fingerprint IN ({marks})",
        [operator, at, *fingerprints],
    )


def _instant(text: str) -> str:
    """A time in UTC and one form, so that text order is order in time."""
    return parse_rfc3339(text).astimezone(UTC).isoformat(timespec="milliseconds")


def save_result(
    db: Db, scan_id: str | None, host_id: str, facts: HostFacts, raw_file: str | None, round_no: int = 1
) -> None:
    """Store one host's facts as collected; the caller's transaction makes it the checkpoint."""
    db.insert(
        "results",
        {
            "facts_id": facts.id,
            "scan_id": scan_id,
            "host_id": host_id,
            "outcome": facts.outcome,
            "reason": dumps(facts.reason.to_json()) if facts.reason else None,
            "finished_at": _instant(facts.finished_at),
            "raw_file": raw_file,
            "raw_digest": facts.raw_digest,
            "document": facts_json.to_text(facts),
            "round": round_no,
            **_heading(facts),
        },
    )
    save_installed(db, facts)


def _heading(facts: HostFacts) -> Row:
    """What lists and counts show, beside the document: reading every document for them would take seconds."""
    return {
        "hostname": facts.identity.hostname if facts.identity else None,
        "os": facts.os.name if facts.os else None,
        "installation_type": facts.os.installation_type if facts.os else None,
        "installations": None if facts.installations is None else len(facts.installations),
        "identity": _IDENTITY.dump_json(facts.identity).decode() if facts.identity else None,
    }


LATEST = """
SELECT r.* FROM results r JOIN (
  SELECT host_id, MAX((outcome = 'READ') || finished_at || facts_id) AS best FROM results GROUP BY host_id
) b ON b.host_id = r.host_id AND (r.outcome = 'READ') || r.finished_at || r.facts_id = b.best
"""
"""One result a host: the newest READ one, else the newest attempt."""


def stream_facts(db: Db, first: str = "", last: str = "~") -> Iterator[tuple[str, HostFacts]]:
    """The best facts of each host, in order of host id; of the ids from ``first`` to ``last`` (``~`` is after all)."""
    own = LATEST.replace("FROM results GROUP BY", "FROM results WHERE host_id BETWEEN ? AND ? GROUP BY")
    for row in db.stream(f"{own} ORDER BY r.host_id", [first, last]):
        yield row["host_id"], facts_json.from_text(row["document"])


def latest_results(db: Db) -> Mapping[str, tuple[str, Outcome, Message | None]]:
    """``host_id`` → (facts id, outcome, reason) of the best result."""
    return {
        row["host_id"]: (
            row["facts_id"],
            Outcome(row["outcome"]),
            Message.from_json(loads(row["reason"])) if row["reason"] else None,
        )
        for row in db.rows(f"SELECT host_id, facts_id, outcome, reason FROM ({LATEST})")  # noqa: S608
    }


def identities(db: Db) -> Mapping[str, Identity | None]:
    """``host_id`` → what makes the computer this computer, None where it was not read."""
    sql = f"SELECT host_id, identity FROM ({LATEST})"  # noqa: S608
    return {row["host_id"]: _IDENTITY.validate_json(row["identity"] or "null") for row in db.rows(sql)}


def collected(db: Db) -> tuple[int, int]:
    """How many hosts were read, and how many installations they have together."""
    sql = f"""SELECT COUNT(*) AS hosts, COALESCE(SUM(installations), 0) AS entries
              FROM ({LATEST}) WHERE outcome = 'READ'"""  # noqa: S608
    row = db.first(sql) or {"hosts": 0, "entries": 0}
    return int(row["hosts"]), int(row["entries"])


def names(db: Db) -> Mapping[str, Row]:
    """``host_id`` → ``hostname`` and ``os`` of the best result, null where they were not read."""
    sql = f"SELECT host_id, hostname, os FROM ({LATEST})"  # noqa: S608
    return {row.pop("host_id"): row for row in db.rows(sql)}


def facts_document(db: Db, host_id: str) -> dict[str, Any] | None:
    """The best facts of one host as stored, or None."""
    row = db.first(f"{LATEST} WHERE r.host_id = ?", [host_id])
    return loads(row["document"]) if row else None


def hosts_done(db: Db, scan_id: str, round_no: int) -> frozenset[str]:
    """Host ids that this round of a scan need not read: read in this round, or answered for good in an earlier one."""
    marks = ", ".join("?" for _ in GONE)
    sql = f"SELECT host_id FROM results WHERE scan_id = ? AND (round = ? OR outcome NOT IN ({marks}))"  # noqa: S608
    return frozenset(row["host_id"] for row in db.rows(sql, [scan_id, round_no, *GONE]))


def hosts_read(db: Db) -> frozenset[str]:
    """Host ids of which some scan or import of this inspection read everything."""
    return frozenset(r["host_id"] for r in db.rows("SELECT DISTINCT host_id FROM results WHERE outcome = 'READ'"))


def kinds_of_machine(db: Db) -> Mapping[str, Row]:
    """``host_id`` → ``chassis`` and ``installation`` (Client, Server …) as read before, null where unknown."""
    sql = f"""SELECT host_id, json_extract(identity, '$.chassis') AS chassis, installation_type AS installation
              FROM ({LATEST})"""  # noqa: S608
    return {row.pop("host_id"): row for row in db.rows(sql)}


def raw_files(db: Db) -> list[Row]:
    """``facts_id, host_id, raw_file, raw_digest`` of every result that has raw records, in order."""
    return db.rows(
        "SELECT facts_id, host_id, raw_file, raw_digest FROM results "
        "WHERE raw_file IS NOT NULL ORDER BY host_id, facts_id"
    )


def raw_file_of(db: Db, facts_id: str) -> str | None:
    """Name of the raw file that some facts were made from, None where they came without."""
    return db.value("SELECT raw_file FROM results WHERE facts_id = ?", [facts_id])


def attempts(db: Db, host_id: str) -> list[Row]:
    """``facts_id, outcome, reason, finished_at`` of every attempt at a host, oldest first."""
    sql = """SELECT facts_id, outcome, reason, finished_at FROM results WHERE host_id = ?
             ORDER BY finished_at, facts_id"""
    return db.rows(sql, [host_id])
