"""Packets outside the authorised scope in 20 captured scans, each in a scope of its own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.lan import Lan
from tests.visit.captures import PASSWORD, SUBNET, plans, scan_in_scope
from tests.visit.fleet_site import FleetSite

RUNS = 20


def main() -> dict[str, Any]:
    """The number of foreign addresses that any packet or ARP request went to; must be 0."""
    foreign = 0
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder, Lan.start(plans(), SUBNET) as lan:
        site = FleetSite(
            lan, Path(folder), [SUBNET], "[scan]\nconnect_timeout_seconds = 2\nanswer_timeout_seconds = 2\n"
        )
        try:
            site.credential("local", "smb", PASSWORD)
            site.credential("local", "ssh", PASSWORD)
            foreign = sum(len(scan_in_scope(site, 100 + run)) for run in range(RUNS))
        finally:
            site.stop()
    how = f"{RUNS} scopes cut through a LAN of 32 addresses with hosts inside and outside; sweep, keys and collection"
    return {"name": "scope-captures", "ours": foreign, "peer": None, "ratio": None, "unit": "addresses", "how": how}


if __name__ == "__main__":
    print(json.dumps(main()))
