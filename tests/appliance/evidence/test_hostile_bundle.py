"""Signed bundles made to cost more than they may: each ends with a sentence, within its limits, and leaves nothing."""

from __future__ import annotations

import json
import multiprocessing
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.context import Appliance
from appliance.evidence import manifest, signing
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.visits import baselines, imports, inspections, merging, sealing
from config.messages import render
from config.problems import BadInput, Conflict
from config.settings import Settings
from tests.appliance.evidence.laptop import appliance_at, laptop, visited
from tests.appliance.evidence.sample import SIGNER, clock

DEEP = b"[" * 100_000
NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
EMPTY_LISTS = b"[" + b"[]," * 9_000_000 + b"[]]"
"""27 MB that take 0.6 GB once they are read; a zip of them takes 100 kB."""
SMALL_MB = 640


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return visited(tmp_path_factory.mktemp("first")).seal()


@pytest.fixture
def office(tmp_path: Path) -> Appliance:
    return appliance_at(tmp_path / "office")


def limited(appliance: Appliance, **limits: int) -> Appliance:
    """The appliance with other limits of a bundle."""
    settings: Settings = appliance.settings
    appliance.settings = settings.model_copy(update={"bundle": settings.bundle.model_copy(update=limits)})
    return appliance


def only(bundle: Path, start: str, end: str) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return next(name for name in archive.namelist() if name.startswith(start) and name.endswith(end))


