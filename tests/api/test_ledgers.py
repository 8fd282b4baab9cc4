"""Ledgers through the API: corrected columns are remembered, versions kept, links edited, breaches listed."""

from __future__ import annotations

import io
from typing import Any

from tests.api.conftest import Api

LICENCES = "填表日期：2020年1月5日,,,\n软件编号,软件名称,软件类型,许可数量\nRJ1,甲,商业软件,5\nRJ2,乙,OEM软件,3\n"


def upload(api: Api, one: str, text: str, **fields: str) -> Any:
    form = {**fields, "file": (io.BytesIO(text.encode()), "台账.csv")}
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    return api.client.post(f"{one}/ledgers", data=form, headers=headers, base_url="http://127.0.0.1:8600")


def problem(api: Api, method: str, path: str, body: Any = None) -> Any:
    """The problem that a refused call answers with."""
    response = api.call(method, path, body)
    assert response.status_code >= 400
    return response.json


def accept(api: Api, one: str, file_id: str) -> None:
    api.post(f"{one}/ledgers/{file_id}/decision", {"decision": "accept_good"})


def test_columns_corrected_once_are_remembered_for_the_unit(api: Api) -> None:
    one = api.new_inspection()
    text = "资产编号,名称,归谁管,星座\nGD-1,电脑,财务科,双鱼\n"
    first = upload(api, one, text).json
    assert first["unmapped"] == ["归谁管", "星座"]
    assert first["fields"]["department"] == "使用部门"
    again = api.post(f"{one}/ledgers/{first['id']}/mapping", {"mapping": {"归谁管": "department"}})
    assert (again["id"], again["state"], again["rows"][0]["department"]) == (first["id"], "previewed", "财务科")
    assert upload(api, one, text).json["rows"][0]["department"] == "财务科"
    other = api.new_inspection("另一单位")
    assert upload(api, other, text).json["rows"][0]["department"] == ""


def test_a_column_cannot_be_made_a_field_that_the_form_does_not_have(api: Api) -> None:
    one = api.new_inspection()
    first = upload(api, one, "资产编号,名称,归谁管\nGD-1,电脑,财务科\n").json
    refused = problem(api, "POST", f"{one}/ledgers/{first['id']}/mapping", {"mapping": {"归谁管": "owner"}})
    assert (refused["status"], refused["code"]) == (422, "ledger.no_such_field")
    assert api.get(f"{one}/ledgers/{first['id']}")["counts"]["accepted"] == 1


def test_an_accepted_file_keeps_its_columns_and_older_versions_are_kept(api: Api) -> None:
    one = api.new_inspection()
    files = [upload(api, one, f"资产编号,名称\nGD-{n},电脑\n").json["id"] for n in (1, 2)]
    for file_id in files:
        accept(api, one, file_id)
    states = {item["id"]: item["state"] for item in api.get(f"{one}/ledgers")["items"]}
    assert [states[file_id] for file_id in files] == ["superseded", "accepted"]
    late = problem(api, "POST", f"{one}/ledgers/{files[1]}/mapping", {"mapping": {"名称": ""}})
    assert late["code"] == "ledger.already_decided"


def test_breaches_of_the_ledger_rules_are_listed_with_file_and_row(api: Api) -> None:
    one = api.new_inspection()
    accept(api, one, upload(api, one, LICENCES).json["id"])
    found = api.get(f"{one}/form-findings")["items"]
    codes = {(item["row"], item["reason"]["code"]) for item in found}
    assert {(4, "ledger.rule_4"), (0, "ledger.rule_8"), (0, "ledger.rule_7")} == codes
    assert {item["file"] for item in found} == {"台账.csv"}


def test_a_link_entered_by_hand_overrides_the_file_until_it_is_taken_back(api: Api) -> None:
    one = api.new_inspection()
    file_id = upload(api, one, "计算机编号,资产编号\nPC-1,GD-1\nPC-2,GD-2\n", kind="links").json["id"]
    accept(api, one, file_id)
    body = {"asset_no": "GD-9", "addresses": ["10.0.0.9"]}
    assert api.call("PUT", f"{one}/links/PC-1", body).status_code == 200
    links = {item["computer_no"]: (item["asset_no"], item["by_hand"]) for item in api.get(f"{one}/links")["items"]}
    assert links == {"PC-1": ("GD-9", True), "PC-2": ("GD-2", False)}
    assert api.call("DELETE", f"{one}/links/PC-1").status_code == 200
    assert [item["asset_no"] for item in api.get(f"{one}/links")["items"]] == ["GD-1", "GD-2"]
    assert problem(api, "DELETE", f"{one}/links/PC-1")["code"] == "ledger.no_link"
    assert problem(api, "PUT", f"{one}/links/PC-3", {})["code"] == "ledger.links_nothing"


def test_papers_of_a_list_are_proofs_like_those_entered_by_hand(api: Api) -> None:
    one = api.new_inspection()
    accept(api, one, upload(api, one, "软件编号,证明类型,合同编号\nRJ1,采购合同,HT-1\n", kind="proofs").json["id"])
    api.post(f"{one}/proofs", {"software_no": "RJ2", "level": "P2"})
    assert [(item["software_no"], item["level"], item["number"]) for item in api.get(f"{one}/proofs")["items"]] == [
        ("RJ1", "P1", "HT-1"),
        ("RJ2", "P2", ""),
    ]
