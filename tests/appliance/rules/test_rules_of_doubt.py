"""Tables of the rules about hardware, cracks, editions, gifts, older versions, floating licences and site scope."""

from __future__ import annotations

import pytest

from appliance.judgement.declared import Declared, InstallRow, SiteScope, UnitKind
from appliance.judgement.traces import known_traces
from appliance.ledger.model import LicenceType, Proof, ProofLevel
from appliance.model import Activation, Decision, Product
from appliance.rules.evidence import Grade, Graded, acts_on, grade, graded_for, unbound
from appliance.rules.model import Entitlements, Seat
from appliance.rules.registered import note_unregistered, registered
from scanner.model import Trace
from tests.appliance.judgement.world import CAD, KYLIN, OFFICE, WINDOWS, WPS, computer, copy_of, install, proof
from tests.appliance.rules.test_rules import (
    LICENSED,
    OEM_ROW,
    OPEN,
    PRO,
    UNLICENSED,
    Case,
    check,
    codes,
    given,
    kms,
    mak,
    oem,
    row,
    rule_on,
    state,
    table,
)

EDU = "教育版"
ACTIVE = (Graded(Grade.ACTIVE, "KMSpico", r"service\Service KMSELDI", "t1"),)
REMNANT = (Graded(Grade.REMNANT, "KMSpico", r"C:\Program Files\KMSpico", "t1"),)
HOME, HOME_KEY = "家庭中文版", "Win 10 Home China OEM:DM"
OTHER = oem(bound_serial="PF-0LD-MACH")
HERE = computer(serial="PF-NEW-MACH")

HARDWARE_CASES = [
    Case(
        "a licence bound to another serial",
        copy_of(WINDOWS, "10", state=OTHER, edition=PRO, on=HERE),
        "R2",
        UNLICENSED,
        "verdict.oem_other_hardware",
    ),
    Case(
        "bound to a machine that was scrapped",
        copy_of(WINDOWS, "10", state=OTHER, edition=PRO, on=HERE),
        "R2",
        UNLICENSED,
        "verdict.oem_machine_scrapped",
        context={"scrapped": frozenset({"pf0ldmach"})},
    ),
    Case(
        "bound to this very serial, written differently",
        copy_of(WINDOWS, "10", state=oem(bound_serial="pf new mach"), edition=PRO, on=HERE),
        "R1",
        LICENSED,
    ),
    Case(
        "the board was replaced, and the 维修单 is there",
        copy_of(WINDOWS, "10", state=OTHER, edition=PRO, on=computer(serial="PF-NEW-MACH", repaired=True)),
        "R2",
        LICENSED,
        "verdict.oem_repaired",
    ),
    Case(
        "a junk serial of the firmware contradicts nothing",
        copy_of(WINDOWS, "10", state=OTHER, edition=PRO, on=computer(serial="Default string")),
        "R1",
        LICENSED,
    ),
    Case(
        "the key should be in the firmware, and the firmware holds none",
        copy_of(WINDOWS, "10", state=oem(channel="OEM_DM", firmware_key_present=False), edition=PRO),
        "R2",
        OPEN,
        "verdict.oem_key_not_in_firmware",
    ),
    Case(
        "a label on the case needs no key in the firmware",
        copy_of(WINDOWS, "10", state=oem(channel="OEM_COA", firmware_key_present=False), edition=PRO),
        "R1",
        LICENSED,
    ),
    Case(
        "whether the firmware holds a key was not read",
        copy_of(WINDOWS, "10", state=oem(channel="OEM_DM", firmware_key_present=None), edition=PRO),
        "R1",
        LICENSED,
    ),
    Case(
        "the asset card names another serial",
        copy_of(WINDOWS, "10", state=oem(), edition=PRO, on=computer(serial="PF-NEW", ledger_serial="PF-OLD")),
        "R2",
        OPEN,
        "verdict.oem_serial_differs",
    ),
    Case(
        "the asset card names another serial, and the 维修单 is there",
        copy_of(
            WINDOWS,
            "10",
            state=oem(),
            edition=PRO,
            on=computer(serial="PF-NEW", ledger_serial="PF-OLD", repaired=True),
        ),
        "R2",
        LICENSED,
        "verdict.oem_repaired",
    ),
    Case(
        "the ledger says 联想, the firmware says HP",
        copy_of(WINDOWS, "10", state=oem(), edition=PRO, on=computer(maker="HP", brand="联想")),
        "R2",
        OPEN,
        "verdict.oem_maker_differs",
    ),
    Case(
        "联想 and LENOVO are one maker",
        copy_of(WINDOWS, "10", state=oem(), edition=PRO, on=computer(brand="联想 启天M428")),
        "R1",
        LICENSED,
    ),
    Case(
        "an unknown brand contradicts nothing",
        copy_of(WINDOWS, "10", state=oem(), edition=PRO, on=computer(brand="某品牌")),
        "R1",
        LICENSED,
    ),
]
HOME_COPY = copy_of(WINDOWS, "10", state=oem(delivered_edition=HOME_KEY), edition=HOME)
HOME_CASES = [
    Case("Home was delivered and Home runs: licensed by default", HOME_COPY, "R5", LICENSED, "verdict.oem_home"),
    Case("the switch leaves it open", HOME_COPY, "R5", OPEN, "settle.home_edition", switches={"oem_home": OPEN}),
    Case("the switch forbids it", HOME_COPY, "R5", UNLICENSED, switches={"oem_home": UNLICENSED}),
]

