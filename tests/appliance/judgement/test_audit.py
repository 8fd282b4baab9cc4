"""The audit as a whole: evidence, findings, order, identity of bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from appliance.judgement.audit import AuditRun, run_audit
from appliance.judgement.declared import (
    Allocation,
    Declared,
    DeskDecision,
    InstallRow,
    Objection,
    OfficialResult,
    Rectification,
    RectificationState,
)
from appliance.judgement.documents import finding_document, position_document, rate_document, verdict_document
from appliance.judgement.findings import strong_identity
from appliance.ledger.model import RowRef
from appliance.model import Decision, Match, Phase, Verdict
from config.message import Message
from config.messages import render
from config.problems import BadInput
from scanner.model import Antivirus, DeviceKind, Identity, LicenceState, LicenceStatus, Outcome, Trace
from tests.appliance.judgement.world import NATIONAL, Unit, asset, entry, free_entry

KMS = LicenceState("wmi", "Office", "office", LicenceStatus.LICENSED, channel="VOLUME_MAK", observation="o-kms")


def busy_unit() -> Unit:
    """Every kind of thing at once."""
    unit = Unit()
    unit.add("h1", entry("WPS Office", "2019"), entry("奇安信天擎"), entry("微信"), os="Windows 10")
    unit.add("h2", entry("WPS Office", "2019"), entry("Microsoft Office", "2019"), os="Windows 10", states=(KMS,))
    unit.add("h3", entry("LibreOffice"), entry("火绒个人版"), entry("微信"), listed=False)
    unit.add("h4", entry("AutoCAD", "2020"), entry("看图个人版"), os="神秘系统")
    unit.add("h5", entry("WPS Office", "2019"), outcome=Outcome.TIMED_OUT)
    unit.add_closed("h6")
    unit.buy("S1", "WPS Office", 2)
    unit.buy("S2", "Microsoft Office", 1, paper=False)
    unit.buy("S3", "某无名软件", 1)
    unit.free_list.append(free_entry("M1", "LibreOffice", "财务科"))
    return unit


def by_place(run: AuditRun) -> dict[tuple[str, str], Verdict]:
    return {(verdict.host_id, verdict.product_id): verdict for verdict in run.verdicts()}


def test_each_copy_gets_its_rule_and_the_surplus_stands_at_product_level() -> None:
    rules = {
        place: (v.rule, v.decision.value, v.quantity) for place, v in by_place(run_audit(busy_unit().inputs())).items()
    }
    assert rules == {
        ("", "wps"): ("R14", "unlicensed", 1),
        ("h1", "wps"): ("R28", "licensed", 1),
        ("h1", "tianqing"): ("R29", "to_verify", 1),
        ("h1", "windows-10"): ("R31", "to_verify", 1),
        ("h2", "wps"): ("R28", "licensed", 1),
        ("h2", "ms-office"): ("R6", "to_verify", 1),
        ("h2", "windows-10"): ("R31", "to_verify", 1),
        ("h3", "libreoffice"): ("R16", "to_verify", 1),
        ("h3", "huorong"): ("R17", "to_verify", 1),
        ("h4", "autocad"): ("R29", "to_verify", 1),
        ("h4", "cadreader"): ("R17", "unlicensed", 1),
        ("h5", "wps"): ("R28", "licensed", 1),
    }


def test_every_copy_of_an_overdrawn_licence_says_that_the_surplus_is_on_no_computer() -> None:
    for (host, product), verdict in by_place(run_audit(busy_unit().inputs())).items():
        said = any(remark.code == "verdict.not_apportionable" for remark in verdict.remarks)
        assert said is (product == "wps" and host != "")


def test_findings_say_what_the_data_proves() -> None:
    found = {(finding.kind, finding.subject) for finding in run_audit(busy_unit().inputs()).findings}
    assert found == {
        ("unlicensed_copy", "h4"),
        ("over_licence", "wps"),
        ("unlisted_free", "wechat"),
        ("unlisted_free", "libreoffice"),
        ("not_on_ledger", "h3"),
        ("not_collected", "h5"),
        ("not_collected", "h6"),
        ("antivirus_missing", "h2"),
        ("antivirus_missing", "h4"),
        ("os_unrecognised", "h4"),
        ("licence_unrecognised", "S3"),
    }


def test_every_sentence_of_the_audit_can_be_rendered_without_a_gap() -> None:
    run = run_audit(busy_unit().inputs())
    said: list[Message] = []
    for verdict in run.verdicts():
        said += [*verdict.reasons, *verdict.remarks, Message(verdict.policy)]
        said += [verdict.settles] if verdict.settles else []
    said += [detail for finding in run.findings for detail in finding.details]
    said += [Message(rate.definition) for rate in run.rates.values()]
    assert all("（未知）" not in render(message) and message.code not in render(message) for message in said)


def test_no_verdict_without_evidence_and_every_open_one_names_what_settles_it() -> None:
    for verdict in run_audit(busy_unit().inputs()).verdicts():
        assert verdict.observations
        assert all("/" in observation for observation in verdict.observations)
        assert verdict.reasons
        assert verdict.policy
        assert (verdict.settles is not None) == (verdict.decision is Decision.TO_VERIFY)
        assert verdict.ledger_rows or verdict.rule not in ("R6", "R12", "R13", "R14", "R15", "R28", "R30")


def test_unlisted_software_outside_the_audit_appears_once_a_product_without_a_verdict() -> None:
    run = run_audit(busy_unit().inputs())
    assert not [verdict for verdict in run.verdicts() if verdict.product_id == "wechat"]
    wechat = [finding for finding in run.findings if finding.product_id == "wechat"]
    assert [finding.details[0].params["installs"] for finding in wechat] == [2]


def test_commercial_software_outside_the_audit_is_left_out_by_policy() -> None:
    unit = Unit()
    unit.add("h1", entry("WinRAR"))
    switches = NATIONAL.switches.model_copy(update={"commercial_outside_audit": "exclude"})
    policy = replace(NATIONAL, switches=switches)
    assert [v.rule for v in run_audit(unit.inputs()).verdicts()] == ["R29"]
    assert list(run_audit(unit.inputs(policy=policy)).verdicts()) == []


def test_the_phase_decides_about_what_is_on_no_record() -> None:
    unit = busy_unit()
    before, after = by_place(run_audit(unit.inputs())), by_place(run_audit(unit.inputs(Phase.AFTER_PROOF)))
    changed = {place: after[place].decision for place in before if before[place].decision != after[place].decision}
    assert changed == {("h1", "tianqing"): Decision.UNLICENSED, ("h4", "autocad"): Decision.UNLICENSED}


def test_a_computer_out_of_scope_and_a_printer_are_not_judged() -> None:
    unit = busy_unit()
    unit.hosts[0] = replace(unit.hosts[0], in_scope=False)
    unit.hosts[5] = replace(unit.hosts[5], kind=DeviceKind.PRINTER)
    run = run_audit(unit.inputs())
    assert not [verdict for verdict in run.verdicts() if verdict.host_id in ("h1", "h6")]
    assert not [finding for finding in run.findings if finding.subject in ("h1", "h6")]


def test_facts_that_a_host_names_and_nobody_has_stop_the_audit() -> None:
    unit = busy_unit()
    unit.facts.pop()
    with pytest.raises(BadInput) as caught:
        run_audit(unit.inputs())
    assert caught.value.message.code == "verdict.facts_missing"


def test_an_entry_whose_files_are_gone_is_no_install() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office", files_present=False), entry("AutoCAD"))
    run = run_audit(unit.inputs())
    assert [verdict.product_id for verdict in run.verdicts()] == ["autocad"]
    assert run.head["counts"]["residue"] == 1


def test_twins_and_two_versions_are_one_copy_that_names_both_sources() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office", "2016"), entry("WPS Office 专业版", "2019"))
    (verdict,) = run_audit(unit.inputs()).verdicts()
    assert (verdict.version, len(verdict.observations)) == ("2016、2019", 2)


def test_visio_is_judged_by_its_own_licence_state() -> None:
    unit = Unit()
    visio = LicenceState("wmi", "Office21VisioPro2021VL", "office", LicenceStatus.LICENSED, channel="VOLUME_MAK")
    unit.add("h1", entry("Microsoft Visio"), entry("Microsoft Office"), states=(visio,))
    rules = {verdict.product_id: verdict.rule for verdict in run_audit(unit.inputs()).verdicts()}
    assert rules == {"ms-visio": "R7", "ms-office": "R31"}


def test_the_in_box_antivirus_counts_as_present_only_by_policy() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office"))
    unit.facts[0] = replace(unit.facts[0], antivirus=(Antivirus("Windows Defender", "SecurityCenter2"),))
    policy = replace(NATIONAL, switches=NATIONAL.switches.model_copy(update={"inbox_antivirus": True}))
    kinds = {finding.kind for finding in run_audit(unit.inputs()).findings}
    assert "antivirus_missing" in kinds
    assert "antivirus_missing" not in {finding.kind for finding in run_audit(unit.inputs(policy=policy)).findings}


def test_a_listed_computer_that_was_not_found_and_a_conflict_are_findings() -> None:
    unit = Unit()
    unit.add("h1", entry("WPS Office"))
    unit.assets.append(asset("ZC-30", 30))
    unit.matches[0] = Match("h1", "ZC-h1", conflicts=(Message.of("finding.asset_not_found"),))
    kinds = {finding.kind: finding.subject for finding in run_audit(unit.inputs()).findings}
    assert (kinds["asset_not_found"], kinds["asset_conflict"]) == ("ZC-30", "h1")


def test_a_findings_key_rests_on_the_hardware_and_outlives_the_host_id() -> None:
    first, second = Unit(), Unit()
    for unit, host_id in ((first, "h1"), (second, "h7")):
        unit.add(host_id, entry("看图个人版"))
        identity = unit.facts[0].identity
        assert identity is not None
        unit.facts[0] = replace(unit.facts[0], identity=replace(identity, smbios_uuid="4c4c4544-0042-3010"))
    runs = [run_audit(unit.inputs()) for unit in (first, second)]
    keys = [{finding.key for finding in run.findings if finding.kind == "unlicensed_copy"} for run in runs]
    assert keys[0] == keys[1] == {"uuid:4c4c4544-0042-3010|cadreader|unlicensed_copy"}


def test_verdicts_come_in_canonical_order_and_survive_their_document() -> None:
    verdicts = list(run_audit(busy_unit().inputs()).verdicts())
    order = [(v.host_id, v.category, v.product_id, v.rule) for v in verdicts]
    assert order == sorted(order)
    assert len({verdict.id for verdict in verdicts}) == len(verdicts)
    kept = TypeAdapter(Verdict)
    assert [kept.validate_json(json.dumps(verdict_document(v))) for v in verdicts] == verdicts


def test_the_head_holds_the_digest_of_the_lines_and_counts_that_add_up() -> None:
    run = run_audit(busy_unit().inputs())
    lines = list(run.lines())
    head = run.head
    assert head["verdicts"] == {"count": len(lines), "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    counts = head["counts"]
    assert counts["copies"] == sum(counts[name] for name in ("licensed", "unlicensed", "to_verify", "apart"))
    assert counts["copies"] == sum(1 for verdict in run.verdicts() if verdict.host_id)
    documents = [rate_document(rate) for rate in run.rates.values()]
    documents += [finding_document(finding) for finding in run.findings]
    documents += [position_document(position) for position in run.positions]
    assert json.loads(json.dumps([head, *documents]))


def shuffled(unit: Unit, order: Any) -> Unit:
    def mixed(items: list[Any]) -> list[Any]:
        return order.draw(st.permutations(items))

    facts = [replace(f, installations=tuple(mixed(list(f.installations or ())))) for f in unit.facts]
    return Unit(
        hosts=mixed(unit.hosts),
        matches=mixed(unit.matches),
        assets=mixed(unit.assets),
        licences=mixed(unit.licences),
        free_list=mixed(unit.free_list),
        proofs=mixed(unit.proofs),
        facts=mixed(facts),
    )


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_input_order_never_matters(data: st.DataObject) -> None:
    first, second = run_audit(busy_unit().inputs()), run_audit(shuffled(busy_unit(), data).inputs())
    assert list(first.lines()) == list(second.lines())
    assert (first.findings, first.rates, first.positions) == (second.findings, second.rates, second.positions)
    assert {k: v for k, v in first.head["inputs"].items() if k != "facts"} == {
        k: v for k, v in second.head["inputs"].items() if k != "facts"
    }


SCRIPT = """
from tests.appliance.judgement.test_audit import busy_unit
from appliance.judgement.audit import run_audit
from appliance.judgement.documents import canonical, finding_document
run = run_audit(busy_unit().inputs())
print(canonical(dict(run.head)).decode(), [finding_document(f) for f in run.findings])
"""


def test_two_hash_seeds_and_two_time_zones_give_the_same_bytes() -> None:
    def once(seed: str, zone: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONUTF8": "1"}
        root = Path(__file__).parents[3]
        return subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, cwd=root, capture_output=True, check=True
        ).stdout

    assert once("1", "Asia/Shanghai") == once("2", "America/New_York") != b""


SOFTWARE = ("WPS Office", "Microsoft Office", "AutoCAD", "LibreOffice", "奇安信天擎", "看图个人版", "微信")
VERSIONS = ("2016", "2019")
BETTER = {Decision.UNLICENSED: 0, Decision.TO_VERIFY: 1, Decision.EXCLUDED: 1, Decision.LICENSED: 2}


@st.composite
def units(draw: st.DrawFn) -> Unit:
    unit = Unit()
    for number in range(draw(st.integers(1, 6))):
        names = draw(st.lists(st.tuples(st.sampled_from(SOFTWARE), st.sampled_from(VERSIONS)), min_size=1, max_size=5))
        states = (KMS,) if draw(st.booleans()) else None
        listed = draw(st.booleans())
        unit.add(f"h{number}", *(entry(name, version) for name, version in names), states=states, listed=listed)
    for number in range(draw(st.integers(0, 4))):
        buy(unit, draw, f"S{number}")
    return unit


def buy(unit: Unit, draw: st.DrawFn, number: str) -> None:
    version = draw(st.sampled_from(("", *VERSIONS)))
    quantity = draw(st.one_of(st.none(), st.integers(1, 4)))
    unit.buy(number, draw(st.sampled_from(SOFTWARE[:5])), quantity, paper=draw(st.booleans()), version=version)


@settings(max_examples=150, deadline=None)
@given(units())
def test_counts_always_add_up(unit: Unit) -> None:
    run = run_audit(unit.inputs())
    copies = [verdict for verdict in run.verdicts() if verdict.host_id]
    surplus = sum(verdict.quantity for verdict in run.verdicts() if not verdict.host_id)
    for name, rate in run.rates.items():
        assert 0 <= rate.lower <= rate.n <= rate.upper <= rate.d, name
    parts = [rate for name, rate in run.rates.items() if name.startswith("legal_rate.")]
    assert sum(rate.d + rate.excluded for rate in parts) == len(copies)
    assert sum(rate.breakdown["surplus"] for rate in parts) <= surplus
    assert sum(position.gap or 0 for position in run.positions) >= surplus


Ranks = dict[tuple[str, str], int]


def ranks(run: AuditRun) -> Ranks:
    """How good each verdict on a computer is; under ``("", product)`` how many copies are 正版 by count, and under
    ``("over", product)`` how many stand beyond the rows.
    """
    good: Ranks = {}
    verdicts = list(run.verdicts())
    for verdict in verdicts:
        if not verdict.host_id:
            good["over", verdict.product_id] = verdict.quantity
    for verdict in verdicts:
        if verdict.host_id:
            good[verdict.host_id, verdict.product_id] = BETTER[verdict.decision]
    for product in {verdict.product_id for verdict in verdicts}:
        decisions = [v.decision for v in verdicts if v.host_id and v.product_id == product]
        beyond_open = max(0, good.get(("over", product), 0) - decisions.count(Decision.TO_VERIFY))
        good["", product] = decisions.count(Decision.LICENSED) - beyond_open
    return good


def never_worse(before: Ranks, after: Ranks) -> bool:
    """In an overdrawn product nobody can say which copy is the surplus: only 非正版 and the count are compared."""
    for (host, product), rank in before.items():
        overdrawn = ("over", product) in before or ("over", product) in after
        limit = min(rank, 1) if overdrawn and host not in ("", "over") else rank
        if host != "over" and after[host, product] < limit:
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(units(), st.data())
def test_adding_a_licence_in_force_never_makes_a_verdict_worse(unit: Unit, data: st.DataObject) -> None:
    before = ranks(run_audit(unit.inputs()))
    name = data.draw(st.sampled_from(SOFTWARE[:5]))
    unit.buy("S9", name, data.draw(st.integers(1, 5)), paper=data.draw(st.booleans()))
    after = ranks(run_audit(unit.inputs()))
    assert never_worse(before, after)


@settings(max_examples=150, deadline=None)
@given(units())
def test_adding_a_proof_never_makes_a_verdict_worse(unit: Unit) -> None:
    before = ranks(run_audit(unit.inputs()))
    for row in list(unit.licences):
        unit.buy("S9", row.name, 1)
        unit.licences.pop()
        unit.proofs.append(replace(unit.proofs[-1], software_no=row.software_no))
        after = ranks(run_audit(unit.inputs()))
        assert never_worse(before, after)
        before = after


def test_the_facts_are_streamed_once() -> None:
    unit = busy_unit()
    calls: list[int] = []

    def facts() -> Iterator[Any]:
        calls.append(1)
        yield from unit.facts

    run = run_audit(unit.inputs(facts=facts))
    assert (len(list(run.verdicts())), len(list(run.verdicts())), len(run.rates) > 0, calls) == (12, 12, True, [1])


def test_the_head_counts_every_product_that_was_recognised_judged_or_not() -> None:
    unit = busy_unit()
    unit.facts[0] = replace(unit.facts[0], installations=(*(unit.facts[0].installations or ()), entry("VC++ 运行库")))
    seen = {"windows-10", "wps", "tianqing", "wechat", "ms-office", "libreoffice", "huorong", "autocad", "cadreader"}
    assert run_audit(unit.inputs()).head["counts"]["products"] == len(seen)


def test_a_computer_that_was_not_read_is_known_by_the_address_of_its_network_card() -> None:
    unit = busy_unit()
    unit.hosts[5] = replace(unit.hosts[5], mac="84:A9:3E:17:C2:64")
    keys = {finding.subject: finding.key for finding in run_audit(unit.inputs()).findings}
    assert keys["h6"] == "mac:84:a9:3e:17:c2:64||not_collected"


@pytest.mark.parametrize("junk", ["To be filled by O.E.M.", "0000-0000", "03000200-0400-0500-0006-000700080009"])
def test_a_junk_uuid_is_no_identity(junk: str) -> None:
    identity = Identity(smbios_uuid=junk, serial="PF-3K2M9X")
    assert strong_identity(identity, "10.0.0.1") == "serial:pf-3k2m9x"


def declared_unit() -> tuple[Unit, Declared]:
    """The busy unit with everything that is declared and decided beside the ledgers."""
    unit = busy_unit()
    unit.assets = [replace(row, computer_no=f"J-{row.asset_no}", department="办公室") for row in unit.assets]
    unit.facts[0] = replace(unit.facts[0], traces=(Trace("file", "keygen.exe"), Trace("service", "KMSELDI")))
    ref = RowRef("附件8.xlsx", "明细", 1)
    return unit, Declared(
        allocations=(Allocation(ref, "S1", "J-ZC-h1"), Allocation(ref, "S1", "J-ZC-h2")),
        install_log=(InstallRow(ref, "S1", "J-ZC-h1"),),
        decisions=(DeskDecision("h4", "autocad", Decision.LICENSED, "见合同"),),
        objections=(Objection("h1", "tianqing", "借用", entered_at="2"), Objection("h1", "tianqing", "赠送")),
        official=(OfficialResult("ZC-h1", True, "2026-07-01", {"WPS Office": "unlicensed"}),),
        rectifications=(Rectification("k", RectificationState.CLOSED),),
    )


def test_declared_records_reach_verdicts_rates_findings_and_differences() -> None:
    unit, declared = declared_unit()
    run = run_audit(unit.inputs(declared=declared))
    found = by_place(run)
    assert (found["h5", "wps"].rule, found["h5", "wps"].decision) == ("R14", Decision.UNLICENSED)
    assert (found["h4", "autocad"].decided_by, found["h4", "autocad"].decision) == ("desk", Decision.LICENSED)
    assert found["h1", "windows-10"].rule == "R8"
    assert ("", "wps") not in found
    kinds = {(finding.kind, finding.subject) for finding in run.findings}
    assert {("activator_present", "h1"), ("unregistered_install", "h2"), ("over_licence", "wps")} <= kinds
    lines = {(line.product_id, line.official, line.ours) for line in run.differences}
    assert ("wps", "unlicensed", "licensed") in lines
    assert {("tianqing", "", "to_verify"), ("windows-10", "", "unlicensed")} <= lines
    assert run.rates["ledger_match_rate"].breakdown["confirmed"] == 2
    assert run.head["breakdowns"]["department"]["办公室"]["legal_rate"]["n"] > 0


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_order_of_declared_records_never_matters(data: st.DataObject) -> None:
    unit, declared = declared_unit()
    mixed = {field.name: tuple(data.draw(st.permutations(getattr(declared, field.name)))) for field in fields(declared)}
    first = run_audit(unit.inputs(declared=declared))
    second = run_audit(shuffled(unit, data).inputs(declared=Declared(**mixed)))
    assert list(first.lines()) == list(second.lines())
    assert (first.findings, first.rates, first.differences) == (second.findings, second.rates, second.differences)


@settings(max_examples=100, deadline=None)
@given(units(), st.sets(st.integers(0, 5)))
def test_counts_add_up_whatever_seats_are_allocated(unit: Unit, given_seats: set[int]) -> None:
    unit.assets = [replace(row, computer_no=f"J-{row.asset_no}") for row in unit.assets]
    ref = RowRef("附件8.xlsx", "明细", 1)
    rows = tuple(Allocation(ref, row.software_no, f"J-ZC-h{n}") for n in sorted(given_seats) for row in unit.licences)
    plain, run = run_audit(unit.inputs()), run_audit(unit.inputs(declared=Declared(allocations=rows)))
    over, named = sum_of_surplus(plain), sum_of_surplus(run)
    assert over == named
    assert plain.rates["legal_rate"].d == run.rates["legal_rate"].d
    assert 0 <= run.rates["legal_rate"].lower <= run.rates["legal_rate"].upper <= run.rates["legal_rate"].d


def sum_of_surplus(run: AuditRun) -> int:
    return sum(verdict.quantity for verdict in run.verdicts() if verdict.rule == "R14")
