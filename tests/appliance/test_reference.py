"""An error in reference data is named, and the last good copy stands in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance import reference
from appliance.judgement import policy
from appliance.judgement.policy import Policy
from appliance.ledger import columns
from appliance.recognition import catalogue
from config.messages import render
from config.problems import BadInput


def policies(folder: Path) -> tuple[Policy, ...]:
    return tuple(policy.load_policy(file.stem, folder) for file in sorted(folder.glob("*.toml")))


def spoil(file: Path) -> None:
    file.write_text(file.read_text("utf-8") + "\nthis is no TOML\n", "utf-8")


def test_a_catalogue_with_an_error_is_named_and_the_last_good_one_is_used(tmp_path: Path) -> None:
    source = Path(shutil.copytree(catalogue.FOLDER, tmp_path / "catalogue"))
    kept = tmp_path / "data" / "reference" / "catalogue"
    good = reference.load(kept, source, catalogue.load)
    assert good.problem is None
    spoil(source / "office.toml")
    bad = reference.load(kept, source, catalogue.load)
    assert bad.value.digest == good.value.digest
    assert bad.source == kept
    assert bad.problem
    assert bad.problem.params["file"] == "office.toml"
    last_line = len((source / "office.toml").read_text("utf-8").splitlines())
    assert bad.problem.params["line"] in (last_line, last_line + 1)
    assert "office.toml" in render(bad.problem)


def test_a_corrected_file_is_used_again_and_becomes_the_last_good_one(tmp_path: Path) -> None:
    source = Path(shutil.copytree(catalogue.FOLDER, tmp_path / "catalogue"))
    kept = tmp_path / "kept"
    first = reference.load(kept, source, catalogue.load).value.digest
    text = (source / "noise.toml").read_text("utf-8")
    spoil(source / "noise.toml")
    assert reference.load(kept, source, catalogue.load).problem
    (source / "noise.toml").write_text(text + "# corrected\n", "utf-8")
    corrected = reference.load(kept, source, catalogue.load)
    assert corrected.problem is None
    assert corrected.value.digest != first
    spoil(source / "noise.toml")
    assert reference.load(kept, source, catalogue.load).value.digest == corrected.value.digest


def test_policies_and_header_synonyms_fall_back_too(tmp_path: Path) -> None:
    profiles = Path(shutil.copytree(policy.FOLDER, tmp_path / "policies"))
    synonyms = Path(shutil.copy(columns.FILE, tmp_path / "ledger_columns.toml"))
    names = {found.id for found in reference.load(tmp_path / "p", profiles, policies).value}
    reference.load(tmp_path / "c", synonyms, columns.load)
    spoil(profiles / "national.toml")
    spoil(synonyms)
    bad = reference.load(tmp_path / "p", profiles, policies)
    assert {found.id for found in bad.value} == names
    assert bad.problem
    assert "line" in str(bad.problem.params["detail"])
    fallen = reference.load(tmp_path / "c", synonyms, columns.load)
    assert fallen.source == tmp_path / "c" / "ledger_columns.toml"
    assert fallen.problem
    assert fallen.problem.params["file"] == "ledger_columns.toml"


def test_without_a_good_copy_the_error_stands(tmp_path: Path) -> None:
    source = Path(shutil.copytree(catalogue.FOLDER, tmp_path / "catalogue"))
    spoil(source / "vendors.toml")
    with pytest.raises(BadInput) as caught:
        reference.load(tmp_path / "kept", source, catalogue.load)
    assert caught.value.message.params["file"] == "vendors.toml"


def test_an_older_copy_stands_in_after_a_crash_between_two_renames(tmp_path: Path) -> None:
    source = Path(shutil.copytree(catalogue.FOLDER, tmp_path / "catalogue"))
    kept = tmp_path / "kept"
    digest = reference.load(kept, source, catalogue.load).value.digest
    kept.rename(tmp_path / "kept.old")
    spoil(source / "vendors.toml")
    assert reference.load(kept, source, catalogue.load).value.digest == digest
