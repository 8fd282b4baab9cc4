"""The tab 封存: both seals from the browser, the sheet to print, and the log they rest on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.commands.base import follow
from api.commands.client import CHECKOUT
from api.commands.demo import serve_inside
from tests.api.browser import browser
from tests.api.test_api import facts_document
from tests.api.test_page import STATIC, Page

V1 = "/api/v1"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    served = serve_inside([], tmp_path_factory.mktemp("seal-page"))
    client = served.client
    client.send("POST", f"{V1}/vault", {"passphrase": "a long passphrase"})
    unit = client.send("POST", f"{V1}/units", {"name": "封存测试单位"})
    made = str(client.send("POST", f"{V1}/inspections", {"unit": unit["id"]})["id"])
    client.send("POST", f"{V1}/inspections/{made}/facts", facts_document())
    follow(client, client.send("POST", f"{V1}/inspections/{made}/audits"))
    url = served.launch_url()
    with browser() as window:
        window.show(url)
        yield Page(window, client, url.partition("/#")[0], "", made)
    served.stop()


def test_an_inspection_is_sealed_printed_signed_and_sealed_again(page: Page, tmp_path: Path) -> None:
    page.show("seal", "操作日志完整")
    window = page.window
    assert window.run("return document.getElementById('papers-card').hidden")
    window.click("#seal-start")
    window.wait_for("证据包将不加密", "#ask-text")
    window.click("#ask-yes")
    window.wait_for("第一次（数据）", "#bundles")
    window.drawn()
    assert window.run("return document.getElementById('second-seal').disabled")
    link = window.run("return document.getElementById('sheet-link').href")
    (tmp_path / "签字页.pdf").write_bytes(b"%PDF-1.7 signed by both sides")
    window.upload("#paper-form [name=file]", tmp_path / "签字页.pdf")
    window.click("#paper-form button")
    window.wait_for("签字页.pdf", "#papers")
    window.screenshot(tmp_path / "papers.png", whole=True)
    window.click("#second-seal")
    window.wait_for("不能再增减签字件", "#ask-text")
    window.click("#ask-yes")
    window.wait_for("第二次（数据和签字件）", "#bundles")
    window.wait("return document.getElementById('paper-form').hidden")
    window.screenshot(tmp_path / "sealed.png", whole=True)
    (second, first) = reversed(page.get("bundles")["items"])
    assert (first["seal"], second["seal"], first["digest"]) == (1, 2, second["digest"])
    window.open(link)
    window.wait_for("封存签字页")
    assert first["digest"][:8] in window.text()
    window.screenshot(tmp_path / "sheet.png", whole=True)
    strange = [line for line in window.console() if "status of 404" not in line]  # no office certificate
    assert strange == []


def test_a_sealed_inspection_is_ended_on_the_page_once_the_copy_is_named(page: Page, tmp_path: Path) -> None:
    page.show("seal", "结束督查")
    window = page.window
    window.wait("return !document.getElementById('end-card').hidden")
    newest = page.get("bundles")["items"][-1]
    copy = shutil.copy(newest["path"], tmp_path / "机关留存.zip")
    window.type("#end-form [name=copy_path]", str(tmp_path / "没有.zip"))
    window.click("#end-form button")
    window.wait_for("销毁录入的账号和密钥", "#ask-text")
    window.click("#ask-yes")
    window.wait_for("没有.zip")
    assert page.get("bundles")["items"], "nothing was destroyed"
    window.type("#end-form [name=copy_path]", str(copy))
    window.type("#end-form [name=same_medium_reason]", "测试机只有一块磁盘")
    window.click("#end-form button")
    window.click("#ask-yes")
    window.wait("return location.hash === '#/'")
    window.wait_for("已结束", "#inspections")
    assert page.client.get(f"{V1}/inspections/{page.inspection}/ending")["stage"] == "done"


def test_every_form_of_the_page_is_one_that_a_script_knows() -> None:
    markup = (CHECKOUT / "api" / "templates" / "index.html").read_text("utf-8")
    scripts = "".join(script.read_text("utf-8") for script in STATIC.glob("*.js"))
    forms = re.findall(r'<form id="([a-z-]+)"', markup)
    assert len(forms) >= 10
    assert [form for form in forms if f'"{form}"' not in scripts] == []
