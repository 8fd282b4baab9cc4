"""Who may call what: every route is asked by everyone who might, and nobody reads one inspection through another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import Client as WsgiClient

from api.auth import SAFE_METHODS
from api.built import build
from appliance.folder import DataFolder, writing
from config.clock import SystemClock
from tests.api.browser import until
from tests.api.conftest import SMALL_VAULT, Api
from tests.api.test_page import LICENCES, facts

BASE = "http://127.0.0.1:8600"
OPEN = ("/", "/static/<path:filename>", "/api/v1/session")
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
HEADER = {"X-Hezheng": "1"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = DataFolder(tmp_path_factory.mktemp("access"))
    (folder.root / "hezheng.toml").write_text(SMALL_VAULT)
    with writing(folder, ""):
        built = build(folder, SystemClock())
        yield Api(built, WsgiClient(built.app))
        built.appliance.jobs.stop()


def calls(api: Api) -> list[tuple[str, str]]:
    """Every method of every route, with ids that belong to nothing."""
    rules = api.built.app.url_map.iter_rules()
    return [(method, address(rule, {})) for rule in rules if rule.rule not in OPEN for method in methods(rule)]


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def address(rule: Rule, ids: dict[str, str]) -> str:
    """The route's path; an id that is not known is one of nothing."""
    return re.sub(r"<(?:(\w+):)?(\w+)>", lambda m: ids.get(m[2], "1" if m[1] == "int" else NOWHERE), rule.rule)


def test_a_stranger_gets_no_answer_from_any_route(served: Api) -> None:
    strangers: tuple[dict[str, str], ...] = (
        HEADER,
        {**HEADER, "Authorization": "Bearer wrong"},
        {**HEADER, "Authorization": f"Basic {served.built.gate.api_token}"},
        {**HEADER, "Cookie": f"hezheng_session={NOWHERE}"},
    )
    asked = calls(served)
    assert len(asked) > 70
    for headers in strangers:
        nobody = WsgiClient(served.built.app, use_cookies=False)
        for method, path in asked:
            answer = nobody.open(path, method=method, headers=headers, base_url=BASE, json={})
            assert answer.status_code == 401, (method, path)
            assert answer.content_type == "application/problem+json"


def session(api: Api) -> WsgiClient:
    """A browser that came in by the launch link."""
    browser = WsgiClient(api.built.app)
    token = api.built.gate.new_launch_token()
    assert browser.post("/api/v1/session", json={"token": token}, headers=HEADER, base_url=BASE).status_code == 204
    return browser


@pytest.mark.parametrize(
    "headers",
    [{}, {**HEADER, "Origin": "http://evil.example"}, {**HEADER, "Origin": "http://127.0.0.1:9999"}],
    ids=["plain form", "foreign page", "page of another port"],
)
def test_a_foreign_page_changes_nothing_through_the_inspectors_browser(served: Api, headers: dict[str, str]) -> None:
    browser = session(served)
    for method, path in calls(served):
        if method not in SAFE_METHODS:
            answer = browser.open(path, method=method, headers=headers, base_url=BASE, json={})
            assert answer.status_code == 403, (method, path)


def test_the_inspector_and_the_command_line_reach_every_reading_route(served: Api) -> None:
    browser = session(served)
    for method, path in calls(served):
        if method == "GET":
            ours = browser.get(path, base_url=BASE)
            theirs = served.call("GET", path)
            assert ours.status_code == theirs.status_code, path
            assert ours.status_code in (200, 404, 409, 422), path


def judged(api: Api, unit: str, folder: Path) -> tuple[str, dict[str, str]]:
    """A judged inspection with something of everything, and the ids of what it holds."""
    one = api.new_inspection(unit)
    name = f"PC-{unit}"
    api.post(f"{one}/facts", facts(11, name))
    file = folder / "台账.csv"
    file.write_text(LICENCES, "utf-8")
    with file.open("rb") as content:
        form = {"kind": "licences", "file": (content, "台账.csv")}
        headers = {**HEADER, "Authorization": f"Bearer {api.built.gate.api_token}"}
        ledger: Any = api.client.post(f"{one}/ledgers", data=form, headers=headers, base_url=BASE).json
    api.post(f"{one}/ledgers/{ledger['id']}/decision", {"decision": "accept_good"})
    body = {"kind": "local", "protocol": "smb", "username": "inspector", "secret": "x" * 12}
    credential = api.post(f"{one}/credentials", body)
    job = api.post(f"{one}/audits")
    until(lambda: api.get(f"/api/v1/jobs/{job['id']}")["state"] == "done", "the audit is done")
    verdict = api.get(f"{one}/verdicts")["items"][0]
    objection = api.post(f"{one}/verdicts/{verdict['id']}/objections", {"reason": "另有合同"})
    return one, {
        "inspection_id": one.rpartition("/")[2],
        "host_id": api.get(f"{one}/hosts")["items"][0]["id"],
        "file_id": ledger["id"],
        "credential_id": credential["id"],
        "verdict_id": verdict["id"],
        "objection_id": objection["id"],
    }


BODIES: dict[str, Any] = {
    "decision": {"decision": "licensed", "reason": "x"},
    "objections": {"reason": "x"},
    "answer": {"answer": "rejected", "text": "x"},
    "mapping": {"mapping": {"列": "name"}},
    "secret": {"secret": "another secret"},
}


def test_nothing_of_one_inspection_is_read_or_changed_through_another(served: Api, tmp_path: Path) -> None:
    served.post("/api/v1/vault", {"passphrase": "a passphrase of the unit"})
    one, _ = judged(served, "甲单位", tmp_path)
    other, theirs = judged(served, "乙单位", tmp_path)
    ids = {**theirs, "inspection_id": one.rpartition("/")[2]}
    lists = ("hosts", "ledgers", "credentials", "verdicts", "objections", "decisions", "summary")
    before = [served.get(f"{other}/{name}") for name in lists]
    crossed = 0
    for rule in served.built.app.url_map.iter_rules():
        if "inspection_id" in rule.arguments and rule.arguments & (theirs.keys() - {"inspection_id"}):
            for method in methods(rule):
                path = address(rule, ids)
                ledger = path.endswith(f"{theirs['file_id']}/decision")
                body = {"decision": "reject"} if ledger else BODIES.get(path.rpartition("/")[2], {})
                answer = served.call(method, path, None if method == "GET" else body)
                assert answer.status_code == 404, (method, path, answer.text)
                assert "乙单位" not in answer.text
                crossed += 1
    assert crossed >= 12
    assert [served.get(f"{other}/{name}") for name in lists] == before
