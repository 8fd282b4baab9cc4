"""Use case: run the audit over what is stored, and keep its verdicts, findings, rates and positions."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.jobs import Job
from appliance.judgement.audit import AuditHost, AuditInputs, AuditRun, run_audit
from appliance.judgement.audit_output import input_digests
from appliance.judgement.declared import unit_kind_of
from appliance.judgement.policy import Policy
from appliance.judgement.reads import Read
from appliance.ledger.model import FreeListEntry, LedgerKind, Licence
from appliance.model import Finding, Phase, Rate, Verdict
from appliance.recognition.corrections import Corrected
from appliance.recognition.matching import match_hosts
from appliance.store import audits as store
from appliance.store import hosts as host_store
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as ledger_store
from appliance.store.database import Db, Row
from appliance.store.hosts import StoredHost
from appliance.visits import folding, one_computer, recognising, records
from appliance.visits.changes import unrestored
from appliance.visits.ledgers_in_force import assets_in_force
from appliance.visits.scanning import is_candidate
from config.clock import rfc3339
from config.message import Message
from config.problems import Conflict, NotFound
from scanner.model import Identity, Outcome

_FINDING = TypeAdapter(Finding)
_RATE = TypeAdapter(Rate)


@dataclass(frozen=True, slots=True)
class _Latest:
    """The best result of one host."""

    facts_id: str
    outcome: Outcome
    reason: Message | None


def start(appliance: Appliance, inspection_id: str) -> Job:
    """Run the audit as a job. Raises Conflict when nothing was discovered yet, and while it is being sealed."""
    with appliance.open_inspection(inspection_id) as (db, _):
        if not db.value("SELECT COUNT(*) FROM hosts"):
            raise Conflict("inspection.no_hosts")

    def work(job: Job) -> dict[str, Any]:
        with appliance.open_inspection(inspection_id) as (db, _):
            return run(appliance, inspection_id, db, job)

    with appliance.jobs.deciding:
        appliance.jobs.require_none(inspection_id, "seal")
        return appliance.jobs.start("audit", "verdicts", inspection_id, work)


def run(appliance: Appliance, inspection_id: str, db: Db, job: Job) -> dict[str, Any]:
    """Audit one inspection and store the result in one transaction; returns head and counts."""
    with no_looking_for_cycles():
        return _run(appliance, inspection_id, db, job)


@contextmanager
def no_looking_for_cycles() -> Generator[None]:
    """An audit makes millions of small objects without cycles: looking for some in them only takes time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run(appliance: Appliance, inspection_id: str, db: Db, job: Job) -> dict[str, Any]:
    appliance.log(inspection_id, "audit.started")
    audit = run_audit(inputs(appliance, inspection_id, db))
    audit_id = appliance.ids.new()
    head = {"id": audit_id, "created_at": rfc3339(appliance.clock.now())}
    store.save_audit(db, head, _counted(audit, job), _result(audit))
    if audit.head["phase"] == Phase.FINAL:  # 定稿: from now on only an explicit reopening lets anything change
        inspection_store.update(db, {"finalised_at": head["created_at"]})
    digest = str(audit.head["verdicts"]["sha256"])
    appliance.log(inspection_id, "audit.done", audit=audit_id, digest=digest)
    return {"audit": audit_id, "digest": digest, **store.counts(db, audit_id)}


def _counted(audit: AuditRun, job: Job) -> Iterator[tuple[Verdict, bytes]]:
    for n, found in enumerate(audit.both(), 1):
        job.done = job.total = n
        yield found


def _result(audit: AuditRun) -> Iterator[Row]:
    yield {
        "head": audit.head,
        "rates": {name: _RATE.dump_python(rate, mode="json") for name, rate in audit.rates.items()},
        "positions": [asdict(position) for position in audit.positions],
        "digest": audit.head["verdicts"]["sha256"],
        "hosts": audit.hosts(),
        "assets": audit.assets(),
        "findings": [_FINDING.dump_python(finding, mode="json") for finding in audit.findings],
    }


def changed_since(appliance: Appliance, inspection_id: str, db: Db) -> tuple[str, ...]:
    """What is no longer as the newest audit had it, by name of the input; empty when it would come out the same.

    Facts are told by their ids, which the hosts name: none is read. Raises NotFound before the first audit.
    """
    judged, now = latest(db)["head"], inputs(appliance, inspection_id, db, with_reads=False)
    named = {"phase": now.phase.value, "as_of": now.as_of.isoformat(), "policy": now.policy.to_json()}
    named["catalogue"] = {"version": now.catalogue.version, "digest": now.catalogue.digest}
    digests = input_digests(now)
    changed = [name for name, digest in digests.items() if digest != judged["inputs"].get(name)]
    return (*(name for name, value in named.items() if value != judged[name]), *changed)


