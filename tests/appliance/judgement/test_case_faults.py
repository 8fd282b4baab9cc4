"""Folders with a fault: one Chinese sentence that names the file, the place in it and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.judgement.cases import Case, read_case
from appliance.recognition.catalogue import load
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput, Exit
from config.settings import load as load_settings

HEAD = "as_of = 2026-07-01\n"
PC1 = "[[computers]]\nhost = 'PC1'\n"
ROW = "[[licences]]\nsoftware_no = 'RJ1'\nname = 'WPS Office'\n"
FACTS = (
    '{"schema":"hezheng.facts/1","id":"f","outcome":"READ","origin":"network","started_at":"","finished_at":"",'
    '"identity":{"hostname":"PC1"}}\n'
)
LICENCES = "软件编号,软件名称,软件版本,许可类型,许可数量,可使用版本,许可期限\n"

Files = Mapping[str, str | bytes]


def read(folder: Path, files: Files) -> Case:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_case(folder, load(), load_settings().ledger, SystemClock())


def case(text: str) -> Files:
    return {"case.toml": HEAD + text}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (PC1 + "[[decisions]]\nhost_id = 'PC9'\nproduct_id = 'zwcad'\ndecision = 'licensed'\nreason = 'x'\n", "PC9"),
        (PC1 + "[[expect]]\nhost = 'PC1'\nproduct = 'zwcadd'\ndecision = 'none'\n", "zwcadd"),
        (ROW + "[[proofs]]\nsoftware_no = 'RJ9'\nlevel = 'P1'\n", "RJ9"),
        ("[[repairs]]\nasset_no = 'ZC9'\npaper = 'x'\n", "ZC9"),
    ],
)
def test_a_record_about_what_is_not_there_is_pointed_out_and_does_nothing(
    tmp_path: Path, text: str, named: str
) -> None:
    (remark,) = read(tmp_path, case(text)).remarks
    assert f"“{named}”" in render(remark)
    assert "不起作用" in render(remark)


@pytest.mark.parametrize(
    ("sentence", "files", "named"),
    [
        ("no case.toml at all", {}, "没有 case.toml"),
        ("a day that does not exist", {"case.toml": "title = 'x'\nas_of = 2026-02-30\n"}, "第 2 行"),
        ("a day that does not exist, in quotes", case(ROW + "valid_until = '2026/2/30'\n"), "case.toml:5"),
        ("a table that is not closed", case("[[licences\n"), "第 2 行"),
        ("GBK instead of UTF-8", {"case.toml": "title = '案例'\n".encode("gbk")}, "UTF-8"),
        ("a key at the top that is none", case("foo = 1\n"), "“foo”"),
        ("a profile that is not there", case("policy = 'shanghai-2030'\n"), "national"),
        ("a profile outside its folder", case("policy = '../national'\n"), "../national"),
        ("a switch that is not there", case("policy_switches = { nosuch = true }\n"), "nosuch"),
        ("a window that ends before it begins", case("window = [2026-07-05, 2026-07-01]\n"), "2026-07-05"),
        ("a word for a number", case(ROW + "quantity = 'ten'\n"), "case.toml:5"),
        ("a count below zero", case(ROW + "quantity = -3\n"), "不能小于 0"),
        ("the second of two rows", case(ROW + ROW.replace("RJ1", "RJ2") + "quantity = 'x'\n"), "case.toml:8"),
        ("a kind of device that is none", case(PC1 + "kind = 'phone'\n"), "printer"),
        ("software without a name", case(PC1 + "software = ['|1']\n"), "computers[1] software[1]"),
        ("a trial that ends on no day", case(PC1 + "licence = [{ evaluation_end = '2026/2/30' }]\n"), "evaluation_end"),
        ("an asset twice", case("[[assets]]\nasset_no = 'A'\n[[assets]]\nasset_no = 'A'\n"), "两次"),
        ("a last-seen day that is none", case("[[assets]]\nasset_no = 'A'\n[[official]]\nasset_no = 'A'\n"
            "last_seen = '2026/2/30'\n"), "case.toml:6"),
        ("facts that are no JSON", {**case(""), "facts.jsonl": FACTS + "{bad\n"}, "第 2 行"),
        ("facts of another schema", {**case(""), "facts/a.json": '{"schema":"x"}'}, "facts/a.json"),
        ("facts without an outcome", {**case(""), "facts.jsonl": '{"schema":"hezheng.facts/1","id":"f"}'}, "outcome"),
        ("one computer twice among the facts", {**case(""), "facts.jsonl": FACTS + FACTS.replace('"f"', '"g"')},
            "facts.jsonl:2"),
        ("a ledger row with a day that does not exist",
            {**case(""), "ledgers/附件7.csv": f"{LICENCES}RJ1,WPS Office,,商业,3,,2026/2/30\n"}, "附件7.csv 第 2 行"),
        ("a ledger without known columns", {**case(""), "ledgers/x.csv": "a,b\n1,2\n"}, "x.csv"),
        ("an empty ledger", {**case(""), "ledgers/x.csv": ""}, "x.csv"),
    ],
)  # fmt: skip
def test_a_folder_with_a_fault_is_refused_in_one_sentence(
    tmp_path: Path, sentence: str, files: Files, named: str
) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, files)
    said = render(caught.value.message)
    assert named in said, sentence
    assert "请" in said
    assert "\n" not in said
    assert "（未知）" not in said
    assert caught.value.exit is Exit.BAD_INPUT


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    found = read(
        tmp_path, {"case.toml": b"\xef\xbb\xbf" + HEAD.encode(), "facts.jsonl": b"\xef\xbb\xbf" + FACTS.encode()}
    )
    assert [host.id for host in found.inputs.hosts] == ["PC1"]


def test_a_toml_date_may_stand_wherever_a_record_keeps_a_day(tmp_path: Path) -> None:
    licence = "licence = [{ application = 'office', status = 'trial', evaluation_end = 2026-07-31 }]\n"
    found = read(tmp_path, case(PC1 + licence + "[[official]]\nasset_no = 'ZC-PC1'\nlast_seen = 2026-07-01\n"))
    states = [state for facts in found.inputs.facts() for state in facts.licence_states or ()]
    assert [state.evaluation_end for state in states] == ["2026-07-31"]
    assert found.inputs.declared.official[0].last_seen == "2026-07-01"
