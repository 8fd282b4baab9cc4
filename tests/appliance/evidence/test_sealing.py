"""Sealing takes everything or nothing: what comes meanwhile stops it, and a cut leaves a whole state."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.evidence import custody
from appliance.evidence.bundle import BundleSealed, write_bundle
from appliance.store import inspections as store
from appliance.visits import inspections, sealing
from config.problems import Conflict, EnvironmentProblem
from tests.appliance.evidence.laptop import visited


def test_what_is_entered_while_the_bundle_is_written_stops_the_seal_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = visited(tmp_path)

    def slowly(*arguments: object) -> BundleSealed:
        made.carry_pc("10.9.0.99", "SN0099")  # somebody else's request
        return write_bundle(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(sealing, "write_bundle", slowly)
    with pytest.raises(Conflict) as caught:
        made.seal()
    assert caught.value.message.code == "inspection.changed_meanwhile"
    folder = made.appliance.folder.inspection(made.inspection)
    assert list(folder.bundles.iterdir()) == []
    assert "bundle.sealed" not in {entry.action for entry in custody.entries(folder.custody)}
    monkeypatch.undo()
    made.audit()
    assert made.seal().exists()


def test_a_bundle_that_could_not_be_encrypted_is_not_left_in_the_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = visited(tmp_path)

    def full(*_: object) -> str:
        raise EnvironmentProblem("evidence.cannot_write", name="x", detail="No space left on device")

    monkeypatch.setattr("appliance.visits.office.encrypted", full)
    with pytest.raises(EnvironmentProblem):
        made.seal()
    assert list(made.appliance.folder.inspection(made.inspection).bundles.iterdir()) == []


def test_a_seal_that_was_cut_off_before_the_index_knew_of_it_is_known_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = visited(tmp_path)

    def cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(store, "roll_up", cut)
    with pytest.raises(OSError, match="power cut"):
        made.seal()
    monkeypatch.undo()
    assert sealing.known_signers(made.appliance) == set()
    assert sealing.recover(made.appliance) == 1
    [row] = inspections.list_all(made.appliance)
    assert row["sealed_at"]
    assert len(sealing.known_signers(made.appliance)) == 1
    assert sealing.recover(made.appliance) == 0
