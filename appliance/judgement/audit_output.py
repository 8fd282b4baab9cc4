"""What grows while verdicts pass by: the digest, counts and findings, and at the end rates and head. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, fields, replace
from typing import Any

from appliance.judgement.base_rates import (
    Pair,
    asset_match_rate,
    client_rates,
    coverage_rate,
    ledger_match_rate,
    power_on_rate,
    purchase_rates,
    quantity_match_rate,
    rectification_rate,
)
from appliance.judgement.breakdowns import Breakdowns, joined, over_parts
from appliance.judgement.declared import Declared
from appliance.judgement.differences import Difference, differences
from appliance.judgement.documents import canonical, rate_document, records_digest, verdict_document
from appliance.judgement.entitlements import Register
from appliance.judgement.findings import (
    in_order,
    not_restored,
    of_roster,
    of_verdict,
    over_licence,
    unlisted_free,
    unrecognised_rows,
)
from appliance.judgement.host_signs import of_signs
from appliance.judgement.positions import Surplus
from appliance.judgement.rates import by_mode, computer_rates, software_rates
from appliance.judgement.roster import Roster
from appliance.judgement.survey import AuditInputs, Survey
from appliance.judgement.tallies import ComputerTally, Tally
from appliance.model import Finding, Phase, Product, Rate, Verdict
from appliance.rules.model import Copy
from config.message import Message

AUDIT_SCHEMA = "hezheng.audit/1"


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known when the last verdict is out."""

    findings: tuple[Finding, ...]
    rates: Mapping[str, Rate]
    differences: tuple[Difference, ...]
    head: Mapping[str, Any]
    marks: Mapping[str, str]  # by host id: appliance.judgement.tallies.ComputerTally.marks


