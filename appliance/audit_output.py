"""What grows while verdicts pass by: the digest, counts and findings, and at the end rates and head. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.documents import canonical, records_digest, verdict_document
from appliance.entitlements import Register
from appliance.findings import in_order, of_roster, over_licence, unlicensed_copy, unlisted_free, unrecognised_rows
from appliance.model import Decision, Finding, Product, Rate, Verdict
from appliance.positions import Surplus
from appliance.rates import Tally, rates_of
from appliance.roster import Roster
from appliance.rules.model import Copy
from appliance.survey import AuditInputs, Survey

AUDIT_SCHEMA = "hezheng.audit/1"


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known when the last verdict is out."""

    findings: tuple[Finding, ...]
    rates: Mapping[str, Rate]
    head: Mapping[str, Any]


class Output:
    """Counts, findings and the digest that grow while verdicts pass by."""

    def __init__(self, inputs: AuditInputs, register: Register) -> None:
        self._inputs, self._register = inputs, register
        self._digest = hashlib.sha256()
        self._tally = Tally()
        self._findings: list[Finding] = []
        self._unlisted: dict[str, tuple[Product, list[str]]] = {}
        self._count = 0

    def take(self, copy: Copy, verdict: Verdict) -> tuple[Verdict, bytes]:
        """Count one verdict on a computer; returns it with its line."""
        in_rates = copy.computer.official or self._inputs.policy.switches.unlisted_in_rates
        self._tally.add(copy.product, verdict.decision, in_rates)
        if verdict.decision is Decision.UNLICENSED:
            self._findings.append(unlicensed_copy(copy.computer, verdict))
        elif verdict.rule == "R16":
            self._unlisted.setdefault(copy.product.id, (copy.product, []))[1].append(verdict.id)
        return self._emit(verdict)

    def take_surplus(self, surplus: Surplus, verdict: Verdict) -> tuple[Verdict, bytes]:
        """Count one verdict at product level."""
        self._findings.append(over_licence(surplus, verdict))
        return self._emit(verdict)

    def _emit(self, verdict: Verdict) -> tuple[Verdict, bytes]:
        line = canonical(verdict_document(verdict)) + b"\n"
        self._digest.update(line)
        self._count += 1
        return verdict, line

    def close(self, roster: Roster, survey: Survey, surpluses: tuple[Surplus, ...]) -> Summary:
        """All verdicts are out: apply the surpluses, make rates, findings and the head."""
        inputs, switches = self._inputs, self._inputs.policy.switches
        for surplus in surpluses:
            self._tally.charge(surplus, switches.unlisted_in_rates)
        unlisted = [unlisted_free(product, len(ids), tuple(ids)) for product, ids in self._unlisted.values()]
        findings = in_order(
            [
                *self._findings,
                *unlisted,
                *_other_free(survey, self._register),
                *survey.findings,
                *of_roster(roster, survey.identities),
                *unrecognised_rows(self._register.unrecognised),
            ]
        )
        rates = rates_of(self._tally, roster, survey.collected(), switches.audited_categories)
        return Summary(findings, rates, self._head(inputs, roster, survey))

    def _head(self, inputs: AuditInputs, roster: Roster, survey: Survey) -> dict[str, Any]:
        everything = self._tally.total(self._tally.categories())
        return {
            "schema": AUDIT_SCHEMA,
            "inspection_id": inputs.inspection_id,
            "unit": inputs.unit,
            "as_of": inputs.as_of.isoformat(),
            "phase": inputs.phase.value,
            "policy": inputs.policy.to_json(),
            "catalogue": {"version": inputs.catalogue.version, "digest": inputs.catalogue.digest},
            "inputs": _input_digests(inputs, survey),
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
        }


def _other_free(survey: Survey, register: Register) -> Iterator[Finding]:
    """Free software outside the audited categories that no 附件6 row names: once a product, without a verdict."""
    for product_id in sorted(survey.other_free):
        if product_id not in register.free:
            yield unlisted_free(survey.products[product_id], survey.other_free[product_id])


def _input_digests(inputs: AuditInputs, survey: Survey) -> dict[str, str]:
    facts = hashlib.sha256(b"".join(sorted(survey.facts_lines))).hexdigest()
    records = {
        "hosts": inputs.hosts,
        "matches": inputs.matches,
        "assets": inputs.assets,
        "licences": inputs.licences,
        "free_list": inputs.free_list,
        "proofs": inputs.proofs,
        "kms_hosts": inputs.kms_hosts,
        "disposed": inputs.disposed,
    }
    return {"facts": facts, **{name: records_digest(items) for name, items in records.items()}}
