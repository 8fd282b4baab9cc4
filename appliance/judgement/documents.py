"""Verdicts, findings, rates and positions as JSON documents, and canonical bytes for digests. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from operator import attrgetter
from typing import Any, cast

from appliance.judgement.positions import Position
from appliance.model import Finding, Rate, Verdict
from config.message import Message
from scanner.model import (
    Antivirus,
    FloatingLicence,
    HostFacts,
    Identity,
    InstalledSoftware,
    LicenceState,
    OperatingSystem,
    Trace,
)

Document = dict[str, Any]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, without spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def verdict_document(verdict: Verdict) -> Document:
    """All fields by name; messages as ``{"code", "params"}``."""
    return {
        "id": verdict.id,
        "host_id": verdict.host_id,
        "product_id": verdict.product_id,
        "product_name": verdict.product_name,
        "category": verdict.category.value,
        "decision": verdict.decision.value,
        "rule": verdict.rule,
        "reasons": [reason.to_json() for reason in verdict.reasons],
        "observations": list(verdict.observations),
        "ledger_rows": list(verdict.ledger_rows),
        "software_no": verdict.software_no,
        "policy": verdict.policy,
        "settles": verdict.settles.to_json() if verdict.settles else None,
        "remarks": [remark.to_json() for remark in verdict.remarks],
        "version": verdict.version,
        "edition": verdict.edition,
        "quantity": verdict.quantity,
        "origin": verdict.origin.value if verdict.origin else None,
        "official": verdict.official,
        "decided_by": verdict.decided_by,
    }


def finding_document(finding: Finding) -> Document:
    """All fields by name."""
    return {
        "key": finding.key,
        "kind": finding.kind,
        "subject": finding.subject,
        "product_id": finding.product_id,
        "details": [detail.to_json() for detail in finding.details],
        "verdicts": list(finding.verdicts),
    }


def rate_document(rate: Rate) -> Document:
    """The contract's shape ``{n, d, excluded, lower, upper}`` with ``final``, ``definition`` and ``breakdown``."""
    return {
        "n": rate.n,
        "d": rate.d,
        "excluded": rate.excluded,
        "lower": rate.lower,
        "upper": rate.upper,
        "final": rate.final,
        "definition": rate.definition,
        "breakdown": dict(rate.breakdown),
    }


def position_document(position: Position) -> Document:
    """All fields by name."""
    return {field.name: getattr(position, field.name) for field in fields(position)}


def records_digest(records: Iterable[Any]) -> str:
    """SHA-256 over typed records in an order of their own: the order in which they were given never matters."""
    digest = hashlib.sha256()
    for line in sorted(canonical(_plain(record)) for record in records):
        digest.update(line + b"\n")
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, tuple | list | frozenset):
        items = [_plain(item) for item in cast("Iterable[Any]", value)]
        return sorted(items) if isinstance(value, frozenset) else items
    return value.isoformat() if isinstance(value, date) else value


def _row_of(kind: type) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(*(field.name for field in fields(kind)))


INSTALLED, STATE, SYSTEM = _row_of(InstalledSoftware), _row_of(LicenceState), _row_of(OperatingSystem)
IDENTITY, ANTIVIRUS = _row_of(Identity), _row_of(Antivirus)
TRACE, FLOATING = _row_of(Trace), _row_of(FloatingLicence)


def _said(reason: Message | None) -> Any:
    return reason and reason.to_json()


def facts_digest(facts: HostFacts) -> bytes:
    """SHA-256 of everything in the facts that an audit looks at; facts are immutable, so their inner order counts."""
    content = (
        facts.id,
        facts.outcome,
        facts.platform,
        facts.raw_digest,
        facts.identity and IDENTITY(facts.identity),
        facts.os and SYSTEM(facts.os),
        None if facts.installations is None else [INSTALLED(entry) for entry in facts.installations],
        None if facts.licence_states is None else [STATE(state) for state in facts.licence_states],
        None if facts.antivirus is None else [ANTIVIRUS(seen) for seen in facts.antivirus],
        None if facts.traces is None else [TRACE(trace) for trace in facts.traces],
        None if facts.floating_licences is None else [FLOATING(seen) for seen in facts.floating_licences],
        [(result.collector, _said(result.reason)) for result in facts.collectors],
        [(entry.source, _said(entry.reason)) for entry in facts.skipped],
    )
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()
