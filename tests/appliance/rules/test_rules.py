"""One table a rule; each row reads as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import pytest

from appliance.judgement.declared import NOTHING, Declared
from appliance.judgement.entitlements import build_register
from appliance.judgement.traces import known_traces
from appliance.ledger.model import FreeListEntry, Licence, LicenceType, Proof, ProofLevel, SoftwareType
from appliance.model import Decision, Phase
from appliance.rules import judge
from appliance.rules.model import Context, Copy, Ruling, Seat
from config.messages import catalogue as sentences
from scanner.model import LicenceState, LicenceStatus
from tests.appliance.judgement.world import (
    AS_OF,
    HUORONG,
    KYLIN,
    LIBRE,
    NATIONAL,
    OFFICE,
    READER,
    WINDOWS,
    WPS,
    FakeCatalogue,
    computer,
    copy_of,
    free_entry,
    licence,
    proof,
)

LICENSED, UNLICENSED, OPEN = Decision.LICENSED, Decision.UNLICENSED, Decision.TO_VERIFY
KMS_HOST = "10.1.1.5"


def state(status: LicenceStatus | None = LicenceStatus.LICENSED, **fields: Any) -> LicenceState:
    return LicenceState("wmi", fields.pop("name", "licence"), status=status, observation="o2", **fields)


def oem(status: LicenceStatus = LicenceStatus.LICENSED, **fields: Any) -> LicenceState:
    defaults: dict[str, Any] = {
        "application": "windows",
        "channel": "OEM_DM",
        "delivered_edition": "Win 10 Professional OEM:DM",
    }
    return state(status, **{**defaults, **fields})


def kms(**fields: Any) -> LicenceState:
    defaults: dict[str, Any] = {"application": "office", "channel": "VOLUME_KMSCLIENT", "kms_host": KMS_HOST}
    return state(LicenceStatus.LICENSED, **{**defaults, **fields})


def mak() -> LicenceState:
    return state(application="office", channel="VOLUME_MAK")


def row(name: str = "WPS Office", no: str = "S1", **fields: Any) -> Licence:
    return licence(no, name, **{"quantity": 5, "perpetual": "valid_until" not in fields, **fields})


class Case(NamedTuple):
    """A copy, what the ledgers hold, and what follows."""

    sentence: str
    copy: Copy
    rule: str
    decision: Decision
    says: str = ""  # a reason, remark or settling paper that must be there
    rows: tuple[Licence, ...] = ()
    proofs: tuple[Proof, ...] = (proof("S1"),)
    free: tuple[FreeListEntry, ...] = ()
    seat: Seat = Seat.PROVEN
    phase: Phase = Phase.ON_SITE
    as_of: date = AS_OF
    declared: Declared = NOTHING
    context: Mapping[str, Any] = {}
    switches: Mapping[str, Any] = {}


def given(ledger_row: Licence, cases: list[Case]) -> list[Case]:
    """The same ledger row for all cases that bring none."""
    return [case if case.rows else case._replace(rows=(ledger_row,)) for case in cases]


def rule_on(case: Case, required: ProofLevel = ProofLevel.P1) -> Ruling:
    register = build_register(case.rows, case.proofs, case.free, FakeCatalogue(), case.as_of, required, case.declared)
    switches = NATIONAL.switches.model_copy(update={"proof_required": required, **case.switches})
    context = Context(case.as_of, case.phase, switches, frozenset({KMS_HOST}), known_traces(), **case.context)
    return judge(case.copy, register.of_copy(case.copy, case.seat), context)


def codes(ruling: Ruling) -> set[str]:
    said = [*ruling.reasons, *ruling.remarks, *([ruling.settles] if ruling.settles else [])]
    return {message.code for message in said} | {ruling.policy}


PRO = "专业版"
WIN_PRO = copy_of(WINDOWS, "10", state=oem(), edition=PRO)
WIN_UNNAMED = copy_of(WINDOWS, "10", state=oem(delivered_edition=None), edition=PRO)
OEM_ROW = row("Windows 10 专业版", quantity=None, software_type=SoftwareType.OEM)

OEM_CASES = [
    Case("delivered and installed edition agree", WIN_PRO, "R1", LICENSED, "verdict.oem_activated"),
    Case("the OEM row of the ledger is named beside it", WIN_PRO, "R1", LICENSED, rows=(OEM_ROW,)),
    Case("firmware names no edition, the OEM row does", WIN_UNNAMED, "R1", LICENSED, rows=(OEM_ROW,)),
    Case("nothing names the delivered edition", WIN_UNNAMED, "R1", OPEN, "settle.coa_label"),
    Case(
        "a lower edition than delivered is a question",
        copy_of(WINDOWS, "10", state=oem(), edition="家庭版"),
        "R1",
        OPEN,
        "verdict.oem_edition_open",
    ),
    Case(
        "a junk maker proves no delivery",
        copy_of(WINDOWS, "10", state=oem(), edition=PRO, on=computer(maker="To be filled by O.E.M.")),
        "R2",
        OPEN,
        "settle.machine_papers",
    ),
    Case(
        "Home was delivered, Professional runs",
        copy_of(WINDOWS, "10", state=oem(delivered_edition="Win 10 Home OEM:DM"), edition=PRO),
        "R3",
        UNLICENSED,
        "verdict.oem_edition_higher",
    ),
    Case(
        "Home was delivered, a bought volume licence covers Professional",
        copy_of(WINDOWS, "10", state=oem(delivered_edition="Win 10 Home OEM:DM"), edition=PRO),
        "R6",
        LICENSED,
        rows=(row("Windows 10"),),
    ),
]

OFFICE_ROW = row("Microsoft Office", version="2019", usable_versions=("2016", "2019"))
VOLUME_CASES = given(
    OFFICE_ROW,
    [
        Case("KMS of the declared host, record and contract", copy_of(OFFICE, "2019", state=kms()), "R6", LICENSED),
        Case("MAK, record and contract", copy_of(OFFICE, "2019", state=mak()), "R6", LICENSED, "verdict.on_record"),
        Case("an older version inside 可使用版本", copy_of(OFFICE, "2016", state=kms()), "R4", LICENSED),
        Case(
            "a private KMS host that nobody declared",
            copy_of(OFFICE, "2019", state=kms(kms_host="10.9.9.9")),
            "R6",
            OPEN,
            "settle.kms_statement",
        ),
        Case(
            "the host was not read",
            copy_of(OFFICE, "2019", state=kms(kms_host=None)),
            "R6",
            OPEN,
            "verdict.kms_undeclared",
        ),
        Case(
            "a ledger row alone is only a claim",
            copy_of(OFFICE, "2019", state=mak()),
            "R6",
            OPEN,
            "settle.contract_or_invoice",
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
        Case(
            "beyond the count no machine is blamed, and it says 不可分摊",
            copy_of(OFFICE, "2019", state=mak()),
            "R6",
            LICENSED,
            "verdict.not_apportionable",
            seat=Seat.SURPLUS,
        ),
        Case(
            "a version that no row covers",
            copy_of(OFFICE, "2021", state=mak()),
            "R30",
            UNLICENSED,
            "verdict.version_outside",
        ),
    ],
)

AFTER, FINAL = Phase.AFTER_PROOF, Phase.FINAL
ABSENT_CASES = [
    Case(
        "volume-activated without record, on site",
        copy_of(OFFICE, state=mak()),
        "R7",
        OPEN,
        "settle.purchase_papers",
    ),
    Case(
        "volume-activated without record, deadline over",
        copy_of(OFFICE, state=mak()),
        "R7",
        UNLICENSED,
        "verdict.deadline_over",
        phase=AFTER,
    ),
    Case("volume-activated without record, final", copy_of(OFFICE, state=mak()), "R7", UNLICENSED, phase=FINAL),
    Case("WPS without record, on site", copy_of(WPS, "2019"), "R29", OPEN, "verdict.no_record"),
    Case("WPS without record, deadline over", copy_of(WPS, "2019"), "R29", UNLICENSED, phase=AFTER),
    Case("retail Office without record, on site", copy_of(OFFICE, state=state(channel="RETAIL")), "R29", OPEN),
]

ENDS = date(2026, 6, 30)
TERM_CASES = given(
    row(valid_until=ENDS),
    [
        Case("on the last day it is licensed", copy_of(WPS), "R28", LICENSED, as_of=ENDS),
        Case("from the day after it is not", copy_of(WPS), "R12", UNLICENSED, "verdict.term_ended"),
        Case(
            "a contract that turns perpetual has no end",
            copy_of(WPS),
            "R28",
            LICENSED,
            rows=(row(valid_until=ENDS, perpetual=True),),
        ),
        Case(
            "another row in force stands",
            copy_of(WPS),
            "R28",
            LICENSED,
            rows=(row(valid_until=ENDS), row(no="S2")),
            proofs=(proof("S2"),),
        ),
        Case(
            "Office whose term ended is contradicted, read or not",
            copy_of(OFFICE),
            "R12",
            UNLICENSED,
            rows=(row("Microsoft Office", valid_until=ENDS),),
        ),
    ],
)

SITE_ROW = row(quantity=None, licence_type=LicenceType.SITE)
SITE_CASES = given(
    SITE_ROW,
    [
        Case("a site licence needs no seats", copy_of(WPS), "R13", LICENSED, seat=Seat.NONE),
        Case(
            "a site licence without paper",
            copy_of(WPS),
            "R13",
            OPEN,
            "settle.contract_or_invoice",
            proofs=(),
            seat=Seat.NONE,
        ),
        Case(
            "activation not read stays open under a site licence",
            copy_of(OFFICE),
            "R31",
            OPEN,
            rows=(row("Microsoft Office", licence_type=LicenceType.SITE),),
        ),
        Case(
            "a site licence that ended",
            copy_of(WPS),
            "R12",
            UNLICENSED,
            rows=(row(licence_type=LicenceType.SITE, valid_until=ENDS),),
        ),
    ],
)

FREE_CASES = [
    Case("on 附件6 for the whole unit", copy_of(LIBRE), "R15", LICENSED, free=(free_entry("M1", "LibreOffice"),)),
    Case(
        "on 附件6 for this department",
        copy_of(LIBRE),
        "R15",
        LICENSED,
        "policy.free_list",
        free=(free_entry("M1", "LibreOffice", "办公室"),),
    ),
    Case(
        "on 附件6 for another department",
        copy_of(LIBRE),
        "R16",
        OPEN,
        "verdict.other_department",
        free=(free_entry("M1", "LibreOffice", "财务科"),),
    ),
    Case(
        "department unknown, row limited to one",
        copy_of(LIBRE, on=computer(department="")),
        "R16",
        OPEN,
        free=(free_entry("M1", "LibreOffice", "财务科"),),
    ),
    Case("on no list is a ledger fault", copy_of(LIBRE), "R16", OPEN, "settle.free_list"),
    Case("it stays one after the deadline", copy_of(LIBRE), "R16", OPEN, phase=AFTER),
    Case("personal use only, in an office", copy_of(READER), "R17", UNLICENSED, "verdict.personal_only"),
    Case("personal antivirus is a policy switch", copy_of(HUORONG), "R17", OPEN, "settle.organisation_licence"),
    Case("with an organisation licence on record", copy_of(READER), "R28", LICENSED, rows=(row("看图个人版"),)),
]

PAPER_CASES = given(
    row(),
    [
        Case(
            "record, contract, term and count fit",
            copy_of(WPS, "2019"),
            "R28",
            LICENSED,
            "verdict.activation_unreadable",
        ),
        Case(
            "the ledger alone is P0",
            copy_of(WPS, "2019"),
            "R28",
            OPEN,
            "verdict.proof_missing",
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
        Case(
            "许可数量 left blank cannot be counted",
            copy_of(WPS, "2019"),
            "R28",
            OPEN,
            "settle.quantity",
            rows=(row(quantity=None),),
            seat=Seat.UNPROVEN,
        ),
        Case(
            "许可期限 left blank is a remark",
            copy_of(WPS, "2019"),
            "R28",
            LICENSED,
            "verdict.term_not_stated",
            rows=(row(perpetual=False),),
        ),
        Case(
            "a year and a file version are not compared",
            copy_of(WPS, "11.8.2"),
            "R28",
            LICENSED,
            "verdict.version_not_compared",
            rows=(row(version="2019"),),
        ),
        Case("another year is outside", copy_of(WPS, "2023"), "R30", UNLICENSED, rows=(row(version="2019"),)),
        Case(
            "an OEM row is a claim too",
            copy_of(WPS, "2019"),
            "R28",
            OPEN,
            "settle.machine_purchase",
            rows=(row(software_type=SoftwareType.OEM),),
            proofs=(),
            seat=Seat.NONE,
        ),
        Case(
            "麒麟 activated, on record",
            copy_of(KYLIN, "V10", state=state(application="kylin")),
            "R24",
            LICENSED,
            rows=(row("银河麒麟桌面操作系统", version="V10"),),
        ),
    ],
)

UNREAD_CASES = [
    Case("Windows on no record", copy_of(WINDOWS, "10"), "R31", OPEN, "verdict.record_absent"),
    Case("Windows with an OEM row", copy_of(WINDOWS, "10"), "R31", OPEN, rows=(OEM_ROW,)),
    Case(
        "Office on record with contract", copy_of(OFFICE, "2019"), "R31", OPEN, "verdict.record_exists", (OFFICE_ROW,)
    ),
    Case("Office on no record, final", copy_of(OFFICE, "2019"), "R31", OPEN, "settle.activation", phase=FINAL),
    Case(
        "Windows whose only row ended may still be the maker's",
        copy_of(WINDOWS, "10"),
        "R31",
        OPEN,
        rows=(row("Windows 10", valid_until=date(2026, 6, 30)),),
    ),
    Case(
        "麒麟 of another release than bought, channel unknown",
        copy_of(KYLIN, "V4"),
        "R31",
        OPEN,
        "verdict.record_absent",
        rows=(row("银河麒麟桌面操作系统", version="V10"),),
    ),
    Case("麒麟 on record", copy_of(KYLIN, "V10"), "R31", OPEN, rows=(row("银河麒麟桌面操作系统"),)),
    Case("a state without a status is unread too", copy_of(OFFICE, state=state(None)), "R31", OPEN),
    Case(
        "a subscription per user is not on the device",
        copy_of(OFFICE, state=state(None, subscription_on_device=False)),
        "R31",
        OPEN,
        "verdict.subscription_per_user",
    ),
]

HALF_YEAR = 180 * 24 * 60
MACHINE_CASES = given(
    row("Microsoft Office"),
    [
        Case(
            "KMS on this very machine",
            copy_of(OFFICE, state=kms(kms_host="127.0.0.2")),
            "R8",
            UNLICENSED,
            "verdict.kms_decoy",
        ),
        Case(
            "KMS at a public address",
            copy_of(OFFICE, state=kms(kms_host="8.8.8.8")),
            "R8",
            UNLICENSED,
            "verdict.kms_public",
        ),
        Case("exactly 180 days remain", copy_of(OFFICE, state=kms(grace_minutes_remaining=HALF_YEAR)), "R6", LICENSED),
        Case(
            "a minute over 180 days",
            copy_of(OFFICE, state=kms(grace_minutes_remaining=HALF_YEAR + 1)),
            "R8",
            UNLICENSED,
            "verdict.kms_grace_impossible",
        ),
        Case(
            "not activated, seat free",
            copy_of(OFFICE, state=state(LicenceStatus.NOTIFICATION)),
            "R10",
            OPEN,
            "settle.activate",
        ),
        Case(
            "a trial ends today",
            copy_of(OFFICE, state=state(LicenceStatus.TRIAL, evaluation_end="2026-07-01")),
            "R11",
            OPEN,
            "verdict.trial",
        ),
        Case(
            "a trial ended yesterday",
            copy_of(OFFICE, state=state(LicenceStatus.TRIAL, evaluation_end="2026-06-30")),
            "R11",
            UNLICENSED,
        ),
        Case(
            "a published generic key, the row without paper",
            copy_of(OFFICE, state=state(channel="RETAIL", generic_key=True)),
            "R9",
            OPEN,
            "settle.retail_papers",
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
        Case(
            "a published generic key, and the invoice is there",
            copy_of(OFFICE, state=state(channel="RETAIL", generic_key=True)),
            "R9",
            LICENSED,
            "verdict.generic_key",
        ),
        Case(
            "a retail licence on record with contract", copy_of(OFFICE, state=state(channel="RETAIL")), "R6", LICENSED
        ),
    ],
)
BARE_MACHINE_CASES = [
    Case(
        "not activated and nothing on record", copy_of(OFFICE, state=state(LicenceStatus.UNLICENSED)), "R10", UNLICENSED
    ),
    Case(
        "Kylin without its activation file: no maker says what that proves",
        copy_of(KYLIN, state=LicenceState("/etc/.kyactivation", "Kylin", "kylin", LicenceStatus.UNLICENSED)),
        "R10",
        OPEN,
        "verdict.kylin_code_absent",
    ),
    Case(
        "Kylin that says itself that it is not activated",
        copy_of(KYLIN, state=LicenceState("stated", "Kylin", "kylin", LicenceStatus.UNLICENSED)),
        "R10",
        UNLICENSED,
    ),
    Case(
        "not activated, but the firmware carries a key",
        copy_of(WINDOWS, state=oem(status=LicenceStatus.NOTIFICATION, firmware_key_present=True)),
        "R10",
        OPEN,
        "settle.coa_label",
    ),
]

ALL = [
    *OEM_CASES,
    *VOLUME_CASES,
    *ABSENT_CASES,
    *TERM_CASES,
    *SITE_CASES,
    *FREE_CASES,
    *PAPER_CASES,
    *UNREAD_CASES,
    *MACHINE_CASES,
    *BARE_MACHINE_CASES,
]


def check(case: Case) -> None:
    ruling = rule_on(case)
    assert (ruling.rule, ruling.decision) == (case.rule, case.decision)
    assert not case.says or case.says in codes(ruling)


def table(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.sentence for case in cases])


@table(OEM_CASES)
def test_r1_r2_r3_the_system_that_came_with_the_computer(case: Case) -> None:
    check(case)


@table(VOLUME_CASES)
def test_r6_r30_a_volume_licence_on_record(case: Case) -> None:
    check(case)


@table(ABSENT_CASES)
def test_r7_r29_nothing_on_record(case: Case) -> None:
    check(case)


@table(TERM_CASES)
def test_r12_the_end_of_the_right_of_use(case: Case) -> None:
    check(case)


@table(SITE_CASES)
def test_r13_a_site_licence(case: Case) -> None:
    check(case)


@table(FREE_CASES)
def test_r15_r16_r17_free_software(case: Case) -> None:
    check(case)


@table(PAPER_CASES)
def test_r28_r24_papers_decide_where_the_machine_is_silent(case: Case) -> None:
    check(case)


@table(UNREAD_CASES)
def test_r31_activation_that_was_not_collected(case: Case) -> None:
    check(case)


@table([*MACHINE_CASES, *BARE_MACHINE_CASES])
def test_r8_r9_r10_r11_what_the_machine_itself_says(case: Case) -> None:
    check(case)


@table(ALL)
def test_every_ruling_has_a_reason_a_policy_sentence_and_for_open_ones_the_paper_that_settles(case: Case) -> None:
    ruling = rule_on(case)
    assert ruling.reasons
    assert codes(ruling) <= sentences().keys()
    assert (ruling.settles is not None) == (ruling.decision is OPEN)


@table([case for case in ALL if case.decision is LICENSED and case.rule not in ("R1", "R15")])
def test_nothing_commercial_is_licensed_without_paper(case: Case) -> None:
    bare = case._replace(proofs=(), seat=Seat.UNPROVEN)
    assert rule_on(bare).decision is OPEN


def test_with_the_p2_switch_a_contract_is_not_enough_and_the_certificate_is_asked_for() -> None:
    case = PAPER_CASES[0]._replace(seat=Seat.UNPROVEN)
    assert "settle.certificate" in codes(rule_on(case, ProofLevel.P2))
    certified = case._replace(proofs=(proof("S1", ProofLevel.P2),), seat=Seat.PROVEN)
    assert rule_on(certified, ProofLevel.P2).decision is LICENSED
