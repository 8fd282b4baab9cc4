"""The audit: facts and ledgers become verdicts, positions, rates and findings. Pure, and it streams.

Pass 1 folds the facts, host by host, into copies. Pass 2 gives seats from small counters. Pass 3 walks the copies in
canonical order (host id, category, product id, rule; product level first), rules on each, and keeps a running SHA-256.
The same input in any order gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from appliance.judgement.audit_output import Output, Summary
from appliance.judgement.breakdowns import place_in
from appliance.judgement.decisions import Decided
from appliance.judgement.declared import UnitKind
from appliance.judgement.differences import Difference
from appliance.judgement.entitlements import Register, build_register
from appliance.judgement.places import place_of
from appliance.judgement.positions import Position, SeatPlan, Surplus, has_seat_by_paper, plan_seats
from appliance.judgement.roster import AuditHost, Roster, build_roster, found_by_asset
from appliance.judgement.survey import AuditInputs, Survey, survey_hosts
from appliance.ledger.model import AssetState
from appliance.model import Decision, Finding, Product, Rate, Verdict
from appliance.recognition import identity
from appliance.rules import condemned, judge
from appliance.rules.model import Context, Copy, Ruling, Seat
from appliance.rules.registered import note_unregistered, registered, registered_first
from appliance.rules.surplus import named_surplus
from appliance.rules.surplus import surplus as judge_surplus
from config.message import Message

__all__ = ["AuditHost", "AuditInputs", "AuditRun", "run_audit"]


def run_audit(inputs: AuditInputs) -> AuditRun:
    """Passes 1 and 2. Raises BadInput ``verdict.facts_missing`` when a host's facts are not among ``facts()``."""
    switches = inputs.policy.switches
    roster = build_roster(inputs.hosts, inputs.matches, inputs.assets, inputs.declared, switches)
    register = build_register(
        inputs.licences,
        inputs.proofs,
        inputs.free_list,
        inputs.catalogue,
        inputs.as_of,
        switches.proof_required,
        inputs.declared,
        switches.administrative_departments if inputs.unit_kind is UnitKind.SCHOOL else (),
    )
    survey = survey_hosts(inputs, roster)
    complete = sum(found_by_asset(roster, survey.collected()).values()) == roster.size()
    peaks = {s.software_no: s.peak for s in inputs.declared.licence_servers if s.peak is not None}
    copies = (copy for copies in survey.copies for copy in copies)
    context, decided = context_of(inputs), Decided.of(inputs.declared)
    plan = plan_seats(copies, register, complete, peaks, lambda copy: is_lost(copy, context, decided))
    return AuditRun(inputs, roster, register, survey, plan)


def is_lost(copy: Copy, context: Context, decided: Decided) -> bool:
    """Whether a copy is 非正版, or left out, whatever seat it gets: by a person's word, else by the machine alone."""
    said = decided.decision(copy.computer.host_id, copy.product.id)
    if said is not None:
        return said in (Decision.UNLICENSED, Decision.EXCLUDED)
    return condemned(copy, context)


def context_of(inputs: AuditInputs) -> Context:
    """What holds for the whole audit."""
    declared = inputs.declared
    servers: dict[str, set[str]] = {}
    for server in declared.licence_servers:
        servers.setdefault(server.software_no, set()).add(server.server.strip().lower())
    disposed = {disposal.asset_no for disposal in declared.disposals}
    gone = (a for a in inputs.assets if a.state is AssetState.SCRAPPED or a.asset_no in disposed)
    return Context(
        as_of=inputs.as_of,
        phase=inputs.phase,
        switches=inputs.policy.switches,
        kms_hosts=frozenset(host.host.strip().lower() for host in declared.kms_hosts),
        known=inputs.known,
        unit_kind=inputs.unit_kind,
        servers={number: frozenset(names) for number, names in servers.items()},
        scrapped=frozenset(identity.serial(text) for asset in gone for text in asset.serials) - {""},
    )


