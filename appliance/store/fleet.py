"""What a fleet remembers between hosts, rounds and visits: credentials' progress, and who was seen when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.store.database import Db, Row, dumps, loads
from credentials.selection import CredentialProgress


def save_progress(db: Db, scan_id: str, credential_id: str, progress: Mapping[str, Any]) -> None:
    """Keep what is known of one credential, as ``CredentialProgress.to_json`` wrote it."""
    row = {"credential_id": credential_id, "scan_id": scan_id, "document": dumps(progress)}
    db.replace("credential_progress", row)


def load_progress(db: Db) -> Mapping[str, tuple[str, CredentialProgress]]:
    """Credential id → (the scan that it comes from, progress)."""
    rows = db.rows("SELECT credential_id, scan_id, document FROM credential_progress")
    return {r["credential_id"]: (r["scan_id"], CredentialProgress.from_json(loads(r["document"]))) for r in rows}


def forget_progress(db: Db, credential_id: str) -> None:
    """A person entered the secret again, or removed the credential."""
    db.execute("DELETE FROM credential_progress WHERE credential_id = ?", [credential_id])


def save_sightings(db: Db, scan_id: str, source: str, seen: Iterable[tuple[str, str, str | None]]) -> None:
    """``(address, time in RFC 3339, MAC)``. ``source``: ``discovery`` or ``collection``."""
    for address, seen_at, mac in seen:
        row = {"address": address, "seen_at": seen_at, "scan_id": scan_id, "mac": mac, "source": source}
        db.replace("sightings", row)


def presence(db: Db, after: str, limit: int) -> list[Row]:
    """``address, mac, first_seen_at, last_seen_at, sightings`` of every address ever seen, in order of address."""
    return db.rows(
        """SELECT address, MAX(mac) AS mac, MIN(seen_at) AS first_seen_at, MAX(seen_at) AS last_seen_at,
           COUNT(*) AS sightings FROM sightings WHERE address > ? GROUP BY address ORDER BY address LIMIT ?""",
        [after, limit],
    )


def sweeps(db: Db) -> list[frozenset[str]]:
    """Addresses that each sweep of the whole scope found, oldest first."""
    found: dict[str, set[str]] = {}
    sql = """SELECT s.scan_id, s.address FROM sightings s JOIN scans c ON c.id = s.scan_id
             WHERE s.source = 'discovery' AND json_extract(c.options, '$.segment') IS NULL ORDER BY s.scan_id"""
    for row in db.rows(sql):
        found.setdefault(row["scan_id"], set()).add(row["address"])
    return [frozenset(addresses) for addresses in found.values()]


def found_by(db: Db, scan_id: str) -> frozenset[str]:
    """Addresses that the sweeps of a scan found."""
    sql = "SELECT DISTINCT address FROM sightings WHERE scan_id = ? AND source = 'discovery'"
    return frozenset(row["address"] for row in db.rows(sql, [scan_id]))
