"""The unit's own files in the folder ``ledgers/`` of a case. A row that is not accepted is a fault of the case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.ledger import importing, reading
from appliance.ledger.model import Asset, DeclaredRecord, FreeListEntry, LedgerKind, Licence
from config.clock import Clock
from config.message import Message, Param
from config.problems import BadInput
from config.settings import Ledger

AREA = "ledger."
KINDS = {LedgerKind.ASSETS: Asset, LedgerKind.LICENCES: Licence, LedgerKind.FREE_LIST: FreeListEntry}


def ledger_records(folder: Path, settings: Ledger, clock: Clock) -> Iterator[DeclaredRecord]:
    """The records of every file, told by their headers.

    Raises BadInput ``case.ledger_kind``, ``case.ledger_file`` and ``case.ledger_row``.
    """
    for file in sorted((folder / "ledgers").glob("*")):
        try:
            yield from _records(file, settings, clock)
        except BadInput as refused:
            if not refused.message.code.startswith(AREA):
                raise
            raise BadInput("case.ledger_file", **_said(refused.message, file.name)) from refused


def _records(file: Path, settings: Ledger, clock: Clock) -> tuple[DeclaredRecord, ...]:
    workbook = reading.read_table(file, settings, clock)
    kind = importing.guess_kind(workbook)
    if kind is None or kind not in KINDS:
        raise BadInput("case.ledger_kind", file=file.name)
    seen = importing.preview(kind, workbook, file.name)
    for problem in seen.problems:
        if problem.rejected:
            place = {"row": problem.ref.row, "column": problem.column or None}
            raise BadInput("case.ledger_row", **{**_said(problem.reason, file.name), **place})
    return tuple(record for record in seen.accepted if isinstance(record, KINDS[kind]))


def _said(message: Message, file: str) -> dict[str, Param]:
    """A ledger's own message as parameters of ours: its code is shown by its sentence."""
    return {**message.params, "file": file, "reason": message.code.removeprefix(AREA)}
