"""Whatever is asked of the API, the answer is the thing or a problem, never a crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from api.built import build
from appliance.folder import DataFolder, writing
from config.clock import SystemClock
from config.messages import catalogue
from tests.api.conftest import SMALL_VAULT, Api
from tests.api.requests_made import Asked, requests
from tests.api.test_access import judged

BASE = "http://127.0.0.1:8600"
ONE = "/api/v1/inspections/{inspection_id}"
LEFT_OUT = {
    # They send to the network.
    ("POST", f"{ONE}/scans"),
    ("POST", f"{ONE}/scans/{{scan_id}}/resume"),
    ("POST", "/api/v1/schedules/look"),
    ("POST", "/api/v1/schedule-runs/{run_id}/start"),
    # They write where the request says, or destroy what the other requests ask for.
    ("POST", "/api/v1/backups"),
    ("POST", "/api/v1/imports"),
    ("POST", f"{ONE}/ending"),
    ("POST", f"{ONE}/bundles"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, st.SearchStrategy[Asked]]]:
    folder = DataFolder(tmp_path_factory.mktemp("any"))
    (folder.root / "hezheng.toml").write_text(SMALL_VAULT)
    with writing(folder, ""):
        built = build(folder, SystemClock())
        api = Api(built, WsgiClient(built.app))
        api.post("/api/v1/vault", {"passphrase": "a passphrase of the unit"})
        _, ids = judged(api, "单位", folder.root)
        yield api, requests(api.get("/api/v1/openapi.json"), ids, LEFT_OUT)
        built.appliance.jobs.stop()


def send(api: Api, asked: Asked) -> TestResponse:
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    options: dict[str, Any] = {"headers": headers, "base_url": BASE}
    if asked.raw is not None:
        options |= {"data": asked.raw, "content_type": "application/json"}
    elif asked.form:
        options |= {"data": dict(asked.form)}
    elif asked.json is not None:
        options |= {"json": asked.json}
    return api.client.open(asked.path, method=asked.method, **options)


@settings(max_examples=150, deadline=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large))
@given(data=st.data())
def test_no_request_crashes_the_api(served: tuple[Api, st.SearchStrategy[Asked]], data: st.DataObject) -> None:
    api, strategy = served
    asked = data.draw(strategy)
    answer = send(api, asked)
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    if answer.status_code >= 400:
        problem: Any = answer.json
        assert answer.content_type == "application/problem+json"
        assert {"type", "title", "status", "code", "params", "exit"} <= problem.keys()
        assert problem["status"] == answer.status_code
        assert known(problem["code"]), problem["code"]


def known(code: str) -> bool:
    """Whether the code has its Chinese sentence."""
    return code in catalogue()
