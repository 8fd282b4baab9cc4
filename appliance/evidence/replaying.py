"""Replay: what was sealed, derived again from the raw answers, and where the two differ. Pure.

Nothing here runs anything out of a bundle: raw records are JSON that our own collectors read as they read the host, in
a limited child (:mod:`appliance.visits.deriving`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import chain, zip_longest
from typing import Any

from appliance.judgement.documents import canonical
from scanner.endings import cut_short
from scanner.model import HostFacts

SHOWN = 20
WORKER = "worker"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise. ``what``: facts, verdict, finding, rate, position or head; ``fields`` says
    which of its fields; a side that has nothing is named by ``missing`` (``sealed`` or ``derived``).
    """

    what: str
    host_id: str = ""
    product: str = ""
    fields: tuple[str, ...] = ()
    missing: str = ""

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"fields": list(self.fields)}


class NoVerdictError(ValueError):
    """A sealed line is no verdict."""


@dataclass
class Differences:
    """The first SHOWN differences, and how many there are in all."""

    count: int = 0
    shown: list[Difference] = field(default_factory=list[Difference])

    def add(self, found: Iterable[Difference]) -> None:
        """Count and keep."""
        for difference in found:
            self.count += 1
            if len(self.shown) < SHOWN:
                self.shown.append(difference)


def attempt_of(sealed: HostFacts) -> dict[str, Any]:
    """What frames a host's facts (id, times, account): no raw record tells it, so it is taken from the seal."""
    return {
        "facts_id": sealed.id,
        "address": sealed.address or "",
        "started_at": sealed.started_at,
        "finished_at": sealed.finished_at,
        "platform": sealed.platform,
        "channel": sealed.channel,
        "account": sealed.account,
    }


def framed(derived: HostFacts, sealed: HostFacts, raw_digest: str) -> HostFacts:
    """Facts as they were stored: with the way they came, the digest of their raw records, and how a worker died."""
    return _as_ended(replace(derived, origin=sealed.origin, raw_digest=raw_digest), sealed)


def _as_ended(derived: HostFacts, sealed: HostFacts) -> HostFacts:
    """A worker that died left no record of it: how it ended stands in the seal alone."""
    last = sealed.collectors[-1] if sealed.collectors else None
    if last is None or last.collector != WORKER or last.reason is None:
        return derived
    return cut_short(derived, last.outcome, last.reason)


def facts_differences(host_id: str, sealed: HostFacts, derived: HostFacts) -> Iterator[Difference]:
    """At most one: the groups of facts that differ."""
    names = tuple(f.name for f in fields(sealed) if getattr(sealed, f.name) != getattr(derived, f.name))
    if names:
        yield Difference("facts", host_id, fields=names)


def verdict_differences(sealed: Iterator[bytes], derived: Iterator[bytes]) -> Iterator[Difference]:
    """Verdict by verdict. Both are read side by side while they agree; only what follows is held in memory.

    Raises NoVerdictError.
    """
    for one, other in zip_longest(sealed, derived):
        if one != other:
            left = _by_id([line for line in (one,) if line is not None], sealed)
            right = _by_id([line for line in (other,) if line is not None], derived)
            yield from _verdicts_apart(left, right)
            return


def _by_id(first: Iterable[bytes], rest: Iterable[bytes]) -> dict[str, Any]:
    found = map(_verdict, chain(first, rest))
    return {verdict["id"]: verdict for verdict in found}


def _verdict(line: bytes) -> dict[str, Any]:
    try:
        verdict = json.loads(line)
        named = all(isinstance(verdict[name], str) for name in ("id", "host_id", "product_name"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NoVerdictError(type(error).__name__) from error
    if not named:
        raise NoVerdictError("id, host_id, product_name")
    return verdict


def _verdicts_apart(sealed: Mapping[str, Any], derived: Mapping[str, Any]) -> Iterator[Difference]:
    for name in [*sealed, *(name for name in derived if name not in sealed)]:
        one, other = sealed.get(name), derived.get(name)
        if one != other:
            about = one or other or {}
            missing = "sealed" if one is None else "derived" if other is None else ""
            changed = () if missing else differing(one or {}, other or {})
            yield Difference("verdict", str(about["host_id"]), str(about["product_name"]), changed, missing)


def document_differences(what: str, sealed: Document, derived: Document) -> Iterator[Difference]:
    """Name by name of two objects: rates, the head."""
    for name in differing(sealed, derived):
        inner = sealed.get(name), derived.get(name)
        both = isinstance(inner[0], Mapping) and isinstance(inner[1], Mapping)
        deeper = differing(*inner) if both else ()  # pyright: ignore[reportArgumentType]
        missing = "sealed" if name not in sealed else "derived" if name not in derived else ""
        yield Difference(what, fields=tuple(f"{name}.{one}" for one in deeper) or (name,), missing=missing)


def list_differences(what: str, sealed: Iterable[Document], derived: Iterable[Document]) -> Iterator[Difference]:
    """Of findings and positions: those that only one side has, in order."""
    left = {canonical(one): one for one in sealed}
    right = {canonical(one): one for one in derived}
    for side, mine, others in (("derived", left, right), ("sealed", right, left)):
        for text, one in mine.items():
            if text not in others:
                subject = str(one.get("subject") or one.get("software_no") or "")
                kind = str(one.get("kind") or "")
                yield Difference(what, subject, str(one.get("product_id") or ""), (kind,) if kind else (), side)


def differing(sealed: Document, derived: Document) -> tuple[str, ...]:
    """Names whose values are not the same."""
    names = [*sealed, *(name for name in derived if name not in sealed)]
    return tuple(name for name in names if name not in sealed or name not in derived or sealed[name] != derived[name])


def digest_of(document: Any) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(canonical(document)).hexdigest()
