"""A person who mistypes, or points at the wrong place, is told so in Chinese, and nothing is touched."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.commands import wording
from api.commands.base import follow
from api.commands.client import Answer, Client
from config.messages import catalogue
from config.problems import EnvironmentProblem
from tests.api.conftest import Api, hezheng

ENGLISH = {"LANG": "C", "LC_ALL": "C"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "begin"), "没有命令 begin"),
        (("scan", "start"), "缺少参数 '督查编号'"),
        (("scan", "start", "X", "--rounds", "99"), "99 不在范围 1<=x<=48 内"),
        (("scan", "start", "X", "--rounds", "a"), "a 不是整数"),
        (("scan", "start", "X", "--segment"), "选项 --segment 后面要有值"),
        (("scan", "start", "X", "--jsn"), "没有选项 --jsn。 是不是 '--json'？"),
        (("scan", "start", "X", "--json=1"), "选项 --json 后面不能有值"),
        (("inspection", "phase", "X", "late"), "late 不在可选值 'on_site', 'after_proof', 'final' 之中"),
        (("facts", "import", "X", "no-such-file"), "'文件'：no-such-file 不存在"),
        (("unit", "create", "某某", "局"), "多出的参数：局"),
        (("authorisation", "record", "X", "--from", "gestern"), "gestern 不是日期。请写成 2026-11-21"),
    ],
)
def test_a_mistyped_command_is_explained_in_chinese(data: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = hezheng(data, *arguments, environment=ENGLISH)
    assert (ran.exit, ran.out) == (2, "")
    assert said in ran.err
    assert not re.search("Error|Usage|Try|Invalid|Missing|No such", ran.err)


def test_every_sentence_of_click_has_its_placeholders() -> None:
    for code in set(wording.CODES.values()):
        theirs = " ".join(sentence for sentence, ours in wording.CODES.items() if ours == code)  # click fills either
        assert set(re.findall(r"\{(\w+)", catalogue()[code])) <= set(re.findall(r"\{(\w+)", theirs)), theirs


def test_the_help_is_chinese_in_an_english_shell(data: Path) -> None:
    shown = hezheng(data, "scan", "--help", environment=ENGLISH).out
    assert "用法：" in shown
    assert "显示本说明" in shown
    assert "Show this" not in shown


def test_an_unknown_inspection_is_named_before_anybody_types_a_password(data: Path) -> None:
    assert hezheng(data, "vault", "create", "--passphrase-fd", "0", secret="a long enough passphrase\n").exit == 0
    for command in (("scan", "start"), ("evidence", "seal")):
        ran = hezheng(data, *command, "01ARZ3NDEKTSV4RRFFQ69G5FAV", secret="")
        assert ran.exit == 3
        assert "01ARZ3NDEKTSV4RRFFQ69G5FAV" in ran.err
        assert "口令库密码" not in ran.err


@pytest.mark.parametrize("command", [("unit", "list"), ("unit", "create", "某局"), ("serve", "--port", "0")])
def test_a_folder_of_somebody_else_is_not_filled(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "照片.txt").write_text("x")
    ran = hezheng(tmp_path, *command)
    assert ran.exit == 3
    assert "不是核正的数据文件夹" in ran.err
    assert [file.name for file in tmp_path.iterdir()] == ["照片.txt"]


def test_reading_makes_no_data_folder(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        ran = hezheng(folder, "inspection", "list")
        assert ran.exit == 3
        assert "还没有核正的数据" in ran.err
    assert list(tmp_path.iterdir()) == []
    assert hezheng(tmp_path / "missing", "unit", "create", "某局").exit == 0
    assert "某局" in hezheng(tmp_path / "missing", "unit", "list").out


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("units", {}, "“名称”有误：没有填写"),
        ("units", {"name": "x" * 201}, "“名称”有误：最多 200 个字"),
        ("units", {"name": "a\u200bb"}, "“名称”有误：含有不可见字符"),
        ("units", {"name": " "}, "“名称”有误：不能为空"),
        ("units", {"name": "x", "colour": 1}, "“colour”有误：没有这一项"),
        ("units", [], "“提交的内容”有误：应为名称与值的对应表"),
        ("inspections", {"unit": "x", "kind": "last"}, "应为 'initial'、'follow_up'、'self_check' 之一"),
        ("inspections", {"unit": "x", "as_of": "yesterday"}, "“检查基准日”有误：应为日期"),
        ("inspections/short/audits", {}, "“督查编号”有误：写法不对"),
    ],
)
def test_a_request_that_does_not_fit_is_explained_in_chinese(api: Api, path: str, body: Any, said: str) -> None:
    response = api.call("POST", f"/api/v1/{path}", body)
    assert response.status_code == 422
    assert said in (response.json or {})["title"]


def test_help_names_parameters_in_chinese_and_leaves_no_sentence_out(data: Path) -> None:
    shown = hezheng(data, "evidence", "--help", environment=ENGLISH).out
    assert "..." not in shown
    assert "用法： hezheng evidence [选项] 命令 [参数]…" in shown
    adding = hezheng(data, "credential", "add", "--help", environment=ENGLISH).out
    assert "督查编号 {smb|ssh} 用户名" in adding
    assert not re.search("TEXT|PATH|INTEGER|OPTIONS|ARGS", adding)


@pytest.mark.parametrize(("in_process", "said"), [(True, "封存已停止"), (False, "封存仍由正在运行的核正继续进行")])
def test_ctrl_c_says_what_becomes_of_the_work(in_process: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupting:
        def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Client(Interrupting(), in_process), {"id": "1", "kind": "seal"})
    assert said in capsys.readouterr().err


def test_a_password_is_not_asked_for_where_nobody_can_type(data: Path) -> None:
    ran = hezheng(data, "vault", "create", secret="")
    assert (ran.exit, ran.out) == (3, "")
    assert ran.err.strip() == (
        "这里不是终端，不能输入“新的口令库密码”。请在终端中执行，或用 --passphrase-fd、--secret-fd 从文件描述符提供。"
    )


def test_a_used_link_is_replaced_without_starting_again(api: Api) -> None:
    assert ".venv/bin/hezheng link" in api.call("GET", "/").text
    refused = api.client.get("/api/v1/status", base_url="http://127.0.0.1:8600").json
    assert refused is not None
    assert ".venv/bin/hezheng link" in refused["title"]


def test_the_demo_says_in_chinese_that_it_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EnvironmentProblem) as caught:
        sys.modules["api.commands.demo"]._start_lan()
    assert caught.value.message.code == "demo.needs_root"
