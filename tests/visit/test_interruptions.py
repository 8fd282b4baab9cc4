"""A scan that is killed, cancelled or paused loses nothing that was acknowledged and reads nothing twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.commands.base import follow
from api.commands.client import Client, Failed
from api.commands.demo import Served, serve_inside
from api.commands.visit import Visit
from config.clock import SystemClock
from tests.lab.demo_unit import Demo

pytestmark = pytest.mark.lab
PASSPHRASE = "一个足够长的口令库密码"


@dataclass
class Site:
    """An appliance on the demo LAN that may be killed and started again."""

    demo: Demo
    folder: Path
    served: Served = field(init=False)
    visit: Visit = field(init=False)
    job: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.start()
        self.visit = Visit(self.client, self.demo, SystemClock())
        self.visit.prepare(PASSPHRASE)

    @property
    def client(self) -> Client:
        return self.served.client

    def start(self) -> None:
        self.served = serve_inside(self.demo.lan.laptop.prefix, self.folder)

    def kill(self) -> None:
        self.served.process.send_signal(signal.SIGKILL)
        self.served.process.wait()

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.send("POST", f"/api/v1/inspections/{self.visit.inspection}/{path}", body)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/inspections/{self.visit.inspection}/{path}")

    def results(self) -> dict[str, str]:
        """Facts id by address, of hosts with a committed result."""
        return {host["address"]: host["facts_id"] for host in self.get("hosts")["items"] if host["facts_id"]}

    def start_scan(self) -> str:
        self.job = self.post("scans", {"accept_first_contact": True})
        return str(self.get("scans")["items"][-1]["id"])

    def await_results(self, count: int) -> None:
        deadline = time.monotonic() + 240
        while len(self.results()) < count:
            assert time.monotonic() < deadline, self.get("scans")
            time.sleep(0.02)

    def await_question(self, job: str, code: str) -> None:
        deadline = time.monotonic() + 240
        while (self.client.get(f"/api/v1/jobs/{job}")["question"] or {}).get("code") != code:
            assert time.monotonic() < deadline, self.client.get(f"/api/v1/jobs/{job}")
            time.sleep(0.05)

    def assert_at_rest(self) -> None:
        """The host being read is finished and no other is begun: however slow, one is kept and one is read."""
        before = self.results()
        time.sleep(8)
        assert len(self.results()) <= len(before) + 2
        assert len(self.results()) < self.demo.expected["computers"]

    def raw_files(self) -> set[str]:
        return {path.name for path in (self.folder / "data" / "inspections").rglob("raw/*")}


@pytest.fixture
def site(demo: Demo, tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hezheng.toml").write_text("[scan]\nworkers = 1\n[vault]\nargon2_memory_mib = 8\n")
    site = Site(demo, tmp_path)
    try:
        yield site
    finally:
        site.served.stop()


@pytest.mark.parametrize("committed", [0, 1, 3])
def test_kill_9_in_mid_scan_and_resume_loses_and_repeats_nothing(site: Site, committed: int) -> None:
    scan = site.start_scan()
    site.await_results(committed)
    site.kill()
    site.start()
    before = site.results()
    assert len(before) >= committed
    assert site.get("scans")["items"][-1]["state"] == "interrupted"
    site.client.send("POST", "/api/v1/vault/unlock", {"passphrase": PASSPHRASE})
    follow(site.client, site.post(f"scans/{scan}/resume"))
    after = site.results()
    assert len(after) == site.demo.expected["computers"]
    assert before.items() <= after.items()
    assert site.raw_files() <= {f"{facts}.jsonl" for facts in after.values()}


def test_a_resumed_scan_with_a_locked_vault_is_refused(site: Site) -> None:
    scan = site.start_scan()
    site.kill()
    site.start()
    with pytest.raises(Failed) as caught:
        site.post(f"scans/{scan}/resume")
    assert (caught.value.body["code"], caught.value.body["exit"]) == ("scan.vault_locked", 4)


def test_cancel_stops_and_resume_goes_on(site: Site) -> None:
    scan = site.start_scan()
    site.await_results(1)
    job = site.post(f"scans/{scan}/cancel")
    ended = follow(site.client, job)
    assert ended["state"] == "cancelled"
    before = site.results()
    follow(site.client, site.post(f"scans/{scan}/resume"))
    assert before.items() <= site.results().items()
    assert len(site.results()) == site.demo.expected["computers"]


def test_a_paused_scan_starts_no_further_host_until_it_goes_on(site: Site) -> None:
    scan = site.start_scan()
    site.await_results(1)
    job = site.post(f"scans/{scan}/pause")
    site.assert_at_rest()
    site.post(f"scans/{scan}/continue")
    follow(site.client, job)
    assert len(site.results()) == site.demo.expected["computers"]


def test_a_laptop_carried_to_another_network_in_mid_scan_stops_itself_and_can_be_resumed(site: Site) -> None:
    scan = site.start_scan()
    site.await_results(1)
    elsewhere = "10.77.0.120/30 via 10.77.0.11"  # another way into the scope: what a changed network looks like
    site.demo.lan.laptop.configure(f"route add {elsewhere}")
    try:
        follow(site.client, site.job)
        ended = site.get("scans")["items"][-1]
        assert (ended["state"], ended["problem"]["code"]) == ("cancelled", "scan.network_changed")
        before = site.results()
        assert len(before) < site.demo.expected["computers"]
    finally:
        site.demo.lan.laptop.configure(f"route del {elsewhere}")
    follow(site.client, site.post(f"scans/{scan}/resume"))
    assert before.items() <= site.results().items()
    assert len(site.results()) == site.demo.expected["computers"]


def test_a_second_scan_of_the_same_inspection_waits_its_turn(site: Site) -> None:
    scan = site.start_scan()
    with pytest.raises(Failed) as caught:
        site.post("scans", {})
    assert caught.value.body["code"] == "scan.already_running"
    site.post(f"scans/{scan}/cancel")
