"""Whether everything that a case names is there. A record about a computer or row that is not does nothing in life
either, so it is pointed out and no fault; two computers that are said to be one must both be there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from appliance.judgement.case_faults import FILE
from config.message import Message
from config.problems import BadInput

HOST, PRODUCT, NUMBER, ASSET = "host", "product", "software_no", "asset_no"
MOST_SHOWN = 12

NAMED: tuple[tuple[str, str, str], ...] = (
    ("decisions", "host_id", HOST),
    ("decisions", "product_id", PRODUCT),
    ("objections", "host_id", HOST),
    ("objections", "product_id", PRODUCT),
    ("host_notes", "host_id", HOST),
    ("proofs", "software_no", NUMBER),
    ("licence_servers", "software_no", NUMBER),
    ("site_scopes", "software_no", NUMBER),
    ("repairs", "asset_no", ASSET),
    ("expect", "host", HOST),
    ("expect", "product", PRODUCT),
)
"""List, key, and what the key names. 附件8, 附件9, disposals and the official client name what is gone as a rule."""
JOINED = (("same_computers", "host_id", HOST), ("same_computers", "other_id", HOST))


class Known(NamedTuple):
    """What a case holds, by kind of name."""

    host: Collection[str]
    product: Collection[str]
    software_no: Collection[str]
    asset_no: Collection[str]


Lists = Mapping[str, Sequence[Mapping[str, Any]]]


def names_without_bearer(lists: Lists, known: Known) -> tuple[Message, ...]:
    """What is pointed out; empty names nothing. Raises BadInput ``case.unknown_id`` for computers said to be one."""
    for problem in _unknown(JOINED, lists, known):
        raise problem
    return tuple(problem.message for problem in _unknown(NAMED, lists, known))


def _unknown(named: Iterable[tuple[str, str, str]], lists: Lists, known: Known) -> Iterator[BadInput]:
    for name, key, kind in named:
        there: Collection[str] = getattr(known, kind)
        for n, row in enumerate(lists.get(name, ()), 1):
            if (value := row.get(key, "")) and value not in there:
                yield unknown_id(f"{name}[{n}] {key}", str(value), there)


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
