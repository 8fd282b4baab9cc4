"""整改 on the page: papers of a notice, what is due in all units, a month on paper, and what schedules ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.folder import DataFolder
from tests.api.browser import Browser, browser
from tests.api.conftest import SMALL_VAULT, Api, at_noon
from tests.api.test_follow_up import UNIT, done, identifier, serving, visit
from tests.api.test_page_follow_up import enter
from tests.api.test_schedules import make_due

CLOCK = at_noon()
TODAY = CLOCK.now().date()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Browser]]:
    data = tmp_path_factory.mktemp("rectification") / "data"
    data.mkdir()
    (data / "hezheng.toml").write_text(SMALL_VAULT)
    with serving(DataFolder(data), CLOCK) as api, browser((1366, 900)) as page:
        api.post("/api/v1/units", {"name": UNIT})
        enter(api, page)
        yield api, page


def judged(api: Api, tag: str) -> str:
    return visit(api, "initial", {1: ("autocad",), 2: ("solidworks",)}, tag)


def issue(api: Api, one: str, number: str, days: int, **more: Any) -> Any:
    issued = {"issued_on": (TODAY - timedelta(days=40)).isoformat()} if days < 0 else {}
    deadline = (TODAY + timedelta(days=days)).isoformat()
    return api.post(f"{one}/notices", {"number": number, "deadline": deadline, **issued, **more})


def show(page: Browser, rest: str) -> None:
    page.show(f"{page.url.partition('#')[0]}#/{rest}")


def test_papers_go_to_a_notice_and_reminders_stand_above_them(shown: tuple[Api, Browser], tmp_path: Path) -> None:
    api, page = shown
    one = judged(api, "1")
    notice = issue(api, one, "整改〔2026〕1号", 5)
    issue(api, one, "整改〔2026〕2号", -2)
    show(page, f"{identifier(one)}/follow")
    page.wait_for("有 1 份整改通知已逾期", "#notices-reminder")
    page.wait_for("有 1 份整改通知七天内到期", "#notices-reminder")
    page.wait_for("整改率 0.00%", "#notices-rate")
    (tmp_path / "采购合同.pdf").write_bytes(b"%PDF-1.7 contract")
    page.upload(f"[data-key='{notice['id']}-paper'] [type=file]", tmp_path / "采购合同.pdf")
    page.click(f"[data-key='{notice['id']}-paper'] button")
    page.wait_for("材料“采购合同.pdf”已保存", "#notice")
    page.click(f"details[data-key='{notice['id']}'] summary")
    page.wait_for("采购合同.pdf", f"details[data-key='{notice['id']}']")
    [paper] = api.get(f"/api/v1/notices/{notice['id']}")["papers"]
    link = page.run("return document.querySelector('#notices a').href")
    assert link.endswith(f"/notices/{notice['id']}/papers/{paper['id']}/file")
    page.screenshot(tmp_path / "follow.png", whole=True)
    assert page.console() == []


def test_a_notice_names_only_the_findings_that_were_ticked(shown: tuple[Api, Browser], tmp_path: Path) -> None:
    api, page = shown
    one = judged(api, "6")
    choices = {row["product_id"]: row for row in api.get(f"{one}/notices/findings")["items"] if row["for_unit"]}
    key = choices["autocad"]["key"]
    show(page, f"{identifier(one)}/follow")
    page.wait("return document.getElementById('notice-form').closest('details').hidden === false")
    page.click("#tab-follow details:has(#notice-form) > summary")
    page.click("#notice-findings summary")
    page.click(f"#notice-findings [type=checkbox][value='{key}']")
    page.wait_for("已勾选 1 项", "#notice-picked")
    page.redraw()
    page.wait(f"return document.querySelector(\"#notice-findings [value='{key}']\")?.checked")
    page.type("#notice-form [name=number]", "整改〔2026〕7号")
    page.type("#notice-form [name=deadline]", (TODAY + timedelta(days=30)).isoformat())
    page.screenshot(tmp_path / "picking.png", whole=True)
    page.click("#notice-form button")
    page.wait_for("整改〔2026〕7号", "#notices")
    [row] = [row for row in api.get(f"{one}/notices")["items"] if row["number"] == "整改〔2026〕7号"]
    assert [item["key"] for item in api.get(f"/api/v1/notices/{row['id']}")["items"]] == [key]
    page.wait_for("整改〔2026〕7号", "#notice-findings")
    assert page.text("#notice-picked") == ""
    page.drawn()
    page.wait("return !document.querySelector('#notice-findings [type=checkbox]:checked')")
    page.screenshot(tmp_path / "picked.png", whole=True)
    named = {row["key"]: row["notices"] for row in api.get(f"{one}/notices/findings")["items"]}
    assert named[key] == [{"number": "整改〔2026〕7号", "state": "open"}]
    assert page.console() == []


def test_one_finding_of_a_notice_is_closed_by_ticking_it(shown: tuple[Api, Browser], tmp_path: Path) -> None:
    api, page = shown
    one = judged(api, "5")
    notice = issue(api, one, "整改〔2026〕6号", 40)
    [key] = [item["key"] for item in notice["items"] if item["product_id"] == "autocad"]
    show(page, f"{identifier(one)}/follow")
    page.wait_for("整改〔2026〕6号", "#notices")
    page.click(f"details[data-key='{notice['id']}'] summary")
    page.click(f"[name=key][value='{key}']")
    page.type(f"form[data-key='{notice['id']}'] select", "accept")
    page.redraw()
    page.wait(f"return document.querySelector(\"[name=key][value='{key}']\")?.checked")
    page.screenshot(tmp_path / "ticked.png", whole=True)
    page.click(f"form[data-key='{notice['id']}'] button")
    page.wait_for("已销号：非正版软件 · AutoCAD", "#notices")
    states = {item["key"]: item["state"] for item in api.get(f"/api/v1/notices/{notice['id']}")["items"]}
    assert states.pop(key) == "accepted"
    assert set(states.values()) == {"open"}
    assert page.run("return document.querySelectorAll('[name=key]:checked').length") == 0
    assert page.console() == []


def test_what_is_due_in_all_units_is_answered_in_one_place_after_the_seal_too(
    shown: tuple[Api, Browser], tmp_path: Path
) -> None:
    api, page = shown
    one = judged(api, "2")
    api.post("/api/v1/vault", {"passphrase": "correct horse battery"})
    done(api, api.post(f"{one}/bundles", {"unencrypted": True}))
    notice = issue(api, one, "整改〔2026〕3号", 3)
    issue(api, one, "整改〔2026〕4号", 20)
    show(page, "")
    assert "整改〔2026〕3号" in page.text("#todo")
    assert "4号" not in page.text("#todo")
    page.screenshot(tmp_path / "home.png", whole=True)
    page.click("#todo a")
    page.wait_for("整改〔2026〕3号", "#due")
    page.type("#due-within", "30")
    page.wait_for("整改〔2026〕4号", "#due")
    page.type(f"form[data-key='{notice['id']}'] select", "accept")
    page.type(f"form[data-key='{notice['id']}'] [name=text]", "现场复核，已卸载")
    page.click(f"form[data-key='{notice['id']}'] button")
    page.wait("return !document.getElementById('due').innerText.includes('3号')")
    assert api.get(f"/api/v1/notices/{notice['id']}")["state"] == "closed"
    page.screenshot(tmp_path / "due.png", whole=True)
    assert page.console() == []


def test_the_figures_of_a_month_are_a_table_that_prints_alone(shown: tuple[Api, Browser], tmp_path: Path) -> None:
    api, page = shown
    issue(api, judged(api, "3"), "整改〔2026〕5号", 30)
    show(page, "")
    assert "其他电脑的证据包" in page.text("#home")
    show(page, "rectification")
    page.type("#month-choice", f"{TODAY:%Y-%m}")
    page.wait_for(f"检查整改落实情况统计表（{TODAY.year} 年 {TODAY.month} 月）", "#month-title")
    page.wait_for("合计", "#month")
    month = api.get(f"/api/v1/rectification/months/{TODAY.year}/{TODAY.month}")
    cells = page.run("return [...document.querySelectorAll('#month tr.total td')].map((e) => e.innerText)")
    assert cells[:3] == ["合计", str(month["total"]["notices"]), str(month["total"]["findings"])]
    assert month["report_by"] in page.text("#month-note")
    assert f"{month['total']['rate']['n']}/{month['total']['rate']['d']}" in cells[-1]
    page.print_as(True)
    page.screenshot(tmp_path / "printed.png", whole=True)
    printed = page.text("#rectification")
    page.print_as(False)
    assert "填报人" in printed
    assert "提醒" not in printed
    page.type("#month-choice", "2020-12")
    page.wait_for("（2020 年 12 月）", "#month-title")
    page.wait_for("2021-01-18", "#month-note")
    assert page.console() == []


def test_what_the_schedule_asks_is_on_the_list_and_beside_the_notices(
    shown: tuple[Api, Browser], tmp_path: Path
) -> None:
    api, page = shown
    one = judged(api, "4")
    make_due(api, one)
    show(page, f"{identifier(one)}/follow")
    assert "复查（回头看）" in page.text("#follow-asks")
    page.screenshot(tmp_path / "asks.png", whole=True)
    show(page, "")
    assert "复查（回头看）" in page.text("#todo")
    assert page.run("return [...document.querySelectorAll('#todo a')].map((a) => a.hash)")[-1] == (
        f"#/{identifier(one)}/scan"
    )
    assert page.console() == []
