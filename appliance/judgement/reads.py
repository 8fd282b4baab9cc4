"""What an audit keeps of the facts of one computer, and the same as plain JSON, so that another process can make it.

Folding needs neither ledgers nor the other computers: it may be done anywhere, in any order. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from appliance.judgement.copies import Folded, Recognise, Recogniser, fold
from appliance.judgement.documents import facts_digest
from appliance.judgement.policy import Switches
from appliance.judgement.traces import KnownTraces
from appliance.model import Product
from appliance.rules.evidence import Grade, Graded
from appliance.rules.model import NOBODY, Copy
from appliance.rules.not_collected import fully_collected, has_evidence
from config.message import Message
from scanner.model import HostFacts, Identity, LicenceState, LicenceStatus, Outcome

Wire = list[Any]
_IDENTITY = TypeAdapter(Identity)
_NAMES = tuple(field.name for field in fields(LicenceState))
_STATE = attrgetter(*_NAMES)


class Read(NamedTuple):
    """The facts of one computer, folded. The copies belong to ``NOBODY`` until the survey knows the asset ledger."""

    facts_id: str
    digest: bytes
    outcome: Outcome
    reason: Message | None
    identity: Identity | None
    collected: bool  # everything asked was read
    partly: bool  # some software was read
    folded: Folded | None  # None: nothing to judge


def read_facts(
    facts: HostFacts, catalogue: Recogniser, recognise: Recognise, switches: Switches, known: KnownTraces
) -> Read:
    """Fold the facts of one computer."""
    return Read(
        facts_id=facts.id,
        digest=facts_digest(facts),
        outcome=facts.outcome,
        reason=facts.reason,
        identity=facts.identity,
        collected=fully_collected(facts),
        partly=bool(facts.installations),
        folded=fold(facts, NOBODY, catalogue, recognise, switches, known) if has_evidence(facts) else None,
    )


def to_wire(read: Read) -> Wire:
    """Plain JSON; products go by their ids."""
    return [
        read.facts_id,
        read.digest.hex(),
        read.outcome,
        read.reason.to_json() if read.reason else None,
        _IDENTITY.dump_python(read.identity, mode="json") if read.identity else None,
        read.collected,
        read.partly,
        _folded_to_wire(read.folded) if read.folded else None,
    ]


def from_wire(wire: Wire, products: Mapping[str, Product]) -> Read:
    """Inverse of :func:`to_wire`. ``products``: those of the same catalogue."""
    facts_id, digest, outcome, reason, identity, collected, partly, folded = wire
    return Read(
        facts_id,
        bytes.fromhex(digest),
        Outcome(outcome),
        Message.from_json(reason) if reason else None,
        _IDENTITY.validate_python(identity) if identity else None,
        collected,
        partly,
        _folded_from_wire(folded, products) if folded else None,
    )


def _folded_to_wire(folded: Folded) -> Wire:
    return [
        [_copy_to_wire(copy) for copy in folded.copies],
        [product.id for product in folded.others],
        sorted(folded.recognised),
        *folded[3:6],
        folded.loose,
        *folded[7:],
    ]


def _folded_from_wire(wire: Wire, products: Mapping[str, Product]) -> Folded:
    copies, others, recognised, antivirus, inbox, unrecognised, loose, *counts = wire
    return Folded(
        tuple(_copy_from_wire(copy, products) for copy in copies),
        tuple(products[product_id] for product_id in others),
        frozenset(recognised),
        antivirus,
        inbox,
        unrecognised,
        _graded(loose),
        *counts,
    )


def _copy_to_wire(copy: Copy) -> Wire:
    state = _STATE(copy.state) if copy.state else None
    return [
        copy.product.id,
        copy.versions,
        copy.edition,
        state,
        copy.observations,
        copy.traces,
        copy.servers,
        copy.why.to_json() if copy.why else None,
        copy.platform,
    ]


def _copy_from_wire(wire: Wire, products: Mapping[str, Product]) -> Copy:
    product_id, versions, edition, state, observations, traces, servers, why, platform = wire
    return Copy(
        NOBODY,
        products[product_id],
        tuple(versions),
        edition,
        _state(tuple(state)) if state else None,
        tuple(observations),
        _graded(traces),
        tuple(servers),
        Message.from_json(why) if why else None,
        platform,
    )


@lru_cache(maxsize=10_000)
def _state(values: tuple[Any, ...]) -> LicenceState:
    named: dict[str, Any] = dict(zip(_NAMES, values, strict=True))
    named["status"] = named["status"] and LicenceStatus(named["status"])
    return LicenceState(**named)


def _graded(traces: list[Wire]) -> tuple[Graded, ...]:
    return tuple(Graded(Grade(level), name, source, observation) for level, name, source, observation in traces)
