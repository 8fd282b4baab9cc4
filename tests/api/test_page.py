"""The page in a real Chromium: an inspector logs in, makes a visit, reads the result; hostile names stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from api.commands.base import follow
from api.commands.client import CHECKOUT, Client
from api.commands.demo import Served, serve_inside
from api.v1.schemas import InspectionBody
from appliance.judgement import findings
from appliance.judgement.rates import percent
from appliance.ledger.model import AssetState, LedgerKind, LicenceType, ProofLevel, SoftwareType
from appliance.model import Category, Decision, Phase, SoftwareOrigin
from config.messages import catalogue
from credentials.model import CredentialKind, CredentialState, LoginProtocol
from scanner.model import DeviceKind, Outcome
from tests.api.browser import Browser, browser

STATIC = CHECKOUT / "api" / "static"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
COMPUTER = f"PC-{HOSTILE}"
SOFTWARE = f"{HOSTILE}<script>document.title='owned'</script>\x1b[31m\u202egpj.exe\u202c"
SHOWN_SOFTWARE = f"{HOSTILE}<script>document.title='owned'</script>[31mgpj.exe"
UNIT = f"测试单位{HOSTILE}"
LICENCES = f"""软件使用情况汇总表
序号,软件编号,软件名称,软件版本,软件类型,采购时间,采购金额,许可类型,许可数量,可使用版本,许可期限,序列号,安装数量
1,RJ001,AutoCAD 2014,2014,商业软件,2014-04-18,32000,单机许可,1,2014,永久,,1
2,RJ002,<b>{HOSTILE.replace('"', "'")}</b>,1,商业软件,2014-04-18,100,单机许可,1,1,永久,,1
3,,没有编号的软件,1,商业软件,2014-04-18,100,单机许可,1,1,永久,,1
"""
ASSETS = """资产编号,资产名称,数量,序列号,IP地址,部门,状态
ZC-1,台式计算机,1,SN11X77,10.20.0.11,办公室,在用
ZC-2,台式计算机,1,SN12X77,10.20.0.12,办公室,在用
ZC-3,台式计算机,1,SN99X77,10.20.0.99,档案室,在用
"""


def facts(number: int, hostname: str, *software: str) -> dict[str, Any]:
    """``hezheng.facts/1`` of a Windows PC with AutoCAD 2014 and ``software``."""
    names = [("AutoCAD 2014 - 简体中文 (Simplified Chinese)", "19.1.18.0"), *((name, "1.0") for name in software)]
    return {
        "schema": "hezheng.facts/1",
        "id": f"01K00000000000000000000{number:03}",
        "outcome": "READ",
        "origin": "collector",
        "started_at": "2026-11-20T09:00:00.000+08:00",
        "finished_at": "2026-11-20T09:00:05.000+08:00",
        "address": f"10.20.0.{number}",
        "platform": "windows",
        "identity": {"hostname": hostname, "serial": f"SN{number}X77"},
        "os": {"family": "windows", "name": "Windows 10 Pro", "version": "10.0"},
        "installations": [
            {"name": name, "version": version, "source": rf"HKLM\SOFTWARE\Uninstall\{n}", "scope": "machine"}
            for n, (name, version) in enumerate(names)
        ],
    }


@dataclass(frozen=True, slots=True)
class Page:
    """A served appliance with one judged inspection, and a browser that is logged in."""

    window: Browser
    client: Client
    address: str
    token: str
    inspection: str

    def show(self, tab: str, text: str) -> None:
        """Go to a step of the inspection as it is now, and wait until ``text`` is there."""
        self.window.show(f"{self.address}/#/{self.inspection}/{tab}")
        self.window.wait_for(text, f"#tab-{tab}")

    def get(self, rest: str) -> Any:
        return self.client.get(f"/api/v1/inspections/{self.inspection}/{rest}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = serve_inside([], tmp_path_factory.mktemp("page"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def inspection(served: Served, tmp_path_factory: pytest.TempPathFactory) -> str:
    client, folder = served.client, tmp_path_factory.mktemp("ledgers")
    unit = client.send("POST", "/api/v1/units", {"name": UNIT})
    made = str(client.send("POST", "/api/v1/inspections", {"unit": unit["id"]})["id"])
    one = f"/api/v1/inspections/{made}"
    for document in (facts(11, COMPUTER, SOFTWARE), facts(12, "PC-12"), facts(13, "PC-13", "WPS Office (11.8.2.8361)")):
        client.send("POST", f"{one}/facts", document)
    for kind, name, text in (("assets", "资产.csv", ASSETS), ("licences", "台账.csv", LICENCES)):
        (folder / name).write_text(text, "utf-8")
        preview = client.upload(f"{one}/ledgers", folder / name, {"kind": kind})
        client.send("POST", f"{one}/ledgers/{preview['id']}/decision", {"decision": "accept_good"})
    client.send("POST", f"{one}/proofs", {"software_no": "RJ001", "level": "P1", "kind": "合同"})
    follow(client, client.send("POST", f"{one}/audits"))
    return made


@pytest.fixture(scope="module")
def page(served: Served, inspection: str) -> Iterator[Page]:
    url = served.launch_url()
    with browser() as window:
        window.show(url)
        address, _, token = url.partition("/#token=")
        yield Page(window, served.client, address, token, inspection)


def test_the_launch_token_leaves_the_address_bar_and_opens_the_list(page: Page) -> None:
    page.window.show(f"{page.address}/")
    assert UNIT in page.window.text("#inspections")
    assert page.window.url == f"{page.address}/"
    assert page.token not in page.window.run("return document.documentElement.outerHTML")
    assert page.window.run("return document.cookie") == ""


def test_a_used_launch_token_is_refused_and_the_page_says_how_to_log_in(page: Page) -> None:
    elsewhere = page.address.replace("127.0.0.1", "localhost")  # the same appliance, without our cookie
    page.window.open(f"{elsewhere}/#token={page.token}")
    page.window.wait_for("启动口令无效或已经用过", "#login")
    assert "完整网址" in page.window.text("#login")
    assert page.window.url == f"{elsewhere}/"
    page.window.open(f"{elsewhere}/?again")
    page.window.wait_for("尚未登录或登录已失效", "#login")
    page.window.console()


def test_rates_are_shown_by_department_kind_and_xinchuang(page: Page) -> None:
    page.show("result", "分组指标")
    parts = page.get("rates")["head"]["breakdowns"]
    assert set(parts["department"]) == {"", "办公室", "档案室"}  # one computer is on no ledger
    for dimension, named in (("department", "档案室"), ("kind", "台式计算机"), ("xinchuang", "未登记")):
        page.window.type("#breakdown-by", dimension)
        page.window.wait_for(named, "#breakdown")
        shown = page.window.text("#breakdown")
        counted = [
            group[name]
            for group in parts[dimension].values()
            for name in ("legal_rate", "coverage_rate", "power_on_rate")
            if name in group and group[name]["d"]
        ]
        assert len(counted) >= 3
        for rate in counted:
            assert f"{percent(rate['n'], rate['d'])}%" in shown
            assert f"{rate['n']} / {rate['d']}" in shown
    page.window.type("#breakdown-by", "department")
    page.window.wait_for("0 / 1", "#breakdown")  # nobody reached the computer of 档案室


def test_rates_are_shown_with_fraction_bounds_and_half_up_percentages(page: Page) -> None:
    page.show("result", "软件正版率")
    rate = page.get("summary")["rates"]["legal_rate"]
    shown = page.window.text("#rates")
    assert f"{rate['n']} / {rate['d']}" in shown
    assert f"{percent(rate['n'], rate['d'])}%" in shown
    assert f"{percent(rate['lower'], rate['d'])}% 至 {percent(rate['upper'], rate['d'])}%" in shown
    assert "初步" in shown
    assert "初步结果（未经确认）" in page.window.text("#result-state")
    assert "66.67%" in shown  # two of three listed computers were collected
    assert "不适用" in shown  # no antivirus at all


def test_the_page_rounds_as_the_audit_does(page: Page) -> None:
    page.window.show(f"{page.address}/")
    pairs = [(n, d) for d in (3, 7, 8, 16, 800, 999, 2_700_000) for n in (0, 1, d // 3, d // 2, d - 1, d)]
    script = (
        "const { percent } = await import('/static/words.js');"
        "return arguments[0].map(([n, d]) => percent(n, d).replace('%', ''));"
    )
    assert page.window.run(f"return (async function () {{ {script} }})(...arguments)", pairs) == [
        percent(n, d) for n, d in pairs
    ]


def test_verdicts_are_filtered_and_say_why_and_on_which_ledger_row(page: Page) -> None:
    page.show("result", "许可缺口与闲置")
    counts = page.get("summary")["verdicts"]
    page.window.click("#decisions [value=unlicensed]")
    rows = "return document.querySelectorAll('#verdicts tbody tr').length === arguments[0]"
    page.window.wait(rows, counts["unlicensed"])
    page.window.wait("return document.querySelector('#decisions [value=unlicensed]').ariaPressed === 'true'")
    shown = page.window.text("#verdicts")
    assert "R14 超许可数量" in shown
    assert "“AutoCAD”在已采集的计算机上共安装 3 套，许可数量合计 1 套" in shown
    assert "文件《台账.csv》第 3 行" in shown
    page.window.type("#rule-filter", "R1")
    page.window.wait_for("没有符合条件的判定", "#verdicts")
    assert "至少 2" in page.window.text("#positions")


def test_hostile_names_are_shown_as_text_and_execute_nothing(page: Page) -> None:
    window = page.window
    page.show("result", "许可缺口与闲置")
    assert UNIT in window.text("#unit")
    assert COMPUTER in window.text("#findings")
    page.show("scan", "主机名与系统")
    assert COMPUTER in window.text("#hosts")
    window.click("#hosts button")
    window.wait_for(SHOWN_SOFTWARE, "#facts-body")
    window.run("document.getElementById('facts-dialog').close()")
    page.show("prepare", "台账.csv")
    window.click("#ledgers button")
    window.wait_for("<b><img src=x", "#ledger-rows")
    assert "退回" in window.text("#ledger-problems")
    window.run("document.getElementById('ledger-dialog').close()")
    assert window.run("return document.querySelectorAll('img, script:not([src], [type$=json]), [onerror]').length") == 0
    assert "owned" not in window.run("return document.title").replace(UNIT, "")


def test_an_inspector_opens_an_inspection_from_the_page(page: Page, tmp_path: Path) -> None:
    window = page.window
    window.show(f"{page.address}/")
    window.type("#unit-choice", "new")
    window.type("[name=unit_name]", "云水县教育局")
    window.click("#new-inspection button")
    window.wait_for("尚未登记检测授权", "#inspection")
    for name, value in (("ranges", "10.9.0.0/24\n10.9.0.0/25"), ("document_no", "〔2026〕1号"), ("signer", "张三")):
        window.type(f"#authorisation-form [name={name}]", value)
    window.click("[name=no_classified]")
    window.click("[name=permits_service_start]")
    window.click("#authorisation-form button")
    window.wait_for("重叠", "#authorisation-form .message")
    window.type("#authorisation-form [name=ranges]", "10.9.0.0/24")
    window.click("#authorisation-form button")
    window.wait_for("10.9.0.0/24", "#authorisations")
    assert "不允许" not in window.text("#authorisations")
    assert "允许" in window.text("#authorisations")
    (tmp_path / "附件7.csv").write_text(LICENCES, "utf-8")
    window.click("#ledger-details summary")
    window.upload("#ledger-form [name=file]", tmp_path / "附件7.csv")
    window.click("#ledger-form button")
    window.wait_for("有误 1 行", "#ledger-dialog")
    assert window.run("return document.querySelector('[data-decision=accept_all]').disabled")
    window.click("[data-decision=accept_good]")
    window.wait_for("已采用", "#ledgers")
    window.console()  # the refused authorisation


def test_the_vault_is_made_from_the_page_and_a_short_passphrase_is_refused(page: Page) -> None:
    window = page.window
    window.show(f"{page.address}/")
    assert "未建立" in window.text("#vault")
    for passphrase, answer, place in (
        ("短", "太短", "#secret-form .message"),
        ("足够长的口令库密码", "已解锁", "#vault"),
    ):
        if not window.run("return document.getElementById('secret-dialog').open"):
            window.click("#vault-button")
        window.type("#secret-form [name=secret]", passphrase)
        window.type("#secret-form [name=again]", passphrase)
        window.click("#secret-yes")
        window.wait_for(answer, place)
    window.wait("return !document.getElementById('secret-dialog').open")
    window.console()  # the refused passphrase


def test_nothing_leaves_this_machine_and_the_console_is_clean(page: Page) -> None:
    window = page.window
    window.open("about:blank")
    window.console()
    window.requests()
    steps = {"result": "许可缺口与闲置", "prepare": "登录账号", "scan": "主机名与系统", "seal": "尚未封存"}
    for tab, text in steps.items():
        page.show(tab, text)
    assert window.console() == []
    requests = window.requests()
    assert len(requests) > 20
    addresses = [urlsplit(request["url"]) for request in requests]
    asked = {f"{one.scheme}://{one.netloc}" for one in addresses if one.scheme != "data"}  # the browser's own icons
    assert asked == {page.address}


SCRIPTS = {file.name: file.read_text("utf-8") for file in sorted(STATIC.glob("*.js"))}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_holds_no_chinese_and_makes_no_markup(name: str) -> None:
    assert not re.search("[\u4e00-\u9fff]", SCRIPTS[name])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b", SCRIPTS[name])


def test_every_sentence_that_a_script_names_exists() -> None:
    named = {key for text in SCRIPTS.values() for key in re.findall(r'\bt\("(\w+)"', text)}
    assert len(named) > 100
    assert {f"page.{key}" for key in named} <= catalogue().keys()


LABELLED: dict[str, Any] = {
    "phase": Phase,
    "decision": Decision,
    "category": Category,
    "origin": SoftwareOrigin,
    "device": DeviceKind,
    "outcome": Outcome,
    "ledger": LedgerKind,
    "proof": ProofLevel,
    "protocol": LoginProtocol,
    "credential_kind": CredentialKind,
    "credential_state": CredentialState,
    "software_type": SoftwareType,
    "licence_type": LicenceType,
    "asset_state": AssetState,
    "inspection_kind": get_args(InspectionBody.model_fields["kind"].annotation),
    "rule": [f"R{n}" for n in range(1, 32)],
    "policy": [file.stem for file in (CHECKOUT / "config" / "policies").glob("*.toml")],
    "finding": re.findall(r"^(\w+)  +", findings.__doc__ or "", re.MULTILINE)[1:],
    "rate": ["coverage_rate", *(f"{name}_rate" for name in ("legal", "domestic", "asset_match"))],
}


@pytest.mark.parametrize("group", LABELLED)
def test_every_value_has_its_chinese_name(group: str) -> None:
    values = [str(value) for value in LABELLED[group]]
    assert values
    assert {f"label.{group}.{value}" for value in values} <= catalogue().keys()
