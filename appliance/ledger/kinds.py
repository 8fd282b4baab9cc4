"""How each kind of ledger is read, and what may stand in it only once. Written by hand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.ledger import records
from appliance.ledger.model import DeclaredRecord, LedgerKind
from appliance.ledger.rows import Rows
from appliance.ledger.text import key


@dataclass(frozen=True, slots=True)
class Kind:
    """``identity`` is what may stand only once in a ledger; ``named_by`` is the field that names a record to people."""

    read: Callable[[Rows], Sequence[DeclaredRecord]]
    identity: Callable[[Any], Hashable]
    named_by: str


KINDS: Mapping[LedgerKind, Kind] = {
    LedgerKind.ASSETS: Kind(records.read_assets, lambda asset: key(asset.asset_no), "asset_no"),
    LedgerKind.LICENCES: Kind(records.read_licences, lambda licence: key(licence.software_no), "software_no"),
    LedgerKind.FREE_LIST: Kind(
        records.read_free_list,
        lambda entry: (key(entry.software_no), key(entry.name), key(entry.version), *entry.departments),
        "name",
    ),
}
