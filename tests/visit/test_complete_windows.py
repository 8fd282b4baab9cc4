"""A PC with software in every place, from scan to verdict: what is gone is not counted, what is portable is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from api.commands.base import follow
from scanner import facts
from scanner.model import HostFacts, Outcome
from tests.lab import complete_pc
from tests.lab.lan import Lan
from tests.scanner.collectors.windows.complete import expected, listed
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
PASSWORD = "Lab-Pass-2026"


@dataclass(frozen=True)
class Judged:
    """The PC's facts, and its verdicts by product."""

    facts: HostFacts
    verdicts: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    plan = complete_pc.plan("COMPLETE", "10.87.0.11", "02:87:00:00:00:11", PASSWORD)
    with Lan.start([plan], "10.87.0.0/24") as lan:
        site = FleetSite(lan, tmp_path_factory.mktemp("complete"), ["10.87.0.0/28"])
        try:
            site.credential("local", "smb", PASSWORD)
            assert site.scan()["collected"] == 1
            follow(site.client, site.post("audits"))
            one = f"/api/v1/inspections/{site.inspection}"
            (host,) = site.hosts().values()
            read = facts.from_json(site.get(f"hosts/{host['id']}/facts"))
            yield Judged(read, {v["product_id"]: v for v in site.client.all(f"{one}/verdicts")})
        finally:
            site.stop()


def test_the_worker_reads_the_hand_written_list(judged: Judged) -> None:
    assert judged.facts.outcome is Outcome.READ
    assert set(listed(judged.facts.installations or ())) == expected()
    assert len(judged.facts.installations or ()) == len(expected())


def test_what_is_gone_is_not_counted_and_what_is_portable_is(judged: Judged) -> None:
    assert "navicat" not in judged.verdicts  # 残留 alone
    (portable,) = [seen for seen in judged.facts.installations or () if seen.catalogue_id == "autocad"]
    assert observed(judged.verdicts["autocad"]) == {portable.observation}  # the installed one is 残留
    assert {"microsoft-visio", "ultraiso", "wps-office", "winrar", "sql-server"} <= judged.verdicts.keys()


def test_signs_of_an_activator_reach_the_rules(judged: Judged) -> None:
    assert (judged.verdicts["windows"]["rule"], judged.verdicts["windows"]["decision"]) == ("R8", "unlicensed")
    hooks = {trace.observation for trace in judged.facts.traces or () if trace.kind in ("image_hook", "service")}
    assert hooks <= observed(judged.verdicts["windows"])


def observed(verdict: dict[str, Any]) -> set[str]:
    """The raw records that a verdict names, without the id of their facts and the entry inside."""
    return {name.partition("/")[2].partition("#")[0] for name in verdict["observations"]}
