"""Ledgers on the page: columns are corrected by hand, a second file of a kind asks for its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.commands.demo import serve_inside
from tests.api.browser import Browser, browser
from tests.api.test_page import Page

ODD = "牌子号,是什么东西,归谁管,星座\nGD-1,台式电脑,财务科,双鱼\nGD-2,笔记本电脑,办公室,白羊\n"
FIRST = "资产编号,资产名称,使用部门\nGD-2,笔记本电脑,人事科\nGD-7,服务器,信息中心\n"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    served = serve_inside([], tmp_path_factory.mktemp("ledger-page"))
    client = served.client
    unit = client.send("POST", "/api/v1/units", {"name": "台账测试单位"})
    made = str(client.send("POST", "/api/v1/inspections", {"unit": unit["id"]})["id"])
    url = served.launch_url()
    with browser() as window:
        window.show(url)
        yield Page(window, client, url.partition("/#")[0], "", made)
    served.stop()


def hand_in(page: Page, file: Path, text: str, kind: str = "assets") -> Browser:
    file.write_text(text, "utf-8")
    page.show("prepare", "导入台账")
    window = page.window
    window.run("document.getElementById('ledger-details').open = true")
    window.upload("#ledger-form [name=file]", file)
    window.type("#ledger-choice", kind)
    window.click("#ledger-form button")
    return window


def choose(window: Browser, header: str, field: str) -> None:
    window.type(f'#ledger-columns select[data-header="{header}"]', field)


def test_a_header_that_nobody_knows_is_named_by_hand_and_remembered(page: Page, tmp_path: Path) -> None:
    window = hand_in(page, tmp_path / "怪表.csv", ODD)
    window.wait_for("没有找到固定资产台账的表头", "#ledger-dialog")
    choose(window, "牌子号", "asset_no")
    choose(window, "归谁管", "department")
    window.screenshot(tmp_path / "unread.png")
    window.click("#ledger-reread")
    window.wait_for("可用 2 行", "#ledger-dialog")
    assert "GD-1" in window.text("#ledger-rows")
    assert "记住" in window.text("#ledger-message")
    choose(window, "是什么东西", "name")
    window.click("#ledger-reread")
    window.wait_for("便携式计算机", "#ledger-rows")
    assert "双鱼" in window.text("#ledger-columns")
    window.screenshot(tmp_path / "columns.png")
    window.click("[data-decision=accept_all]")
    window.wait_for("已采用", "#ledgers")
    rows = page.get("declared/assets")["items"]
    assert [(row["asset_no"], row["department"], row["category"]) for row in rows] == [
        ("GD-1", "财务科", "desktop"),
        ("GD-2", "办公室", "notebook"),
    ]
    assert [line for line in window.console() if "status of 422" not in line] == []  # the refused upload


def test_a_second_file_asks_for_its_place_and_shows_what_it_repeats(page: Page, tmp_path: Path) -> None:
    window = hand_in(page, tmp_path / "另一份.csv", FIRST)
    window.wait_for("GD-2", "#ledger-duplicates")
    assert "已有在用的同类台账" in window.text("#ledger-dialog")
    assert "不同，请核对" in window.text("#ledger-duplicates")
    window.click("[data-decision=accept_all]")
    window.wait_for("替换其中哪一份", "#ledger-message")
    window.screenshot(tmp_path / "place.png")
    window.click("#ledger-place-choices input[value=add]")
    window.click("[data-decision=accept_all]")
    window.wait("return !document.getElementById('ledger-dialog').open")
    rows = {row["asset_no"]: row["department"] for row in page.get("declared/assets")["items"]}
    assert rows == {"GD-1": "财务科", "GD-2": "人事科", "GD-7": "信息中心"}


def test_a_preview_is_closed_by_going_to_another_page(page: Page, tmp_path: Path) -> None:
    window = hand_in(page, tmp_path / "再来.csv", FIRST)
    window.wait("return document.querySelector('dialog[open]') !== null")
    window.run("location.hash = '#/'")
    window.wait("return document.querySelector('dialog[open]') === null")
    assert page.get("ledgers")["items"][-1]["state"] == "previewed"
