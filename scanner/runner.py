"""Run the collectors of one host over a session, live or replayed; keep what was read before a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scanner.collectors.base import Collector, S
from scanner.model import CollectorResult, Outcome, Record
from scanner.session import SessionError


def run_collectors(
    session: S, collectors: Sequence[Collector[S]], announce: Callable[[str], None]
) -> tuple[list[Record], list[CollectorResult]]:
    """Run each collector once. ``announce`` is told a collector's name before it starts."""
    records: list[Record] = []
    results: list[CollectorResult] = []
    for collector in collectors:
        announce(collector.name)
        found, result = run_one(session, collector)
        records += found
        results.append(result)
    return records, results


def run_one(session: S, collector: Collector[S]) -> tuple[list[Record], CollectorResult]:
    """Run one collector; its session error becomes its outcome beside the records it had yielded."""
    found: list[Record] = []
    outcome, reason = Outcome.READ, None
    try:
        for record in collector.collect(session):
            found.append(record)  # one by one: an error later on must not lose it
    except SessionError as error:
        outcome, reason = error.outcome, error.reason
    return found, CollectorResult(collector.name, collector.version, outcome, reason, len(found))