class AuditRun:
    """One audit, ready to be streamed. ``findings``, ``rates``, ``differences`` and ``head`` follow when the verdicts
    are out.
    """

    def __init__(self, inputs: AuditInputs, roster: Roster, register: Register, survey: Survey, plan: SeatPlan) -> None:
        self._inputs, self._roster, self._register = inputs, roster, register
        self._survey, self._plan = survey, plan
        over = frozenset(surplus.product.id for surplus in plan.surpluses if surplus.unnamed > surplus.lost)
        self._context = replace(context_of(inputs), over=over)
        self._decided = Decided.of(inputs.declared)
        self._log = registered(inputs.declared.install_log)
        self._summary: Summary | None = None

    def verdicts(self) -> Iterator[Verdict]:
        """Every verdict in canonical order."""
        return (verdict for verdict, _ in self._stream())

    def lines(self) -> Iterator[bytes]:
        """Every verdict as one line of canonical JSON; their SHA-256 is ``head["verdicts"]["sha256"]``."""
        return (line for _, line in self._stream())

    def both(self) -> Iterator[tuple[Verdict, bytes]]:
        """Every verdict with its line, in one walk."""
        return self._stream()

    @property
    def positions(self) -> tuple[Position, ...]:
        """One a counted 附件7 row, by 软件编号."""
        return self._plan.positions

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in canonical order."""
        return self._finish().findings

    @property
    def rates(self) -> Mapping[str, Rate]:
        """Rates by name; see :mod:`appliance.judgement.rates`."""
        return self._finish().rates

    @property
    def differences(self) -> tuple[Difference, ...]:
        """差异表: the official client's result beside ours."""
        return self._finish().differences

    def hosts(self) -> Iterator[dict[str, Any]]:
        """The computers as judged: host_id, address, hostname, asset_no, facts_id, collected, client, marks, place."""
        collected, clients = set(self._survey.collected()), set(self._survey.clients)
        marks = self._finish().marks
        for host in self._roster.hosts:
            asset = self._roster.asset_of(host.id)
            yield {
                "host_id": host.id,
                "address": host.address,
                "hostname": host.hostname,
                "asset_no": asset.asset_no if asset else "",
                "facts_id": host.facts_id,
                "collected": int(host.id in collected),
                "client": int(host.id in clients),
                "marks": marks.get(host.id, ""),
                **place_in(self._roster, self._survey.computers, host.id)._asdict(),
            }

    def assets(self) -> Iterator[dict[str, Any]]:
        """A: asset_no, quantity, department, kind, xinchuang, ledger row."""
        for number, asset in self._roster.base.items():
            row = {"asset_no": number, "quantity": asset.quantity, **place_of(asset, None)._asdict()}
            yield {**row, "row": asset.ref.text()}

    @property
    def head(self) -> Mapping[str, Any]:
        """As-of date, phase, policy, catalogue, counts, and the digests of every input and of the output."""
        return self._finish().head

    def _finish(self) -> Summary:
        if self._summary is None:
            for _ in self._stream():
                pass
        assert self._summary is not None, "the stream sets it at its end"
        return self._summary

    def _stream(self) -> Iterator[tuple[Verdict, bytes]]:
        output = Output(self._inputs, self._register)
        for surplus in sorted(self._plan.surpluses, key=lambda s: (s.product.category, s.product.id, s.rule)):
            if surplus.unnamed:
                yield output.take_surplus(surplus, self._surplus_verdict(surplus))
        plan = self._plan.fresh()
        for copies in self._survey.copies:
            for copy in copies:
                yield output.take(copy, self._verdict(copy, plan))
        self._summary = output.close(self._roster, self._survey, self._plan.surpluses)

    def _verdict(self, copy: Copy, plan: SeatPlan) -> Verdict:
        by_paper = has_seat_by_paper(copy, self._register)
        seat = plan.hand_out(copy, self._register.of_copy(copy), by_paper)
        found = registered_first(self._register.of_copy(copy, seat), copy, self._log)
        ruling = judge(copy, found, self._context)
        if seat is Seat.SURPLUS and plan.is_named(copy, found, by_paper):
            ruling = ruling if ruling.decision is Decision.UNLICENSED else named_surplus(copy, found)
        ruling = note_unregistered(ruling, copy, found, self._log)
        computer = copy.computer
        ruling, decided_by = self._decided.apply(ruling, computer.host_id, copy.product.id)
        if not computer.official:
            ruling = replace(ruling, remarks=(*ruling.remarks, Message.of("verdict.not_on_ledger")))
        facts_id = computer.facts_id
        observations = tuple(f"{facts_id}/{observation}" for observation in copy.observations)
        return _verdict_of(
            copy.product,
            ruling,
            computer.host_id,
            observations,
            version="、".join(copy.versions),
            edition=copy.edition,
            official=computer.official or self._inputs.policy.switches.unlisted_in_rates,
            decided_by=decided_by,
        )

    def _surplus_verdict(self, surplus: Surplus) -> Verdict:
        apart = surplus.apart - surplus.named_apart
        ruling = judge_surplus(
            surplus.product, surplus.installs, surplus.unnamed, apart, surplus.grants, rule=surplus.rule
        )
        assert ruling is not None, "a plan lists real surpluses only"
        ruling, decided_by = self._decided.apply(ruling, "", surplus.product.id)
        seen = tuple(
            f"{copy.computer.facts_id}/{observation}"
            for copies in self._survey.copies
            for copy in copies
            if copy.product.id == surplus.product.id
            for observation in copy.observations
        )
        return _verdict_of(surplus.product, ruling, "", seen, quantity=surplus.unnamed, decided_by=decided_by)


def _verdict_of(
    product: Product,
    ruling: Ruling,
    host_id: str,
    observations: tuple[str, ...],
    *,
    version: str = "",
    edition: str = "",
    quantity: int = 1,
    official: bool = True,
    decided_by: str = "rule",
) -> Verdict:
    return Verdict(
        id=verdict_id(host_id, product.id),
        host_id=host_id,
        product_id=product.id,
        product_name=product.name,
        category=product.category,
        decision=ruling.decision,
        rule=ruling.rule,
        reasons=ruling.reasons,
        observations=observations,
        ledger_rows=ruling.rows,
        software_no=ruling.software_no,
        policy=ruling.policy,
        settles=ruling.settles,
        remarks=ruling.remarks,
        version=version,
        edition=edition,
        quantity=quantity,
        origin=product.origin,
        official=official,
        decided_by=decided_by,
    )


def verdict_id(host_id: str, product_id: str) -> str:
    """Stable within an inspection: one verdict a product and computer, one a product at product level."""
    return "v" + hashlib.sha256(f"{host_id}\n{product_id}".encode()).hexdigest()[:20]
