"""Reads that explanations need, each by an index: one verdict or number of a large audit must answer at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from appliance.judgement.explain import Cell
from appliance.ledger.model import LedgerKind
from appliance.store.database import Db, Row, dumps, loads
from appliance.store.ledgers import list_proofs, page_in_force, proof_rows
from appliance.store.records import documents

PAPERS = {"domestic_purchase_rate": "purchases", "rectification_rate": "rectifications"}
LEDGERS = {"domestic_purchase_rate": LedgerKind.STATISTICS, "ledger_match_rate": LedgerKind.ALLOCATIONS}

OF_CELL = """FROM verdicts INDEXED BY verdicts_by_number WHERE audit_id = ? AND category = ? AND decision = ?
  AND official = ? AND origin = ? AND host_id <> ''"""
FEW = 2000
"""Verdicts that are looked through one by one; of more, a page is soon full computer by computer."""

HOST = "audit_id, host_id, address, hostname, asset_no, facts_id, collected, client"
Part = tuple[str, str]
"""A dimension of :data:`appliance.judgement.places.DIMENSIONS`, which is a column's name too, and one of its groups."""


def facts(db: Db, facts_id: str) -> Row | None:
    """One ``hezheng.facts/1`` document."""
    row = db.first("SELECT document FROM results WHERE facts_id = ?", [facts_id])
    return loads(row["document"]) if row else None


def host(db: Db, audit_id: str, host_id: str) -> Row | None:
    """The computer as the audit saw it: address, host name, asset, collected, client."""
    return db.first(f"SELECT {HOST} FROM audit_hosts WHERE audit_id = ? AND host_id = ?", [audit_id, host_id])  # noqa: S608


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


