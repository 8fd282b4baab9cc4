"""Due rescans on real networks: started in the unit's own, and not a packet in any other. What was sent is captured."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.commands.client import Failed
from config.clock import SystemClock, rfc3339
from tests.lab.lan import LAPTOP_MAC, Lan
from tests.lab.plans import Answer, HostPlan, LinuxPc, Listener
from tests.visit.fleet_site import V1, FleetSite

pytestmark = pytest.mark.lab

SUBNET = "10.79.0.0/24"
ROUTER, ROUTER_MAC, OTHER_MAC = "10.79.0.1", "10:c5:95:79:00:01", "10:c5:95:79:99:01"
PASSWORD = "Not-a-real-1"  # of accounts that exist only in the test LAN
SETTINGS = "[schedule]\ntick_seconds = 1\n[scan]\nconnect_timeout_seconds = 2\n"
ARP = b"\x08\x06"


def plans(router_mac: str) -> list[HostPlan]:
    """A router and two computers, which are others in every LAN: their SSH keys are made at start."""
    router = Listener(name="RT", address=ROUTER, mac=router_mac, answers=(Answer(80),))
    return [router, *(linux(n) for n in (1, 2))]


def linux(n: int) -> LinuxPc:
    address, mac = f"10.79.0.{20 + n}", f"10:c5:95:79:00:2{n}"
    return LinuxPc(name=f"LX{n}", address=address, mac=mac, password=PASSWORD, os_release="ID=debian\n")


def plug_in(lan: Lan) -> None:
    """The laptop gets its default route, and uses it, as any laptop does."""
    lan.laptop.configure(f"route replace default via {ROUTER}")
    meet_the_router(lan)


def meet_the_router(lan: Lan) -> None:
    lan.laptop.configure("neigh flush dev eth0")
    knock = f"import socket; socket.create_connection(('{ROUTER}', 80), 5)"
    assert lan.laptop.run([sys.executable, "-c", knock]).returncode == 0


@pytest.fixture(scope="module")
def unit_lan() -> Iterator[Lan]:
    with Lan.start(plans(ROUTER_MAC), SUBNET) as lan:
        plug_in(lan)
        yield lan


@pytest.fixture(scope="module")
def site(unit_lan: Lan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetSite]:
    """The unit was visited once by a person; a follow-up is open, its account entered again."""
    running = FleetSite(unit_lan, tmp_path_factory.mktemp("schedule"), [SUBNET], SETTINGS)
    running.credential("local", "ssh", PASSWORD)
    assert running.scan()["state"] == "done"
    assert set(running.results()) == {"10.79.0.21", "10.79.0.22"}
    unit = running.client.get(f"{V1}/units")["items"][0]["id"]
    follow_up = running.client.send("POST", f"{V1}/inspections", {"unit": unit, "kind": "follow_up"})
    running.inspection = follow_up["id"]
    running.authorise([SUBNET])
    running.credential("local", "ssh", PASSWORD)
    yield running
    running.stop()


def due_soon(site: FleetSite, **body: Any) -> str:
    """A schedule that is due in a second or two; returns its id."""
    options = {"accept_first_contact": True}
    for seconds in (1.5, 5, 20):  # what comes too late for its own time is refused
        at = rfc3339(SystemClock().now() + timedelta(seconds=seconds))
        with suppress(Failed):
            return str(site.post("schedules", {"once_at": at, "options": options, **body})["id"])
    raise AssertionError("no schedule was taken")


def run_of(site: FleetSite, schedule: str) -> dict[str, Any]:
    """The one run of a schedule, empty until it is due."""
    runs = site.client.get(f"{V1}/schedules/{schedule}")["runs"]
    assert len(runs) <= 1
    return runs[0] if runs else {}


def await_run(site: FleetSite, schedule: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while not done(run := run_of(site, schedule)):
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def ended(run: dict[str, Any]) -> bool:
    return run.get("state") in ("done", "incomplete", "failed", "cancelled", "interrupted")


def asks(run: dict[str, Any]) -> bool:
    return bool(run.get("reasons"))


def codes(run: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in run["reasons"]]


def frames_sent(pcap: Path) -> list[bytes]:
    """Every frame that left the laptop, ARP aside: that is the kernel's own."""
    data, at, found = pcap.read_bytes(), 24, list[bytes]()
    mac = bytes.fromhex(LAPTOP_MAC.replace(":", ""))
    while at + 16 <= len(data):
        length = int.from_bytes(data[at + 8 : at + 12], "little")
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[6:12] == mac and frame[12:14] != ARP:
            found.append(frame)
    return found


def silent_run(site: FleetSite, act: Callable[[], str]) -> dict[str, Any]:
    """Capture while ``act`` makes a schedule that becomes due and may not start; asserts that nothing was sent."""
    pcap = site.folder / "silent.pcap"
    with site.lan.capture(pcap):
        schedule = act()
        run = await_run(site, schedule, asks)
        time.sleep(2.5)  # two ticks more
    assert frames_sent(pcap) == []
    assert run_of(site, schedule)["state"] == "open"
    site.client.send("POST", f"{V1}/schedules/{schedule}/cancel")
    return run


