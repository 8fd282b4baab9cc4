"""The bundle of the whole visit, judged again and taken over by another laptop."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.jobs import Job
from appliance.visits import auditing, imports
from appliance.visits.replaying import replay_bundle
from tests.appliance.evidence.laptop import appliance_at
from tests.visit.conftest import Visited

pytestmark = pytest.mark.lab


def test_the_visit_s_bundle_gives_the_sealed_bytes_again(visited: Visited) -> None:
    bundle = visited.result["bundle"]
    found = replay_bundle(Path(bundle["path"]), (), bundle["fingerprint"], None).to_json()
    assert found["first"] == []
    assert found["outcome"] == "identical"
    assert found["facts"]["derived"] == visited.demo.expected["collected"]


def test_another_laptop_shows_the_same_verdicts(visited: Visited, tmp_path: Path) -> None:
    office, bundle = appliance_at(tmp_path), visited.result["bundle"]
    job = Job("j", imports.KIND, "hosts", "")
    imports.take_over(office, Path(bundle["path"]), bundle["fingerprint"], job)
    found = auditing.verdicts(office, visited.inspection, -1, 10_000, {})
    assert [verdict["id"] for _, verdict in found] == [verdict["id"] for verdict in visited.all("verdicts")]
    assert auditing.rates(office, visited.inspection)["digest"] == bundle_digest(visited)


def bundle_digest(visited: Visited) -> str:
    return str(visited.client.get(f"/api/v1/inspections/{visited.inspection}/rates")["digest"])
