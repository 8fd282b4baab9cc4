"""Ledgers through the API: corrected columns are remembered, versions kept, links edited, breaches listed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.appliance.ledger import files

LICENCES = "填表日期：2020年1月5日,,,\n软件编号,软件名称,软件类型,许可数量\nRJ1,甲,商业软件,5\nRJ2,乙,OEM软件,3\n"


def upload(api: Api, one: str, text: str, **fields: str) -> Any:
    return upload_file(api, one, text.encode(), "台账.csv", **fields)


def upload_file(api: Api, one: str, data: bytes, name: str, **fields: str) -> Any:
    form = {**fields, "file": (io.BytesIO(data), name)}
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    return api.client.post(f"{one}/ledgers", data=form, headers=headers, base_url="http://127.0.0.1:8600")


def problem(api: Api, method: str, path: str, body: Any = None) -> Any:
    """The problem that a refused call answers with."""
    response = api.call(method, path, body)
    assert response.status_code >= 400
    return response.json


def accept(api: Api, one: str, file_id: str, **place: Any) -> None:
    api.post(f"{one}/ledgers/{file_id}/decision", {"decision": "accept_good", **place})


def take(api: Api, one: str, text: str, kind: str, **place: Any) -> str:
    """Import and accept; the file's id."""
    file_id: str = upload(api, one, text, kind=kind).json["id"]
    accept(api, one, file_id, **place)
    return file_id


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
    imported = [upload(api, one, f"资产编号,名称\nGD-{n},电脑\n").json["id"] for n in (1, 2)]
    accept(api, one, imported[0])
    accept(api, one, imported[1], replaces=[imported[0]])
    states = {item["id"]: item["state"] for item in api.get(f"{one}/ledgers")["items"]}
    assert [states[file_id] for file_id in imported] == ["superseded", "accepted"]
    late = problem(api, "POST", f"{one}/ledgers/{imported[1]}/mapping", {"mapping": {"名称": ""}})
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


def numbers(api: Api, one: str, kind: str = "assets", field: str = "asset_no") -> list[str]:
    return [row[field] for row in api.get(f"{one}/declared/{kind}")["items"]]


def test_a_second_file_of_a_kind_asks_whether_it_replaces_or_adds(api: Api) -> None:
    one = api.new_inspection()
    first = take(api, one, "资产编号,名称\nGD-1,电脑\n", "assets")
    second = upload(api, one, "资产编号,名称\nGD-2,电脑\n").json
    assert [file["id"] for file in second["in_force"]] == [first]
    path = f"{one}/ledgers/{second['id']}/decision"
    asked = problem(api, "POST", path, {"decision": "accept_good"})
    assert (asked["status"], asked["code"]) == (409, "ledger.replace_or_add")
    assert "台账.csv" in asked["title"]
    assert numbers(api, one) == ["GD-1"]
    unknown = problem(api, "POST", path, {"decision": "accept_good", "replaces": [second["id"]]})
    assert unknown["code"] == "ledger.not_in_force"
    accept(api, one, second["id"], adds=True)
    assert numbers(api, one) == ["GD-1", "GD-2"]
    third = upload(api, one, "资产编号,名称\nGD-3,电脑\n").json["id"]
    half = problem(api, "POST", f"{one}/ledgers/{third}/decision", {"decision": "accept_good", "replaces": [first]})
    assert half["code"] == "ledger.replace_or_add"  # the second file would silently stay
    accept(api, one, third, replaces=[first], adds=True)
    assert numbers(api, one) == ["GD-2", "GD-3"]