def test_the_place_of_a_persons_scan_is_remembered_and_recognised(site: FleetSite) -> None:
    found = site.get("network-place")
    assert found["matches"], found
    assert found["here"] == found["known"]
    assert (found["here"][0]["gateway"], found["here"][0]["gateway_mac"]) == (ROUTER, ROUTER_MAC)


def test_a_due_rescan_in_the_units_own_network_starts_and_its_history_shows_it(site: FleetSite) -> None:
    run = await_run(site, due_soon(site), ended)
    assert (run["state"], run["started_by"], run["reasons"]) == ("done", "schedule", [])
    (scan,) = site.get("scans")["items"]
    assert (scan["id"], scan["state"]) == (run["scan_id"], "done")
    assert set(site.results()) == {"10.79.0.21", "10.79.0.22"}


def test_a_presence_sweep_sees_who_is_on_and_logs_in_to_nobody(site: FleetSite) -> None:
    before = {row["address"]: row["sightings"] for row in site.get("presence")["items"]}
    site.client.send("POST", f"{V1}/vault/lock")
    run = await_run(site, due_soon(site, kind="presence"), ended)
    site.restart()
    assert run["state"] == "done"
    after = {row["address"]: row["sightings"] for row in site.get("presence")["items"]}
    assert {address for address, count in after.items() if count > before.get(address, 0)} >= {
        "10.79.0.21",
        "10.79.0.22",
    }
    assert site.get("scans")["items"][-1]["options"]["presence"]


def test_a_rescan_killed_at_work_is_not_started_again(site: FleetSite) -> None:
    schedule = due_soon(site)
    await_run(site, schedule, lambda run: run.get("state") == "started")
    site.restart()
    time.sleep(2.5)
    run = run_of(site, schedule)
    scans = [scan for scan in site.get("scans")["items"] if scan["id"] == run["scan_id"]]
    assert (run["state"], [scan["state"] for scan in scans]) == ("interrupted", ["interrupted"])
    site.client.send("POST", f"{V1}/inspections/{site.inspection}/scans/{run['scan_id']}/resume")
    assert await_run(site, schedule, ended_well)["state"] == "done"


def ended_well(run: dict[str, Any]) -> bool:
    return run.get("state") == "done"


def test_nothing_is_sent_while_the_vault_is_locked(site: FleetSite) -> None:
    site.client.send("POST", f"{V1}/vault/lock")
    assert codes(silent_run(site, lambda: due_soon(site))) == ["schedule.vault_locked"]
    site.restart()


def test_nothing_is_sent_after_the_authorisation_has_expired(site: FleetSite) -> None:
    now = SystemClock().now()
    expired = {"not_before": rfc3339(now - timedelta(hours=2)), "not_after": rfc3339(now - timedelta(hours=1))}
    paper = {"document_no": "〔2026〕0号", "signer": "测试", "signed_on": now.date().isoformat(), "no_classified": True}
    site.post("authorisations", {"ranges": [SUBNET], **paper, **expired})
    assert codes(silent_run(site, lambda: due_soon(site))) == ["scope.window_closed"]
    site.authorise([SUBNET])


def test_nothing_is_sent_behind_another_router_and_a_person_is_refused_as_well(site: FleetSite, unit_lan: Lan) -> None:
    router = unit_lan.host("RT").namespace
    router.configure(f"link set eth0 address {OTHER_MAC}")
    meet_the_router(unit_lan)
    pcap = site.folder / "person.pcap"
    try:
        assert codes(silent_run(site, lambda: due_soon(site))) == ["schedule.gateway_changed"]
        with unit_lan.capture(pcap):
            schedule = due_soon(site)
            await_run(site, schedule, asks)
            refused = site.command("schedule", "run-due", run_of(site, schedule)["id"])
        assert (refused.returncode, "网卡地址变为" in refused.stderr) == (4, True), refused.stderr
        assert frames_sent(pcap) == []
        skipped = site.command("schedule", "skip", run_of(site, schedule)["id"], "--reason", "更换路由器")
        assert (skipped.returncode, run_of(site, schedule)["state"]) == (0, "skipped")
    finally:
        router.configure(f"link set eth0 address {ROUTER_MAC}")
        meet_the_router(unit_lan)


def test_nothing_is_sent_in_another_units_network_with_the_same_addresses(site: FleetSite, unit_lan: Lan) -> None:
    with Lan.start(plans(OTHER_MAC), SUBNET) as other:
        plug_in(other)
        site.lan = other
        try:
            run = silent_run(site, lambda: (site.restart(), due_soon(site))[1])
            assert codes(run) == ["schedule.gateway_changed"]
            other.host("RT").namespace.configure(f"link set eth0 address {ROUTER_MAC}")
            meet_the_router(other)
            strangers = await_run(site, (schedule := due_soon(site)), asks)
            assert codes(strangers) == ["schedule.too_few_known"]
            assert strangers["reasons"][0]["params"] == {"same": 0, "other": 2, "asked": 2}
            site.client.send("POST", f"{V1}/schedules/{schedule}/cancel")
        finally:
            site.lan = unit_lan
            site.restart()
