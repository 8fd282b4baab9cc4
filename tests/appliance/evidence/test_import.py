"""A bundle becomes an inspection on another laptop: verified first, viewable as the original, never changed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.store.endings import Stage
from appliance.visits import (
    auditing,
    ending,
    explaining,
    host_facts,
    host_view,
    imports,
    inspections,
    ledgers,
    records,
    sealing,
    second_seal,
)
from appliance.visits.audit_reader import bundled_audit, stored_audit
from appliance.visits.replaying import replay_bundle
from appliance.visits.summary import summarise
from config.problems import BadInput, Conflict, EnvironmentProblem, Negative, Refused
from tests.appliance.evidence.laptop import Laptop, appliance_at, visited
from tests.appliance.evidence.sample import SIGNER, clock


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, Path, str]:
    """The laptop that made the visit, its bundle, its signer."""
    made = visited(tmp_path_factory.mktemp("first"))
    path = made.seal()
    return made, path, sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"]


@pytest.fixture
def office(tmp_path: Path) -> Appliance:
    return appliance_at(tmp_path / "office")


@pytest.fixture(scope="module")
def imported(first: tuple[Laptop, Path, str], tmp_path_factory: pytest.TempPathFactory) -> Appliance:
    """Another laptop that has taken the bundle over."""
    appliance = appliance_at(tmp_path_factory.mktemp("office"))
    imports.take_over(appliance, first[1], first[2], job())
    return appliance


def job() -> Job:
    return Job("j", imports.KIND, "hosts", "")


def test_an_unknown_signer_is_asked_about_and_a_wrong_one_refused(
    first: tuple[Laptop, Path, str], office: Appliance
) -> None:
    for signer, code in ((None, "evidence.unknown_signer"), ("0" * 64, "evidence.other_signer")):
        with pytest.raises(Refused) as caught:
            imports.take_over(office, first[1], signer, job())
        assert caught.value.message.code == code
    assert inspections.list_all(office) == []
    assert list(office.folder.inspections.iterdir()) == []


def test_a_look_says_whose_bundle_it_is_and_takes_nothing_over(
    first: tuple[Laptop, Path, str], office: Appliance, imported: Appliance
) -> None:
    made, path, signer = first
    found = imports.looked_at(office, path)
    assert (found["fingerprint"], found["known"], found["here"]) == (signer, False, False)
    assert (found["inspection_id"], found["unit"]) == (made.inspection, "云水县城乡规划服务中心")
    assert found["digest"] == sealing.list_bundles(made.appliance, made.inspection)[0]["digest"]
    assert inspections.list_all(office) == []
    again = imports.looked_at(imported, path)
    assert (again["known"], again["here"]) == (True, True)


def test_a_look_at_a_broken_bundle_or_at_no_file_is_refused(
    first: tuple[Laptop, Path, str], office: Appliance, tmp_path: Path
) -> None:
    content = bytearray(first[1].read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / "broken.zip").write_bytes(content)
    with pytest.raises(Negative):
        imports.looked_at(office, tmp_path / "broken.zip")
    with pytest.raises(BadInput):
        imports.look(office, tmp_path / "none.zip")


def test_a_signer_that_was_vouched_for_once_is_known_from_then_on(imported: Appliance, first: Any) -> None:
    assert first[2] in sealing.known_signers(imported)


def test_it_is_listed_as_a_sealed_inspection_of_its_unit(imported: Appliance, first: tuple[Laptop, Path, str]) -> None:
    made = first[0]
    [row] = inspections.list_all(imported)
    [own] = inspections.list_all(made.appliance)
    assert {**row, "unit_id": ""} == {**own, "unit_id": ""}
    [entry] = imports.list_all(imported)
    assert (entry["inspection_id"], entry["fingerprint"]) == (made.inspection, first[2])
    [bundle] = sealing.list_bundles(imported, made.inspection)
    assert Path(bundle["path"]).read_bytes() == first[1].read_bytes()


VIEWS: dict[str, Callable[[Appliance, str], Any]] = {
    "rates": auditing.rates,
    "verdicts": lambda a, i: auditing.verdicts(a, i, -1, 1000, {}),
    "findings": lambda a, i: auditing.findings(a, i, -1, 1000, {}),
    "hosts": lambda a, i: host_facts.list_hosts(a, i, "", 100),
    "facts": lambda a, i: host_facts.list_facts(a, i, "", 100),
    "ledgers": ledgers.list_files,
    "proofs": ledgers.list_proofs,
    "records": records.listed,
    "authorisations": inspections.list_authorisations,
    "summary": lambda a, i: {**summarise(a, i), "bundles": None},
    "explained": lambda a, i: [
        explaining.verdict(a, i, verdict["id"]) for _, verdict in auditing.verdicts(a, i, -1, 1000, {})
    ],
    "rate explained": lambda a, i: explaining.rate(a, i, "legal_rate", "d", None, 0, 100),
    "coverage explained": lambda a, i: explaining.rate(a, i, "coverage_rate", "n", None, 0, 100),
}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_the_first_laptop_says(
    imported: Appliance, first: tuple[Laptop, Path, str], view: str
) -> None:
    made = first[0]
    assert VIEWS[view](imported, made.inspection) == VIEWS[view](made.appliance, made.inspection)


def test_a_computer_whose_raw_records_are_not_in_the_bundle_is_shown_without_them(
    first: tuple[Laptop, Path, str], office: Appliance, tmp_path: Path
) -> None:
    with zipfile.ZipFile(first[1]) as archive:
        names = [name for name in archive.namelist() if name.startswith("data/")]
        files = [BundleFile(name, archive.read(name)) for name in names if "/raw/" not in name]
    path = tmp_path / "b.zip"
    write_bundle(path, files, {"External-Identifier": "x"}, SIGNER, clock())
    imports.take_over(office, path, SIGNER.fingerprint, job())
    inspection = first[0].inspection
    hosts = host_facts.list_hosts(office, inspection, "", 100)
    assert [host_view.complete(office, inspection, host["id"])["records"] for host in hosts] == [0] * len(hosts)


def test_nothing_of_it_can_be_changed(imported: Appliance, first: tuple[Laptop, Path, str]) -> None:
    inspection = first[0].inspection
    here = replace(first[0], appliance=imported)
    changes: list[Callable[[], object]] = [
        lambda: here.carry_pc("10.9.0.99", "SN9"),
        lambda: records.add(imported, inspection, "kms_hosts", {"host": "x", "note": "y"}),
        lambda: auditing.start(imported, inspection),
        lambda: sealing.start(imported, inspection),
        lambda: inspections.change(imported, inspection, None, None),
        lambda: inspections.reopen(imported, inspection, "我想改"),
    ]
    for change in changes:
        with pytest.raises(Refused) as caught:
            change()
        assert caught.value.message.code == "inspection.sealed"


def test_its_custody_log_goes_on_with_the_import(imported: Appliance, first: tuple[Laptop, Path, str]) -> None:
    made = first[0]
    path = imported.folder.inspection(made.inspection).custody
    assert custody.check(path).intact
    sealed = zipfile.ZipFile(first[1]).read("data/custody/log.jsonl")
    content = path.read_bytes()
    assert content.startswith(sealed)
    [line] = content[len(sealed) :].splitlines()
    assert json.loads(line)["action"] == "bundle.imported"


def test_the_kept_bundle_can_be_replayed_there(imported: Appliance, first: tuple[Laptop, Path, str]) -> None:
    path = Path(sealing.list_bundles(imported, first[0].inspection)[0]["path"])
    found = replay_bundle(path, sealing.known_signers(imported), None, None)
    assert found.to_json()["outcome"] == "identical"


def test_one_reader_reads_the_live_the_imported_and_the_bundled_audit_alike(
    imported: Appliance, first: tuple[Laptop, Path, str]
) -> None:
    made, path, signer = first
    with (
        stored_audit(made.appliance, made.inspection) as live,
        stored_audit(imported, made.inspection) as there,
        bundled_audit(path, (), signer) as packed,
    ):
        assert (live.origin, packed.origin) == ("inspection", "bundle")
        digests = {reader.bundle_digest for reader in (live, there, packed)}
        assert len(digests) == 1
        for other in (there, packed):
            assert list(other.verdicts()) == list(live.verdicts())
            assert list(other.findings()) == list(live.findings())
            assert list(other.hosts()) == list(live.hosts())
            assert list(other.assets()) == list(live.assets())
            assert list(other.facts()) == list(live.facts())
            assert other.records("decisions") == live.records("decisions")
            names = ("head", "rates", "positions", "digest")
            assert [other.audit[name] for name in names] == [live.audit[name] for name in names]


def test_it_is_not_taken_twice_and_never_over_the_original(
    imported: Appliance, first: tuple[Laptop, Path, str]
) -> None:
    for appliance in (imported, first[0].appliance):
        with pytest.raises(Conflict) as caught:
            imports.take_over(appliance, first[1], None, job())
        assert caught.value.message.code == "imports.already_here"


def test_an_inspection_that_was_ended_here_comes_back_and_the_proof_of_its_end_stays(tmp_path: Path) -> None:
    made = visited(tmp_path / "own")
    copy = tmp_path / "copy.zip"
    copy.write_bytes(made.seal().read_bytes())
    appliance = made.appliance
    state = ending.start(appliance, made.inspection, copy, "测试环境只有一块盘")
    assert state.future is not None
    state.future.result()
    entry = imports.take_over(appliance, copy, None, job())
    assert entry["ended"]["stage"] == Stage.DONE
    [row] = inspections.list_all(appliance)
    assert row["ended"] is None
    assert auditing.rates(appliance, made.inspection)["digest"]


def resealed(path: Path, target: Path, edits: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith("data/")} | edits
    write_bundle(target, [BundleFile(n, c) for n, c in files.items()], {"Sealed-At": "x"}, SIGNER, clock())
    return target


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/verdicts.jsonl", b""),
        ("data/verdicts.jsonl", b'{"id": 1}\n'),
        ("data/rates.json", b"{}"),
        ("data/tables/audit_hosts.jsonl", b'{"x); DROP TABLE hosts; --": 1}\n'),
        ("data/tables/scans.jsonl", b'{"id": "s"}\n'),
        ("data/inspection.json", b'{"id": "../../../../tmp/x"}'),
        ("data/unit.json", b'{"id": "01M7GXWEM0D0000000000000BG", "name": " "}'),
    ],
)
def test_content_that_does_not_fit_leaves_nothing_behind(
    first: tuple[Laptop, Path, str], office: Appliance, tmp_path: Path, name: str, content: bytes
) -> None:
    path = resealed(first[1], tmp_path / "b.zip", {name: content})
    before = files_of(office.folder)
    with pytest.raises(BadInput):
        imports.take_over(office, path, SIGNER.fingerprint, job())
    assert files_of(office.folder) == before
    assert inspections.list_all(office) == []
    assert inspections.list_units(office) == []


def files_of(folder: DataFolder) -> set[str]:
    logs = {folder.custody, folder.index}
    return {str(path) for path in folder.root.rglob("*") if path.is_file() and path not in logs}


def test_a_broken_bundle_a_full_disk_and_a_missing_file_are_named(
    first: tuple[Laptop, Path, str], office: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput):
        imports.start(office, tmp_path / "none.zip", None)
    content = bytearray(first[1].read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "broken.zip").write_bytes(content)
    with pytest.raises(Negative):
        imports.take_over(office, tmp_path / "broken.zip", first[2], job())
    monkeypatch.setattr(imports, "SPACE", 1 << 60)
    with pytest.raises(EnvironmentProblem) as caught:
        imports.take_over(office, first[1], first[2], job())
    assert caught.value.message.code == "imports.disk_full"


def test_what_a_killed_import_left_is_removed_by_the_next(first: tuple[Laptop, Path, str], office: Appliance) -> None:
    left = office.folder.run / "import-x" / "inspections"
    left.mkdir(parents=True)
    (left / "half.db").write_bytes(b"personal data")
    imports.take_over(office, first[1], first[2], job())
    assert not left.exists()
    kept = office.folder.inspection(first[0].inspection)
    raw = list(kept.raw.iterdir())
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in raw] != []


def test_a_bundle_with_signed_papers_comes_with_both_seals_and_the_longer_log(tmp_path: Path) -> None:
    made = visited(tmp_path / "own")
    made.seal()
    second_seal.add_paper(made.appliance, made.inspection, "签字页.pdf", b"%PDF-1.7 signed")
    with made.appliance.inspection(made.inspection) as (db, folder):
        sealed = second_seal.seal(made.appliance, made.inspection, db, folder, job())
    office = appliance_at(tmp_path / "office")
    imports.take_over(office, Path(sealed["path"]), sealed["fingerprint"], job())
    [bundle] = sealing.list_bundles(office, made.inspection)
    assert (bundle["seal"], bundle["digest"], bundle["second_digest"]) == (
        2,
        sealed["digest"],
        sealed["second_digest"],
    )
    log = office.folder.inspection(made.inspection).custody
    assert custody.check(log).intact
    assert b"bundle.second_sealing" in log.read_bytes()
