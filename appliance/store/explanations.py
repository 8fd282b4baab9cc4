"""Reads that explanations need, each by an index: one verdict or number of a large audit must answer at once."""

from __future__ import annotations

from typing import Any

from appliance.ledger.model import LedgerKind
from appliance.store.database import Db, Row, loads
from appliance.store.ledgers import documents_in_force, list_proofs, proof_rows
from appliance.store.records import documents

PAPERS = {"domestic_purchase_rate": "purchases", "rectification_rate": "rectifications"}
LEDGERS = {"domestic_purchase_rate": LedgerKind.STATISTICS, "ledger_match_rate": LedgerKind.ALLOCATIONS}


def facts(db: Db, facts_id: str) -> Row | None:
    """One ``hezheng.facts/1`` document."""
    row = db.first("SELECT document FROM results WHERE facts_id = ?", [facts_id])
    return loads(row["document"]) if row else None


def host(db: Db, audit_id: str, host_id: str) -> Row | None:
    """The computer as the audit saw it: address, host name, asset, collected, client."""
    return db.first("SELECT * FROM audit_hosts WHERE audit_id = ? AND host_id = ?", [audit_id, host_id])


def ledger_row(db: Db, text: str) -> Row:
    """``{row, file, sheet, number, record}`` of ``file!sheet!row``; ``record`` None when that file is gone."""
    file_id, _, rest = text.partition("!")
    sheet, _, number = rest.rpartition("!")
    found = db.first(
        "SELECT d.document, f.name FROM declared d JOIN ledger_files f ON f.id = d.file_id "
        'WHERE d.file_id = ? AND d.sheet = ? AND d."row" = ?',
        [file_id, sheet, int(number) if number.isdecimal() else -1],
    )
    record = loads(found["document"]) if found else None
    return {
        "row": text,
        "file": found["name"] if found else file_id,
        "sheet": sheet,
        "number": number,
        "record": record,
    }


def proofs_of(db: Db, numbers: set[str]) -> list[dict[str, Any]]:
    """The proofs entered for some 软件编号."""
    return [row for row in proof_rows(list_proofs(db)) if row["software_no"] in numbers]


def _where(wanted: Row) -> tuple[str, list[Any]]:
    marks = (", ".join("?" for _ in wanted[name]) for name in ("categories", "decisions"))
    categories, decisions = marks
    sql = f"host_id <> '' AND category IN ({categories}) AND decision IN ({decisions})"
    sql += " AND official = 1" if wanted["official"] else " AND (official = 0 OR decision = 'excluded')"
    values = [*wanted["categories"], *wanted["decisions"]]
    if wanted["origin"]:
        sql += " AND origin = ?"
        values.append(wanted["origin"])
    return sql, values


def verdicts_counted(db: Db, audit_id: str, wanted: Row, after: int, limit: int) -> list[tuple[int, Any]]:
    """``(seq, verdict)`` of the verdicts that a number counts."""
    where, values = _where(wanted)
    sql = f"SELECT seq, document FROM verdicts WHERE audit_id = ? AND seq > ? AND {where} ORDER BY seq LIMIT ?"  # noqa: S608
    rows = db.rows(sql, [audit_id, after, *values, limit])
    return [(row["seq"], loads(row["document"])) for row in rows]


def product_level(db: Db, audit_id: str, categories: list[str]) -> list[Any]:
    """The verdicts at product level, which R14 moves to 非正版 by count; without their many observations."""
    marks = ", ".join("?" for _ in categories)
    sql = (
        "SELECT json_remove(document, '$.observations') AS document FROM verdicts "  # noqa: S608  only marks
        f"WHERE audit_id = ? AND host_id = '' AND category IN ({marks}) ORDER BY seq"
    )
    return [loads(row["document"]) for row in db.rows(sql, [audit_id, *categories])]


