"""How each kind of ledger is read, and what may stand in it only once. Written by hand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from appliance.ledger import form_rules, more_records, records
from appliance.ledger.model import DeclaredRecord, LedgerKind
from appliance.ledger.rows import Rows
from appliance.ledger.text import key
from config.message import Message


def _no_more_to_say(_earlier: DeclaredRecord, _later: DeclaredRecord) -> Message | None:
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """``identity`` is what may stand only once in a ledger; ``named_by`` is the field that names a record to people."""

    read: Callable[[Rows], Sequence[DeclaredRecord]]
    identity: Callable[[Any], Hashable]
    named_by: str
    sharing: Callable[[DeclaredRecord, DeclaredRecord], Message | None] = _no_more_to_say
    """What is to be said, besides that they are one too many, about two records of one identity."""


def content(record: DeclaredRecord) -> Hashable:
    """The whole row: the same row twice is one too many."""
    return tuple(getattr(record, field.name) for field in fields(record) if field.name != "ref")


KINDS: Mapping[LedgerKind, Kind] = {
    LedgerKind.ASSETS: Kind(records.read_assets, lambda asset: key(asset.asset_no), "asset_no"),
    LedgerKind.LICENCES: Kind(
        records.read_licences, lambda licence: key(licence.software_no), "software_no", form_rules.shared_number
    ),
    LedgerKind.FREE_LIST: Kind(
        records.read_free_list,
        lambda entry: (key(entry.software_no), key(entry.name), key(entry.version), *entry.departments),
        "name",
    ),
    LedgerKind.ALLOCATIONS: Kind(more_records.read_allocations, content, "software_name"),
    LedgerKind.INSTALL_LOG: Kind(more_records.read_install_log, content, "computer_no"),
    LedgerKind.LEADERS: Kind(more_records.read_leaders, content, "name"),
    LedgerKind.SUBUNITS: Kind(more_records.read_subunits, lambda unit: key(unit.name), "name"),
    LedgerKind.PROOFS: Kind(more_records.read_proofs, content, "software_no"),
    LedgerKind.SERVERS: Kind(more_records.read_servers, content, "address"),
    LedgerKind.LINKS: Kind(more_records.read_links, lambda link: key(link.computer_no), "computer_no"),
    LedgerKind.CLIENT_EXPORT: Kind(more_records.read_client_export, content, "product"),
    LedgerKind.BASELINE: Kind(more_records.read_baseline, content, "kind"),
}
