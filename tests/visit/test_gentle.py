"""The network is left in peace: nothing outside the scope, silence after a stop, a pause when hosts fall silent."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scanner.discovery_plan import GENTLE_PACKETS_PER_SECOND
from tests.lab.lan import Lan
from tests.lab.plans import Answer, Listener, WindowsPc
from tests.visit.captures import PASSWORD, SUBNET, plans, scan_in_scope, seconds_to_silence, sent
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
SETTINGS = "[scan]\nanswer_timeout_seconds = 2\nconnect_timeout_seconds = 1\n"
FRAGILE = "10.80.0.0/24"
FRAGILE_SETTINGS = "[scan]\nanswer_timeout_seconds = 1\nconnect_timeout_seconds = 1\n"


def over(job: Mapping[str, Any]) -> bool:
    return job["state"] != "running"


def asking(job: Mapping[str, Any]) -> bool:
    return over(job) or bool(job["question"])


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan.start(plans(), SUBNET) as running:
        yield running


@pytest.fixture
def site(lan: Lan, tmp_path: Path) -> Iterator[FleetSite]:
    site = FleetSite(lan, tmp_path, [SUBNET], SETTINGS)
    site.credential("local", "smb", PASSWORD)
    site.credential("local", "ssh", PASSWORD)
    try:
        yield site
    finally:
        site.stop()


@pytest.mark.parametrize(("delay", "by_command"), [(0.1, False), (4.0, True)])
def test_after_cancelling_the_last_packet_leaves_long_before_the_scan_would_have_ended(
    site: FleetSite, delay: float, by_command: bool
) -> None:
    # Three seconds where nothing else runs, which is measured in bench/; a busy machine needs longer to end a process.
    assert seconds_to_silence(site, delay, by_command=by_command).recorded <= 20


def test_no_packet_leaves_for_an_address_outside_a_generated_scope(site: FleetSite) -> None:
    assert scan_in_scope(site, 0) == set()
    assert scan_in_scope(site, 1, discover_only=True) == set()


def test_a_sweep_of_a_segment_without_a_route_waits_until_the_laptop_is_plugged_in_there(
    site: FleetSite, lan: Lan
) -> None:
    site.authorise(["10.78.0.0/28", "10.81.0.0/28"])
    near = site.post("segments", {"range": "10.78.0.0/28", "label": "一楼"})["id"]
    far = site.post("segments", {"range": "10.81.0.0/28", "label": "二楼"})["id"]
    result = site.scan(discover_only=True)
    assert (result["state"], result["problem"]["code"]) == ("incomplete", "scan.other_segments")
    visited = {segment["id"]: segment["visited_at"] for segment in site.get("segments")["items"]}
    assert visited[near]
    assert not visited[far]
    before = site.hosts()
    assert before

    pc = lan.host("PC0").namespace
    pc.configure("addr add 10.81.0.3/24 dev eth0")
    lan.laptop.configure("addr add 10.81.0.14/24 dev eth0")
    try:
        job = site.post(f"scans/{result['scan']}/resume")
        assert site.await_job(job, over)["result"]["state"] == "done"
    finally:
        lan.laptop.configure("addr del 10.81.0.14/24 dev eth0")
        pc.configure("addr del 10.81.0.3/24 dev eth0")
    assert set(site.hosts()) - set(before) == {"10.81.0.3"}
    assert all(segment["visited_at"] for segment in site.get("segments")["items"])
    seen = {row["address"]: row["sightings"] for row in site.get("presence")["items"]}
    assert seen == dict.fromkeys(site.hosts(), 1)


def test_when_many_hosts_fall_silent_everything_pauses_and_asks(tmp_path: Path) -> None:
    silent = Listener(
        name="FRAGILE",
        address="10.80.0.1",
        more_addresses=tuple(f"10.80.0.{n}" for n in range(2, 9)),
        mac="10:c5:95:80:00:01",
        answers=(Answer(445),),
    )
    sound = WindowsPc(name="SOUND", address="10.80.0.20", mac="10:c5:95:80:00:20", password=PASSWORD)
    with Lan.start([silent, sound], FRAGILE) as lan:
        site = FleetSite(lan, tmp_path, ["10.80.0.0/27"], FRAGILE_SETTINGS)
        try:
            site.credential("local", "smb", PASSWORD)
            job = site.start_scan()
            site.await_job(job, lambda state: state["stage"] == "collection")  # pyright: ignore[reportUnknownLambdaType]
            lan.host("FRAGILE").unplug()
            asked = site.await_job(job, asking)
            assert asked["question"]["code"] == "scan.hosts_fell_silent"
            assert asked["paused"]
            assert asked["remaining_seconds"] is None
            time.sleep(1)
            assert not over(site.job(job))
            scan = site.get("scans")["items"][-1]["id"]
            lan.host("FRAGILE").plug_in()
            site.post(f"scans/{scan}/continue")
            ended = site.await_job(job, over)
            assert (ended["result"]["state"], ended["question"]) == ("done", None)
            assert set(site.results()) == set(site.hosts())
        finally:
            site.stop()


def test_hosts_that_keep_accepting_connections_never_stop_a_scan_however_they_behave(tmp_path: Path) -> None:
    mute = Listener(
        name="MUTE",
        address="10.80.0.1",
        more_addresses=tuple(f"10.80.0.{n}" for n in range(2, 9)),
        mac="10:c5:95:80:00:01",
        answers=(Answer(445),),
    )
    with Lan.start([mute], FRAGILE) as lan:
        site = FleetSite(lan, tmp_path, ["10.80.0.0/27"], FRAGILE_SETTINGS)
        try:
            site.credential("local", "smb", PASSWORD)
            assert site.scan()["state"] == "done"
            assert {host["outcome"] for host in site.hosts().values()} == {"TIMED_OUT"}
        finally:
            site.stop()


def test_a_permission_that_was_narrowed_holds_for_hosts_found_before_and_for_a_scan_cut_off(
    site: FleetSite, lan: Lan, tmp_path: Path
) -> None:
    site.scan(discover_only=True, accept_first_contact=False)
    scan = site.start_scan()
    site.post(f"scans/{site.get('scans')['items'][-1]['id']}/cancel")
    site.await_job(scan, over)
    site.authorise(["10.78.0.20"])
    pcap = tmp_path / "narrow.pcap"
    with lan.capture(pcap):
        resumed = site.post(f"scans/{site.get('scans')['items'][-1]['id']}/resume")
        assert site.await_job(resumed, over)["problem"]["code"] == "scan.scope_narrowed"
        assert site.scan()["state"] == "done"
    assert {target for _, target in sent(pcap, lan.laptop_address)} == {"10.78.0.20"}


def test_a_gentle_visit_sweeps_slowly_too(lan: Lan, tmp_path: Path) -> None:
    gentle = "[scan]\ngentle = true\n"
    site = FleetSite(lan, tmp_path, ["10.78.0.1-10.78.0.126"], gentle)
    pcap = tmp_path / "gentle.pcap"
    try:
        with lan.capture(pcap):
            site.scan(discover_only=True)
    finally:
        site.stop()
    assert len({target for _, target in sent(pcap, lan.laptop_address)}) > 100
    assert busiest_second(sent(pcap, lan.laptop_address)) <= 1.5 * GENTLE_PACKETS_PER_SECOND


def busiest_second(packets: Iterable[tuple[float, str]]) -> int:
    """Most packets in any second."""
    recent: deque[float] = deque()
    most = 0
    for at, _ in packets:
        recent.append(at)
        while at - recent[0] >= 1:
            recent.popleft()
        most = max(most, len(recent))
    return most