def verdicts_counted(
    db: Db, audit_id: str, cells: Iterable[Cell], after: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """``(seq, verdict)`` of the verdicts that a number counts: the first of each cell, then the first of all."""
    numbers = sorted(seq for cell in cells for seq in _first_of(db, audit_id, cell, after, limit))[:limit]
    return _documents(db, audit_id, numbers)


def _documents(db: Db, audit_id: str, numbers: list[int]) -> list[tuple[int, dict[str, Any]]]:
    sql = "SELECT seq, document FROM verdicts WHERE audit_id = ? AND seq IN (SELECT value FROM json_each(?)) ORDER BY 1"
    return [(row["seq"], loads(row["document"])) for row in db.rows(sql, [audit_id, dumps(numbers)])]


def _first_of(db: Db, audit_id: str, cell: Cell, after: int, limit: int) -> list[int]:
    sql = f"SELECT seq {OF_CELL} AND seq > ? ORDER BY seq LIMIT ?"
    return [row["seq"] for row in db.rows(sql, [audit_id, *cell, after, limit])]


def verdicts_counted_in(
    db: Db, audit_id: str, cells: Iterable[Cell], part: Part, after: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """The same of the computers of one part: through the verdicts where they are few, else through the computers."""
    named = list(cells)
    find = _few_in if _are_few(db, audit_id, named) else _many_in
    return _documents(db, audit_id, find(db, audit_id, named, part, after, limit))


def _are_few(db: Db, audit_id: str, cells: Sequence[Cell]) -> bool:
    sql = f"SELECT count(*) FROM (SELECT 1 {OF_CELL} LIMIT ?)"  # noqa: S608  a constant of ours
    left = FEW
    for cell in cells:
        left -= int(db.value(sql, [audit_id, *cell, left + 1]))
        if left < 0:
            return False
    return True


def _few_in(db: Db, audit_id: str, cells: Sequence[Cell], part: Part, after: int, limit: int) -> list[int]:
    dimension, group = part
    sql = f"""SELECT seq {OF_CELL} AND seq > ? AND (SELECT h."{dimension}" FROM audit_hosts h
              WHERE h.audit_id = verdicts.audit_id AND h.host_id = verdicts.host_id) = ?
              ORDER BY seq LIMIT ?"""  # noqa: S608  a constant and a column of ours
    found = (row["seq"] for cell in cells for row in db.rows(sql, [audit_id, *cell, after, group, limit]))
    return sorted(found)[:limit]


def _many_in(db: Db, audit_id: str, cells: Sequence[Cell], part: Part, after: int, limit: int) -> list[int]:
    """Verdicts are numbered computer by computer, so a page ends once full."""
    dimension, group = part
    wanted = dumps(
        [f"{category}/{decision}/{int(official)}/{origin}" for category, decision, official, origin in cells]
    )
    rows = db.rows(
        f"""SELECT v.seq FROM audit_hosts h INDEXED BY sqlite_autoindex_audit_hosts_1
            CROSS JOIN verdicts v INDEXED BY verdicts_in_parts
            ON v.audit_id = h.audit_id AND v.host_id = h.host_id AND v.host_id <> ''
            WHERE h.audit_id = ? AND h."{dimension}" = ? AND v.seq > ?
            AND +h.host_id >= coalesce((SELECT host_id FROM verdicts WHERE audit_id = ? AND seq = ?), '')
            AND v.category || '/' || v.decision || '/' || v.official || '/' || v.origin
              IN (SELECT value FROM json_each(?))
            ORDER BY h.host_id, v.seq LIMIT ?""",  # noqa: S608  a column of ours
        [audit_id, group, after, audit_id, after, wanted, limit],
    )
    return [row["seq"] for row in rows]


def has_parts(db: Db, audit_id: str) -> bool:
    """Whether this audit keeps which computer is in which part."""
    return db.first("SELECT 1 FROM audit_hosts WHERE audit_id = ? AND kind IS NULL LIMIT 1", [audit_id]) is None


def product_level(db: Db, audit_id: str, categories: Iterable[str]) -> list[Any]:
    """The verdicts at product level, which R14 moves to 非正版 by count; without their many observations."""
    sql = """SELECT document FROM audit_surplus WHERE audit_id = ? AND category IN (SELECT value FROM json_each(?))
             ORDER BY seq"""
    return [loads(row["document"]) for row in db.rows(sql, [audit_id, dumps(list(categories))])]


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
    sql = "SELECT document FROM audit_surplus WHERE audit_id = ? AND product_id = ? ORDER BY seq"
    return [loads(row["document"]) for row in db.rows(sql, [audit_id, product_id])]


def base_assets(db: Db, audit_id: str, part: Part | None, after: int, limit: int) -> list[Row]:
    """A, or one part of it: 资产编号, 数量, 部门, kind, 信创, ledger row."""
    return _assets(db, audit_id, "1", part, after, limit)


def unread_assets(db: Db, audit_id: str, part: Part | None, after: int, limit: int) -> list[Row]:
    """Assets of A for which the client was found, or for which nobody can say: not every computer of them was read."""
    without = """(SELECT count(*) FROM audit_hosts h INDEXED BY audit_hosts_without_client
                  WHERE h.audit_id = audit_assets.audit_id AND h.asset_no = audit_assets.asset_no
                  AND h.collected = 1 AND h.client = 0)"""
    return _assets(db, audit_id, f"quantity > {without}", part, after, limit)


def _assets(db: Db, audit_id: str, wanted: str, part: Part | None, after: int, limit: int) -> list[Row]:
    of_part, values = _of_part(part)
    sql = f"""SELECT rowid AS sequence, * FROM audit_assets INDEXED BY audit_assets_in_order
              WHERE audit_id = ? AND {wanted}{of_part} AND rowid > ? ORDER BY rowid LIMIT ?"""  # noqa: S608  columns of ours
    return db.rows(sql, [audit_id, *values, after, limit])


def _of_part(part: Part | None) -> tuple[str, list[str]]:
    return (f' AND "{part[0]}" = ?', [part[1]]) if part else ("", [])


def unlisted_hosts(db: Db, audit_id: str, part: Part | None, limit: int) -> list[Row]:
    """Computers that stand for no listed asset: 实有账无."""
    of_part, values = _of_part(part)
    sql = f"SELECT {HOST} FROM audit_hosts WHERE audit_id = ? AND asset_no = ''{of_part} ORDER BY host_id LIMIT ?"  # noqa: S608
    return db.rows(sql, [audit_id, *values, limit])


def listed_hosts(db: Db, audit_id: str, column: str, part: Part | None, after: int, limit: int) -> list[Row]:
    """Computers that stand for a listed asset, and by one more column of the audit."""
    of_part, values = _of_part(part)
    wanted = "asset_no <> ''" + (f' AND "{column}" = 1' if column else "") + of_part
    return _hosts(db, audit_id, wanted, values, after, limit)


def computers_counted(db: Db, audit_id: str, place: int, letters: str, after: int, limit: int) -> list[Row]:
    """Computers whose mark at ``place`` is one of ``letters``, with it as ``mark``."""
    wanted = "marks <> '' AND instr(?, substr(marks, ?, 1)) > 0"
    found = _hosts(db, audit_id, wanted, [letters, place + 1], after, limit, more=", marks")
    return [{**row, "mark": row.pop("marks")[place]} for row in found] if letters else []


def _hosts(
    db: Db, audit_id: str, wanted: str, values: Sequence[Any], after: int, limit: int, more: str = ""
) -> list[Row]:
    sql = f"""SELECT rowid AS sequence, {HOST}{more} FROM audit_hosts INDEXED BY audit_hosts_in_order
              WHERE audit_id = ? AND {wanted} AND rowid > ? ORDER BY rowid LIMIT ?"""  # noqa: S608  columns of ours
    return db.rows(sql, [audit_id, *values, after, limit])


def allocated(db: Db, software_no: str, limit: int) -> list[Any]:
    """附件8 rows of one 软件编号."""
    rows = db.rows(
        """SELECT d.document FROM declared d INDEXED BY declared_by_number JOIN ledger_files f ON f.id = d.file_id
           WHERE json_extract(d.document, '$.software_no') = ? AND f.kind = 'allocations' AND f.state = 'accepted'
           ORDER BY d.file_id, d.seq LIMIT ?""",
        [software_no, limit],
    )
    return [loads(row["document"]) for row in rows]


def papers_of(db: Db, name: str, after: int, limit: int) -> list[Row]:
    """The records and ledger rows that a rate over papers counts, numbered as ``sequence``."""
    base, first = name.partition(".")[0], after + 1
    rows, known = page_in_force(db, LEDGERS[base], first, limit) if base in LEDGERS else ([], 0)
    entered = documents(db, [PAPERS[base]]) if base in PAPERS else []
    rest = entered[max(0, first - known) :]
    return [{"sequence": n, **row} for n, row in enumerate([*rows, *rest][:limit], first)]
