"""整改 over the API and the command line: notices to their end, reminders, 整改率, and the figures of a month."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.commands.rectify import rectify
from appliance.folder import DataFolder
from config.clock import Clock
from tests.api.conftest import Api, at_noon
from tests.api.test_follow_up import UNIT, compared, done, identifier, serving, visit
from tests.api.test_ledgers import problem

CLOCK = at_noon()
TODAY = CLOCK.now().date()
SOON = (TODAY + timedelta(days=5)).isoformat()


@pytest.fixture
def clock() -> Clock:
    return CLOCK


@pytest.fixture
def judged(api: Api) -> str:
    """Path of a judged inspection with two copies that are 非正版, on two computers."""
    api.post("/api/v1/units", {"name": UNIT})
    return visit(api, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")


def key_of(api: Api, one: str, product: str) -> str:
    found = api.get(f"{one}/findings?kind=unlicensed_copy")["items"]
    return next(row["key"] for row in found if row["product_id"] == product)


def event(api: Api, notice: Any, **fields: Any) -> Any:
    return api.post(f"/api/v1/notices/{notice['id']}/events", fields)


def items(notice: Any) -> dict[str, str]:
    return {item["product_id"]: item["state"] for item in notice["items"] if item["product_id"]}


def test_a_notice_is_followed_from_its_deadline_to_its_end(api: Api, judged: str) -> None:
    keys = [key_of(api, judged, name) for name in ("autocad", "solidworks")]
    notice = api.post(f"{judged}/notices", {"number": "整改〔2026〕1号", "deadline": SOON, "keys": keys})
    assert (notice["state"], notice["days_left"], notice["open"]) == ("open", 5, 2)
    assert {item["product_name"] for item in notice["items"]} == {"AutoCAD", "SOLIDWORKS"}
    notice = event(api, notice, kind="reply", text="已卸载", keys=keys[:1])
    assert (notice["state"], items(notice)) == ("open", {"autocad": "replied", "solidworks": "open"})
    notice = event(api, notice, kind="outcome", accepted=True, keys=keys[:1], text="已核")
    assert items(notice) == {"autocad": "accepted", "solidworks": "open"}
    notice = event(api, notice, kind="reply", text="已购买", keys=keys[1:])
    assert notice["state"] == "replied"
    notice = event(api, notice, kind="outcome", accepted=False, keys=keys[1:], text="未附合同")
    assert (notice["state"], items(notice)["solidworks"]) == ("open", "returned")
    later = (TODAY + timedelta(days=30)).isoformat()
    notice = event(api, notice, kind="extension", until=later, text="等待政府采购")
    assert (notice["due"], notice["days_left"]) == (later, 30)
    notice = event(api, notice, kind="talk", person="某副主任", text="约谈分管负责人")
    notice = event(api, notice, kind="outcome", accepted=True, keys=keys[1:])
    assert (notice["state"], notice["closed"], notice["days_left"]) == ("closed", 2, None)
    assert [one["kind"] for one in notice["events"]].count("outcome") == 3
    assert [one["talks"] for one in api.get(f"{judged}/notices")["items"]] == [1]


def test_a_paper_is_kept_as_it_came_and_named_by_its_digest(api: Api, judged: str) -> None:
    notice = api.post(f"{judged}/notices", {"deadline": SOON})
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    form = {"file": (io.BytesIO(b"%PDF-1.7 contract"), "合同/../扫描件.pdf")}
    path = f"/api/v1/notices/{notice['id']}/papers"
    paper = api.client.post(path, data=form, headers=headers, base_url="http://127.0.0.1:8600").json
    assert paper is not None
    assert len(paper["sha256"]) == 64
    stored = list((api.built.appliance.folder.root / "units").rglob("papers/*"))
    assert [file.read_bytes() for file in stored] == [b"%PDF-1.7 contract"]
    found = api.call("GET", f"{path}/{paper['id']}/file")
    assert found.data == b"%PDF-1.7 contract"
    assert [p["sha256"] for p in api.get(f"/api/v1/notices/{notice['id']}")["papers"]] == [paper["sha256"]]


def test_what_is_overdue_soon_due_or_waits_for_us_is_on_the_list_of_reminders(api: Api, judged: str) -> None:
    long_ago = (TODAY - timedelta(days=40)).isoformat()
    bodies = {
        "逾期": {"issued_on": long_ago, "deadline": (TODAY - timedelta(days=2)).isoformat()},
        "将到期": {"deadline": SOON},
        "尚早": {"deadline": (TODAY + timedelta(days=60)).isoformat()},
        "待审": {"deadline": (TODAY + timedelta(days=90)).isoformat()},
    }
    made = {name: api.post(f"{judged}/notices", {"number": name, **body}) for name, body in bodies.items()}
    event(api, made["待审"], kind="reply", text="全部整改完毕")
    due = api.get("/api/v1/rectification/due?within=7")["items"]
    assert [(one["number"], one["state"], one["days_left"]) for one in due] == [
        ("逾期", "overdue", -2),
        ("将到期", "open", 5),
        ("待审", "replied", 90),
    ]
    assert {one["unit"] for one in due} == {UNIT}


def test_the_rate_follows_notices_and_the_follow_up_goes_before(api: Api, judged: str) -> None:
    keys = [key_of(api, judged, name) for name in ("autocad", "solidworks")]
    notice = api.post(f"{judged}/notices", {"kind": "on_site", "keys": keys})
    event(api, notice, kind="outcome", accepted=True, text="现场卸载")
    rate = api.get(f"{judged}/rectification")["rate"]
    assert (rate["n"], rate["d"]) == (2, 2)
    done(api, api.post(f"{judged}/audits"))
    own = api.get(f"{judged}/rates")["rates"]["rectification_rate"]
    assert (own["n"], own["d"]) == (2, 2)
    again = visit(api, "follow_up", {1: ("autocad",), 2: ()}, "2")
    compared(api, again, judged)
    lines = api.get(f"{again}/comparison/lines?kind=unlicensed_copy")["items"]
    assert {(x["product_id"], x["outcome"]) for x in lines} == {("autocad", "reappeared"), ("solidworks", "rectified")}
    assert "整改回复" in next(x for x in lines if x["outcome"] == "reappeared")["reasons"][0]["text"]
    states = {row["key"]: row["state"] for row in api.get(f"{judged}/rectification")["items"]}
    assert [states[key] for key in keys] == ["reappeared", "closed"]


def test_the_month_adds_numbers_and_never_percentages(api: Api, judged: str) -> None:
    keys = [key_of(api, judged, name) for name in ("autocad", "solidworks")]
    notice = api.post(f"{judged}/notices", {"deadline": SOON, "keys": keys})
    event(api, notice, kind="reply", text="已卸载", keys=keys[:1])
    event(api, notice, kind="outcome", accepted=True, keys=keys[:1])
    month = api.get(f"/api/v1/rectification/months/{TODAY.year}/{TODAY.month}")
    expected = {"notices": 1, "findings": 2, "replies": 1, "closed": 1, "talks": 0, "overdue": 0, "reappeared": 0}
    assert {name: month["total"][name] for name in expected} == expected
    assert month["total"]["rate"] == {"n": 1, "d": 2}
    assert month["report_by"].endswith("-18")
    earlier = api.get("/api/v1/rectification/months/2020/12")
    assert (earlier["total"]["rate"], earlier["report_by"]) == ({"n": 0, "d": 0}, "2021-01-18")


def test_整改_goes_on_after_the_seal(api: Api, judged: str) -> None:
    api.post("/api/v1/vault", {"passphrase": "correct horse battery"})
    done(api, api.post(f"{judged}/bundles", {"unencrypted": True}))
    notice = api.post(f"{judged}/notices", {"deadline": SOON})
    assert event(api, notice, kind="outcome", accepted=True)["state"] == "closed"
    assert api.get(f"{judged}/rectification")["rate"]["n"] == notice["findings"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "rectification.no_deadline"),
        ({"deadline": "2020-01-01"}, "rectification.deadline_passed"),
        ({"deadline": SOON, "keys": ["x|y|z"]}, "rectification.no_finding"),
    ],
)
def test_a_notice_that_does_not_fit_is_refused_by_name(api: Api, judged: str, fields: Any, code: str) -> None:
    assert problem(api, "POST", f"{judged}/notices", fields)["code"] == code


def test_an_event_that_does_not_fit_is_refused_by_name(api: Api, judged: str) -> None:
    notice = api.post(f"{judged}/notices", {"deadline": SOON, "keys": [key_of(api, judged, "autocad")]})
    path = f"/api/v1/notices/{notice['id']}/events"
    for fields, code in (
        ({"kind": "extension", "until": SOON}, "rectification.bad_extension"),
        ({"kind": "outcome"}, "rectification.no_outcome"),
        ({"kind": "reply", "keys": ["x"]}, "rectification.not_in_notice"),
    ):
        assert problem(api, "POST", path, fields)["code"] == code
    gone = "/api/v1/notices/01M7YQD5HQ0BGJMSWET156APBW"
    assert problem(api, "GET", gone)["code"] == "rectification.no_notice"


def test_the_commands_do_the_same(data: Path) -> None:
    with serving(DataFolder(data), CLOCK) as api:
        api.post("/api/v1/units", {"name": UNIT})
        one = identifier(visit(api, "initial", {1: ("autocad",)}, "1"))

        def run(*arguments: str) -> Any:
            ran = CliRunner().invoke(rectify, [*arguments, "--data", str(data), "--json"], catch_exceptions=False)
            assert ran.exit_code == 0, ran.stderr
            return json.loads(ran.stdout)

        notice = run("notice", one, "--number", "1号", "--deadline", SOON)["id"]
        (paper := data.parent / "合同.pdf").write_bytes(b"x")
        assert run("reply", notice, "--text", "已卸载", "--paper", str(paper))["state"] == "replied"
        run("return", notice, "--text", "材料不全")
        run("extend", notice, (TODAY + timedelta(days=9)).isoformat(), "--text", "采购中")
        run("talk", notice, "--person", "某主任", "--text", "约谈")
        run("remind", notice)
        assert [row["number"] for row in run("due", "--within", "10")["items"]] == ["1号"]
        assert run("accept", notice)["state"] == "closed"
        assert run("rate", one)["rate"]["n"] == run("show", notice)["findings"]
        assert run("list", one)["items"][0]["closed"] > 0
        assert run("month", f"{TODAY:%Y-%m}")["total"]["talks"] == 1
