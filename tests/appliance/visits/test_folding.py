"""Pass 1 of a stored inspection: one process or several, the same bytes; what is folded survives the way as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.judgement.cases import read_case
from appliance.judgement.copies import remembering
from appliance.judgement.policy import load_policy
from appliance.judgement.reads import from_wire, read_facts, to_wire
from appliance.judgement.traces import known_traces
from appliance.recognition.catalogue import load
from appliance.store import hosts as host_store
from appliance.visits import auditing, folding, inspections
from config.clock import SystemClock
from config.problems import BadInput, EnvironmentProblem
from config.settings import load as load_settings
from scanner import facts as facts_json
from scanner.model import DeviceKind, Host, HostFacts
from scanner.process import MIB, Limits

CASES = Path(__file__).parents[2] / "data" / "cases"
MOMENT = "2026-07-01T09:00:00+08:00"
SWITCHES = load_policy("national").switches


@pytest.fixture(scope="module")
def all_facts() -> list[HostFacts]:
    """The computers of all hand-worked cases."""
    catalogue, ledger, clock = load(), load_settings().ledger, SystemClock()
    folders = sorted(file.parent for file in CASES.glob("*/case.toml"))
    return [facts for folder in folders for facts in read_case(folder, catalogue, ledger, clock).inputs.facts()]


@pytest.fixture(scope="module")
def stored(all_facts: list[HostFacts], tmp_path_factory: pytest.TempPathFactory) -> tuple[Appliance, str]:
    """One inspection of all those computers."""
    folder = DataFolder(tmp_path_factory.mktemp("folding"))
    appliance = Appliance.open(folder, load_settings(), SystemClock())
    unit = inspections.create_unit(appliance, "某单位")
    made = inspections.create(appliance, unit["id"], "initial", date(2026, 7, 1))
    with appliance.open_inspection(made["id"]) as (db, _), db.atomic():
        for number, facts in enumerate(all_facts):
            host = Host(f"10.0.{number >> 8}.{number & 255}", MOMENT, kind=DeviceKind.COMPUTER)
            host_id = host_store.save_host(db, host, f"h{number:025d}")
            renamed = facts_json.to_json(facts) | {"id": f"f{number:025d}"}
            host_store.save_result(db, None, host_id, facts_json.from_json(renamed), None)
    return appliance, str(made["id"])


def _always(processes: int) -> Callable[[int], int]:
    def of(_hosts: int) -> int:
        return processes

    return of


def test_what_is_folded_survives_the_way_as_json(all_facts: list[HostFacts]) -> None:
    catalogue = load()
    recognise = remembering(catalogue)
    for facts in all_facts:
        read = read_facts(facts, catalogue, recognise, SWITCHES, known_traces())
        assert from_wire(json.loads(json.dumps(to_wire(read))), catalogue.products) == read


@given(st.integers(min_value=1, max_value=400), st.integers(min_value=1, max_value=5))
def test_ranges_hold_every_host_once_and_in_order(hosts: int, processes: int) -> None:
    host_ids = [f"h{number:04d}" for number in range(hosts)]
    ranges = folding.ranges(host_ids, processes)
    assert len(ranges) <= processes
    covered = [host_id for first, last in ranges for host_id in host_ids if first <= host_id <= last]
    assert covered == host_ids


def test_one_process_or_several_give_the_same_bytes(
    stored: tuple[Appliance, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance, inspection_id = stored
    digests: list[str] = []
    lines: list[list[str]] = []
    for processes in (1, 2, 3):
        monkeypatch.setattr(folding, "processes_for", _always(processes))
        with appliance.open_inspection(inspection_id) as (db, _):
            result = auditing.run(appliance, inspection_id, db, Job("j", "audit", "verdicts", inspection_id))
            rows = db.rows("SELECT document FROM verdicts WHERE audit_id = ? ORDER BY seq", [result["audit"]])
        digests.append(result["digest"])
        lines.append([row["document"] for row in rows])
    assert len(lines[0]) > 100
    assert lines[0] == lines[1] == lines[2]
    assert len(set(digests)) == 1


def test_a_small_inspection_is_folded_in_this_process() -> None:
    assert folding.processes_for(179) == 1
    assert folding.processes_for(27_000) <= folding.MOST_PROCESSES


def test_facts_that_cannot_be_read_are_named_by_a_process_too(
    stored: tuple[Appliance, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance, inspection_id = stored
    with appliance.open_inspection(inspection_id) as (db, _):
        kept = db.value("SELECT document FROM results ORDER BY host_id LIMIT 1")
        first = "(SELECT MIN(host_id) FROM results)"
        db.execute(f"UPDATE results SET document = '{{}}' WHERE host_id = {first}")
        monkeypatch.setattr(folding, "processes_for", _always(2))
        try:
            with pytest.raises(BadInput) as caught:
                auditing.inputs(appliance, inspection_id, db)
        finally:
            db.execute(f"UPDATE results SET document = ? WHERE host_id = {first}", [kept])
    assert caught.value.message.code == "facts.bad_field"


def test_a_process_that_dies_is_a_problem_with_a_sentence(
    stored: tuple[Appliance, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance, inspection_id = stored
    monkeypatch.setattr(folding, "processes_for", _always(2))
    tight = Limits(wall_seconds=60, cpu_seconds=60, memory_mb=2048, message_bytes=64, total_bytes=MIB)
    monkeypatch.setattr(folding, "LIMITS", tight)
    with appliance.open_inspection(inspection_id) as (db, _), pytest.raises(EnvironmentProblem) as caught:
        auditing.inputs(appliance, inspection_id, db)
    assert caught.value.message.code == "audit.child_ended"
