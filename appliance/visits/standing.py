"""How a ledger file comes to stand with others of its kind: in the place of named ones, or beside them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from appliance.ledger import overlapping
from appliance.ledger.model import LedgerKind
from appliance.store import ledgers as store
from appliance.store.database import Db, Row
from config.problems import BadInput, Conflict

SHOWN_OVERLAPS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """``replaces``: ids of the files in force that an accepted file takes the place of; ``adds``: it joins the rest."""

    replaces: tuple[str, ...] = ()
    adds: bool = False


UNSAID = Place()


def others_in_force(db: Db, row: Row) -> list[Row]:
    """The files of the same kind that are in force, oldest first."""
    return [file for file in store.files_in_force(db, row["kind"]) if file["id"] != row["id"]]


def replaced(db: Db, row: Row, place: Place) -> list[Row]:
    """The files that ``row`` takes the place of.

    Raises BadInput ``ledger.not_in_force`` for a file that is not in force; Conflict ``ledger.replace_or_add`` when
    files are in force and nothing is said about them, ``ledger.same_file`` when the same file would count twice.
    """
    others = others_in_force(db, row)
    if unknown := set(place.replaces) - {file["id"] for file in others}:
        raise BadInput("ledger.not_in_force", id=min(unknown)[:40])
    if others and not place.replaces and not place.adds:
        raise Conflict("ledger.replace_or_add", kind=row["kind"], names="、".join(file["name"] for file in others))
    kept = [file for file in others if file["id"] not in place.replaces]
    if kept and not place.adds:
        raise Conflict("ledger.replace_or_add", kind=row["kind"], names="、".join(file["name"] for file in kept))
    if twin := next((file for file in kept if file["sha256"] == row["sha256"]), None):
        raise Conflict("ledger.same_file", name=row["name"], other=twin["name"])
    return [file for file in others if file["id"] in place.replaces]


def beside(db: Db, row: Row) -> dict[str, Any]:
    """What is in force beside a file, and which of its rows stand there already: first ones and their count."""
    others = others_in_force(db, row)
    names = {file["id"]: file["name"] for file in others}
    found = _overlaps(db, row, [*names]) if row["state"] == store.PREVIEWED else []
    shown = [{**asdict(overlap), "file": names[overlap.left_out.file]} for overlap in found[:SHOWN_OVERLAPS]]
    files = [{"id": file["id"], "name": file["name"], "received_at": file["received_at"]} for file in others]
    return {"in_force": files, "duplicates": shown, "duplicate_count": len(found)}


def _overlaps(db: Db, row: Row, others: list[str]) -> list[overlapping.Overlap]:
    kind = LedgerKind(row["kind"])
    if not others:
        return []
    records = [record for file_id in (*others, row["id"]) for record in store.records_of_file(db, file_id, kind)]
    return [one for one in overlapping.overlaps(kind, records) if one.counted.file == row["id"]]
