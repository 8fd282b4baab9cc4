"""From the unit's own files to the numbers of an audit: 附件5, the client's export, the unit's tree."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appliance.ledger.model import EarlierFinding, RowRef
from appliance.visits import records
from tests.api.conftest import Api
from tests.api.test_api import facts_document
from tests.api.test_ledgers import numbers, upload_file
from tests.api.test_records import audit
from tests.appliance.ledger import files
from tests.appliance.ledger.test_statistics import FORM

COPY = {"source": "HKLM\\Uninstall\\1", "scope": "machine"}


def bring(api: Api, one: str, file: Path, kind: str | None = None, **place: Any) -> dict[str, Any]:
    """Import a file, let its kind be recognised, accept it; the preview."""
    told: dict[str, Any] = upload_file(api, one, file.read_bytes(), file.name, **({"kind": kind} if kind else {})).json
    assert "kind" in told, told
    api.post(f"{one}/ledgers/{told['id']}/decision", {"decision": "accept_good", **place})
    return told


def computer(api: Api, one: str, number: int, *programs: dict[str, Any]) -> None:
    identity = {"hostname": f"PC-{number}", "serial": f"SN00{number}AB"}
    entries = [{**COPY, **program, "observation": f"o{number}"} for program in programs]
    place = {"id": f"F{number}", "address": f"10.77.0.{number}"}
    api.post(f"{one}/facts", facts_document(**place, identity=identity, installations=entries))


def test_an_annex_5_file_ends_in_the_rates_of_purchases(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    computer(api, one, 1)
    told = bring(api, one, files.xlsx(tmp_path / "附件5.xlsx", {"表": FORM}))
    assert told["kind"] == "statistics"
    rates = audit(api, one)["rates"]
    sets, money = rates["domestic_purchase_rate"], rates["domestic_purchase_rate.amount"]
    assert (sets["n"], sets["d"]) == (60, 65)
    assert (money["n"], money["d"], money["excluded"]) == (3_750_000, 4_750_000, 0)
    rows = api.get(f"{one}/rates/domestic_purchase_rate/explain")["items"]
    assert {(row["part"], row["row"], row["value"]) for row in rows} >= {(4, "国内", "50"), (4, "国外", "5")}


def test_an_annex_5_of_another_year_adds_its_purchases(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    computer(api, one, 1)
    bring(api, one, files.xlsx(tmp_path / "2025.xlsx", {"表": FORM}))
    other = [*FORM[:14], ["国外", 1, 0.1, 20, 9, None, None, 21, 9.1]]
    bring(api, one, files.xlsx(tmp_path / "2026.xlsx", {"表": other}), adds=True)
    rates = audit(api, one)["rates"]
    assert (rates["domestic_purchase_rate"]["n"], rates["domestic_purchase_rate"]["d"]) == (60, 86)
    assert rates["domestic_purchase_rate.amount"]["d"] == 4_750_000 + 9_100_000


ASSETS = [
    ["资产编号", "资产名称", "数量", "计算机名", "序列号", "部门", "信创"],
    ["GD-1", "台式计算机", 1, "PC-1", "SN001AB", "网络科", "是"],
    ["GD-2", "台式计算机", 1, "PC-2", "SN002AB", "财务科", "否"],
    ["GD-3", "便携式计算机", 1, "PC-3", "SN003AB", "财务科", "否"],
    ["GD-4", "打印机", 1, None, None, "财务科", None],
]
EXPORT = [
    ["软件正版化检查服务系统 终端明细"],
    ["终端名称", "终端IP", "软件名称", "软件版本", "厂商", "正版情况", "最后在线时间"],
    ["PC-1", "10.77.0.1", "AutoCAD 2020", "23.1", "Autodesk", "正版", "2026-11-20"],
    ["PC-1", "10.77.0.1", "WPS Office", "11.1", "金山", "待核实", "2026-11-20"],
    ["PC-3", "10.77.0.3", "WPS Office", "11.1", "金山", "正版", "2026-11-19"],
    ["PC-99", "10.77.0.99", "WPS Office", "11.1", "金山", "正版", "2026-11-19"],
]


def test_the_client_s_export_ends_in_the_client_rate_and_the_list_of_differences(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    autocad = {"name": "AutoCAD 2020 - 简体中文", "publisher": "Autodesk", "version": "23.1"}
    computer(api, one, 1, autocad, {"name": "WPS Office", "version": "11.1"})
    computer(api, one, 2, autocad)
    bring(api, one, files.xlsx(tmp_path / "资产.xlsx", {"表": ASSETS}))
    assert bring(api, one, files.xlsx(tmp_path / "导出.xlsx", {"表": EXPORT}))["kind"] == "client_export"
    rates = audit(api, one)["rates"]
    assert (rates["client_rate"]["n"], rates["client_rate"]["d"], rates["client_rate"]["upper"]) == (2, 3, 2)
    assert (rates["client_rate.xinchuang"]["n"], rates["client_rate.xinchuang"]["d"]) == (1, 1)
    assert (rates["client_rate.other"]["n"], rates["client_rate.other"]["d"]) == (1, 2)
    kinds = {"desktop.listed": 2, "desktop.found": 2, "notebook.listed": 1, "notebook.found": 0}
    assert rates["coverage_rate"]["breakdown"] == kinds
    assert rates["asset_match_rate"]["breakdown"].items() >= kinds.items()
    lines = api.get(f"{one}/differences")["items"]
    told = {(line["asset_no"], line["product_id"], line["official"], line["ours"]) for line in lines}
    assert told == {("GD-1", "autocad", "licensed", "to_verify")}  # on WPS both say 待核实; PC-3 was not collected
    shown = api.get(f"{one}/verdicts/{lines[0]['verdict']}")
    assert (shown["product_id"], shown["decision"]) == ("autocad", "to_verify")


def test_there_are_no_differences_before_the_first_audit(api: Api) -> None:
    assert api.get(f"{api.new_inspection()}/differences")["items"] == []


UNITS = [
    ["单位名称", "上级单位", "系统"],
    ["测试单位", None, "市级机关"],
    ["信息中心", "测试单位", "事业"],
    ["网络科", "信息中心", "事业"],
]
WPS = [
    ["软件编号", "软件名称", "软件类型", "许可类型", "许可期限"],
    ["RJ1", "WPS Office", "商业软件", "场地授权", "永久"],
]


@pytest.mark.parametrize(
    ("scope", "decisions"),
    [
        (["信息中心"], {"GD-1": "licensed", "GD-2": "to_verify"}),  # 网络科 lies below 信息中心
        (["网络科"], {"GD-1": "licensed", "GD-2": "to_verify"}),
        (["测试单位"], {"GD-1": "licensed", "GD-2": "licensed"}),  # the unit itself: everybody
        (["财务科"], {"GD-1": "to_verify", "GD-2": "licensed"}),
    ],
)
def test_a_site_licence_of_a_superior_covers_the_departments_below_it(
    api: Api, tmp_path: Path, scope: list[str], decisions: dict[str, str]
) -> None:
    one = api.new_inspection()
    for number in (1, 2):
        computer(api, one, number, {"name": "WPS Office", "version": "11.1"})
    bring(api, one, files.xlsx(tmp_path / "资产.xlsx", {"表": ASSETS}))
    bring(api, one, files.xlsx(tmp_path / "软件.xlsx", {"表": WPS}))
    bring(api, one, files.xlsx(tmp_path / "单位.xlsx", {"表": UNITS}), "subunits")
    api.post(f"{one}/proofs", {"software_no": "RJ1", "level": "P2", "kind": "授权证书"})
    api.post(f"{one}/records", {"kind": "site_scopes", "fields": {"software_no": "RJ1", "departments": scope}})
    audit(api, one)
    hosts = {host["id"]: host["address"] for host in api.get(f"{one}/hosts?limit=100")["items"]}
    found = {f"GD-{hosts[v['host_id']][-1]}": v["decision"] for v in api.get(f"{one}/verdicts")["items"]}
    assert found == decisions


def test_last_year_s_findings_are_a_baseline_that_a_follow_up_can_read(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    grid = [
        ["部门", "使用人", "计算机编号", "软件名称", "检查日期", "整改情况"],
        ["财务科", "王一", "PC-07", "Microsoft Office 2016", "2025-10-20", "未整改"],
        ["办公室", "赵二", "PC-08", "AutoCAD 2014", "2025-10-20", "已整改"],
    ]
    told = bring(api, one, files.xlsx(tmp_path / "去年.xlsx", {"表": grid}), "baseline")
    found = records.earlier_findings(api.built.appliance, one.rpartition("/")[2])
    day, ref = date(2025, 10, 20), (RowRef(told["id"], "表", 2), RowRef(told["id"], "表", 3))
    assert found == (
        EarlierFinding(ref[0], "", "PC-07", "财务科", "Microsoft Office 2016", "", day, False, user="王一"),
        EarlierFinding(ref[1], "", "PC-08", "办公室", "AutoCAD 2014", "", day, True, user="赵二"),
    )
    assert numbers(api, one, "baseline", "computer") == ["PC-07", "PC-08"]


def test_the_leading_group_is_read_for_the_form_and_held_against_the_duty_rules(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    grid = [
        ["分工", "姓名", "部门", "职务"],
        ["组长", "王一", "局领导", "局长"],
        ["成员", "赵二", "办公室", "主任"],
        ["成员", "钱三", "财务科", "科长"],
    ]
    bring(api, one, files.xlsx(tmp_path / "附件1.xlsx", {"表": grid}), "leaders")
    found = records.leaders(api.built.appliance, one.rpartition("/")[2])
    assert (found[0].role, found[0].name, found[0].post, len(found)) == ("组长", "王一", "局长", 3)
    told = {item["reason"]["code"]: item["reason"]["params"] for item in api.get(f"{one}/form-findings")["items"]}
    assert told == {
        "ledger.rule_leader_deputy": {},
        "ledger.rule_leader_members": {"departments": "信息化、人事"},
    }