def hostile(bundle: Path, target: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        files = {one: archive.read(one) for one in archive.namelist() if one.startswith("data/")} | {name: content}
    write_bundle(target, [BundleFile(n, c) for n, c in files.items()], {"Sealed-At": "x"}, SIGNER, clock())
    return target


def files_of(folder: DataFolder) -> set[str]:
    kept = {folder.custody, folder.index, *folder.reference.rglob("*")}
    return {str(path) for path in folder.root.rglob("*") if path.is_file() and path not in kept}


def refused(office: Appliance, path: Path) -> BadInput:
    """Take the bundle over and say why not; nothing of it may stay, no child either."""
    before = files_of(office.folder)
    with pytest.raises(BadInput) as caught:
        imports.take_over(office, path, SIGNER.fingerprint, Job("j", imports.KIND, "hosts", ""))
    assert render(caught.value.message)
    assert files_of(office.folder) == before
    assert inspections.list_all(office) == []
    assert multiprocessing.active_children() == []
    return caught.value


def record(document: bytes) -> bytes:
    row = {"id": "r", "kind": "kms_hosts", "entered_at": "2026-11-16", "document": document.decode()}
    return json.dumps(row).encode() + b"\n"


NESTED_AT: dict[str, tuple[str, str, bytes]] = {
    "the inspection's own row": ("data/inspection.json", "", NESTED),
    "the facts of a computer": ("data/hosts/", "/facts.json", DEEP),
    "a verdict": ("data/verdicts.jsonl", "", NESTED + b"\n"),
    "a ledger": ("data/ledgers/parsed/", ".json", DEEP),
    "a document inside a row": ("data/tables/records.jsonl", "", record(NESTED)),
    "the options of a scan": (
        "data/tables/scan_chunks.jsonl",
        "",
        json.dumps({"scan_id": "s", "idx": 1, "addresses": DEEP.decode(), "state": "done"}).encode() + b"\n",
    ),
    "the journal of changes": ("data/changes-to-targets.jsonl", "", DEEP + b"\n"),
}


@pytest.mark.parametrize("place", NESTED_AT)
def test_json_nested_a_hundred_thousand_deep_is_refused_wherever_it_stands(
    bundle: Path, office: Appliance, tmp_path: Path, place: str
) -> None:
    start, end, content = NESTED_AT[place]
    problem = refused(office, hostile(bundle, tmp_path / "b.zip", only(bundle, start, end), content))
    assert problem.message.code == "imports.bad_content"


def test_a_document_that_fills_the_memory_ends_its_reader_alone(
    bundle: Path, office: Appliance, tmp_path: Path
) -> None:
    ledger = only(bundle, "data/ledgers/parsed/", ".json")
    path = hostile(bundle, tmp_path / "b.zip", ledger, EMPTY_LISTS)
    problem = refused(limited(office, child_memory_mb=SMALL_MB), path)
    assert (problem.message.code, problem.message.params["limit_mb"]) == ("imports.too_much_memory", SMALL_MB)
    imports.take_over(office, bundle, _signer(bundle), Job("j", imports.KIND, "hosts", ""))  # the same limits are ample


def _signer(bundle: Path) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return signing.fingerprint_of(archive.read(manifest.PUBLIC_KEY)) or ""


def test_an_audit_too_large_to_be_shown_is_refused_by_a_look_and_by_an_import(
    bundle: Path, office: Appliance, tmp_path: Path
) -> None:
    path = hostile(bundle, tmp_path / "b.zip", "data/rates.json", b'{"head":"' + b" " * (65 << 20) + b'"}')
    assert refused(office, path).message.params["detail"] == "too large"
    with pytest.raises(BadInput):
        imports.looked_at(office, path)


def test_a_bundle_that_needs_more_time_than_its_size_warrants_is_stopped(
    bundle: Path, office: Appliance, tmp_path: Path
) -> None:
    row = b'{"address":"10.9.%d.%d","seen_at":"%d","scan_id":null,"mac":null,"source":"arp"}\n'
    rows = b"".join(row % (n >> 8 & 255, n & 255, n) for n in range(500_000))
    path = hostile(bundle, tmp_path / "b.zip", "data/tables/sightings.jsonl", rows)
    problem = refused(limited(office, child_seconds=2, child_seconds_per_mb=0), path)
    assert (problem.message.code, problem.message.params["seconds"]) == ("imports.too_slow", 2)


def test_a_bundle_made_to_fill_the_memory_is_no_baseline_of_a_follow_up(
    bundle: Path, office: Appliance, tmp_path: Path
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        unit = json.loads(archive.read("data/inspection.json"))["unit"]
    unit_id = inspections.create_unit(office, unit)["id"]
    follow_up = inspections.create(office, unit_id, "follow_up")["id"]
    limited(office, child_memory_mb=SMALL_MB)
    ledger = only(bundle, "data/ledgers/parsed/", ".json")
    hosts = b'{"id":"h","document":' + json.dumps(DEEP.decode()).encode() + b"}\n"
    for name, content, code in (
        (ledger, EMPTY_LISTS, "imports.too_much_memory"),
        ("data/tables/hosts.jsonl", hosts, "imports.bad_content"),
    ):
        path = hostile(bundle, tmp_path / f"{code}.zip", name, content)
        with pytest.raises(BadInput) as caught:
            baselines.choose(office, follow_up, "bundle", str(path), SIGNER.fingerprint)
        assert caught.value.message.code == code
    chosen = baselines.choose(office, follow_up, "bundle", str(bundle), _signer(bundle))
    assert (chosen["unit"], baselines.current(office, follow_up)["digest"]) == (unit, chosen["digest"])


def test_an_import_that_is_to_stop_stops(bundle: Path, office: Appliance, tmp_path: Path) -> None:
    rows = b"".join(b'{"id":"s%d","range":"10.9.0.0/24","label":"","visited_at":null}\n' % n for n in range(300_000))
    path = hostile(bundle, tmp_path / "b.zip", "data/tables/segments.jsonl", rows)
    job = Job("j", imports.KIND, "hosts", "")
    job.cancelled.set()
    before = files_of(office.folder)
    with pytest.raises(Conflict) as caught:
        imports.take_over(office, path, SIGNER.fingerprint, job)
    assert caught.value.message.code == "imports.stopped"
    assert files_of(office.folder) == before


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Appliance, tuple[str, str], Callable[[str, bytes], None]]:
    """Two sealed halves of one visit on one appliance, and a way to put something else into the second."""
    office = appliance_at(tmp_path / "office")
    made = [laptop(tmp_path / name) for name in ("a", "b")]
    for number, one in enumerate(made):
        one.carry_pc(f"10.9.{number}.12", f"SN{number}")
        one.audit()
        bundle = one.seal()
        imports.take_over(office, bundle, _signer(bundle), Job("j", imports.KIND, "hosts", ""))
    ids = (made[0].inspection, made[1].inspection)

    def spoil(name: str, content: bytes) -> None:
        [row] = sealing.list_bundles(office, ids[1])
        path = Path(row["path"])
        spoilt = hostile(path, tmp_path / "spoilt.zip", name, content)
        path.write_bytes(spoilt.read_bytes())
        with office.inspection(ids[1]) as (db, _):
            db.execute("UPDATE bundles SET fingerprint = ?", [SIGNER.fingerprint])
        with office.index() as index:
            index.execute("UPDATE imports SET fingerprint = ?", [SIGNER.fingerprint])

    return office, ids, spoil


def test_a_part_made_to_cost_more_than_it_may_is_not_merged(
    parts: tuple[Appliance, tuple[str, str], Callable[[str, bytes], None]],
) -> None:
    office, ids, spoil = parts
    spoil("data/tables/records.jsonl", record(NESTED))
    limited(office, child_memory_mb=SMALL_MB)
    before = files_of(office.folder)
    for merge in (
        lambda: merging.list_conflicts(office, ids),
        lambda: merging.start(office, ids, {}),
        lambda: merging.merge(office, ids, {}, Job("j", merging.KIND, "hosts", "")),
    ):
        with pytest.raises(BadInput) as caught:
            merge()
        assert caught.value.message.code == "imports.bad_content"
    assert files_of(office.folder) == before
    assert {row["id"] for row in inspections.list_all(office)} == set(ids)
    assert multiprocessing.active_children() == []
