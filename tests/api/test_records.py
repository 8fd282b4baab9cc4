"""Desk decisions, objections, papers entered by hand, and explanations, over the API and the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from appliance.folder import DataFolder
from tests.api.conftest import Api, here
from tests.api.test_api import facts_document
from tests.api.test_follow_up import serving
from tests.api.test_ledgers import take, upload


@pytest.fixture
def judged(api: Api) -> str:
    return with_autocad(api)


def with_autocad(api: Api) -> str:
    """Path of an inspection with one computer that runs a copy of AutoCAD that nobody bought."""
    one = api.new_inspection()
    autocad = {"name": "AutoCAD 2020 - 简体中文", "publisher": "Autodesk", "version": "23.1", "source": "HKLM\\AutoCAD"}
    api.post(f"{one}/facts", facts_document(installations=[{**autocad, "scope": "machine", "observation": "o77"}]))
    audit(api, one)
    return one


def audit(api: Api, one: str) -> dict[str, Any]:
    job = api.post(f"{one}/audits")
    api.built.appliance.jobs.get(job["id"]).future.result(240)  # pyright: ignore[reportOptionalMemberAccess]
    return api.get(f"{one}/rates")


def autocad(api: Api, one: str) -> dict[str, Any]:
    found = [v for v in api.get(f"{one}/verdicts?limit=100")["items"] if v["product_id"] == "autocad"]
    assert len(found) == 1
    return found[0]


def code_of(api: Api, method: str, path: str, body: Any) -> tuple[int, str]:
    response = api.call(method, path, body)
    assert response.json is not None
    return response.status_code, response.json["code"]


def test_a_desk_decision_survives_a_re_run_and_shows_on_the_verdict(api: Api, judged: str) -> None:
    before = autocad(api, judged)
    assert (before["decision"], before["decided_by"]) == ("to_verify", "rule")
    body = {"decision": "licensed", "reason": "出示购买发票原件", "papers": ["照片 12"]}
    api.post(f"{judged}/verdicts/{before['id']}/decision", body)
    for _ in range(2):
        audit(api, judged)
        after = autocad(api, judged)
        assert (after["id"], after["decision"], after["decided_by"]) == (before["id"], "licensed", "desk")
        assert "出示购买发票原件" in after["reasons"][0]["text"]
    assert [row["decision"] for row in api.get(f"{judged}/decisions")["items"]] == ["licensed"]


def test_an_objection_waits_for_its_answer_and_an_upheld_one_decides(api: Api, judged: str) -> None:
    verdict = autocad(api, judged)
    body = {"reason": "借用设计院的机器", "papers": ["借用协议"]}
    objection = api.post(f"{judged}/verdicts/{verdict['id']}/objections", body)
    audit(api, judged)
    pending = autocad(api, judged)
    assert pending["decision"] == "to_verify"
    assert any(remark["code"] == "verdict.objection_pending" for remark in pending["remarks"])
    answer = {"answer": "upheld", "text": "属实", "decision": "excluded"}
    api.post(f"{judged}/objections/{objection['id']}/answer", answer)
    audit(api, judged)
    assert (autocad(api, judged)["decision"], autocad(api, judged)["decided_by"]) == ("excluded", "objection")
    again = code_of(api, "POST", f"{judged}/objections/{objection['id']}/answer", answer)
    assert again == (409, "record.already_answered")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("verdicts/v00/decision", {"decision": "licensed", "reason": "x"}, "audit.no_verdict"),
        ("objections/01M7YQD5HQ0BGJMSWET156APBW/answer", {"answer": "rejected", "text": "x"}, "record.not_found"),
        (
            "objections/01M7YQD5HQ0BGJMSWET156APBW/answer",
            {"answer": "upheld", "text": "x"},
            "record.answer_needs_decision",
        ),
        ("records", {"kind": "wishes", "fields": {}}, "record.unknown_kind"),
        ("records", {"kind": "disposals", "fields": {"asset": "ZC1"}}, "record.bad_field"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_name(api: Api, judged: str, path: str, body: Any, code: str) -> None:
    assert code_of(api, "POST", f"{judged}/{path}", body)[1] == code


def test_a_paper_entered_by_hand_is_part_of_the_next_audit(api: Api, judged: str) -> None:
    fields = {"name": "WPS Office", "origin": "domestic", "sets": 3}
    api.post(f"{judged}/records", {"kind": "purchases", "fields": fields})
    api.post(f"{judged}/records", {"kind": "kms_hosts", "fields": {"host": "10.1.1.5"}})
    rates = audit(api, judged)["rates"]
    assert (rates["domestic_purchase_rate"]["n"], rates["domestic_purchase_rate"]["d"]) == (3, 3)
    assert [row["kind"] for row in api.get(f"{judged}/records")["items"]] == ["purchases", "kms_hosts"]


def test_a_verdict_is_explained_down_to_the_raw_value_and_the_rule(api: Api, judged: str) -> None:
    found = api.get(f"{judged}/verdicts/{autocad(api, judged)['id']}/explain")
    assert found["rule"]["text"].startswith("R29：")
    assert "第三条" in found["policy"]["text"]
    assert [(r["group"], r["values"]["name"]) for r in found["observed"]] == [
        ("installations", "AutoCAD 2020 - 简体中文")
    ]
    assert found["observed"][0]["values"]["source"] == "HKLM\\AutoCAD"
    assert found["host"]["collected"] == 1


@pytest.mark.parametrize(
    ("name", "number", "kind"),
    [
        ("legal_rate", "d", "verdicts"),
        ("legal_rate.industrial", "upper", "verdicts"),
        ("legal_rate", "excluded", "verdicts"),
        ("domestic_rate", "n", "verdicts"),
        ("coverage_rate", "n", "hosts"),
        ("coverage_rate", "d", "assets"),
        ("asset_match_rate", "d", "assets"),
        ("rectification_rate", "d", "records"),
        ("client_rate", "n", "hosts"),
    ],
)
def test_every_number_of_a_rate_leads_to_what_it_counts(
    api: Api, judged: str, name: str, number: str, kind: str
) -> None:
    found = api.get(f"{judged}/rates/{name}/explain?number={number}")
    assert (found["kind"], found["value"]) == (kind, found["rate"][number])
    assert len(found["items"]) == found["value"]


ASSETS = """资产编号,资产名称,数量,IP地址,部门,状态,信创
ZC-1,台式计算机,1,10.1.1.9,财务科,在用,否
ZC-2,便携式计算机,2,,档案室,在用,
"""


def test_the_numbers_of_a_part_of_the_unit_lead_to_what_they_count(api: Api, judged: str) -> None:
    address = api.get(f"{judged}/hosts")["items"][0]["address"]
    take(api, judged, ASSETS.replace("10.1.1.9", address), "assets")
    parts = audit(api, judged)["head"]["breakdowns"]
    for part, legal, listed in (
        ("dimension=department&group=财务科", 1, 1),
        ("dimension=kind&group=desktop", 1, 1),
        ("dimension=xinchuang&group=no", 1, 1),
        ("dimension=department&group=档案室", 0, 2),
    ):
        groups = parts[part.split("&")[0].partition("=")[2]][part.rpartition("=")[2]]
        assert (groups.get("legal_rate", {"d": 0})["d"], groups["coverage_rate"]["d"]) == (legal, listed)
        if legal:
            found = api.get(f"{judged}/rates/legal_rate/explain?number=d&{part}")
            assert [verdict["product_id"] for verdict in found["items"]] == ["autocad"]
            assert found["part"]["group"] == part.rpartition("=")[2]
            assert len(api.get(f"{judged}/rates/coverage_rate/explain?number=n&{part}")["items"]) == 1
        assets = api.get(f"{judged}/rates/coverage_rate/explain?number=d&{part}")["items"]
        assert sum(asset["quantity"] for asset in assets) == listed
    unknown = f"{judged}/rates/legal_rate/explain?dimension=department&group=车队"
    assert code_of(api, "GET", unknown, None) == (404, "audit.no_group")


def test_an_unread_computer_may_have_the_client_and_a_read_one_without_it_has_not(api: Api, judged: str) -> None:
    address = api.get(f"{judged}/hosts")["items"][0]["address"]
    take(api, judged, ASSETS.replace("10.1.1.9", address), "assets")
    rate = audit(api, judged)["rates"]["client_rate"]
    assert (rate["n"], rate["d"], rate["upper"]) == (0, 3, 2)
    found = api.get(f"{judged}/rates/client_rate/explain?number=upper")
    assert [asset["asset_no"] for asset in found["items"]] == ["ZC-2"]
    other = api.get(f"{judged}/rates/client_rate.other/explain?number=d")
    assert [asset["asset_no"] for asset in other["items"]] == ["ZC-1"]


def test_an_unknown_rate_names_the_known_ones(api: Api, judged: str) -> None:
    assert code_of(api, "GET", f"{judged}/rates/luck/explain", None)[1] == "audit.no_rate"


def test_the_bundle_line_of_a_verdict_is_its_canonical_line(api: Api, judged: str) -> None:
    rates = api.get(f"{judged}/rates")
    assert rates["digest"] == rates["head"]["verdicts"]["sha256"]


def test_a_final_inspection_changes_only_after_a_reopening_with_a_reason(api: Api, judged: str) -> None:
    paper = {"kind": "kms_hosts", "fields": {"host": "10.1.1.5"}}
    assert code_of(api, "POST", f"{judged}/reopenings", {"reason": "误操作"}) == (409, "inspection.not_final")
    api.call("PATCH", judged, {"phase": "final"})
    api.post(f"{judged}/records", paper)  # until it is judged as final, it may still change
    result = audit(api, judged)
    assert result["head"]["standing"]["code"] == "rate.final"
    assert all(rate["final"] for rate in result["rates"].values())
    assert api.get(judged)["finalised_at"]
    for method, path, body in (
        ("POST", f"{judged}/records", paper),
        ("POST", f"{judged}/audits", None),
        ("PATCH", judged, {"phase": "on_site"}),
    ):
        assert code_of(api, method, path, body)[1] == "inspection.final"
    assert code_of(api, "POST", f"{judged}/reopenings", {"reason": "  "})[1] == "inspection.reopen_without_reason"
    api.post(f"{judged}/reopenings", {"reason": "单位补交合同"})
    assert [row["reason"] for row in api.get(f"{judged}/reopenings")["items"]] == ["单位补交合同"]
    assert (api.get(judged)["phase"], api.get(judged)["finalised_at"]) == ("after_proof", None)
    api.post(f"{judged}/records", paper)
    assert audit(api, judged)["head"]["standing"]["code"] == "rate.preliminary"


def test_an_idle_licence_is_explained_down_to_the_row_the_papers_and_every_copy(api: Api, judged: str) -> None:
    header = "软件编号,软件名称,软件版本,软件类型,许可类型,许可数量,可使用版本,许可期限"
    preview = upload(api, judged, f"{header}\nRJ1,AutoCAD 2020,2020,商业软件,单机许可,3,,永久\n").json
    api.post(f"{judged}/ledgers/{preview['id']}/decision", {"decision": "accept_good"})
    api.post(f"{judged}/proofs", {"software_no": "RJ1", "level": "P1", "kind": "合同"})
    audit(api, judged)
    found = api.get(f"{judged}/positions/explain?software_no=RJ1")
    assert [(p["installs"], p["quantity"], p["gap"]) for p in found["positions"]] == [(1, 3, 0)]
    assert "闲置 2 套" in found["positions"][0]["said"]["text"]
    assert [row["record"]["software_no"] for row in found["ledger"]] == ["RJ1"]
    assert [row["level"] for row in found["proofs"]] == ["P1"]
    assert [row["product_id"] for row in found["items"]] == ["autocad"]
    assert found["surplus"] == []
    assert code_of(api, "GET", f"{judged}/positions/explain?software_no=RJ9", None) == (404, "audit.no_position")


def test_a_photo_attached_by_command_is_kept_and_named_among_the_papers(data: Path, tmp_path: Path) -> None:
    photo = tmp_path / "铭牌.png"
    photo.write_bytes(b"\x89PNG\r\n a label")
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    with serving(DataFolder(data)) as api:
        one = with_autocad(api)
        about = (one.rpartition("/")[2], autocad(api, one)["id"])
        said = ("--reason", "见铭牌", "--paper", "照片-1", "--attach", str(photo))
        done = here(data, "decision", "record", *about, "licensed", *said, "--json")
        photo.write_bytes(b"no picture")
        refused = here(data, "objection", "record", *about, "--reason", "x", "--attach", str(photo))
        assert api.get(f"{one}/objections")["items"] == []
    number, attached = done.json["papers"]
    assert (number, attached.partition(" sha256:")[2]) == ("照片-1", digest)
    assert (refused.exit, "不是可用的照片或材料" in refused.err) == (3, True)
