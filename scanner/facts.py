"""From records to ``HostFacts``, and between ``HostFacts`` and ``hezheng.facts/1`` JSON; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from config.invalid import fault
from config.message import Message
from config.problems import BadInput
from scanner.model import (
    FACTS_SCHEMA,
    Antivirus,
    CollectorResult,
    FactsOrigin,
    FloatingLicence,
    HostFacts,
    Identity,
    InstalledSoftware,
    LicenceState,
    OperatingSystem,
    Outcome,
    Platform,
    Record,
    SkippedEntry,
    Trace,
)

ADAPTER = TypeAdapter(HostFacts)
R = TypeVar("R")
M = TypeVar("M", Identity, OperatingSystem)
ByType = Mapping[type, Sequence[Any]]
WORST_FIRST = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.DENIED, Outcome.UNREACHABLE, Outcome.UNSUPPORTED)
INSTALLATION_COLLECTORS = frozenset({"windows.uninstall", "linux.packages"})
"""A host counts as collected only when one of these ended READ."""

LOOKS_FOR: Mapping[type, frozenset[str]] = {
    LicenceState: frozenset({"windows.licences"}),
    Antivirus: frozenset({"windows.antivirus", "windows.services"}),
    Trace: frozenset({"windows.services"}),
    FloatingLicence: frozenset({"windows.editions"}),
}
"""Who looks for the records of a group, so that "read, and there are none" is not "not read"."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The circumstances of one collection."""

    facts_id: str
    address: str
    started_at: str
    finished_at: str
    platform: Platform | None = None
    channel: str | None = None
    account: str | None = None


def assemble(attempt: Attempt, records: Sequence[Record], results: Sequence[CollectorResult]) -> HostFacts:
    """Merge the records of all collectors of one host."""
    outcome, reason = overall(results)
    installed_read = any(r.collector in INSTALLATION_COLLECTORS for r in results)
    by_type = _by_type(records)
    installations = _of_type(by_type, InstalledSoftware)
    return HostFacts(
        id=attempt.facts_id,
        outcome=outcome,
        reason=reason,
        origin=FactsOrigin.NETWORK,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        address=attempt.address,
        platform=attempt.platform,
        channel=attempt.channel,
        account=attempt.account,
        collectors=tuple(results),
        identity=merge(_of_type(by_type, Identity)),
        os=merge(_of_type(by_type, OperatingSystem)),
        installations=installations if installed_read else None,
        skipped=_of_type(by_type, SkippedEntry),
        licence_states=_group(by_type, results, LicenceState),
        traces=_group(by_type, results, Trace),
        antivirus=_group(by_type, results, Antivirus),
        floating_licences=_group(by_type, results, FloatingLicence),
    )


def failed(attempt: Attempt, outcome: Outcome, reason: Message) -> HostFacts:
    """Facts of a host that gave nothing."""
    return replace(assemble(attempt, (), ()), outcome=outcome, reason=reason)


def overall(results: Iterable[CollectorResult]) -> tuple[Outcome, Message | None]:
    """The host's outcome: READ when its installations were read whole, else the worst outcome and its reason."""
    by_outcome: dict[Outcome, CollectorResult] = {}
    for result in results:
        if result.collector in INSTALLATION_COLLECTORS and result.outcome is Outcome.READ:
            return Outcome.READ, None
        by_outcome.setdefault(result.outcome, result)
    for outcome in WORST_FIRST:
        if outcome in by_outcome:
            return outcome, by_outcome[outcome].reason
    return Outcome.FAILED, Message.of("worker.nothing_read")


def merge(parts: Sequence[M]) -> M | None:
    """Merge partial records field by field: the first value that is not None (or empty) wins."""
    if not parts:
        return None
    values = {f.name: _first(getattr(part, f.name) for part in parts) for f in fields(parts[0])}
    return replace(parts[0], **values)


def to_json(facts: HostFacts) -> dict[str, Any]:
    """``hezheng.facts/1``: groups that were not read are absent."""
    document: dict[str, Any] = ADAPTER.dump_python(facts, mode="json")
    return {name: value for name, value in document.items() if value is not None}


def to_text(facts: HostFacts) -> str:
    """The compact JSON text of :func:`to_json`, five times faster. Raises UnicodeEncodeError for a lone surrogate."""
    absent = {f.name for f in fields(facts) if getattr(facts, f.name) is None}
    try:
        return ADAPTER.dump_json(facts, exclude=absent).decode()
    except PydanticSerializationError:  # it does not say what was wrong
        return json.dumps(to_json(facts), ensure_ascii=False).encode().decode()


def from_json(document: object) -> HostFacts:
    """Read ``hezheng.facts/1``; unknown fields are ignored. Raises BadInput naming the field."""
    if not isinstance(document, dict) or document.get("schema") != FACTS_SCHEMA:
        raise BadInput("facts.wrong_schema", expected=FACTS_SCHEMA)
    try:
        return ADAPTER.validate_python(document)
    except ValidationError as error:
        raise BadInput("facts.bad_field", **fault(error)) from error


def from_text(text: str) -> HostFacts:
    """Read the text of one ``hezheng.facts/1`` document; faster than :func:`from_json`, same checks and errors."""
    try:
        facts = ADAPTER.validate_json(text)
    except ValidationError as error:
        raise BadInput("facts.bad_field", **fault(error)) from error
    if facts.schema != FACTS_SCHEMA:
        raise BadInput("facts.wrong_schema", expected=FACTS_SCHEMA)
    return facts


def json_schema() -> dict[str, Any]:
    """The JSON Schema that ``docs/facts.schema.json`` publishes."""
    schema = ADAPTER.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["schema"] = {"const": FACTS_SCHEMA}
    return schema


def _group(by_type: ByType, results: Iterable[CollectorResult], kind: type[R]) -> tuple[R, ...] | None:
    """The records of one group; None when nobody looked, empty when the one who looks for them found none."""
    found = _of_type(by_type, kind)
    looked = any(r.collector in LOOKS_FOR.get(kind, ()) and r.outcome is Outcome.READ for r in results)
    return found if found or looked else None


def _by_type(records: Iterable[Record]) -> ByType:
    found: dict[type, list[Any]] = {}
    for record in records:
        found.setdefault(type(record), []).append(record)
    return found


def _of_type(by_type: ByType, kind: type[R]) -> tuple[R, ...]:
    return tuple(by_type.get(kind, ()))


def _first(values: Iterable[Any]) -> Any:
    listed = list(values)
    return next((value for value in listed if value not in (None, (), "")), listed[0])