def test_rows_that_stand_in_two_files_are_shown_and_counted_once(api: Api) -> None:
    one = api.new_inspection()
    take(api, one, "资产编号,名称,数量,部门\nGD-1,电脑,1,一科\nGD-2,电脑,3,一科\n", "assets")
    second = upload(api, one, "资产编号,名称,数量,部门\ngd-2 ,电脑,5,二科\nGD-1,电脑,1,一科\nGD-9,电脑,1,二科\n").json
    shown = [(row["value"], row["same"], row["counted"]["row"], row["left_out"]["row"]) for row in second["duplicates"]]
    assert (second["duplicate_count"], shown) == (2, [("gd-2", False, 2, 3), ("GD-1", True, 3, 2)])
    accept(api, one, second["id"], adds=True)
    rows = api.get(f"{one}/declared/assets")["items"]
    assert {(row["asset_no"], row["quantity"]) for row in rows} == {("GD-1", 1), ("gd-2", 5), ("GD-9", 1)}
    found = api.get(f"{one}/form-findings")["items"]
    told = {(item["row"], item["reason"]["code"]) for item in found if "duplicate" in item["reason"]["code"]}
    assert told == {(2, "ledger.duplicate_across_files"), (3, "ledger.duplicate_differs")}


def test_the_same_file_twice_is_not_taken_beside_itself(api: Api) -> None:
    one = api.new_inspection()
    text = "软件编号,证明类型,合同编号\nRJ1,采购合同,HT-1\n"
    first = take(api, one, text, "proofs")
    again = upload(api, one, text, kind="proofs").json["id"]
    refused = problem(api, "POST", f"{one}/ledgers/{again}/decision", {"decision": "accept_all", "adds": True})
    assert refused["code"] == "ledger.same_file"
    accept(api, one, again, replaces=[first])
    assert numbers(api, one, "proofs", "number") == ["HT-1"]


def test_a_file_without_a_known_header_is_read_once_its_columns_are_named(api: Api) -> None:
    one = api.new_inspection()
    text = "牌子号,是什么东西,归谁管\nGD-1,电脑,财务科\n"
    refused = upload(api, one, text, kind="assets").json
    assert (refused["code"], refused["params"]["kind"]) == ("ledger.no_header", "assets")
    assert refused["params"]["seen"] == "牌子号、是什么东西、归谁管"
    mapping = {"牌子号": "asset_no", "归谁管": "department"}
    told = upload(api, one, text, kind="assets", mapping=json.dumps(mapping)).json
    assert [(row["asset_no"], row["department"]) for row in told["rows"]] == [("GD-1", "财务科")]
    headers = {item["header"]: (item["field"], item["samples"]) for item in told["headers"]}
    assert headers["归谁管"] == ("department", ["财务科"])
    assert headers["是什么东西"] == ("", ["电脑"])
    assert upload(api, one, text, kind="assets").json["rows"][0]["department"] == "财务科"


def test_samples_of_columns_hold_no_product_key(api: Api) -> None:
    one = api.new_inspection()
    key = "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY"
    text = f"软件编号,软件名称,软件类型,许可数量,序列号,另一密钥\nRJ1,甲,商业软件,5,{key},{key.replace('-', '')}\n"
    told = upload(api, one, text)
    samples = {item["header"]: item["samples"] for item in told.json["headers"]}
    assert (samples["序列号"], samples["另一密钥"]) == ([], ["…UVWXY"])
    assert "FGHIJ" not in told.text


def test_the_fields_of_each_ledger_can_be_asked_for(api: Api) -> None:
    forms = {form["kind"]: form for form in api.get("/api/v1/ledger-forms")["items"]}
    assert forms["assets"]["required"] == ["asset_no"]
    assert forms["assets"]["fields"]["department"] == "使用部门"


@pytest.mark.parametrize("password", ["123456", "true", "007"])
def test_a_password_of_digits_opens_the_file(api: Api, tmp_path: Path, password: str) -> None:
    one = api.new_inspection()
    file = files.encrypted(tmp_path / "台账.xlsx", [["资产编号", "名称"], ["GD-1", "电脑"]], password)
    assert upload_file(api, one, file.read_bytes(), file.name).json["code"] == "ledger.encrypted"
    told = upload_file(api, one, file.read_bytes(), file.name, password=password)
    assert told.json["counts"]["accepted"] == 1, told.text