class Output:
    """Counts, findings and the digest that grow while verdicts pass by."""

    def __init__(self, inputs: AuditInputs, register: Register) -> None:
        self._inputs, self._register = inputs, register
        self._digest = hashlib.sha256()
        self._tally = Tally()
        self._computers = ComputerTally(inputs.policy.switches.audited_categories)
        self._breakdowns = Breakdowns()
        self._findings: list[Finding] = []
        self._unlisted: dict[str, tuple[Product, list[str]]] = {}
        self._surplus_verdicts: dict[str, list[Verdict]] = {}
        self._official = frozenset(result.asset_no for result in inputs.declared.official)
        self._compared: dict[tuple[str, str], tuple[str, str]] = {}
        self._count = 0

    def take(self, copy: Copy, verdict: Verdict) -> tuple[Verdict, bytes]:
        """Count one verdict on a computer; returns it with its line."""
        computer = copy.computer
        self._tally.add(copy.product, verdict.decision, verdict.official)
        self._computers.add(copy, verdict.decision, verdict.official)
        self._breakdowns.add(copy, verdict.decision, verdict.official)
        self._findings += of_verdict(computer, verdict)
        if verdict.rule == "R16":
            self._unlisted.setdefault(copy.product.id, (copy.product, []))[1].append(verdict.id)
        elif verdict.rule == "R14":
            self._surplus_verdicts.setdefault(copy.product.id, []).append(verdict)
        if computer.asset_no in self._official:
            self._compared[computer.asset_no, copy.product.id] = verdict.decision.value, verdict.id
        return self._emit(verdict)

    def take_surplus(self, surplus: Surplus, verdict: Verdict) -> tuple[Verdict, bytes]:
        """Count one verdict at product level."""
        self._surplus_verdicts.setdefault(surplus.product.id, []).append(verdict)
        return self._emit(verdict)

    def _emit(self, verdict: Verdict) -> tuple[Verdict, bytes]:
        line = canonical(verdict_document(verdict)) + b"\n"
        self._digest.update(line)
        self._count += 1
        return verdict, line

    def close(self, roster: Roster, survey: Survey, surpluses: tuple[Surplus, ...]) -> Summary:
        """All verdicts are out: apply the surpluses, make rates, findings and the head."""
        inputs = self._inputs
        self._computers.close()
        for surplus in surpluses:
            self._charge(surplus)
        rates = self._rates(roster, survey, sum(surplus.unnamed for surplus in surpluses))
        lines = differences(inputs.declared.official, self._compared, inputs.catalogue)
        findings = self._all_findings(roster, survey, surpluses)
        return Summary(findings, rates, lines, self._head(inputs, roster, survey), self._computers.marks)

    def _charge(self, surplus: Surplus) -> None:
        """What a desk decision or an upheld objection says about the product holds for the surplus in the rates too."""
        at_product_level = [v for v in self._surplus_verdicts.get(surplus.product.id, ()) if not v.host_id]
        if at_product_level:
            decision = at_product_level[0].decision
            self._tally.charge(surplus, self._inputs.policy.switches.unlisted_in_rates, decision)

    def _all_findings(self, roster: Roster, survey: Survey, surpluses: tuple[Surplus, ...]) -> tuple[Finding, ...]:
        return in_order(
            [
                *self._findings,
                *(self._over_licence(surplus) for surplus in surpluses),
                *(unlisted_free(product, len(ids), tuple(ids)) for product, ids in self._unlisted.values()),
                *_other_free(survey, self._register),
                *survey.findings,
                *of_roster(roster, survey.identities),
                *not_restored(roster, survey.identities, self._inputs.unrestored),
                *of_signs(self._inputs.signs, self._inputs.hosts, survey.identities),
                *unrecognised_rows(self._register.unrecognised),
            ]
        )

    def _over_licence(self, surplus: Surplus) -> Finding:
        verdicts = self._surplus_verdicts.get(surplus.product.id, [])
        reasons = next((v.reasons for v in verdicts if not v.host_id), verdicts[0].reasons if verdicts else ())
        return over_licence(surplus, reasons, tuple(verdict.id for verdict in verdicts))

    def _rates(self, roster: Roster, survey: Survey, unnamed: int) -> dict[str, Rate]:
        switches, declared = self._inputs.policy.switches, self._inputs.declared
        software = software_rates(self._tally, switches.audited_categories)
        rates = {
            **by_mode({**software, **computer_rates(self._computers, unnamed)}, switches.legal_rate_mode),
            **self._over_the_ledger(roster, frozenset(survey.collected()), frozenset(survey.clients)),
            "asset_match_rate.quantity": quantity_match_rate(roster),
            **purchase_rates(declared.purchases),
            "ledger_match_rate": ledger_match_rate(*allocation_pairs(declared, self._register, survey)),
            "rectification_rate": rectification_rate(declared.rectifications),
        }
        return self._as_of_phase(rates)

    def _over_the_ledger(self, roster: Roster, collected: Set[str], clients: Set[str]) -> dict[str, Rate]:
        """The rates over the asset ledger, or a part of it; ``collected`` and ``clients``: host ids of the whole."""
        inputs, switches, official = self._inputs, self._inputs.policy.switches, self._inputs.declared.official
        read = [host.id for host in roster.hosts if host.id in collected]
        with_client = [host.id for host in roster.hosts if host.id in clients]
        window = inputs.window or (inputs.as_of, inputs.as_of)
        return {
            "coverage_rate": coverage_rate(roster, read),
            "asset_match_rate": asset_match_rate(roster, switches.justified_in_asset_match),
            **client_rates(roster, with_client, read, official),
            "power_on_rate": power_on_rate(
                roster, official, window, with_client if switches.power_on_base == "clients" else None
            ),
        }

    def _as_of_phase(self, rates: Mapping[str, Rate]) -> dict[str, Rate]:
        """定稿: what is still open stays in the denominator and out of the numerator."""
        final = self._inputs.phase is Phase.FINAL
        return {name: replace(rate, final=True) if final else rate for name, rate in rates.items()}

    def _head(self, inputs: AuditInputs, roster: Roster, survey: Survey) -> dict[str, Any]:
        everything = self._tally.total(self._tally.categories())
        return {
            "schema": AUDIT_SCHEMA,
            "inspection_id": inputs.inspection_id,
            "unit": inputs.unit,
            "as_of": inputs.as_of.isoformat(),
            "phase": inputs.phase.value,
            "unit_kind": inputs.unit_kind.value,
            "policy": inputs.policy.to_json(),
            "catalogue": {"version": inputs.catalogue.version, "digest": inputs.catalogue.digest},
            "inputs": {"facts": _facts_digest(survey), **input_digests(inputs)},
            "verdicts": {"count": self._count, "sha256": self._digest.hexdigest()},
            "counts": {
                "computers": len(roster.hosts),
                "collected": len(survey.collected()),
                **{name: survey.counts.get(name, 0) for name in ("entries", "noise", "residue", "unknown")},
                "products": len(survey.recognised),
                "copies": everything.copies + everything.apart,
                "licensed": everything.licensed,
                "unlicensed": everything.unlicensed,
                "to_verify": everything.to_verify,
                "apart": everything.apart,
            },
            "breakdowns": self._broken_down(roster, survey),
            "host_lists": _host_lists(inputs),
            "standing": standing(inputs.phase, everything.to_verify).to_json(),
        }

    def _broken_down(self, roster: Roster, survey: Survey) -> dict[str, dict[str, dict[str, Any]]]:
        """Rate documents by name, by group, by dimension."""
        switches = self._inputs.policy.switches
        software = self._breakdowns.rates(switches.audited_categories, switches.legal_rate_mode == "computer")
        sets = frozenset(survey.collected()), frozenset(survey.clients)
        ledger = over_parts(roster, survey.computers, lambda part: _whole(self._over_the_ledger(part, *sets)))
        return {
            dimension: {
                group: {name: rate_document(rate) for name, rate in self._as_of_phase(rates).items()}
                for group, rates in groups.items()
            }
            for dimension, groups in joined(ledger, software).items()
        }


