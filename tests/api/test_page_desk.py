"""上机复核 and 异议 on the page: decided at the verdict, objected to, answered, and judged again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.api.browser import Browser
from tests.api.conftest import Api
from tests.api.test_page_follow_up import judged_page
from tests.api.test_page_keep import keys, refresh, show, value


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Browser, str]]:
    with judged_page(tmp_path_factory.mktemp("desk")) as found:
        yield found


def verdict(api: Api, one: str, product: str) -> Any:
    [found] = [v for v in api.get(f"{one}/verdicts")["items"] if v["product_id"] == product and v["host_id"]]
    return found


def opened(page: Browser, one: str, verdict_id: str) -> None:
    show(page, one, "result")
    page.click(f"details[data-key='desk-{verdict_id}'] summary")
    page.wait("return document.querySelector(arguments[0])", f"form[data-key='decide-{verdict_id}']")


def judge_again(page: Browser) -> None:
    page.hush()
    page.click("#audit-start")
    page.click("#ask-yes")
    page.wait_for("判定已完成", "#notice")
    page.wait("return document.getElementById('result-stale').hidden")
    page.drawn()


def test_a_decision_at_the_desk_is_entered_at_its_verdict_and_counts_once_judged_again(
    shown: tuple[Api, Browser, str], tmp_path: Path
) -> None:
    api, page, one = shown
    before = verdict(api, one, "autocad")
    assert before["decision"] == "unlicensed"
    opened(page, one, before["id"])
    form = f"form[data-key='decide-{before['id']}']"
    page.click(f"{form} button")
    assert not page.run("return document.querySelector(arguments[0]).checkValidity()", form)
    page.type(f"{form} select", "licensed")
    keys(page, f"{form} [name=reason]", "现场见到授权证书原件")
    page.screenshot(tmp_path / "desk-form.png", whole=True)
    refresh(page)
    assert (value(page, f"{form} select"), value(page, f"{form} [name=reason]")) == ("licensed", "现场见到授权证书原件")
    keys(page, f"{form} [name=papers]", "照片-017，证书-3")
    page.click(f"{form} button")
    page.wait_for("上机复核：正版，现场见到授权证书原件", "#verdicts")
    page.wait_for("请重新运行判定", "#result-stale")
    [made] = api.get(f"{one}/decisions")["items"]
    assert (made["decision"], made["papers"]) == ("licensed", ["照片-017", "证书-3"])
    judge_again(page)
    assert verdict(api, one, "autocad")["decision"] == "licensed"
    assert page.console() == []


def test_a_photo_is_attached_to_a_decision_opened_again_and_sealed(
    shown: tuple[Api, Browser, str], tmp_path: Path
) -> None:
    api, page, one = shown
    before = verdict(api, one, "solidworks")
    opened(page, one, before["id"])
    form = f"form[data-key='decide-{before['id']}']"
    page.type(f"{form} select", "to_verify")
    keys(page, f"{form} [name=reason]", "激活界面见照片")
    text = tmp_path / "说明.pdf"
    text.write_bytes(b"this is no PDF")
    page.upload(f"{form} [type=file]", text)
    page.click(f"{form} button")
    page.wait_for("说明.pdf 不是可用的照片或材料", form)
    assert [one["product_id"] for one in api.get(f"{one}/decisions")["items"]].count("solidworks") == 0
    photo = tmp_path / "激活界面.jpg"
    photo.write_bytes(b"\xff\xd8\xff a photograph")
    page.run("document.querySelector(arguments[0]).value = ''", f"{form} [type=file]")
    page.upload(f"{form} [type=file]", photo)
    page.screenshot(tmp_path / "attach.png", whole=True)
    page.click(f"{form} button")
    page.wait_for("激活界面.jpg", "#desk")
    page.screenshot(tmp_path / "attached.png", whole=True)
    [made] = [row for row in api.get(f"{one}/decisions")["items"] if row["product_id"] == "solidworks"]
    [paper] = made["papers"]
    file, _, digest = paper.partition(" sha256:")
    assert digest == hashlib.sha256(photo.read_bytes()).hexdigest()
    link = page.run("return document.querySelector('#desk a').getAttribute('href')")
    assert api.call("GET", link).data == photo.read_bytes()
    assert unquote(link).endswith(f"/attachments/{file}/file")
    assert api.call("GET", f"{one}/attachments/{file}x/file").status_code == 404
    kept = next(api.built.appliance.folder.inspections.glob(f"*/attachments/{file}"))
    assert kept.read_bytes() == photo.read_bytes()
    page.click(f"details[data-key='desk-{before['id']}'] summary")
    judge_again(page)
    assert [line for line in page.console() if "422" not in line] == []


def test_an_objection_waits_for_its_answer_and_an_upheld_one_says_what_follows(
    shown: tuple[Api, Browser, str], tmp_path: Path
) -> None:
    api, page, one = shown
    before = verdict(api, one, "solidworks")
    opened(page, one, before["id"])
    objection = f"form[data-key='object-{before['id']}']"
    keys(page, f"{objection} [name=reason]", "已购买，发票在财务科")
    page.click(f"{objection} button")
    page.wait_for("异议：待答复，已购买，发票在财务科", "#verdicts")
    [asked] = api.get(f"{one}/objections")["items"]
    answer = f"form[data-key='answer-{asked['id']}']"
    page.wait("return document.querySelector(arguments[0])", answer)
    assert page.run("return document.querySelector(arguments[0]).parentElement.hidden", f"{answer} [name=decision]")
    page.type(f"{answer} [name=answer]", "upheld")
    page.type(f"{answer} [name=decision]", "to_verify")
    keys(page, f"{answer} [name=text]", "发票数量待核对")
    page.screenshot(tmp_path / "answer.png", whole=True)
    page.click(f"{answer} button")
    page.wait_for("异议成立：待核实", "#desk")
    assert "答复：发票数量待核对" in page.text("#desk")
    assert "待答复" not in page.text("#desk")
    judge_again(page)
    assert verdict(api, one, "solidworks")["decision"] == "to_verify"
    page.screenshot(tmp_path / "answered.png", whole=True)
    assert page.console() == []


def test_a_final_inspection_shows_what_was_decided_and_takes_nothing_more(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    assert api.call("PATCH", one, {"phase": "final"}).status_code == 200
    show(page, one, "result")
    page.wait_for("请重新运行判定", "#result-stale")
    judge_again(page)
    assert "已于" in page.text("#final-banner")
    assert "现场见到授权证书原件" in page.text("#verdicts")
    assert page.run("return document.querySelectorAll('details[data-key^=desk-]').length") == 0
