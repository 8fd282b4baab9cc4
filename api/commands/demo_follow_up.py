"""``hezheng demo --follow-up``: the made-up unit is inspected, changes, and is inspected again.

Between the visits the unit replies to a 整改通知, and one reply that is not true is accepted on paper alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from api.commands.base import follow, tell
from api.commands.client import Client
from api.commands.visit import V1, Unit, Visit
from config.clock import Clock

Visited = Callable[[bool], AbstractContextManager[tuple[Client, Unit]]]
"""The unit's LAN and an appliance in it: as at the first visit, or (True) as at the second."""
CLAIMED = ("windows", "10.77.0.18")
"""Product and address of the copy that the unit says it has put right."""


@dataclass
class SecondVisit(Visit):
    """A 回头看 of a unit that is known already, over the same data folder."""

    def _open_vault(self, passphrase: str) -> None:
        self.client.send("POST", f"{V1}/vault/unlock", {"passphrase": passphrase})

    def _create(self) -> str:
        body = {"unit": self.unit.unit_name, "kind": "follow_up"}
        return str(self.client.send("POST", f"{V1}/inspections", body)["id"])

    def compare(self, earlier: str) -> dict[str, Any]:
        """Compare with an earlier inspection; returns what the demo prints."""
        tell("demo.comparing")
        self._post("baseline", {"kind": "inspection", "source": earlier})
        head = follow(self.client, self._post("comparisons"))["result"]
        lines = self.client.all(f"{V1}/inspections/{self.inspection}/comparison/lines")
        rate = {name: head["rate"][name] for name in ("n", "d", "excluded", "lower", "upper")}
        return {
            "first": earlier,
            "second": self.inspection,
            "outcomes": head["outcomes"],
            "copies": [_copy(line) for line in lines if line["kind"] == "unlicensed_copy"],
            "others": _others(lines),
            "rate": rate,
            "computers": head["computers"],
        }


def _copy(line: dict[str, Any]) -> dict[str, Any]:
    places = {side: (line[side] or {}).get("hostname", "") for side in ("before", "after")}
    return {"outcome": line["outcome"], "product": line["product_id"], **places}


def _others(lines: list[dict[str, Any]]) -> dict[str, int]:
    """Findings that are no copies, by kind and outcome."""
    names = sorted(f"{line['kind']}.{line['outcome']}" for line in lines if line["kind"] != "unlicensed_copy")
    return {name: names.count(name) for name in names}


def two_visits(visited: Visited, clock: Clock) -> dict[str, Any]:
    """Make both visits and compare them."""
    started, passphrase = clock.monotonic(), secrets.token_urlsafe(18)
    with visited(False) as (client, unit):
        first = Visit(client, unit, clock)
        first.inspect(passphrase)
        _rectify(client, first.inspection, clock)
    tell("demo.later")
    with visited(True) as (client, unit):
        second = SecondVisit(client, unit, clock)
        second.inspect(passphrase)
        result = second.compare(first.inspection)
    return {**result, "seconds": round(clock.monotonic() - started, 1)}


def _rectify(client: Client, inspection: str, clock: Clock) -> None:
    """A notice of every copy that is 非正版, a reply to it, and an acceptance of one claim without looking."""
    tell("demo.noticing")
    one = f"{V1}/inspections/{inspection}"
    found = client.all(f"{one}/findings", kind="unlicensed_copy")
    hosts = {host["id"]: host["address"] for host in client.all(f"{one}/hosts")}
    claimed = [row["key"] for row in found if (row["product_id"], hosts[row["subject"]]) == CLAIMED]
    deadline = (clock.now().date() + timedelta(days=30)).isoformat()
    body = {"number": "演示整改〔2026〕1号", "deadline": deadline, "keys": [row["key"] for row in found]}
    notice = client.send("POST", f"{one}/notices", body)
    events = f"{V1}/notices/{notice['id']}/events"
    client.send("POST", events, {"kind": "reply", "text": "已按要求整改", "keys": claimed})
    client.send("POST", events, {"kind": "outcome", "accepted": True, "text": "书面材料齐全", "keys": claimed})
