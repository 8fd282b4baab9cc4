"""The hand-worked cases: each folder of ``tests/data/cases`` states what must come out, and why."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from appliance.judgement.audit import run_audit
from appliance.judgement.case_check import run_case
from appliance.judgement.case_file import read_file
from appliance.judgement.cases import Case, read_case
from appliance.judgement.declared import Declared
from appliance.judgement.survey import AuditInputs
from appliance.ledger.model import Asset, FreeListEntry, Licence, Proof
from appliance.recognition.catalogue import Catalogue, load
from config.clock import SystemClock
from config.message import Message
from config.messages import render
from config.problems import BadInput
from config.settings import load as load_settings

FOLDER = Path(__file__).parents[2] / "data" / "cases"
NAMES = sorted(file.parent.name for file in FOLDER.glob("*/case.toml"))
RULES = {f"R{number}" for number in range(1, 32)}


@cache
def catalogue() -> Catalogue:
    return load()


def read(folder: Path) -> Case:
    return read_case(folder, catalogue(), load_settings().ledger, SystemClock())


@pytest.mark.parametrize("name", NAMES)
def test_a_case_comes_out_as_worked_out_by_hand(name: str) -> None:
    result = run_case(read(FOLDER / name))
    assert [render(Message.from_json(message)) for message in result["unmet"]] == []


def everything(inputs: AuditInputs) -> tuple[bytes, str]:
    run = run_audit(inputs)
    lines = b"".join(run.lines())
    return lines, repr((run.positions, run.findings, sorted(run.rates.items()), run.head))


def backwards(inputs: AuditInputs) -> AuditInputs:
    facts, declared = list(inputs.facts()), inputs.declared
    names = ("hosts", "matches", "assets", "licences", "free_list", "proofs")
    turned: dict[str, Any] = {name: tuple(reversed(getattr(inputs, name))) for name in names}
    records: dict[str, Any] = {f.name: tuple(reversed(getattr(declared, f.name))) for f in fields(declared)}
    return replace(inputs, facts=lambda: iter(facts[::-1]), declared=replace(declared, **records), **turned)


def test_every_case_gives_the_same_bytes_in_any_order() -> None:
    for name in NAMES:
        inputs = read(FOLDER / name).inputs
        assert everything(inputs) == everything(backwards(inputs)), name


def test_eighty_cases_speak_of_every_rule_and_give_the_reason_in_words() -> None:
    files = [read_file(FOLDER / name / "case.toml") for name in NAMES]
    assert len(files) >= 80
    spoken = {expected.rule for file in files for expected in file.expect}
    spoken |= {name.partition("-")[0].upper().replace("R0", "R") for name in NAMES}  # R20, R26 and R27 decide nothing
    assert spoken >= RULES
    assert all(any("\u4e00" <= c <= "\u9fff" for c in expected.why) for file in files for expected in file.expect)
    assert len({file.title for file in files}) == len(files)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("as_of = 2026-13-01", "case.toml"),
        ("title = 'x'", "as_of"),
        ("as_of = 2026-07-01\nlicenses = []", "licenses"),
        ("as_of = 2026-07-01\n[[licences]]\nsoftware_no = 'a'", "licences[1]"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\nsofware = []", "sofware"),
        ("as_of = 2026-07-01\n[policy_switches]\nproof_required = 'P9'", "proof_required"),
        ("as_of = 2026-07-01\n[[computers]]\nsoftware = ['x']", "host"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\noutcome = 'OFFLINE'", "UNREACHABLE"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\n[[computers]]\nhost = 'PC1'", "computers[2]"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\nasset = 'ZC9'", "ZC9"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\nlicence = [{ statuss = 'x' }]", "statuss"),
        ("as_of = 2026-07-01\n[[computers]]\nhost = 'PC1'\nlicence = [{ status = 'x' }]", "computers[1]"),
        ("as_of = 2026-07-01\n[[licences]]\nsoftware_no = 'a'\nname = 'b'\nnumber = 3", "number"),
        ("as_of = 2026-07-01\n[[licences]]\nsoftware_no = 'a'\nname = 'b'\nproof = 'P9'", "licences[1] proof"),
        ("as_of = 2026-07-01\n[[kms_hosts]]\nhost = 'a'\naddress = 'b'", "address"),
        ("as_of = 2026-07-01\n[[expect]]\nproduct = 'a'\ndecision = '正版'", "decision"),
        ("as_of = 2026-07-01\n[expect_rates.legal_rate]\nnn = 1", "nn"),
        ("schema = 'hezheng.case/9'\nas_of = 2026-07-01", "hezheng.case/1"),
        ("as_of = 2026-07-01\n[[decisions]]\nhost_id = 'PC1'", "decisions"),
    ],
)
def test_a_case_with_a_fault_names_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "case.toml").write_text(text, "utf-8")
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    assert caught.value.message.code.startswith("case.")
    assert named in render(caught.value.message)


def test_a_case_of_facts_and_ledger_files_is_matched_like_an_inspection(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("as_of = 2026-07-01\n[[licences]]\nsoftware_no = 'S1'\nname = 'WPS Office'\n"
        "quantity = 1\nperpetual = true\nproof = 'P1'\n", "utf-8")  # fmt: skip
    (tmp_path / "ledgers").mkdir()
    ledger = "资产编号,资产名称,分类代码,数量,序列号\nZC1,台式机,A02010105,1,PF3K2M9X\n"
    (tmp_path / "ledgers" / "固定资产.csv").write_text(ledger, "utf-8")
    facts = (
        '{"schema":"hezheng.facts/1","id":"f1","outcome":"READ","origin":"network","started_at":"","finished_at":"",'
        '"platform":"windows","identity":{"hostname":"PC1","serial":"PF3K2M9X"},'
        '"installations":[{"name":"WPS Office","source":"HKLM","scope":"machine","observation":"o1"}]}'
    )
    (tmp_path / "facts.jsonl").write_text(facts + "\n", "utf-8")
    result = run_case(read(tmp_path))
    assert [(v["host_id"], v["rule"], v["decision"]) for v in result["verdicts"]] == [("PC1", "R28", "licensed")]
    assert (result["rates"]["asset_match_rate"]["n"], result["rates"]["coverage_rate"]["d"]) == (1, 1)


def test_the_format_names_every_key_that_a_case_may_have() -> None:
    text = (FOLDER.parents[2] / "docs" / "cases.md").read_text("utf-8")
    lists: list[type[Any]] = [Asset, Licence, FreeListEntry, Proof]
    lists += [get_args(hint)[0] for hint in get_type_hints(Declared).values()]
    missing = {f"{kind.__name__}.{one.name}" for kind in lists for one in fields(kind) if f"`{one.name}`" not in text}
    assert {name for name in missing if not name.endswith(".ref")} == set()
