"""What a messy ledger is, and what must come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.ledger.model import DeclaredRecord, LedgerKind, RowRef
from tests.appliance.ledger import files


def at(row: int, sheet: str = "表") -> RowRef:
    return RowRef("f1", sheet, row)


@dataclass(frozen=True)
class Messy:
    """One messy ledger and what must come of it. ``rejected`` and ``notes``: row → codes without their area."""

    kind: LedgerKind
    grid: files.Grid
    accepted: Sequence[DeclaredRecord]
    rejected: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    notes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    skipped: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    merges: Sequence[str] = ()
    guessed: bool = True  # False: the file is this form only when somebody says so
