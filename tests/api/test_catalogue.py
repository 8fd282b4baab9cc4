"""The catalogue from outside: its commands, its API, and corrections that reach the audit."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from api.built import build
from appliance.folder import DataFolder, writing
from appliance.recognition import catalogue as catalogues
from config.clock import SystemClock
from tests.api.conftest import Api, hezheng
from tests.api.test_api import facts_document

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
CODES = {"operating_system", "office", "antivirus", "industrial", "database", "other", ""}


def test_a_table_is_recognised_row_by_row_and_its_own_columns_pass_through(tmp_path: Path) -> None:
    for name, column in (("windows_uninstall.csv", "display_name"), ("linux_packages.csv", "package")):
        ran = hezheng(tmp_path, "catalogue", "recognise", str(SAMPLES / name), "--json")
        assert ran.exit == 0, ran.err
        assert ran.json["schema"] == "hezheng.recognition/1"
        with (SAMPLES / name).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        items = ran.json["items"]
        assert [(i["entry_id"], i[column]) for i in items] == [(r["entry_id"], r[column]) for r in rows]
        assert {i["category"] for i in items} <= CODES
        assert {i["origin"] for i in items} <= {"domestic", "foreign", ""}
        right = [i for i in items if i["is_noise"] is (i["expected_product"] == "" and i["is_noise"])]
        assert len(right) == len(items)
    assert not (tmp_path / "appliance.db").exists()


def test_a_table_may_name_its_columns_in_both_ways(tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text(
        "\ufeffid,package,maintainer,version,platform_os\n1,cn.wps.wps-office-pro,,12.8,统信UOS\n2,libc6,,2.36,Debian\n",
        "utf-8",
    )
    items = hezheng(tmp_path, "catalogue", "recognise", str(table), "--json").json["items"]
    assert [(i["id"], i["product_id"], i["edition"], i["is_noise"]) for i in items] == [
        ("1", "wps-office", "专业版", False),
        ("2", "", "", True),
    ]


def test_a_single_name_and_its_trial_or_education_edition(tmp_path: Path) -> None:
    def licensing(name: str) -> str:
        ran = hezheng(tmp_path, "catalogue", "recognise", name, "--json")
        return str(ran.json["items"][0]["licensing"])

    assert licensing("WPS Office 专业版") == "commercial"
    assert licensing("AutoCAD 2020 试用版") == "trial"
    assert licensing("中望CAD教育版 2023") == "education"
    assert licensing("LibreOffice 24.2") == "open_source"


@pytest.mark.parametrize(
    ("content", "code"),
    [("a,b\n1,2\n", "display_name"), (None, "nowhere.csv")],
)
def test_a_table_that_cannot_be_read_says_what_is_wrong(tmp_path: Path, content: str | None, code: str) -> None:
    table = tmp_path / "nowhere.csv"
    if content is not None:
        table.write_text(content)
    ran = hezheng(tmp_path, "catalogue", "recognise", str(table), "--json")
    assert (ran.exit, ran.out) == (3, "")
    assert code in ran.err


def test_the_catalogue_is_listed_and_checked(tmp_path: Path) -> None:
    listed = hezheng(tmp_path, "catalogue", "list", "--category", "antivirus", "--json").json["items"]
    assert len(listed) > 60
    assert {item["category"] for item in listed} == {"antivirus"}
    assert all("source" in item for item in listed)
    checked = hezheng(tmp_path, "catalogue", "check", "--json").json
    assert checked["products"] >= 600
    copy = Path(shutil.copytree(catalogues.FOLDER, tmp_path / "catalogue"))
    with (copy / "office.toml").open("a", encoding="utf-8") as file:
        file.write("oops\n")
    broken = hezheng(tmp_path, "catalogue", "check", str(copy))
    assert broken.exit == 3
    assert "office.toml" in broken.err


def test_the_api_lists_products_page_by_page_and_recognises(api: Api) -> None:
    first = api.get("/api/v1/catalogue/products?limit=10")
    second = api.get(f"/api/v1/catalogue/products?limit=10&after={first['next']}")
    assert len({item["id"] for item in first["items"] + second["items"]}) == 20
    told = api.post("/api/v1/catalogue/recognise", {"items": [{"name": "中望CAD 2023"}, {"name": "不知道的程序"}]})
    assert [item["product_id"] for item in told["items"]] == ["zwcad", ""]
    about = api.get("/api/v1/catalogue")
    assert about["problem"] is None
    assert about["digest"] == api.get("/api/v1/status")["catalogue"]["digest"]


def test_the_appliance_starts_with_the_last_good_catalogue_and_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(shutil.copytree(catalogues.FOLDER, tmp_path / "catalogue"))
    monkeypatch.setattr(catalogues, "FOLDER", source)
    with writing(DataFolder(data), ""):
        good = build(DataFolder(data), SystemClock()).appliance.catalogue.digest
        with (source / "office.toml").open("a", encoding="utf-8") as file:
            file.write("oops\n")
        built = build(DataFolder(data), SystemClock())
        status = Api(built, Client(built.app)).get("/api/v1/status")
    assert status["catalogue"]["digest"] == good
    assert [problem["code"] for problem in status["reference_problems"]] == ["catalogue.bad_file"]
    assert "office.toml" in status["reference_problems"][0]["text"]


def program(name: str) -> dict[str, Any]:
    return {"name": name, "source": "key", "scope": "machine"}


def audit(api: Api, one: str) -> dict[str, Any]:
    job = api.call("POST", f"{one}/audits").json
    assert job
    api.built.appliance.jobs.get(job["id"]).future.result(240)  # pyright: ignore[reportOptionalMemberAccess]
    rates: dict[str, Any] = api.get(f"{one}/rates")
    return rates


def test_a_correction_is_shown_audited_and_remembered_for_the_unit(api: Api) -> None:
    one = api.new_inspection()
    api.post(f"{one}/facts", facts_document(installations=[program("某院自编设计软件 V2"), program("AutoCAD 2020")]))
    names = {item["name"]: item for item in api.get(f"{one}/recognition")["items"]}
    assert names["某院自编设计软件 V2"]["state"] == "unknown"
    before = audit(api, one)["head"]["catalogue"]["digest"]

    own = {"name": "某院自编设计软件", "vendor": "某院", "category": "industrial", "origin": "domestic"}
    body = {"name": "某院自编设计软件 V2", "own": {**own, "licensing": "commercial", "industrial_class": "CAD"}}
    said = api.call("PUT", f"{one}/recognition/corrections", body)
    assert said.status_code == 200, said.text
    corrected = api.get(f"{one}/recognition?state=corrected")["items"]
    assert [(item["product"], item["category"]) for item in corrected] == [("某院自编设计软件", "industrial")]

    after = audit(api, one)
    assert after["head"]["catalogue"]["digest"] != before
    products = {item["product_name"] for item in api.get(f"{one}/verdicts?category=industrial")["items"]}
    assert "某院自编设计软件" in products

    again = api.post("/api/v1/inspections", {"unit": "测试单位", "kind": "follow_up"})["id"]
    other = f"/api/v1/inspections/{again}"
    remembered = api.get(f"{other}/recognition/corrections")["items"]
    assert [item["name"] for item in remembered] == ["某院自编设计软件 V2"]
    assert api.call("DELETE", f"{other}/recognition/corrections/{remembered[0]['id']}").status_code == 204
    assert api.get(f"{other}/recognition/corrections")["items"] == []
    assert len(api.get(f"{one}/recognition/corrections")["items"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "a"}, "catalogue.bad_correction"),
        ({"name": "a", "noise": True, "product_id": "zwcad"}, "catalogue.bad_correction"),
        ({"name": "a", "product_id": "nowhere"}, "catalogue.unknown_product"),
    ],
)
def test_a_correction_that_says_nothing_or_too_much_is_refused(api: Api, body: dict[str, Any], code: str) -> None:
    response = api.call("PUT", f"{api.new_inspection()}/recognition/corrections", body)
    assert json.loads(response.text)["code"] == code
