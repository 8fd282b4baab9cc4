"""Which fields of an answer a person sees, in which order, and which word group their codes belong to."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "units": ("id", "name", "system", "region"),
    "policies": ("id", "title", "own"),
    "inspections": ("id", "unit", "kind", "created_at", "sealed_at", "ended"),
    "authorisations": ("document_no", "ranges", "exclusions", "not_before", "not_after", "signer", "signed_on"),
    "segments": ("id", "range", "label", "visited", "state"),
    "ledgers": ("id", "kind", "name", "state", "counts.accepted", "counts.rejected", "received_at"),
    "ledger.problems": ("sheet", "row", "column", "reason", "rejected"),
    "form_findings": ("file", "sheet", "row", "column", "reason"),
    "links": ("computer_no", "asset_no", "hostname", "addresses"),
    "differences": ("address", "computer_no", "product_name", "kind", "ours", "official"),
    "proofs": ("software_no", "level", "kind", "number", "note"),
    "credentials": ("id", "protocol", "kind", "username", "domain", "state", "frozen_reason"),
    "scans": ("id", "state", "started_at", "finished_at", "round", "mode", "problem"),
    "hosts": ("id", "address", "hostname", "kind", "os", "outcome", "reason"),
    "host_keys": ("address", "state", "seen_at", "fingerprint"),
    "presence": ("address", "mac", "first_seen_at", "last_seen_at", "sightings"),
    "verdicts": ("id", "address", "product_name", "version", "decision", "rule", "reasons", "settles"),
    "explanation": ("id", "host_id", "address", "hostname", "asset_no", "product_name", "version", "decision", "rule"),
    "findings": ("kind", "details", "key"),
    "decisions": ("id", "decision", "product_id", "reason", "papers", "entered_at"),
    "objections": ("id", "product_id", "reason", "papers", "answer", "decision", "answer_text", "entered_at"),
    "bundles": ("id", "seal", "sealed_at", "digest", "fingerprint", "path"),
    "imports": ("id", "unit", "imported_at", "digest"),
    "notices": ("id", "number", "kind", "state", "deadline"),
    "due": ("id", "unit", "number", "state", "deadline"),
    "summary.not_collected": ("address", "asset_no", "outcome", "reason"),
    "summary.positions": ("software_no", "name", "quantity", "installs", "gap", "idle"),
    "demo.not_collected": ("address", "outcome", "reason"),
    "rates.positions": ("software_no", "name", "quantity", "installs", "gap", "idle"),
}
"""Lists as tables: columns by schema (``schema.field`` for a list inside an answer)."""

RATES = ("title", "value", "fraction", "bounds", "excluded", "name")

LEADING = ("inspection", "id", "unit", "name", "address", "hostname", "state", "outcome", "discovered", "computers")
"""Fields that stand first in an answer, in this order."""

HIDDEN: Mapping[str, frozenset[str]] = {
    "ledger": frozenset({"fields", "headers", "mapping", "rows", "duplicates", "sha256"}),
    "rates": frozenset({"head", "digest", "id"}),
    "summary": frozenset({"audit"}),
    "explanation": frozenset({"kind", "number", "name", "part"}),
    "policy": frozenset({"switches", "rate_definitions"}),
}
"""What only ``--json`` gives: it is long, or there is a command of its own for it."""

WHOLE = frozenset({"id", "digest", "fingerprint", "sha256", "path", "address", "software_no", "decision", "rule"})
"""Columns that are never folded: people copy them."""

SENTENCES = frozenset(
    {
        "reason",
        "reasons",
        "settles",
        "frozen_reason",
        "details",
        "key",
        "problem",
        "answer_text",
        "path",
        "digest",
        "fingerprint",
    }
)
"""Columns that stand below their row where the terminal is too narrow for the table."""

WORDS: Mapping[str, str] = {
    "phase": "phase",
    "policy": "policy",
    "decision": "decision",
    "category": "category",
    "origin": "origin",
    "outcome": "outcome",
    "protocol": "protocol",
    "level": "proof",
    "mode": "mode",
    "device": "device",
    "answer": "answer",
    "stage": "stage",
    "licence_type": "licence_type",
    "software_type": "software_type",
    "source": "facts_source",
    "seal": "seal",
    "decided_by": "decided_by",
    "ended": "ended",
}
"""Word groups of ``label.toml`` by field, the same in every answer."""

KINDS: Mapping[str, Mapping[str, str]] = {
    "inspection": {"kind": "inspection_kind"},
    "inspections": {"kind": "inspection_kind"},
    "summary": {"kind": "inspection_kind"},
    "ending": {"kind": "inspection_kind"},
    "ledger": {"kind": "ledger", "state": "ledger_state"},
    "ledgers": {"kind": "ledger", "state": "ledger_state"},
    "ledger_rows": {"state": "asset_state", "category": "asset_category"},
    "credential": {"kind": "credential_kind", "state": "credential_state"},
    "credentials": {"kind": "credential_kind", "state": "credential_state"},
    "scan": {"state": "scan_state"},
    "scans": {"state": "scan_state"},
    "job": {"kind": "job", "state": "scan_state"},
    "hosts": {"kind": "device"},
    "host_keys": {"state": "key_state"},
    "findings": {"kind": "finding"},
    "notices": {"kind": "notice_kind", "state": "notice_state"},
    "notice": {"kind": "notice_kind", "state": "notice_state"},
    "due": {"kind": "notice_kind", "state": "notice_state"},
    "verification": {"outcome": "verification"},
    "replay": {"outcome": "replay"},
    "schedule": {"kind": "schedule_kind"},
    "schedules": {"kind": "schedule_kind"},
}
"""Word groups of fields that mean something else in each answer."""

KEYS: Mapping[str, str] = {"verdicts": "decision", "findings": "finding"}
"""Objects whose keys are codes."""

NAMES_TO_TYPE = frozenset({"fields", "mapping"})
"""Objects whose keys people type into a command: they are shown as they are."""