def _whole(rates: Mapping[str, Rate]) -> dict[str, Rate]:
    """Without the parts of a rate: a part of the unit is not divided once more."""
    return {name: rate for name, rate in rates.items() if "." not in name}


def standing(phase: Phase, to_verify: int) -> Message:
    """初步 or 最终, in words; the final one says how 待核实 was treated."""
    if to_verify == 0 and phase is Phase.FINAL:
        return Message.of("rate.final")
    code = "rate.final_open" if phase is Phase.FINAL else "rate.preliminary"
    return Message(code, {"to_verify": to_verify})


def allocation_pairs(declared: Declared, register: Register, survey: Survey) -> tuple[set[Pair], set[Pair]]:
    """附件8 rows and what was found, as (计算机编号, product id), on fully collected listed computers; both empty when
    no 附件8 was handed over.
    """
    if not declared.allocations:
        return set(), set()
    here = {c.computer_no for c in survey.computers.values() if c.collected and c.official and c.computer_no}
    product_of = register.products_by_number()
    rows = {
        (row.computer_no, product_of.get(row.software_no, row.software_no))
        for row in declared.allocations
        if row.computer_no in here
    }
    found = {
        (copy.computer.computer_no, copy.product.id)
        for copies in survey.copies
        for copy in copies
        if copy.computer.collected and copy.computer.computer_no in here
    }
    return rows, found


def _host_lists(inputs: AuditInputs) -> dict[str, list[dict[str, str]]]:
    """Computers with a stated ground (租赁, 外包, 云主机, 瘦客户机, 专用设备, 个人自带), each kind its own list."""
    lists: dict[str, list[dict[str, str]]] = {}
    for note in sorted(inputs.declared.host_notes, key=lambda n: (n.ground, n.host_id)):
        lists.setdefault(note.ground.value, []).append({"host_id": note.host_id, "reason": note.reason})
    return lists


def _other_free(survey: Survey, register: Register) -> Iterator[Finding]:
    """Free software outside the audited categories that no 附件6 row names: once a product, without a verdict."""
    for product_id in sorted(survey.other_free):
        if product_id not in register.free:
            yield unlisted_free(survey.products[product_id], survey.other_free[product_id])


def _facts_digest(survey: Survey) -> str:
    return hashlib.sha256(b"".join(sorted(survey.facts_lines))).hexdigest()


def input_digests(inputs: AuditInputs) -> dict[str, str]:
    """SHA-256 of every input but the facts themselves, by name; the hosts name the facts they were judged by."""
    records = {
        "hosts": inputs.hosts,
        "matches": inputs.matches,
        "assets": inputs.assets,
        "licences": inputs.licences,
        "free_list": inputs.free_list,
        "proofs": inputs.proofs,
        "signs": inputs.signs,
        "unrestored": inputs.unrestored.items(),
        "unit_kind": (inputs.unit_kind,),
        **{field.name: getattr(inputs.declared, field.name) for field in fields(inputs.declared)},
    }
    return {name: records_digest(items) for name, items in records.items()}
