"""Two requests at once: what may not run side by side is started once, however close the clicks come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.context import Appliance
from appliance.jobs import SCAN, SCANS, Job
from appliance.visits import auditing, backup, ending, imports, merging, scanning, sealing
from config.problems import Conflict, Problem
from tests.appliance.evidence.laptop import Laptop, visited

Start = Callable[[], Job]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return visited(tmp_path_factory.mktemp("side") / "data")


@pytest.fixture(autouse=True)
def idle_afterwards(made: Laptop) -> Generator[None]:
    """What one test let go has ended before the next begins."""
    yield
    for job in made.appliance.jobs.running():
        assert job.future is not None
        job.future.result(240)


def both_look_first(appliance: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody go on from the look at what runs before a second one has looked too, or is seen to be kept waiting."""
    looked, running = threading.Barrier(2), appliance.jobs.running

    def look(inspection_id: str | None = None) -> list[Job]:
        found = running(inspection_id)
        with suppress(threading.BrokenBarrierError):
            looked.wait(1)
        return found

    monkeypatch.setattr(appliance.jobs, "running", look)


def at_once(*starts: Start) -> list[Job | Problem]:
    def tried(start: Start) -> Job | Problem:
        try:
            return start()
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(starts)) as pool:
        return list(pool.map(tried, starts))


def never_ends(made: Laptop, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every job waits until the event is set."""
    let_go, submit = threading.Event(), made.appliance.jobs.start

    def start(kind: str, unit: str, inspection_id: str, _work: Callable[[Job], object]) -> Job:
        return submit(kind, unit, inspection_id, lambda _: let_go.wait(60))

    monkeypatch.setattr(made.appliance.jobs, "start", start)
    return let_go


def seal(made: Laptop) -> Start:
    return lambda: sealing.start(made.appliance, made.inspection, unencrypted=True)


def test_two_clicks_on_sealing_seal_once(made: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = never_ends(made, monkeypatch)
    both_look_first(made.appliance, monkeypatch)
    found = at_once(seal(made), seal(made))
    let_go.set()
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "Job"]


def test_two_clicks_on_scanning_scan_once(made: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = never_ends(made, monkeypatch)
    both_look_first(made.appliance, monkeypatch)
    options = scanning.ScanOptions(segment="10.9.0.0/28", discover_only=True)
    found = at_once(*(lambda: scanning.start(made.appliance, made.inspection, options) for _ in range(2)))
    let_go.set()
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "Job"]
    assert len(scanning.list_all(made.appliance, made.inspection)) == 1


SPOILED: list[tuple[str, Callable[[Laptop, Path], Job], str]] = [
    ("seal", lambda m, _: auditing.start(m.appliance, m.inspection), "inspection.busy"),
    ("seal", lambda m, _: scanning.start(m.appliance, m.inspection, scanning.ScanOptions()), "inspection.busy"),
    ("end", lambda m, p: backup.start(m.appliance, p / "b.zip"), "backup.busy"),
    ("import", lambda m, p: imports.start(m.appliance, p / "x.zip", None), "imports.busy"),
]


@pytest.mark.parametrize(("runs", "then", "code"), SPOILED)
def test_what_would_spoil_the_work_of_another_waits_for_its_end(
    made: Laptop,
    tmp_path: Path,
    runs: str,
    then: Callable[[Laptop, Path], Job],
    code: str,
) -> None:
    (tmp_path / "x.zip").write_bytes(b"")
    let_go = threading.Event()
    made.appliance.jobs.start(runs, "x", made.inspection, lambda _: let_go.wait(60))
    with pytest.raises(Conflict) as caught:
        then(made, tmp_path)
    let_go.set()
    assert caught.value.message.code == code


def test_an_inspection_does_not_end_while_a_copy_of_it_is_made(tmp_path: Path) -> None:
    """The backup would hold it, and the proof of its end would not say so."""
    made = visited(tmp_path / "data")
    made.seal()
    let_go = threading.Event()
    for kind in ("backup", "merge"):
        job = made.appliance.jobs.start(kind, "files", "", lambda _: let_go.wait(60))
        with pytest.raises(Conflict) as caught:
            ending.start(made.appliance, made.inspection, tmp_path)
        assert caught.value.message.code == "ending.busy"
        let_go.set()
        assert job.future is not None
        job.future.result(240)
        let_go.clear()


def test_one_merge_does_not_sweep_away_what_another_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = visited(tmp_path / "data")
    monkeypatch.setattr(merging, "list_conflicts", lambda *_: [])  # pyright: ignore[reportUnknownLambdaType]
    let_go = never_ends(made, monkeypatch)
    both_look_first(made.appliance, monkeypatch)
    found = at_once(*(lambda: merging.start(made.appliance, ["a", "b"], {}) for _ in range(2)))
    let_go.set()
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "Job"]


def test_paused_scans_keep_no_other_work_from_starting(tmp_path: Path) -> None:
    made = visited(tmp_path / "data")
    appliance, let_go = made.appliance, threading.Event()
    paused = [appliance.jobs.start(f"{SCAN}{n}", "addresses", "", lambda _: let_go.wait(120)) for n in range(SCANS)]
    for job in paused:
        job.paused.set()
    audit = auditing.start(appliance, made.inspection)
    assert audit.future is not None
    assert audit.future.result(100)["verdicts"]
    assert [job.state for job in paused] == ["running"] * SCANS
    with pytest.raises(Conflict) as caught:
        scanning.start(appliance, made.inspection, scanning.ScanOptions(segment="10.9.0.0/28", discover_only=True))
    assert caught.value.message.code == "scan.too_many"
    assert scanning.list_all(appliance, made.inspection) == []
    let_go.set()