CRACK_CASES = given(
    row(),
    [
        Case(
            "an activator acts on a bought product",
            copy_of(WPS, traces=ACTIVE),
            "R21",
            UNLICENSED,
            "verdict.bought_not_used",
        ),
        Case(
            "an activator acts on a product nobody bought",
            copy_of(CAD, traces=ACTIVE),
            "R8",
            UNLICENSED,
            rows=(row("别的软件"),),
        ),
        Case(
            "the row is only a claim: no 未真装真用",
            copy_of(WPS, traces=ACTIVE),
            "R8",
            UNLICENSED,
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
        Case("an empty folder beside a valid licence", copy_of(WPS, traces=REMNANT), "R22", OPEN, "settle.remnant"),
        Case(
            "an empty folder beside a missing paper stays with the paper",
            copy_of(WPS, traces=REMNANT),
            "R28",
            OPEN,
            "verdict.crack_remnant",
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
        Case(
            "a stale KMS value on an OEM system",
            copy_of(WINDOWS, "10", state=oem(kms_host="127.0.0.2"), edition=PRO),
            "R22",
            OPEN,
            "verdict.kms_stale",
            rows=(OEM_ROW,),
        ),
        Case(
            "the unit's own KMS host left on an OEM system is legitimate",
            copy_of(WINDOWS, "10", state=oem(kms_host="10.1.1.5"), edition=PRO),
            "R1",
            LICENSED,
            rows=(OEM_ROW,),
        ),
        Case(
            "a decoy KMS while the unit had bought it",
            copy_of(OFFICE, state=kms(kms_host="127.0.0.2")),
            "R8",
            UNLICENSED,
            "verdict.bought_not_used",
            rows=(row("Microsoft Office"),),
        ),
        Case(
            "a public KMS known by its name",
            copy_of(OFFICE, state=kms(kms_host="kms.03k.org")),
            "R8",
            UNLICENSED,
            "verdict.kms_public",
            rows=(row("Microsoft Office"),),
        ),
        Case(
            "a private name stays open until it is declared",
            copy_of(OFFICE, state=kms(kms_host="kms.unit.local")),
            "R6",
            OPEN,
            "settle.kms_statement",
            rows=(row("Microsoft Office"),),
        ),
        Case(
            "the tail of a published key is a generic key",
            copy_of(WINDOWS, "10", state=state(application="windows", channel="RETAIL", key_tail="3V66T")),
            "R9",
            OPEN,
            proofs=(),
            seat=Seat.UNPROVEN,
        ),
    ],
)

SCHOOL = {"unit_kind": UnitKind.SCHOOL}
TEACHING = row("AutoCAD 教育版", remark="教学用途")
EDUCATION_CASES = given(
    TEACHING,
    [
        Case(
            "an education edition in a 机关", copy_of(CAD, edition=EDU), "R18", UNLICENSED, "verdict.education_edition"
        ),
        Case(
            "a student edition by its edition field",
            copy_of(OFFICE, state=mak(), edition="家庭和学生版"),
            "R18",
            UNLICENSED,
        ),
        Case(
            "in a school, for teaching",
            copy_of(CAD, edition=EDU, on=computer(department="建筑工程系")),
            "R28",
            LICENSED,
            context=SCHOOL,
        ),
        Case(
            "in a school, in the finance office",
            copy_of(CAD, edition=EDU, on=computer(department="财务处")),
            "R18",
            UNLICENSED,
            "verdict.teaching_only",
            context=SCHOOL,
        ),
        Case(
            "in a school, department unknown",
            copy_of(CAD, edition=EDU, on=computer(department="")),
            "R18",
            OPEN,
            "settle.teaching_use",
            context=SCHOOL,
        ),
        Case(
            "in a school, licensed for both uses",
            copy_of(CAD, edition=EDU, on=computer(department="财务处")),
            "R28",
            LICENSED,
            rows=(row("AutoCAD 教育版", remark="教学及行政办公"),),
            context=SCHOOL,
        ),
        Case(
            "in a school, on no record",
            copy_of(CAD, edition=EDU, on=computer(department="建筑工程系")),
            "R29",
            OPEN,
            rows=(row("WPS Office"),),
            context=SCHOOL,
        ),
    ],
)

GIFT_PAPER = Proof("p", "S1", ProofLevel.P1, kind="捐赠协议")
GIFT_CASES = [
    Case("a gift with its deed", copy_of(WPS), "R19", LICENSED, "verdict.gift", rows=(row(),), proofs=(GIFT_PAPER,)),
    Case("a gift by the row's 备注", copy_of(WPS), "R19", LICENSED, rows=(row(remark="上级调剂"),)),
    Case(
        "a gift without a paper",
        copy_of(WPS),
        "R28",
        OPEN,
        "settle.gift_papers",
        rows=(row(remark="受赠"),),
        proofs=(),
        seat=Seat.UNPROVEN,
    ),
]

VERSION_CASES = [
    Case(
        "older, and 可使用版本 names it",
        copy_of(WPS, "2016"),
        "R4",
        LICENSED,
        "verdict.older_version",
        rows=(row(version="2019", usable_versions=("2016", "2019")),),
    ),
    Case(
        "older, with a downgrade right",
        copy_of(WPS, "2013"),
        "R4",
        LICENSED,
        rows=(row(version="2019", remark="含降级使用权"),),
    ),
    Case(
        "older, and the right is excluded in words",
        copy_of(WPS, "2013"),
        "R30",
        UNLICENSED,
        rows=(row(version="2019", remark="不含降级使用权"),),
    ),
    Case("older, without any right", copy_of(WPS, "2013"), "R30", UNLICENSED, rows=(row(version="2019"),)),
    Case(
        "newer, with an upgrade right",
        copy_of(WPS, "2023"),
        "R28",
        LICENSED,
        rows=(row(version="2019", remark="含升级权"),),
    ),
    Case(
        "a higher edition than the volume licence names",
        copy_of(WINDOWS, "10", state=state(channel="VOLUME_MAK"), edition="企业版"),
        "R30",
        UNLICENSED,
        rows=(row("Windows 10 专业版"),),
    ),
    Case(
        "the edition that the volume licence names",
        copy_of(WINDOWS, "10", state=state(channel="VOLUME_MAK"), edition=PRO),
        "R6",
        LICENSED,
        rows=(row("Windows 10 专业版"),),
    ),
]

FLOATING = row("AutoCAD", licence_type=LicenceType.FLOATING)
SERVED = {"servers": {"S1": frozenset({"lic01"})}}
FLOATING_CASES = given(
    FLOATING,
    [
        Case(
            "served by the declared server",
            copy_of(CAD, servers=("lic01",)),
            "R23",
            LICENSED,
            context=SERVED,
            seat=Seat.NONE,
        ),
        Case("no server was seen", copy_of(CAD), "R23", OPEN, "settle.licence_server", context=SERVED, seat=Seat.NONE),
        Case("an undeclared server", copy_of(CAD, servers=("lic99",)), "R23", OPEN, context=SERVED, seat=Seat.NONE),
        Case(
            "declared, but the row is only a claim",
            copy_of(CAD, servers=("lic01",)),
            "R23",
            OPEN,
            "settle.contract_or_invoice",
            proofs=(),
            context=SERVED,
            seat=Seat.NONE,
        ),
        Case(
            "an emulated server",
            copy_of(CAD, traces=ACTIVE),
            "R23",
            UNLICENSED,
            "verdict.floating_emulated",
            seat=Seat.NONE,
        ),
        Case(
            "a counted row with paper carries it anyway",
            copy_of(CAD),
            "R28",
            LICENSED,
            rows=(FLOATING, row("AutoCAD", no="S2")),
            proofs=(proof("S2"),),
            seat=Seat.PROVEN,
        ),
    ],
)

SITE_ROW = row(quantity=None, licence_type=LicenceType.SITE)
SCOPED = Declared(site_scopes=(SiteScope("S1", ("办公室", "信息科")),))
SCOPE_CASES = given(
    SITE_ROW,
    [
        Case(
            "inside the departments of the site licence", copy_of(WPS), "R13", LICENSED, declared=SCOPED, seat=Seat.NONE
        ),
        Case(
            "outside them the clause is asked for",
            copy_of(WPS, on=computer(department="二级单位")),
            "R13",
            OPEN,
            "settle.site_clause",
            declared=SCOPED,
            seat=Seat.NONE,
        ),
        Case(
            "outside them another row may stand",
            copy_of(WPS, on=computer(department="二级单位")),
            "R28",
            LICENSED,
            rows=(SITE_ROW, row(no="S2")),
            proofs=(proof("S1"), proof("S2")),
            declared=SCOPED,
        ),
    ],
)


@table(HARDWARE_CASES)
def test_r2_the_licence_belongs_to_its_hardware(case: Case) -> None:
    check(case)


@table(HOME_CASES)
def test_r5_home_in_an_office_is_a_policy_switch(case: Case) -> None:
    check(case)


@table(CRACK_CASES)
def test_r8_r9_r21_r22_crack_evidence_condemns_only_what_it_acts_on(case: Case) -> None:
    check(case)


@table(EDUCATION_CASES)
def test_r18_editions_for_teaching(case: Case) -> None:
    check(case)


@table(GIFT_CASES)
def test_r19_gifts(case: Case) -> None:
    check(case)


@table(VERSION_CASES)
def test_r4_r30_versions_and_editions_beside_the_licensed_one(case: Case) -> None:
    check(case)


@table(FLOATING_CASES)
def test_r23_floating_licences(case: Case) -> None:
    check(case)


@table(SCOPE_CASES)
def test_r13_the_scope_of_a_site_licence(case: Case) -> None:
    check(case)


ALL = [
    *HARDWARE_CASES,
    *HOME_CASES,
    *CRACK_CASES,
    *EDUCATION_CASES,
    *GIFT_CASES,
    *VERSION_CASES,
    *FLOATING_CASES,
    *SCOPE_CASES,
]


@table(ALL)
def test_every_ruling_has_a_reason_and_for_open_ones_the_paper_that_settles(case: Case) -> None:
    ruling = rule_on(case)
    assert ruling.reasons
    assert (ruling.settles is not None) == (ruling.decision is OPEN)


TRACES = [
    ("a service of KMSpico is active", Trace("service", "Service KMSELDI"), Grade.ACTIVE),
    ("its empty folder is a remnant", Trace("file", r"C:\Program Files\KMSpico"), Grade.REMNANT),
    ("a quarantined file is a remnant", Trace("quarantine", "AutoKMS.exe"), Grade.REMNANT),
    ("a stopped service is a remnant", Trace("service", "Service KMSELDI", active=False), Grade.REMNANT),
    ("a replaced DLL that is loaded is active", Trace("file", "SppExtComObjHook.dll", active=True), Grade.ACTIVE),
    (
        "a hook on the licensing service is active",
        Trace("image_hook", "SppExtComObj.exe", "SECOH-QAD.exe"),
        Grade.ACTIVE,
    ),
    ("a task without a known name and product says nothing", Trace("task", "GoogleUpdate"), None),
    ("the collector's own binding counts without a name", Trace("service", "x", product="windows"), Grade.ACTIVE),
    (
        "a KMS host seen to be the unit's own is legitimate",
        Trace("kms_host", "10.1.1.5", active=False),
        Grade.LEGITIMATE,
    ),
]


@pytest.mark.parametrize(("sentence", "trace", "level"), TRACES, ids=[t[0] for t in TRACES])
def test_crack_evidence_is_graded(sentence: str, trace: Trace, level: Grade | None) -> None:
    assert grade(trace, known_traces()) is level


BOUND: list[tuple[Trace, Product, bool]] = [
    (Trace("service", "KMSELDI"), WINDOWS, True),
    (Trace("service", "KMSELDI"), OFFICE, True),
    (Trace("service", "KMSELDI"), WPS, False),
    (Trace("service", "KMSELDI", product="office"), WINDOWS, False),
    (Trace("file", "xf-adsk2014.exe"), CAD, True),
    (Trace("file", "keygen.exe"), CAD, False),
    (Trace("service", "KMSELDI"), KYLIN, False),
]


@pytest.mark.parametrize(("trace", "what", "bound"), BOUND)
def test_crack_evidence_is_bound_to_what_it_acts_on(trace: Trace, what: Product, bound: bool) -> None:
    assert acts_on(trace, what, known_traces()) is bound
    assert bool(graded_for([trace], what, known_traces())) is bound


def test_a_sign_that_acts_on_nothing_here_is_loose() -> None:
    loose = unbound([Trace("file", r"D:\keygen.exe"), Trace("service", "KMSELDI")], [WINDOWS, CAD], known_traces())
    assert [found.name for found in loose] == ["Keygen"]


@pytest.mark.parametrize(
    ("sentence", "rows", "noted"),
    [
        ("附件9 was not handed over", (), False),
        ("a row of this computer", (install("S1", "JSJ-1"),), False),
        ("only rows of another computer", (install("S1", "JSJ-2"),), True),
        (
            "uninstalled later, and still there",
            (install("S1", "JSJ-1"), install("S1", "JSJ-1", installed=False, day=2)),
            True,
        ),
        ("an upgrade is two rows", (install("S1", "JSJ-1", installed=False), install("S1", "JSJ-1", day=2)), False),
    ],
)
def test_r20_a_fine_copy_without_a_row_in_the_install_log(
    sentence: str, rows: tuple[InstallRow, ...], noted: bool
) -> None:
    copy = copy_of(WPS, on=computer(computer_no="JSJ-1"))
    ruling = rule_on(Case(sentence, copy, "R28", LICENSED, rows=(row(),)))
    after = note_unregistered(ruling, copy, Entitlements(), registered(rows))
    assert (after.decision, after.rule) == (Decision.LICENSED, "R28")
    assert ("verdict.install_not_registered" in codes(after)) is noted


def test_an_unreadable_product_is_what_the_tables_take_for_wps() -> None:
    assert (WPS.activation, OFFICE.activation) == (Activation.UNREADABLE, Activation.READABLE)
