"""What a case expects against what the audit says; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from appliance.judgement.audit import AuditRun, run_audit
from appliance.judgement.case_file import CaseFile, Expected
from appliance.judgement.cases import Case
from appliance.judgement.documents import finding_document, position_document, rate_document, verdict_document
from appliance.model import Verdict
from config.message import Message


def run_case(case: Case) -> dict[str, Any]:
    """Run the audit: ``head``, ``rates``, ``positions``, ``findings``, ``differences``, ``verdicts``, ``remarks``
    (records about what the case does not have) and ``unmet``: the messages about what came out otherwise than the case
    expects (empty when it expects nothing).
    """
    run = run_audit(case.inputs)
    verdicts = list(run.verdicts())
    return {
        "title": case.file.title,
        "head": dict(run.head),
        "rates": {name: rate_document(rate) for name, rate in sorted(run.rates.items())},
        "positions": [position_document(position) for position in run.positions],
        "findings": [finding_document(finding) for finding in run.findings],
        "differences": [
            {name: getattr(line, name) for name in ("asset_no", "product_id", "name", "official", "ours", "verdict")}
            for line in run.differences
        ],
        "verdicts": [verdict_document(verdict) for verdict in verdicts],
        "remarks": [message.to_json() for message in case.remarks],
        "unmet": [message.to_json() for message in unmet(case.file, run, verdicts)],
    }


def unmet(file: CaseFile, run: AuditRun, verdicts: Iterable[Verdict]) -> Iterator[Message]:
    """Every expectation that is not met."""
    by_place = {(verdict.host_id, verdict.product_id): verdict for verdict in verdicts}
    for expected in file.expect:
        there = [product for host, product in by_place if host == expected.host]
        yield from _verdict(expected, by_place.get((expected.host, expected.product)), there)
    for name, wanted in file.expect_rates.items():
        rate = run.rates.get(name)
        if rate is None:
            yield Message.of("case.differs", place=name, expected="rate", found="、".join(sorted(run.rates)))
            continue
        asked = wanted.model_dump(exclude_unset=True)
        yield from _differs(name, asked, {key: getattr(rate, key) for key in asked})
    there = {(finding.kind, finding.subject) for finding in run.findings}
    for row in file.expect_findings:
        if (row.kind, row.subject) not in there and (row.subject or row.kind not in {kind for kind, _ in there}):
            found = "、".join(subject for kind, subject in sorted(there) if kind == row.kind) or None
            yield Message.of("case.differs", place=row.kind, expected=row.subject or row.kind, found=found)
    positions = {position.software_no: position for position in run.positions}
    for row in file.expect_positions:
        position, asked = positions.get(row.software_no), row.model_dump(exclude_unset=True)
        if position is None:
            known = "、".join(positions) or None
            yield Message.of("case.differs", place="expect_positions", expected=row.software_no, found=known)
        else:
            yield from _differs(row.software_no, asked, {key: getattr(position, key) for key in asked})


def _verdict(expected: Expected, found: Verdict | None, there: Iterable[str]) -> Iterator[Message]:
    """``there``: the products judged in the same place, for one who named another."""
    place = f"{expected.host}/{expected.product}"
    if expected.decision == "none":
        if found is not None:
            yield Message.of("case.differs", place=place, expected="none", found=found.decision.value)
        return
    if found is None:
        yield Message.of(
            "case.differs", place=place, expected=f"{expected.rule} {expected.decision}", found="、".join(there) or None
        )
        return
    wanted = {"decision": expected.decision, "quantity": expected.quantity}
    wanted |= {"rule": expected.rule} if expected.rule else {}
    if expected.software_no is not None:
        wanted["software_no"] = expected.software_no
    yield from _differs(place, wanted, {name: getattr(found, name) for name in wanted})
    messages = (*found.reasons, *found.remarks, *((found.settles,) if found.settles else ()))
    said = {message.code for message in messages}
    for code in sorted(set(expected.says) - said):
        yield Message.of("case.differs", place=place, expected=code, found="、".join(sorted(said)))


def _differs(place: str, wanted: Any, found: dict[str, Any]) -> Iterator[Message]:
    for name, value in wanted.items():
        if found[name] != value:
            yield Message.of("case.differs", place=f"{place} {name}", expected=str(value), found=str(found[name]))