def verdicts_of_product(db: Db, audit_id: str, product_id: str, after: int, limit: int) -> list[tuple[int, Any]]:
    """``(seq, verdict)`` of one product on computers."""
    rows = db.rows(
        "SELECT seq, document FROM verdicts WHERE audit_id = ? AND product_id = ? AND seq > ? AND host_id <> '' "
        "ORDER BY seq LIMIT ?",
        [audit_id, product_id, after, limit],
    )
    return [(row["seq"], loads(row["document"])) for row in rows]


def surplus_of_product(db: Db, audit_id: str, product_id: str) -> list[Any]:
    """The product-level verdicts of one product, without their many observations."""
    rows = db.rows(
        "SELECT json_remove(document, '$.observations') AS document FROM verdicts "
        "WHERE audit_id = ? AND product_id = ? AND host_id = '' ORDER BY seq",
        [audit_id, product_id],
    )
    return [loads(row["document"]) for row in rows]


def base_assets(db: Db, audit_id: str, after: int, limit: int) -> list[Row]:
    """A: 资产编号, 数量, 部门, ledger row."""
    sql = "SELECT rowid AS sequence, * FROM audit_assets WHERE audit_id = ? AND rowid > ? ORDER BY rowid LIMIT ?"
    return db.rows(sql, [audit_id, after, limit])


def unlisted_hosts(db: Db, audit_id: str, limit: int) -> list[Row]:
    """Computers that stand for no listed asset: 实有账无."""
    sql = "SELECT * FROM audit_hosts WHERE audit_id = ? AND asset_no = '' ORDER BY host_id LIMIT ?"
    return db.rows(sql, [audit_id, limit])


def listed_hosts(db: Db, audit_id: str, column: str, after: int, limit: int) -> list[Row]:
    """Computers that stand for a listed asset, and by one more column of the audit."""
    extra = f' AND "{column}" = 1' if column else ""
    sql = (
        "SELECT rowid AS sequence, * FROM audit_hosts "  # noqa: S608  a column of ours
        f"WHERE audit_id = ? AND asset_no <> '' AND rowid > ?{extra} ORDER BY rowid LIMIT ?"
    )
    return db.rows(sql, [audit_id, after, limit])


def computers_counted(
    db: Db, audit_id: str, categories: list[str], worst: tuple[str, ...], after: int, limit: int
) -> list[Row]:
    """Computers with an official copy in some categories whose worst decision is one of ``worst``."""
    marks, good = (", ".join("?" for _ in values) for values in (categories, worst))
    sql = f"""SELECT * FROM (SELECT h.rowid AS sequence, h.*, (
          SELECT CASE WHEN SUM(v.decision = 'unlicensed') THEN 'unlicensed'
                      WHEN SUM(v.decision = 'to_verify') THEN 'to_verify' ELSE 'licensed' END
          FROM verdicts v INDEXED BY verdicts_by_host
          WHERE v.audit_id = h.audit_id AND v.host_id = h.host_id AND v.official = 1
            AND v.decision <> 'excluded' AND v.category IN ({marks}) HAVING COUNT(*) > 0) AS worst
        FROM audit_hosts h WHERE h.audit_id = ? AND h.rowid > ? ORDER BY h.rowid)
        WHERE worst IN ({good}) LIMIT ?"""  # noqa: S608  only marks
    return db.rows(sql, [*categories, audit_id, after, *worst, limit])


def allocated(db: Db, software_no: str) -> list[Any]:
    """附件8 rows of one 软件编号."""
    rows = db.rows(
        "SELECT d.document FROM declared d JOIN ledger_files f ON f.id = d.file_id WHERE f.kind = 'allocations' "
        "AND f.state = 'accepted' AND json_extract(d.document, '$.software_no') = ? ORDER BY f.id, d.seq",
        [software_no],
    )
    return [loads(row["document"]) for row in rows]


def papers_of(db: Db, name: str) -> list[Any]:
    """The records and ledger rows that a rate over papers counts."""
    base = name.partition(".")[0]
    rows = documents_in_force(db, LEDGERS[base]) if base in LEDGERS else []
    entered = documents(db, [PAPERS[base]]) if base in PAPERS else []
    return [*rows, *entered]
