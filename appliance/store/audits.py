"""Audits: head, rates, licence positions, and the verdicts and findings they found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from appliance.model import Verdict
from appliance.store.database import Db, Row, dumps, loads


def save_audit(db: Db, head: Row, verdicts: Iterable[tuple[Verdict, bytes]], after: Iterator[Row]) -> None:
    """Store an audit in one transaction.

    ``head``: id, created_at. ``verdicts`` are streamed with their canonical lines, which are stored as they are: their
    digest is the audit's. ``after`` is read only when they are all stored and yields one object: head, rates,
    positions, digest, findings, hosts, assets.
    """
    audit_id = head["id"]
    with db.atomic():
        db.insert("audits", {**head, "head": "{}", "rates": "{}", "positions": "[]", "digest": ""})
        db.insert_many("verdicts", (_verdict(audit_id, n, v, line) for n, (v, line) in enumerate(verdicts)))
        keep_surplus(db, audit_id)
        result = next(after)
        db.insert_many("findings", (_finding(audit_id, n, f) for n, f in enumerate(result["findings"])))
        for table, rows in (("audit_hosts", result["hosts"]), ("audit_assets", result["assets"])):
            db.insert_many(table, ({"audit_id": audit_id, **row} for row in rows))
        db.execute(
            "UPDATE audits SET head = ?, rates = ?, positions = ?, digest = ? WHERE id = ?",
            [
                dumps(result["head"]),
                dumps(result["rates"]),
                dumps(result["positions"]),
                result["digest"],
                audit_id,
            ],
        )


def _verdict(audit_id: str, seq: int, verdict: Verdict, line: bytes) -> Row:
    return {
        "audit_id": audit_id,
        "seq": seq,
        "id": verdict.id,
        "host_id": verdict.host_id,
        "product_id": verdict.product_id,
        "category": verdict.category.value,
        "decision": verdict.decision.value,
        "rule": verdict.rule,
        "official": int(verdict.official),
        "origin": verdict.origin.value if verdict.origin else "",
        "document": line.decode().rstrip("\n"),
    }


def keep_surplus(db: Db, audit_id: str) -> None:
    """Keep the few verdicts at product level apart: they name every observation of the product, a megabyte each."""
    db.execute(
        """INSERT INTO audit_surplus SELECT audit_id, seq, category, product_id, json_remove(document, '$.observations')
           FROM verdicts INDEXED BY verdicts_by_host WHERE audit_id = ? AND host_id = ''""",
        [audit_id],
    )


def _finding(audit_id: str, seq: int, document: Row) -> Row:
    row = {name: document[name] for name in ("key", "kind", "subject")}
    return {"audit_id": audit_id, "seq": seq, **row, "document": dumps(document)}


def latest_audit(db: Db) -> Row | None:
    """The newest audit: id, created_at, head, rates, positions, digest; None before the first."""
    row = db.first("SELECT * FROM audits ORDER BY id DESC LIMIT 1")
    if row is None:
        return None
    return {**row, **{name: loads(row[name]) for name in ("head", "rates", "positions")}}


def list_verdicts(db: Db, audit_id: str, after: int, limit: int, filters: dict[str, str]) -> list[tuple[int, Any]]:
    """``(seq, verdict)`` after ``after``. ``filters``: decision, category, rule, host_id."""
    return _page(db, "verdicts", audit_id, after, limit, filters)


def list_findings(db: Db, audit_id: str, after: int, limit: int, filters: dict[str, str]) -> list[tuple[int, Any]]:
    """``(seq, finding)`` after ``after``. ``filters``: kind."""
    return _page(db, "findings", audit_id, after, limit, filters)


def _page(
    db: Db, table: str, audit_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, dict[str, Any]]]:
    wanted = "".join(f' AND "{name}" = ?' for name in filters)
    sql = f"SELECT seq, document FROM {table} WHERE audit_id = ? AND seq > ?{wanted} ORDER BY seq LIMIT ?"  # noqa: S608
    rows = db.rows(sql, [audit_id, after, *filters.values(), limit])
    return [(row["seq"], loads(row["document"])) for row in rows]


def get_verdict(db: Db, audit_id: str, verdict_id: str) -> dict[str, Any] | None:
    """One verdict, or None."""
    row = db.first("SELECT document FROM verdicts WHERE audit_id = ? AND id = ?", [audit_id, verdict_id])
    return loads(row["document"]) if row else None


def stream_verdicts(db: Db, audit_id: str) -> Iterator[dict[str, Any]]:
    """All verdicts of an audit in canonical order."""
    for row in db.stream("SELECT document FROM verdicts WHERE audit_id = ? ORDER BY seq", [audit_id]):
        yield loads(row["document"])


def counts(db: Db, audit_id: str) -> dict[str, dict[str, int]]:
    """``{"verdicts": {decision: n}, "findings": {kind: n}}``."""
    return {
        "verdicts": _count(db, "verdicts", "decision", audit_id),
        "findings": _count(db, "findings", "kind", audit_id),
    }


def _count(db: Db, table: str, column: str, audit_id: str) -> dict[str, int]:
    sql = f"SELECT {column} AS name, COUNT(*) AS n FROM {table} WHERE audit_id = ? GROUP BY 1 ORDER BY 1"  # noqa: S608
    return {row["name"]: row["n"] for row in db.rows(sql, [audit_id])}


def judged_on_assets(db: Db, audit_id: str, asset_nos: Iterable[str]) -> list[Row]:
    """asset_no, product_id, product_name, decision, id of every verdict on computers that stand for these assets."""
    sql = """SELECT h.asset_no, v.product_id, v.decision, v.id,
               json_extract(v.document, '$.product_name') AS product_name
             FROM json_each(?) n JOIN audit_hosts h ON h.audit_id = ? AND h.asset_no = n.value
             JOIN verdicts v INDEXED BY verdicts_by_host ON v.audit_id = h.audit_id AND v.host_id = h.host_id
             ORDER BY v.seq"""
    return db.rows(sql, [dumps(sorted(set(asset_nos))), audit_id])
