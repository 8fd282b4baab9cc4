"""Records of ``case.toml`` by their kind: ledger rows, proofs and what people declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from appliance.judgement.case_facts import dates_as_text, known_keys
from appliance.judgement.case_faults import FILE, bad_value, not_negative, wrong
from appliance.judgement.declared import Declared
from appliance.ledger.model import Proof, RowRef

T = TypeVar("T")
Table = dict[str, Any]


def record(kind: type[T], name: str, n: int, row: Table) -> T:
    """The ``n``-th row of a list. Raises BadInput ``case.*`` naming list, row and key."""
    where = f"{name}[{n}]"
    known_keys(where, row, kind)
    not_negative(where, row)
    document = _texts(kind, row) if kind is Proof else {"ref": RowRef(FILE, name, n), **row}
    try:
        return _adapter(kind).validate_python(document)
    except ValidationError as error:
        raise bad_value(where, error) from error


def declared_records(tables: Mapping[str, Iterable[Table]]) -> Declared:
    """The declared records. Raises BadInput ``case.*`` naming list, row and key."""
    document: dict[str, list[Table]] = {}
    for name, rows in tables.items():
        kind = get_args(get_type_hints(Declared)[name])[0]
        document[name] = [_declared(kind, name, n, row) for n, row in enumerate(rows, 1)]
    try:
        return _adapter(Declared).validate_python(document)
    except ValidationError as error:
        raise bad_value("", error) from error


def _declared(kind: type[Any], name: str, n: int, row: Table) -> Table:
    """Ledger rows say where they stand; in ``case.toml`` that is the list and the place in it."""
    where = f"{name}[{n}]"
    known_keys(where, row, kind)
    not_negative(where, row)
    if (day := str(row.get("last_seen", ""))) and not _is_day(day[:10]):
        raise wrong(f"{where} last_seen", "date_parsing")
    needs_ref = "ref" in {one.name for one in fields(kind)}
    ref: Table = {"ref": {"file": FILE, "sheet": name, "row": n}} if needs_ref else {}
    return {**ref, **_texts(kind, row)}


def _texts(kind: type[Any], row: Table) -> Table:
    """The row with TOML dates as text wherever the record keeps text."""
    hints = get_type_hints(kind)
    return {**row, **dates_as_text({key: value for key, value in row.items() if hints.get(key) is str})}


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)
