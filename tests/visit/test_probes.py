"""What a scan learns without logging in reaches the host's row, and asks to be explained."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from api.commands.base import follow
from tests.lab import netbios
from tests.lab.lan import Lan
from tests.lab.plans import Answer, LinuxPc, Listener, WindowsPc
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab

SUBNET = "10.77.9.0/24"
PASSWORD = "云水 Inspect 7"


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    plans = [
        WindowsPc(name="pc1", address="10.77.9.11", mac="10:c5:95:00:09:11", password=PASSWORD),
        LinuxPc(name="kylin", address="10.77.9.21", mac="8c:16:45:00:09:21", password=PASSWORD),
        Listener(name="kms", address="10.77.9.31", mac="8c:16:45:00:09:31", answers=(Answer(1688), Answer(27000))),
        Listener(name="prn", address="10.77.9.41", mac="00:1b:a9:00:09:41", answers=(Answer(9100), Answer(1688))),
    ]
    with Lan.start(plans, SUBNET) as started:
        netbios.start(started.host("pc1"))
        yield started


def findings(site: FleetSite) -> dict[tuple[str, str], str]:
    """Addresses and details by kind, of what the network shows."""
    follow(site.client, site.post("audits"))
    by_id = {host["id"]: address for address, host in site.hosts().items()}
    shown = [f for f in site.get("findings")["items"] if f["kind"] in ("kms_host_found", "licence_server_found")]
    return {(f["kind"], by_id[f["subject"]]): f["details"][0]["params"]["ports"] for f in shown}


def test_names_services_and_banners_reach_the_rows_without_a_login(lan: Lan, tmp_path: Path) -> None:
    site = FleetSite(lan, tmp_path, [SUBNET])
    try:
        site.scan(discover_only=True)
        hosts = site.hosts()
        told = {address: {s["source"]: s for s in host["sightings"]} for address, host in hosts.items()}
        assert {address: sorted(seen) for address, seen in told.items()} == {
            "10.77.9.11": ["netbios", "ntlm"],
            "10.77.9.21": ["ssh", "ssh_key"],
            "10.77.9.31": ["port:1688", "port:27000"],
            "10.77.9.41": [],
        }
        assert told["10.77.9.11"]["ntlm"]["hostname"] == told["10.77.9.11"]["netbios"]["hostname"] == "PC1"
        assert all(host["facts_id"] is None and host["suspected_nat"] == [] for host in hosts.values())
        assert findings(site) == {
            ("kms_host_found", "10.77.9.31"): "1688（KMS）",
            ("licence_server_found", "10.77.9.31"): "27000（FlexLM / FlexNet）",
        }
        site.post("records", {"kind": "kms_hosts", "fields": {"host": "10.77.9.31", "paper": "说明"}})
        assert ("kms_host_found", "10.77.9.31") not in findings(site), "declared, so there is nothing to explain"
        site.scan(discover_only=True)
        assert [s["source"] for s in site.hosts()["10.77.9.21"]["sightings"]] == ["ssh", "ssh_key"], (
            "a second sweep keeps them"
        )
    finally:
        site.stop()
