"""A kill between a folder and its line in the index: at the next start everything is either there or gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.built import build
from appliance.evidence import custody
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.store import inspections as store
from appliance.visits import imports, inspections, leftovers, sealing, summary
from config.clock import SystemClock
from tests.appliance.evidence.laptop import Laptop, appliance_at, visited

CUT = "the power went"


def cut(*_: object) -> None:
    raise OSError(CUT)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, Path, str]:
    made = visited(tmp_path_factory.mktemp("cut") / "data")
    path = made.seal()
    with made.appliance.inspection(made.inspection) as (db, _):
        return made, path, str(db.value("SELECT fingerprint FROM bundles"))


def test_an_import_that_was_cut_off_before_the_index_is_there_after_the_next_start(
    sealed: tuple[Laptop, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, bundle, signer = sealed
    office = appliance_at(tmp_path)
    monkeypatch.setattr(store, "index_inspection", cut)
    with pytest.raises(OSError, match=CUT):
        imports.take_over(office, bundle, signer, Job("j", imports.KIND, "hosts", ""))
    monkeypatch.undo()
    assert inspections.list_all(office) == []
    assert leftovers.recover(office) > 0
    [row] = inspections.list_all(office)
    assert (row["id"], bool(row["sealed_at"])) == (made.inspection, True)
    assert summary.summarise(office, made.inspection)
    assert sealing.known_signers(office) == {signer}
    assert leftovers.recover(office) == 0
    assert [entry.action for entry in custody.entries(office.folder.custody)][-1] == "inspection.adopted"


def test_an_inspection_that_was_just_being_made_holds_nothing_and_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = appliance_at(tmp_path)
    unit = inspections.create_unit(appliance, "某某局")["id"]
    monkeypatch.setattr(store, "create", cut)
    with pytest.raises(OSError, match=CUT):
        inspections.create(appliance, unit, "initial")
    monkeypatch.undo()
    assert leftovers.recover(appliance) == 0
    assert inspections.list_all(appliance) == []


def test_an_index_that_was_lost_is_made_again_from_the_inspections(
    sealed: tuple[Laptop, Path, str], tmp_path: Path
) -> None:
    made, _, signer = sealed
    made.appliance.close_logs()
    root = shutil.copytree(made.appliance.folder.root, tmp_path / "data")
    (root / "appliance.db").unlink()
    built = build(DataFolder(root), SystemClock())
    [row] = inspections.list_all(built.appliance)
    assert (row["id"], row["unit"]) == (made.inspection, inspections.list_all(made.appliance)[0]["unit"])
    assert sealing.known_signers(built.appliance) == {signer}


def test_copies_of_peoples_data_that_a_killed_process_left_are_gone_after_the_next_start(tmp_path: Path) -> None:
    appliance = appliance_at(tmp_path)
    for name in ("import-X", "merge-X", "backup-X", "hezheng-replay-X", "drill"):
        (appliance.folder.run / name).mkdir()
        (appliance.folder.run / name / "inspection.db").write_bytes(b"names of people")
    (appliance.folder.run / "token").write_bytes(b"kept")
    leftovers.recover(appliance)
    assert [path.name for path in appliance.folder.run.iterdir()] == ["token"]
