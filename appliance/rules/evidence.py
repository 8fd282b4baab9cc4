"""Crack evidence: graded, and bound to the product that it acts on.

Grades: *active* (a hooked or replaced licensing DLL, an activator's service or task present), *remnant* (an empty
folder, a quarantined file, a stopped service), *legitimate* (the unit's own declared KMS host). Evidence condemns only
the product it acts on; otherwise it is the finding 存在激活工具. Names are data: ``config/traces/*.toml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from appliance.judgement.traces import KnownTraces
from appliance.model import Category, Product
from scanner.model import Trace

WORKING = frozenset({"service", "task", "image_hook", "process", "driver"})
"""Kinds of traces that act while they are present, unless the collector saw that they do not."""
RESTING = frozenset({"quarantine"})
"""Kinds that never act: the security software has already taken them away."""


class Grade(StrEnum):
    """What a trace means."""

    ACTIVE = "active"
    REMNANT = "remnant"
    LEGITIMATE = "legitimate"


class Graded(NamedTuple):
    """One trace, judged."""

    grade: Grade
    name: str  # the activator's name, or the kind of the trace
    source: str
    observation: str


def grade(trace: Trace, known: KnownTraces) -> Grade | None:
    """What a trace means; None when neither its name nor its product says that it belongs to an activator.

    A trace whose activity was not seen counts as active only when its kind acts by being there.
    """
    if trace.kind == "kms_host":
        return Grade.LEGITIMATE if trace.active is False else None
    if known.named(trace) is None and not trace.product:
        return None
    if trace.kind in RESTING or trace.active is False:
        return Grade.REMNANT
    return Grade.ACTIVE if trace.active or trace.kind in WORKING else Grade.REMNANT


def acts_on(trace: Trace, product: Product, known: KnownTraces) -> bool:
    """Whether a trace is bound to a product: by what the collector saw, else by what its activator acts on."""
    entry = known.named(trace)
    targets = (trace.product,) if trace.product else entry.acts_on if entry else ()
    return any(_is(target.casefold(), product) for target in targets)


def _is(target: str, product: Product) -> bool:
    if target == "windows":
        return product.category is Category.OPERATING_SYSTEM and "windows" in product.name.casefold()
    if target == "office":
        return product.category is Category.OFFICE and "microsoft" in product.vendor.casefold()
    return target in (product.id, product.family) and bool(target)


def graded_for(traces: Iterable[Trace], product: Product, known: KnownTraces) -> tuple[Graded, ...]:
    """The graded traces that act on one product, in canonical order."""
    found = [
        Graded(level, _name(trace, known), trace.source, trace.observation)
        for trace in traces
        if (level := grade(trace, known)) is not None and acts_on(trace, product, known)
    ]
    return tuple(sorted(found))


def unbound(traces: Iterable[Trace], products: Iterable[Product], known: KnownTraces) -> tuple[Graded, ...]:
    """Graded traces that act on none of these products: 存在激活工具."""
    there = tuple(products)
    found = [
        Graded(level, _name(trace, known), trace.source, trace.observation)
        for trace in traces
        if (level := grade(trace, known)) in (Grade.ACTIVE, Grade.REMNANT)
        and level is not None
        and not any(acts_on(trace, product, known) for product in there)
    ]
    return tuple(sorted(found))


def _name(trace: Trace, known: KnownTraces) -> str:
    entry = known.named(trace)
    return entry.name if entry else trace.kind
