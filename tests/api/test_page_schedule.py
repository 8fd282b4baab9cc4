"""The page's schedules: plan one, see what is due and why it may not start."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.commands.client import Client, Failed
from api.commands.demo import serve_inside
from config.clock import SystemClock, rfc3339
from tests.api.browser import browser

pytestmark = pytest.mark.lab  # a browser
V1 = "/api/v1"
SETTINGS = "[schedule]\ntick_seconds = 1\n[vault]\nargon2_memory_mib = 8\nargon2_iterations = 1\nargon2_lanes = 1\n"


def soon_due(client: Client, inspection: str, seconds: float = 1) -> Any:
    """A schedule that is due as soon as this machine is fast enough for: one in the past is refused."""
    at = rfc3339(SystemClock().now() + timedelta(seconds=seconds))
    try:
        return client.send("POST", f"{V1}/inspections/{inspection}/schedules", {"once_at": at})
    except Failed as refused:
        if refused.body["code"] != "schedule.in_past":
            raise
        return soon_due(client, inspection, 2 * seconds)


def test_a_schedule_is_planned_on_the_page_and_what_is_due_says_why_it_waits(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hezheng.toml").write_text(SETTINGS)
    served = serve_inside([], tmp_path)
    try:
        send = served.client.send
        unit = send("POST", f"{V1}/units", {"name": "测试单位"})
        inspection = send("POST", f"{V1}/inspections", {"unit": unit["id"]})["id"]
        soon_due(served.client, inspection)
        with browser() as window:
            window.show(served.launch_url())
            window.show(f"{window.url}#/{inspection}/scan")
            window.wait_for("一次：", "#schedules")
            window.run("document.querySelector('#schedule-form').closest('details').open = true")
            window.run("document.querySelector('#schedule-form [name=when]').value = 'weekly'")
            window.run("document.querySelector('#schedule-form [name=when]').dispatchEvent(new Event('change'))")
            window.run("document.querySelector('#schedule-form [name=days]').value = '1,3'")
            window.type("#schedule-form [name=canary]", "10.9.0.20")
            window.click("#schedule-form button.primary")
            window.wait_for("每周一、周三，09:00", "#schedules")
            window.wait_for("账号先在 10.9.0.20 上试登", "#schedules")
            window.wait_for("尚未登记检测授权", "#schedule-asks")
            window.show(f"{window.url.partition('#')[0]}#/")
            assert "测试单位" in window.text("#todo")
            late = send("POST", f"{V1}/inspections", {"unit": {"name": "另一单位"}})["id"]
            soon_due(served.client, late)
            window.wait_for("另一单位", "#todo")  # by itself: nobody touches the page
        assert len(served.client.get(f"{V1}/schedules")["items"]) == 3
    finally:
        served.stop()
