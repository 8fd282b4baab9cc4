"""The local API: who may call it, how it says no, and that secrets only go in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api

AUTHORISATION: dict[str, Any] = {
    "ranges": ["10.77.0.0/24"],
    "exclusions": ["10.77.0.9"],
    "not_before": "2020-01-01T00:00:00+08:00",
    "not_after": "2099-01-01T00:00:00+08:00",
    "document_no": "〔2026〕1号",
    "signer": "王某",
    "signed_on": "2026-11-01",
    "no_classified": True,
}


def code_of(api: Api, method: str, path: str, body: Any = None) -> tuple[int, str, int]:
    response = api.call(method, path, body)
    assert response.content_type == "application/problem+json"
    problem = response.json
    assert isinstance(problem, dict)
    assert any("\u4e00" <= c <= "\u9fff" for c in problem["title"])
    return response.status_code, problem["code"], problem["exit"]


def test_without_a_token_nothing_is_answered(api: Api) -> None:
    response = api.client.get("/api/v1/inspections", base_url="http://127.0.0.1:8600")
    assert response.status_code == 401
    assert response.content_type == "application/problem+json"


def test_a_wrong_bearer_token_is_refused(api: Api) -> None:
    assert api.call("GET", "/api/v1/units", Authorization="Bearer wrong").status_code == 401


def test_the_launch_token_opens_one_session_and_is_then_void(api: Api) -> None:
    token = api.built.gate.new_launch_token()
    browser = api.client.__class__(api.built.app)
    headers = {"X-Hezheng": "1"}

    def log_in() -> int:
        base = "http://127.0.0.1:8600"
        return browser.post("/api/v1/session", json={"token": token}, headers=headers, base_url=base).status_code

    assert log_in() == 204
    cookie = browser.get_cookie("hezheng_session", domain="127.0.0.1")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"
    assert browser.get("/api/v1/units", base_url="http://127.0.0.1:8600").status_code == 200
    assert log_in() == 403


def test_guessing_the_launch_token_is_rate_limited(api: Api) -> None:
    api.built.gate.new_launch_token()
    codes = [api.call("POST", "/api/v1/session", {"token": f"guess-{n}"}).status_code for n in range(12)]
    assert codes[:10] == [403] * 10
    assert codes[10:] == [429] * 2


def test_a_foreign_host_name_is_refused(api: Api) -> None:
    response = api.client.get("/", base_url="http://evil.example:8600")
    assert response.status_code == 400


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"X-Hezheng": ""}])
def test_a_foreign_origin_or_a_plain_form_cannot_change_anything(api: Api, headers: dict[str, str]) -> None:
    send = {"Authorization": f"Bearer {api.built.gate.api_token}", **headers}
    if send.get("X-Hezheng") == "":
        del send["X-Hezheng"]
    else:
        send["X-Hezheng"] = "1"
    response = api.client.post("/api/v1/units", json={"name": "x"}, headers=send, base_url="http://127.0.0.1:8600")
    assert response.status_code == 403
    assert api.get("/api/v1/units")["items"] == []


def test_every_answer_carries_the_hardening_headers(api: Api) -> None:
    response = api.client.get("/", base_url="http://127.0.0.1:8600")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_published_description_is_openapi_3_1_and_names_problems(api: Api) -> None:
    description = api.get("/api/v1/openapi.json")
    assert description["openapi"].startswith("3.1")
    paths = description["paths"]
    assert len(paths) >= 30
    default = paths["/api/v1/inspections"]["get"]["responses"]["default"]
    assert "application/problem+json" in default["content"]


def test_an_unknown_route_and_a_wrong_method_are_problems_too(api: Api) -> None:
    assert code_of(api, "GET", "/api/v1/nothing")[:2] == (404, "http.404")
    response = api.call("DELETE", "/api/v1/units")
    assert response.status_code == 405
    assert "Allow" in response.headers


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": ""}, "name"), ({"name": "x", "colour": "red"}, "colour"), ({"name": 5}, "name")],
)
def test_a_body_that_does_not_fit_is_named_by_field(api: Api, body: Any, field: str) -> None:
    response = api.call("POST", "/api/v1/units", body)
    assert response.status_code == 422
    assert (response.json or {})["params"]["field"] == field


def test_lists_are_paged_with_next(api: Api) -> None:
    for n in range(5):
        api.new_inspection(f"单位{n}")
    first = api.get("/api/v1/inspections?limit=3")
    assert len(first["items"]) == 3
    rest = api.get(f"/api/v1/inspections?limit=3&after={first['next']}")
    assert len(rest["items"]) == 2
    assert rest["next"] is None


def test_no_scan_starts_without_an_authorisation(api: Api) -> None:
    one = api.new_inspection()
    assert code_of(api, "POST", f"{one}/scans", {}) == (403, "scope.no_authorisation", 4)


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        ({"no_classified": False}, "scope.no_statement", 4),
        ({"ranges": ["10.77.0.0/24", "10.77.0.128/25"]}, "scope.overlap", 3),
        ({"ranges": []}, "scope.no_ranges", 3),
        ({"ranges": ["nonsense"]}, "scope.bad_range", 3),
        ({"ranges": ["8.8.8.0/24"]}, "scope.public_range", 3),
        ({"exclusions": ["10.78.0.1"]}, "scope.exclusion_outside", 3),
        ({"document_no": " "}, "scope.no_document_no", 3),
        ({"signer": ""}, "scope.no_signer", 3),
        ({"not_after": "2019-01-01T00:00:00+08:00"}, "scope.window_reversed", 3),
    ],
)
def test_a_faulty_authorisation_is_refused_by_name(api: Api, change: dict[str, Any], code: str, exit_code: int) -> None:
    one = api.new_inspection()
    assert code_of(api, "POST", f"{one}/authorisations", AUTHORISATION | change)[1:] == (code, exit_code)
    assert api.get(f"{one}/authorisations")["items"] == []


def test_a_scan_outside_the_window_is_refused(api: Api) -> None:
    one = api.new_inspection()
    window = {"not_before": "2020-01-01T00:00:00+08:00", "not_after": "2020-01-02T00:00:00+08:00"}
    api.post(f"{one}/authorisations", AUTHORISATION | window)
    assert code_of(api, "POST", f"{one}/scans", {})[1:] == ("scope.window_closed", 4)


def test_sudo_is_said_of_a_linux_credential_alone(api: Api) -> None:
    one = api.new_inspection()
    api.post("/api/v1/vault", {"passphrase": "一个足够长的口令库密码"})
    login = {"kind": "local", "username": "inspector", "secret": "极机密的口令-7Qx", "sudo": True}
    assert api.post(f"{one}/credentials", {**login, "protocol": "ssh"})["sudo"] is True
    refused = code_of(api, "POST", f"{one}/credentials", {**login, "protocol": "smb"})
    assert refused[1:] == ("vault.sudo_is_for_ssh", 3)
    assert [row["sudo"] for row in api.get(f"{one}/credentials")["items"]] == [True]


def test_credentials_go_in_and_never_come_out(api: Api) -> None:
    one = api.new_inspection()
    login = {"kind": "local", "protocol": "smb", "username": "inspector", "secret": "极机密的口令-7Qx"}
    assert code_of(api, "POST", f"{one}/credentials", login)[1:] == ("vault.missing", 3)
    api.post("/api/v1/vault", {"passphrase": "一个足够长的口令库密码"})
    added = api.post(f"{one}/credentials", login)
    listed = api.call("GET", f"{one}/credentials").text
    assert "inspector" in listed
    assert login["secret"] not in listed + str(added)
    api.post("/api/v1/vault/lock")
    assert code_of(api, "POST", f"{one}/credentials", login)[1:] == ("vault.locked", 4)
    assert (
        code_of(api, "POST", "/api/v1/vault/unlock", {"passphrase": "另一个密码而已哦"})[1] == "vault.wrong_passphrase"
    )
    assert api.call("DELETE", f"{one}/credentials/{added['id']}").status_code == 204
    assert api.get(f"{one}/credentials")["items"] == []


def test_another_inspection_does_not_see_this_one(api: Api) -> None:
    one, other = api.new_inspection("甲单位"), api.new_inspection("乙单位")
    api.post(f"{one}/authorisations", AUTHORISATION)
    assert api.get(f"{other}/authorisations")["items"] == []
    api.post(f"{one}/proofs", {"software_no": "RJ001", "level": "P1"})
    assert api.get(f"{other}/proofs")["items"] == []


@pytest.mark.parametrize("name", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "../../etc/passwd", "x" * 26])
def test_an_unknown_inspection_is_not_found_whatever_its_name(api: Api, name: str) -> None:
    assert api.call("GET", f"/api/v1/inspections/{name}").status_code in (404, 422)


def test_nothing_is_judged_or_sealed_before_there_is_something(api: Api) -> None:
    one = api.new_inspection()
    assert code_of(api, "POST", f"{one}/audits")[1] == "inspection.no_hosts"
    assert code_of(api, "POST", f"{one}/bundles")[1] == "inspection.nothing_to_seal"
    assert code_of(api, "GET", f"{one}/rates")[1] == "audit.none_yet"


def facts_document(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "hezheng.facts/1",
        "id": "F1",
        "outcome": "READ",
        "origin": "collector",
        "started_at": "2026-11-21T09:00:00+08:00",
        "finished_at": "2026-11-21T09:00:05+08:00",
        "address": "10.77.0.50",
        "platform": "windows",
        "identity": {"hostname": "档案室-01", "serial": "PF3ABC12"},
        "installations": [{"name": "WPS Office", "source": "HKLM\\…\\Kingsoft Office", "scope": "machine_32"}],
        **changes,
    }


def test_facts_from_a_usb_stick_become_a_host_and_can_be_judged(api: Api) -> None:
    one = api.new_inspection()
    imported = api.post(f"{one}/facts", facts_document())
    assert api.get(f"{one}/hosts/{imported['host_id']}/facts")["identity"]["hostname"] == "档案室-01"
    assert code_of(api, "POST", f"{one}/facts", facts_document())[1] == "facts.already_imported"
    job = api.post(f"{one}/audits")
    api.built.appliance.jobs.get(job["id"]).future.result(240)  # pyright: ignore[reportOptionalMemberAccess]
    verdicts = api.get(f"{one}/verdicts")["items"]
    assert [(v["product_id"], v["decision"]) for v in verdicts] == [("wps-office", "to_verify")]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, "facts.wrong_schema"),
        (facts_document(outcome="MAYBE"), "facts.bad_field"),
        (facts_document(address=None), "facts.no_address"),
    ],
)
def test_facts_that_do_not_fit_are_refused_by_name(api: Api, document: Any, code: str) -> None:
    assert code_of(api, "POST", f"{api.new_inspection()}/facts", document)[1:] == (code, 3)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (facts_document(finished_at="zzz"), "facts.bad_time"),
        (facts_document(finished_at="2999-01-01T00:00:00+08:00"), "facts.bad_time"),
        (facts_document(started_at="0001-01-01T00:00:00+08:00"), "facts.bad_time"),
        (facts_document(finished_at="2026-11-21T08:00:00+08:00"), "facts.bad_time"),
        (facts_document(address="=HYPERLINK(1)"), "facts.no_address"),
        (facts_document(address="fe80::1%eth0"), "facts.no_address"),
        (facts_document(id="../../tmp/x"), "facts.bad_field"),
        (facts_document(identity={"hostname": "x" * 300}), "facts.bad_field"),
        (facts_document(installations=None), "facts.read_without_list"),
        (facts_document(identity={"hostname": "\ud800"}), "http.bad_text"),
    ],
)
def test_facts_that_cannot_be_evidence_are_refused(api: Api, document: Any, code: str) -> None:
    one = api.new_inspection()
    assert code_of(api, "POST", f"{one}/facts", document)[1] == code
    assert api.get(f"{one}/hosts")["items"] == []


def test_the_newer_reading_counts_whatever_zone_its_clock_was_in(api: Api) -> None:
    one = api.new_inspection()
    start = {"started_at": "2026-11-19T00:00:00+08:00"}
    newer = facts_document(id="NEW", finished_at="2026-11-20T05:00:05+00:00", **start)
    older = facts_document(id="OLD", finished_at="2026-11-20T09:00:05+08:00", **start)
    api.post(f"{one}/facts", newer)
    api.post(f"{one}/facts", older)
    assert api.get(f"{one}/hosts")["items"][0]["facts_id"] == "NEW"


@pytest.mark.parametrize("origin", ["http://[::1", "null", "http://127.0.0.1:1", "https://127.0.0.1:8600"])
def test_a_malformed_or_other_origin_is_refused(api: Api, origin: str) -> None:
    assert api.call("POST", "/api/v1/units", {"name": "x"}, Origin=origin).status_code == 403


def test_names_that_nobody_can_see_or_tell_apart_are_refused(api: Api) -> None:
    for name in ("a\0b", "\u200b", "   ", "a\u202eb"):
        assert code_of(api, "POST", "/api/v1/units", {"name": name})[:2] == (422, "http.invalid")
    assert api.post("/api/v1/units", {"name": "  某局　"})["name"] == "某局"


def test_absurd_numbers_and_nesting_are_problems_not_crashes(api: Api) -> None:
    one = api.new_inspection()
    assert api.call("GET", f"{one}/verdicts?after=9223372036854775808").status_code == 422
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    deep = api.client.post(
        "/api/v1/units", data="[" * 100_000, headers=headers, content_type="application/json",
        base_url="http://127.0.0.1:8600",
    )  # fmt: skip
    assert deep.status_code in (400, 422)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"signed_on": None}, "scope.unsigned"), ({"signed_on": "2999-01-01"}, "scope.signed_in_future")],
)
def test_an_authorisation_without_a_credible_signing_date_is_refused(
    api: Api, change: dict[str, Any], code: str
) -> None:
    assert code_of(api, "POST", f"{api.new_inspection()}/authorisations", AUTHORISATION | change)[1] == code


def test_a_fresh_link_opens_the_page_again(api: Api) -> None:
    first, second = api.post("/api/v1/launch-token")["token"], api.post("/api/v1/launch-token")["token"]
    assert api.call("POST", "/api/v1/session", {"token": first}).status_code == 403
    assert api.call("POST", "/api/v1/session", {"token": second}).status_code == 204
