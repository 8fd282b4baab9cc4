"""Several files of one kind in force at once: what stands in more than one of them is never counted twice. Pure.

A record is the same in two files when what may stand in a ledger only once is the same: 资产编号, 软件编号 …
(:data:`appliance.ledger.kinds.KINDS`); the newest file's record counts. The cells of 附件5 have no such key: they are
sums, one statement of a department or a year beside the other, and all count.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from appliance.ledger.kinds import KINDS
from appliance.ledger.model import DeclaredRecord, LedgerKind, RowRef

T = TypeVar("T", bound=DeclaredRecord)


@dataclass(frozen=True, slots=True)
class Overlap:
    """One record that stands in two files. ``counted`` is the row that counts; ``same``: both rows say the same."""

    value: str
    counted: RowRef
    left_out: RowRef
    same: bool


def merged(kind: LedgerKind, records: Sequence[T]) -> Iterable[T]:
    """The records, oldest file first, each once; a record keeps the place where it first stood."""
    if kind not in KINDS or len({record.ref.file for record in records}) < 2:
        return records
    identity = KINDS[kind].identity
    found: dict[Hashable, T] = {}
    for record in records:
        found[identity(record)] = record
    return found.values()


def overlaps(kind: LedgerKind, records: Iterable[DeclaredRecord]) -> list[Overlap]:
    """Where a record of a newer file stands in for one of an older file; ``records`` with the oldest file first."""
    if kind not in KINDS:
        return []
    identity = KINDS[kind].identity
    standing: dict[Hashable, DeclaredRecord] = {}
    found: list[Overlap] = []
    for record in records:
        name = identity(record)
        earlier = standing.get(name)
        if earlier and earlier.ref.file != record.ref.file:
            value = str(getattr(record, KINDS[kind].named_by))
            found.append(Overlap(value, record.ref, earlier.ref, content(earlier) == content(record)))
        standing[name] = record
    return found


def content(record: DeclaredRecord) -> tuple[Any, ...]:
    """What a row says, without where it stands."""
    names = cast("Any", record).__dataclass_fields__
    return tuple(getattr(record, name) for name in names if name != "ref")
