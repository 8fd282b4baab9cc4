"""Whether everything that a case names is there: a record about a computer or row that is not would do nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from appliance.judgement.case_faults import FILE
from config.problems import BadInput

HOST, PRODUCT, NUMBER, ASSET = "host", "product", "software_no", "asset_no"
MOST_SHOWN = 12

NAMED: tuple[tuple[str, str, str], ...] = (
    ("decisions", "host_id", HOST),
    ("decisions", "product_id", PRODUCT),
    ("objections", "host_id", HOST),
    ("objections", "product_id", PRODUCT),
    ("host_notes", "host_id", HOST),
    ("same_computers", "host_id", HOST),
    ("same_computers", "other_id", HOST),
    ("proofs", "software_no", NUMBER),
    ("licence_servers", "software_no", NUMBER),
    ("site_scopes", "software_no", NUMBER),
    ("repairs", "asset_no", ASSET),
    ("expect", "host", HOST),
    ("expect", "product", PRODUCT),
)
"""List, key, and what the key names. 附件8, 附件9, disposals and the official client may name what is gone."""


class Known(NamedTuple):
    """What a case holds, by kind of name."""

    host: Collection[str]
    product: Collection[str]
    software_no: Collection[str]
    asset_no: Collection[str]


def check_names(lists: Mapping[str, Iterable[Mapping[str, Any]]], known: Known) -> None:
    """Raise BadInput ``case.unknown_id`` for the first name that nothing in the case has; empty names nothing."""
    for name, key, kind in NAMED:
        there: Collection[str] = getattr(known, kind)
        for n, row in enumerate(lists.get(name, ()), 1):
            if (value := row.get(key, "")) and value not in there:
                raise unknown_id(f"{name}[{n}] {key}", str(value), there)


def unknown_id(where: str, value: str, known: Collection[str]) -> BadInput:
    """A name that is not in the case; shows what is, unless that is the whole catalogue."""
    code = "case.unknown_id" if len(known) <= MOST_SHOWN else "case.unknown_id_of_many"
    return BadInput(code, file=FILE, where=where, value=value, known="、".join(sorted(known)) or None)


def check_twice(where: str, values: Iterable[str], file: str = FILE) -> None:
    """Raise BadInput ``case.twice`` for the first value that comes again; ``where`` names list and key."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise BadInput("case.twice", file=file, where=where, value=value)
        seen.add(value)