def inputs(appliance: Appliance, inspection_id: str, db: Db, *, with_reads: bool = True) -> AuditInputs:
    """Everything the audit is a function of; ``with_reads=False`` leaves out what is read from the facts."""
    row = inspection_store.read(db)
    policy = appliance.policy(row["policy"])
    folder = appliance.folder.inspection(inspection_id)
    catalogue = recognising.corrected(appliance, folder)
    same, every = one_computer.sameness(db), host_store.list_hosts(db)
    hosts, declared = one_computer.standing(every, same), records.declared(db)
    results = {host_id: _Latest(*found) for host_id, found in host_store.latest_results(db).items()}
    reads = _reads(appliance, folder, db, catalogue, policy, [stored.id for stored in hosts]) if with_reads else {}
    identities = (
        {host_id: read.identity for host_id, read in reads.items()} if with_reads else host_store.identities(db)
    )
    assets = assets_in_force(db)
    return AuditInputs(
        inspection_id=inspection_id,
        unit=row["unit"],
        as_of=date.fromisoformat(row["as_of"]),
        phase=Phase(row["phase"]),
        policy=policy,
        catalogue=catalogue,
        hosts=tuple(_audit_host(stored, results.get(stored.id), identities.get(stored.id)) for stored in hosts),
        matches=match_hosts(one_computer.views(filter(is_candidate, every), identities, same), assets),
        assets=assets,
        licences=ledger_store.records_in_force(db, LedgerKind.LICENCES, Licence),
        free_list=ledger_store.records_in_force(db, LedgerKind.FREE_LIST, FreeListEntry),
        proofs=ledger_store.list_proofs(db),
        facts=lambda: (facts for _, facts in host_store.stream_facts(db)),
        declared=declared,
        unit_kind=unit_kind_of(_system(appliance, row["unit_id"])),
        unrestored={same.main.get(host, host): change for host, change in unrestored(folder).items()},
        signs=one_computer.signs(db, declared, same),
        window=_window(row),
        reads=lambda: (reads.pop(stored.id) for stored in hosts if stored.id in reads),  # let go as they are used
    )


def _reads(
    appliance: Appliance, folder: InspectionFolder, db: Db, catalogue: Corrected, policy: Policy, host_ids: list[str]
) -> dict[str, Read]:
    processes = folding.processes_for(len(host_ids))
    if processes == 1:
        return dict(folding.fold_here(db, catalogue, policy.switches))
    source = appliance.loaded_catalogue.source
    return folding.fold_in_processes(folder, source, catalogue, policy.switches, host_ids, processes, appliance.clock)


def _system(appliance: Appliance, unit_id: str) -> str:
    with appliance.index() as index:
        unit = inspection_store.find_unit(index, unit_id)
    return str(unit["system"]) if unit else ""


def _window(row: Row) -> tuple[date, date]:
    """The days of the visit: from the making of the inspection to its as-of day."""
    as_of = date.fromisoformat(row["as_of"])
    return min(date.fromisoformat(row["created_at"][:10]), as_of), as_of


def _audit_host(stored: StoredHost, latest: _Latest | None, identity: Identity | None) -> AuditHost:
    return AuditHost(
        id=stored.id,
        address=stored.host.address,
        kind=stored.host.kind,
        hostname=(identity.hostname if identity else None) or "",
        in_scope=True,
        outcome=latest.outcome if latest else None,
        reason=latest.reason if latest else None,
        facts_id=latest.facts_id if latest else "",
        mac=stored.host.mac or "",
    )


def latest(db: Db) -> Row:
    """The newest audit. Raises NotFound before the first."""
    found = store.latest_audit(db)
    if found is None:
        raise NotFound("audit.none_yet")
    return found


def rates(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """Rates, positions and head of the newest audit."""
    with appliance.inspection(inspection_id) as (db, _):
        found = latest(db)
        return {name: found[name] for name in ("id", "created_at", "head", "rates", "positions", "digest")}


def verdicts(
    appliance: Appliance, inspection_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, Any]]:
    """``(sequence, verdict)`` of the newest audit."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_verdicts(db, latest(db)["id"], after, limit, filters)


def verdict(appliance: Appliance, inspection_id: str, verdict_id: str) -> dict[str, Any]:
    """One verdict of the newest audit. Raises NotFound."""
    with appliance.inspection(inspection_id) as (db, _):
        found = store.get_verdict(db, latest(db)["id"], verdict_id)
    if found is None:
        raise NotFound("audit.no_verdict", id=verdict_id[:40])
    return found


def findings(
    appliance: Appliance, inspection_id: str, after: int, limit: int, filters: dict[str, str]
) -> list[tuple[int, Any]]:
    """``(sequence, finding)`` of the newest audit."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_findings(db, latest(db)["id"], after, limit, filters)
