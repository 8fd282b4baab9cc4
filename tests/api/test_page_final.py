"""On the page: 定稿 is taken back with a reason, alike computers are told apart, sudo is said of a credential."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands.base import follow
from api.commands.demo import serve_inside
from tests.api.browser import browser
from tests.api.test_page import Page, facts

UNIT = "定稿测试单位"
ALIKE = {"serial": "Default string", "machine_sid": "S-1-5-21-7-7-7"}


def twin(number: int) -> dict[str, Any]:
    """Two such computers look alike and contradict each other."""
    identity = {**ALIKE, "hostname": f"PC-{number}", "macs": [f"8C:16:45:00:01:{number}"]}
    return {**facts(number, f"PC-{number}"), "identity": identity}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    served = serve_inside([], tmp_path_factory.mktemp("final-page"))
    client = served.client
    unit = client.send("POST", "/api/v1/units", {"name": UNIT})
    made = str(client.send("POST", "/api/v1/inspections", {"unit": unit["id"]})["id"])
    for number in (21, 22):
        client.send("POST", f"/api/v1/inspections/{made}/facts", twin(number))
    url = served.launch_url()
    with browser() as window:
        window.show(url)
        yield Page(window, client, url.partition("/#")[0], "", made)
    served.stop()


def judge(page: Page) -> None:
    follow(page.client, page.client.send("POST", f"/api/v1/inspections/{page.inspection}/audits"))


def test_two_computers_that_look_alike_are_told_apart_on_the_page(page: Page, tmp_path: Path) -> None:
    judge(page)
    assert {f["kind"] for f in page.get("findings?limit=100")["items"]} >= {"identity_open"}
    page.show("result", "身份信息相同，待核对")
    window = page.window
    window.run("document.getElementById('same-details').open = true")
    window.type("#same-form [name=one]", "10.20.0.21")
    window.type("#same-form [name=other]", "PC-99")
    window.type("#same-form [name=same]", "no")
    window.type("#same-form [name=reason]", "两台机身铭牌不同")
    window.click("#same-form button")
    window.wait_for("没有地址或主机名为“PC-99”的主机", "#same-form")
    window.type("#same-form [name=other]", "pc-22")
    window.screenshot(tmp_path / "same.png")
    window.click("#same-form button")
    window.wait_for("两台机身铭牌不同", "#same-said")
    (record,) = page.get("records?kind=same_computers")["items"]
    assert (record["same"], record["reason"]) == (False, "两台机身铭牌不同")
    judge(page)
    assert "identity_open" not in {finding["kind"] for finding in page.get("findings?limit=100")["items"]}


def test_a_linux_credential_is_allowed_to_use_sudo_on_the_page(page: Page) -> None:
    page.client.send("POST", "/api/v1/vault", {"passphrase": "一个足够长的口令库密码"})
    page.show("prepare", "录入账号")
    window = page.window
    window.run("document.getElementById('credential-form').closest('details').open = true")
    window.type("#protocol-choice", "ssh")
    window.type("#credential-kind-choice", "local")
    window.type("#credential-form [name=username]", "inspector")
    window.type("#credential-form [name=secret]", "极机密的口令-7Qx")
    window.click("#credential-form [name=sudo]")
    window.click("#credential-form button")
    window.wait_for("inspector", "#credentials")
    assert [row["sudo"] for row in page.get("credentials")["items"]] == [True]


def test_a_final_inspection_says_so_and_is_reopened_with_a_reason(page: Page, tmp_path: Path) -> None:
    window, one = page.window, f"/api/v1/inspections/{page.inspection}"
    page.client.send("PATCH", one, {"phase": "final"})
    judge(page)
    page.show("result", "软件正版率")
    assert "定稿，结果为最终结果" in window.text("#final-banner")
    assert window.run("return document.getElementById('phase-form').offsetParent === null")
    window.screenshot(tmp_path / "final.png")
    window.type("#reopen-form [name=reason]", "单位补交合同")
    window.click("#reopen-form button")
    window.wait_for("改后须重新运行判定", "#ask")
    window.click("#ask [value=yes]")
    window.wait_for("已重新打开", "#notice")
    assert [row["reason"] for row in page.get("reopenings")["items"]] == ["单位补交合同"]
    assert window.text("#phase") == "补证后"
    window.wait("return document.getElementById('reopen-form').offsetParent === null")
    assert window.console() == []
