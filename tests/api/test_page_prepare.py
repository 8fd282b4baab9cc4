"""The page before the scan: a new unit, the form of an authorisation, segments, an authorisation out of its time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.commands.demo import Served, serve_inside
from config.clock import SystemClock, rfc3339
from tests.api.browser import Browser, browser

V1 = "/api/v1"
NOTHING_CHOSEN = "return document.getElementById('unit-choice').value === ''"
FIELD = "return document.querySelector('#authorisation-form [name={}]').value"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = serve_inside([], tmp_path_factory.mktemp("prepare"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def window(served: Served) -> Iterator[Browser]:
    with browser() as opened:
        opened.show(served.launch_url())
        yield opened


def authorise(served: Served, inspection: str, minutes: int) -> None:
    """Record a permission whose hour begins ``minutes`` from now."""
    begins = SystemClock().now() + timedelta(minutes=minutes)
    body = {"ranges": ["10.9.0.0/24"], "not_before": rfc3339(begins), "not_after": rfc3339(begins + timedelta(hours=1))}
    body |= {"document_no": "〔2026〕1号", "signer": "张三", "no_classified": True}
    body |= {"signed_on": (SystemClock().now() - timedelta(days=1)).date().isoformat()}
    served.client.send("POST", f"{V1}/inspections/{inspection}/authorisations", body)


def new_inspection(served: Served, unit: str) -> str:
    return str(served.client.send("POST", f"{V1}/inspections", {"unit": {"name": unit}})["id"])


def test_no_unit_is_preselected_and_a_unit_is_only_made_with_its_inspection(served: Served, window: Browser) -> None:
    new_inspection(served, "甲局")
    root = window.url.split("#")[0]
    window.show(f"{root}#/")
    assert "甲局" in window.text("#inspections")
    assert window.run(NOTHING_CHOSEN)
    window.click("#new-inspection button")
    assert window.run("return !document.querySelector('#new-inspection').checkValidity()")
    window.type("#unit-choice", "new")
    window.type("[name=unit_name]", "甲局")
    window.click("#new-inspection button")
    window.wait_for("甲局", "#new-inspection .message")
    window.type("[name=unit_name]", "乙局")
    window.type("#policy-choice", "yueyang-2023")
    window.click("#new-inspection button")
    window.wait_for("岳阳市 2023 年核查口径", "#inspection")
    assert [unit["name"] for unit in served.client.get(f"{V1}/units")["items"]] == ["甲局", "乙局"]
    window.console()


def test_the_form_of_an_authorisation_has_its_times_again_after_one_was_recorded(
    served: Served, window: Browser
) -> None:
    window.show(f"{window.url.split('#')[0]}#/{new_inspection(served, '丙局')}/prepare")
    window.wait_for("尚未登记检测授权", "#authorisations")
    before = window.run(FIELD.format("not_before"))
    for name, value in (("ranges", "10.9.0.0/24"), ("document_no", "〔2026〕1号"), ("signer", "张三")):
        window.type(f"#authorisation-form [name={name}]", value)
    window.click("[name=no_classified]")
    window.click("#authorisation-form button")
    window.wait_for("有效，时段内", "#authorisations")
    assert before == window.run(FIELD.format("not_before"))
    assert window.run(FIELD.format("signed_on")) == before[:10]
    assert window.run(FIELD.format("document_no")) == ""


def test_segments_are_named_on_the_page_and_offered_for_a_scan(served: Served, window: Browser) -> None:
    inspection = new_inspection(served, "丁局")
    authorise(served, inspection, -1)
    window.show(f"{window.url.split('#')[0]}#/{inspection}/prepare")
    window.wait_for("尚未登记网段", "#segments")
    window.click("#segment-details summary")
    window.type("#segment-form [name=range]", "10.8.0.0/25")
    window.click("#segment-form button")
    window.wait_for("授权", "#segment-form .message")
    window.type("#segment-form [name=range]", "10.9.0.0/25")
    window.type("#segment-form [name=label]", "三号楼")
    window.click("#segment-form button")
    window.wait_for("三号楼", "#segments")
    assert "未到" in window.text("#segments")
    offered = window.run("return [...document.querySelectorAll('#segment-choices option')].map((o) => o.value)")
    assert offered == ["10.9.0.0/25", "10.9.0.0/24"]
    window.console()


@pytest.mark.parametrize(("minutes", "said"), [(-120, "不能再发送任何数据"), (120, "现在不能检测")])
def test_an_authorisation_out_of_its_time_is_warned_of_in_both_steps(
    served: Served, window: Browser, minutes: int, said: str
) -> None:
    inspection = new_inspection(served, f"单位 {minutes}")
    authorise(served, inspection, minutes)
    root = window.url.split("#")[0]
    window.show(f"{root}#/{inspection}/prepare")
    window.wait_for(said, "#authorisation-warning")
    window.show(f"{root}#/{inspection}/scan")
    window.wait_for(said, "#scan-hint")
    assert window.run("return document.getElementById('scan-hint').className") == "banner bad"
