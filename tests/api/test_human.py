"""What a command shows a person: Chinese names and words, local times, aligned tables; ``--json`` stays one object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

from api.commands import COMMANDS, human
from api.commands.hosts import lines as host_lines
from api.commands.tables import Layout, cells, folded, table
from tests.api.conftest import SMALL_VAULT, here
from tests.api.test_sealing import judged_and_left

ENGLISH_NAME = re.compile(r"^[\s-]*[a-z_]+[：:]", re.MULTILINE)
WITHOUT_JSON = {"serve"}


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("督查", 4), ("ＡＢ", 4), ("e\u0301", 1), ("“引”—", 5), ("", 0)]
)
def test_a_chinese_character_takes_two_cells(text: str, width: int) -> None:
    assert cells(text) == width


def test_columns_stand_below_their_heads_whatever_the_script() -> None:
    lines = table(("名称", "数"), [("某某局", "1"), ("abc", "22")], Layout())
    assert lines == ["名称    数", "------  --", "某某局  1", "abc     22"]


REASON = "主机拒绝了账号的登录，请由单位人员重新录入口令。"


def test_a_narrow_terminal_folds_text_and_keeps_what_is_copied() -> None:
    number = "01M7ZRBJ1EFGF3CA8SCYT3C6PE"
    lines = table(("编号", "原因"), [(number, REASON)], Layout(50, frozenset({0})))
    assert max(map(cells, lines)) <= 50
    assert lines[2].startswith(number)
    assert "".join(line[26:].strip() for line in lines[2:]) == REASON


def test_on_eighty_cells_a_sentence_stands_below_its_row() -> None:
    rows = [("10.77.0.11", "PC1", "已采集", "—"), ("10.77.0.13", "—", "未能登录", REASON * 2)]
    lines = table(("地址", "主机名", "结果", "原因"), rows, Layout(80, frozenset({0}), frozenset({3})))
    assert [line.split() for line in lines[:4:2]] == [["地址", "主机名", "结果"], ["10.77.0.11", "PC1", "已采集"]]
    assert "".join(line.strip() for line in lines[4:]) == "原因：" + REASON * 2
    assert max(map(cells, lines)) <= 80


def test_folding_loses_no_character() -> None:
    text = "AutoCAD 2014 - 简体中文 (Simplified Chinese) 安装于综合办公室"
    for width in range(2, 60):
        parts = folded(text, width)
        assert max(map(cells, parts)) <= width
        assert "".join(parts).replace(" ", "") == text.replace(" ", "")


def test_a_rate_is_never_a_bare_percentage() -> None:
    rate = {"n": 1, "d": 3, "lower": 1, "upper": 2, "excluded": 4}
    none = {"n": 0, "d": 0, "lower": 0, "upper": 0, "excluded": 0}
    lines = human.rates_table({"legal_rate.office": rate, "coverage_rate": none}, None)
    assert lines[2].split() == ["软件正版率：办公软件", "33.33%", "1/3", "33.33%–66.67%", "4", "legal_rate.office"]
    assert lines[3].split()[:3] == ["采集覆盖率", "不适用", "0/0"]


def test_one_computer_is_told_without_codes_of_ours() -> None:
    view = {
        "host": {"address": "10.0.0.1", "hostname": None, "os": "", "outcome": "DENIED", "reading": None, "source": ""},
        "readings": [{"counts": True, "finished_at": "2026-11-21T19:12:00+00:00", "outcome": "DENIED", "reason": None}],
        "values": [], "groups": {"installations": None}, "not_read": [],
    }  # fmt: skip
    shown = "\n".join(host_lines(view))
    assert "未能登录" in shown
    assert "软件清单：—" in shown
    assert "没有读到的：0" in shown
    assert not re.search("DENIED|T19:|not_read|installations", shown)


def test_an_instant_is_shown_as_local_time() -> None:
    (line,) = human.value_lines("sealed_at", "2026-11-21T19:12:00.697+00:00", {})
    assert re.fullmatch(r"封存时间：2026-11-2[12] \d\d:\d\d", line)


@pytest.mark.parametrize(
    "command",
    [
        "unit list", "inspection list", "inspection show ID", "authorisation list ID", "ledger list ID", "ledger forms",
        "host list ID", "scan status ID", "audit ID", "verdict list ID", "finding list ID", "rate show ID",
        "explain ID --rate legal_rate --number d", "evidence list ID", "evidence custody ID", "credential list ID",
        "proof record ID RJ1 P1", "record add ID disposals {\"asset_no\":\"Z1\",\"paper\":\"1\"}", "segment list ID",
        "inspection phase ID after_proof",
    ],
)  # fmt: skip
def test_no_answer_has_an_english_name_and_its_json_is_one_object(data: Path, one: str, command: str) -> None:
    words = [one if word == "ID" else word for word in command.split(" ")]
    shown = here(data, *words)
    assert shown.exit == 0, shown.err
    if command != "ledger forms":  # its names are typed into --map
        assert not ENGLISH_NAME.search(shown.out), shown.out
    assert shown.out.strip()
    document = here(data, *words, "--json").json
    assert document["schema"].startswith("hezheng.")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("human") / "data"
    folder.mkdir()
    (folder / "hezheng.toml").write_text(SMALL_VAULT)
    return folder


@pytest.fixture(scope="module")
def one(data: Path) -> str:
    return judged_and_left(data)


def leaves(commands: Iterable[click.Command], path: str = "") -> Iterator[tuple[str, click.Command]]:
    for command in commands:
        name = f"{path} {command.name}".strip()
        if isinstance(command, click.Group):
            yield from leaves(command.commands.values(), name)
        else:
            yield name, command


def test_every_command_that_answers_takes_json() -> None:
    without = {name for name, command in leaves(COMMANDS) if not any("--json" in p.opts for p in command.params)}
    assert without == WITHOUT_JSON
