"""The page beside a scan of real peers: start with the authorisation confirmed, progress, keys, result, seal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.commands.demo import Served, serve_inside
from config.clock import SystemClock, rfc3339
from tests.api.browser import Browser, browser
from tests.lab.demo_unit import Demo

pytestmark = pytest.mark.lab
V1 = "/api/v1"
CANARY = "10.77.0.18"


@pytest.fixture
def served(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = serve_inside(demo.lan.laptop.prefix, tmp_path_factory.mktemp("scan"))
    yield running
    running.stop()


def prepare(served: Served, demo: Demo) -> str:
    """Everything before the scan; returns the inspection's id."""
    send, now = served.client.send, SystemClock().now()
    unit = send("POST", f"{V1}/units", {"name": demo.unit_name})
    inspection = str(send("POST", f"{V1}/inspections", {"unit": unit["id"]})["id"])
    authorisation = {
        "ranges": [demo.scope],
        "exclusions": list(demo.exclusions),
        "not_before": rfc3339(now - timedelta(minutes=1)),
        "not_after": rfc3339(now + timedelta(hours=1)),
        "document_no": "〔2026〕1号",
        "signer": "张三",
        "signed_on": now.date().isoformat(),
        "no_classified": True,
    }
    send("POST", f"{V1}/inspections/{inspection}/authorisations", authorisation)
    send("POST", f"{V1}/vault", {"passphrase": "a passphrase of the unit"})
    for credential in demo.credentials:
        send("POST", f"{V1}/inspections/{inspection}/credentials", dict(credential))
    return inspection


def start_scan(window: Browser, picture: Path) -> None:
    """Open the dialog, confirm the authorisation, name the computer where accounts are tried first, start."""
    window.click("#scan-start")
    window.wait_for("授权书 〔2026〕1号", "#scan-scope")
    window.click("[name=confirmed]")
    window.type("#scan-form [name=canary]", "10.99.0.1")
    window.click("#scan-form button.primary")
    window.wait_for("试登计算机 10.99.0.1 不是授权范围", "#scan-form .message")
    window.type("#scan-form [name=canary]", CANARY)
    window.screenshot(picture)
    window.click("#scan-form button.primary")


def test_a_scan_is_started_followed_judged_and_sealed_from_the_page(served: Served, demo: Demo, tmp_path: Path) -> None:
    inspection = prepare(served, demo)
    with browser() as window:
        window.show(served.launch_url())
        window.show(f"{window.url}#/{inspection}/scan")
        window.wait_for("可以开始检测", "#scan-hint")
        start_scan(window, tmp_path / "scan-dialog.png")
        window.console()  # the refused canary
        window.wait("const e = document.getElementById('job-text'); return e.checkVisibility() && e.textContent")
        window.wait_for("网络技术检测已完成：采集 8 台", "#notice")
        window.wait_for(f"账号先在 {CANARY} 上试登", "#scans")
        window.wait_for("有 3 台主机的密钥首次出现", "#keys")
        fingerprints = served.client.get(f"{V1}/inspections/{inspection}/host-keys")["items"]
        assert all(key["fingerprint"] in window.text("#keys") for key in fingerprints)
        window.click("#keys input")
        window.redraw()
        assert window.run("return document.querySelector('#keys input').checked")  # what is ticked stays so
        window.run("for (const box of document.querySelectorAll('#keys input:not(:checked)')) box.click()")
        window.click("#keys-confirm")
        window.wait_for("已确认 3 个主机密钥", "#notice")
        window.click("[data-tab=result]")
        window.click("#audit-start")
        window.wait_for("判定已完成", "#notice")
        window.wait_for("账号 inspector 的登录", "#missing")
        window.click("[data-tab=seal]")
        window.click("#seal-start")
        window.click("#ask-yes")
        window.wait_for("签名人指纹", "#bundles")
        assert window.run(
            "const link = document.querySelector('#bundles a').href;"
            "return fetch(link).then((answer) => answer.blob()).then((file) => file.size)"
        )
        assert not window.run("return [...document.querySelectorAll('.writes')].some((e) => e.offsetParent !== null)")
        assert window.console() == []
