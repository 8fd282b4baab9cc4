"""整改 and 回头看 on the page in a real Chromium."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.folder import DataFolder, read_holder
from tests.api.browser import Browser, browser
from tests.api.conftest import SMALL_VAULT, Api
from tests.api.test_follow_up import UNIT, identifier, serving, visit


@pytest.mark.lab
def test_a_follow_up_is_compared_and_a_notice_issued_on_the_page(data: Path) -> None:
    with serving(DataFolder(data)) as api, browser((1280, 900)) as page:
        api.post("/api/v1/units", {"name": UNIT})
        visit(api, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")
        again = visit(api, "follow_up", {1: (), 2: ("solidworks",), 3: ("autocad",)}, "2")
        enter(api, page)
        page.show(f"{page.url.partition('#')[0]}#/{identifier(again)}/follow")
        page.wait_for("尚未指定比对基准")
        page.run("document.querySelector('#tab-follow details').open = true; return true")
        page.click("#baseline-form button.primary")
        page.wait_for("以本机的上次督查为基准")
        page.click("#compare-start")
        page.wait_for("异机再现 1")
        page.wait_for("原计算机上已没有此软件")
        page.click("#followed button[value=moved]")
        page.wait("return document.querySelectorAll('#followed-lines tbody tr').length === 1")
        page.click("#followed-lines summary")
        page.wait_for("R29 · 非正版", "#followed-lines")
        page.wait_for("PC3-2", "#followed-lines")
        page.redraw()
        page.wait_for("R29 · 非正版", "#followed-lines")
        page.run("for (const one of document.querySelectorAll('#tab-follow details')) one.open = true; return true")
        page.type("#notice-form [name=number]", "整改〔2026〕1号")
        page.type("#notice-form [name=deadline]", "2099-12-31")
        page.click("#notice-form button.primary")
        page.wait_for("整改中", "#notices")
        assert [one["number"] for one in api.get(f"{again}/notices")["items"]] == ["整改〔2026〕1号"]
        page.type("#notices [name=text]", "现场看过")
        page.type("#notices select[name=kind]", "accept")
        page.redraw()
        assert page.run("return document.querySelector('#notices [name=text]').value") == "现场看过"
        page.click("#notices form button")
        page.wait_for("已销号", "#notices")


@contextmanager
def judged_page(folder: Path) -> Generator[tuple[Api, Browser, str]]:
    """A unit with a judged inspection of two computers, on the page of a fresh appliance."""
    data = folder / "data"
    data.mkdir()
    (data / "hezheng.toml").write_text(SMALL_VAULT)
    with serving(DataFolder(data)) as api, browser((1366, 900)) as page:
        api.post("/api/v1/units", {"name": UNIT})
        one = visit(api, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")
        enter(api, page)
        yield api, page, one


def enter(api: Api, page: Browser) -> None:
    """Log in as a person does, by the launch link."""
    address = read_holder(api.built.appliance.folder)["address"]
    page.show(f"{address}/#token={api.built.gate.new_launch_token()}")
