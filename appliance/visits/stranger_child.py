"""The child that reads the bundles of other laptops. It sends up, in this order:

``{"opened": {…}}`` and waits for how to go on (:func:`take` and :func:`join`), any number of
``{"progress": [done, total]}``, and at the end ``{"found": {…}}``;
or ``{"kind": …, "problem": {"code": …, "params": {…}}}`` and nothing more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from appliance.evidence.reading import info, opened_bundle
from appliance.evidence.verify import Verification, VerificationOutcome
from appliance.visits import baselines, joining, taking, unpacking
from appliance.visits.audit_reader import unbroken, verified
from config.problems import EnvironmentProblem, Problem
from scanner.process import Job, Upwards

DEPTH = 250
"""Of Python's stack. JSON that is nested deeper than fits here is refused, so what passes can be read and shown by the
serving process, which has four times as much.
"""
Document = dict[str, Any]


def look(job: Job, emit: Upwards) -> None:
    """Job ``{"path", "known"}``. Found: whose bundle it is, as :func:`appliance.visits.imports.looked_at` tells it."""
    _reporting(_look, job, emit)


def take(job: Job, emit: Upwards) -> None:
    """Job ``{"path", "known", "signer"}``. Opened: ``inspection_id, unit, sealed_at, digest, second_digest,
    fingerprint``; answered with ``{"aside", "seal", "unit_id", "sealed_at"}``. Found: as :func:`taking.fill` returns.
    """
    _reporting(_take, job, emit)


def read(job: Job, emit: Upwards) -> None:
    """Job ``{"path", "known", "signer"}``. Found: as :func:`appliance.visits.baselines.read_through` returns."""
    _reporting(_read, job, emit)


def compare(job: Job, emit: Upwards) -> None:
    """Job ``{"parts": {inspection: path}, "known", "catalogue", "titles"}``. Found: ``conflicts``."""
    _reporting(_compare, job, emit)


def join(job: Job, emit: Upwards) -> None:
    """Job as :func:`compare` and ``choices``. Opened: ``unit, kind, policy, phase, as_of, created_at``; answered with
    ``{"aside", "row", "merged_at", "merged_by"}``. Found: nothing.
    """
    _reporting(_join, job, emit)


def _reporting(work: Callable[[Job, Upwards], Document], job: Job, emit: Upwards) -> None:
    sys.setrecursionlimit(DEPTH)
    try:
        emit({"found": work(job, emit)})
    except Problem as problem:
        emit(_told(problem))
    except OSError as error:
        emit(_told(EnvironmentProblem("imports.cannot_write", detail=error.strerror)))


def _told(problem: Problem) -> Document:
    return {"kind": type(problem).__name__, "problem": problem.message.to_json()}


def _look(job: Job, emit: Upwards) -> Document:
    path = Path(job["path"])
    found = unbroken(path, job["known"])
    with opened_bundle(path) as reader:
        told = {name: str(reader.inspection.get(name, "")) for name in ("unit", "kind", "phase", "as_of")}
        return {
            **_seal(found),
            "known": found.outcome is VerificationOutcome.INTACT,
            "version": reader.version,
            "inspection_id": taking.inspection_id(reader),
            **told,
            "sealed_at": info(reader).get("Sealed-At", ""),
        }


def _seal(found: Verification) -> Document:
    return {"digest": found.digest, "second_digest": found.second_digest, "fingerprint": found.fingerprint}


def _take(job: Job, emit: Upwards) -> Document:
    path = Path(job["path"])
    found = verified(path, job["known"], job["signer"])
    with opened_bundle(path) as reader:
        opened = {
            **_seal(found),
            "inspection_id": taking.inspection_id(reader),
            "unit": unpacking.unit_of(reader),
            "sealed_at": info(reader).get("Sealed-At", ""),
        }
        decided = emit.ask({"opened": opened})
        return taking.fill(reader, path, decided, lambda done, total: emit({"progress": [done, total]}))


def _read(job: Job, emit: Upwards) -> Document:
    return baselines.read_through(Path(job["path"]), job["known"], job["signer"])


def _compare(job: Job, emit: Upwards) -> Document:
    with ExitStack() as stack:
        parts = joining.open_parts(job["parts"], job["known"], stack)
        return {"conflicts": [one.to_json() for one in joining.conflicts(parts, job["catalogue"], job["titles"])]}


def _join(job: Job, emit: Upwards) -> Document:
    with ExitStack() as stack:
        parts = joining.open_parts(job["parts"], job["known"], stack)
        found = joining.conflicts(parts, job["catalogue"], job["titles"])
        joining.require_decided(found, job["choices"])
        joined = joining.Joined(parts, found, job["choices"])
        decided = emit.ask({"opened": joined.told()})
        joined.make(decided, lambda done, total: emit({"progress": [done, total]}))
        return {}
