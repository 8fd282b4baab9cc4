"""Two laptops see two halves of one unit; their bundles become one inspection, and people decide what disagrees."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.jobs import Job
from appliance.ledger.model import LedgerKind
from appliance.model import Phase
from appliance.recognition.corrections import Correction
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.visits import auditing, imports, inspections, merging, recognising, sealing
from appliance.visits.replaying import replay_bundle
from appliance.visits.summary import summarise
from config.problems import BadInput, Conflict, EnvironmentProblem, Problem, Refused
from tests.appliance.evidence.laptop import AUTHORISATION, LEDGERS, Laptop, appliance_at, laptop

ASSETS, LICENCES = ("固定资产.csv", LedgerKind.ASSETS), ("软件使用情况汇总表.csv", LedgerKind.LICENCES)
FREE = ("可使用免费软件清单.csv", LedgerKind.FREE_LIST)
Prepare = Callable[[Laptop, Laptop], object]


def halves(folder: Path, prepare: Prepare = lambda _a, _b: None) -> tuple[Appliance, str, str]:
    """An office that has imported two halves; ``prepare`` is done to both laptops before they judge and seal."""
    first, second = laptop(folder / "a"), laptop(folder / "b")
    for made, segment in ((first, "10.9.0.0/24"), (second, "10.9.1.0/24")):
        look_at(made, segment)
        made.take_ledger(*ASSETS)
        made.take_ledger(*LICENCES)
    first.read_pc("10.9.0.11")
    first.carry_pc("10.9.0.12", "SN0012")
    second.read_pc("10.9.1.11", "CPC2")
    second.carry_pc("10.9.1.12", "SN0112", ("Microsoft Office 专业增强版 2016",))
    prepare(first, second)
    office = appliance_at(folder / "office")
    for made in (first, second):
        made.audit()
        path = made.seal()
        signer = sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"]
        imports.take_over(office, path, signer, Job("j", "import", "hosts", ""))
    return office, first.inspection, second.inspection


def look_at(made: Laptop, segment: str) -> None:
    row = inspections.add_segment(made.appliance, made.inspection, segment, "一楼")
    with made.appliance.open_inspection(made.inspection) as (db, _):
        store.visit_segments(db, [row["id"]], "2026-11-16T10:00:00.000+08:00")


def merged(office: Appliance, ids: tuple[str, ...], **choices: str) -> Laptop:
    found = merging.merge(office, ids, choices, Job("j", "merge", "hosts", ""))
    return Laptop(office, found["inspection"])


def keys(office: Appliance, ids: tuple[str, ...]) -> dict[str, list[str]]:
    return {conflict["key"]: conflict["choices"] for conflict in merging.list_conflicts(office, ids)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, tuple[str, str]]:
    office, *ids = halves(tmp_path_factory.mktemp("halves"))
    parts = (ids[0], ids[1])
    assert keys(office, parts) == {}
    return merged(office, parts), parts


def test_two_halves_without_a_conflict_become_one_inspection(whole: tuple[Laptop, tuple[str, str]]) -> None:
    made, parts = whole
    summary = summarise(made.appliance, made.inspection)
    assert summary["collected"] == 4
    with made.appliance.inspection(made.inspection) as (db, folder):
        addresses = {stored.host.address for stored in host_store.list_hosts(db)}
        assert addresses == {"10.9.0.11", "10.9.0.12", "10.9.1.11", "10.9.1.12"}
        assert {row["range"] for row in store.list_segments(db)} == {"10.9.0.0/24", "10.9.1.0/24"}
        assert len(list(folder.raw.iterdir())) == 2
    of_parts = [v for part in parts for _, v in auditing.verdicts(made.appliance, part, -1, 1000, {}) if v["host_id"]]
    whole_unit = [v for _, v in auditing.verdicts(made.appliance, made.inspection, -1, 1000, {}) if v["host_id"]]
    assert {v["id"] for v in whole_unit} == {v["id"] for v in of_parts}


def test_the_same_ledger_of_both_laptops_is_in_force_once(whole: tuple[Laptop, tuple[str, str]]) -> None:
    made, parts = whole
    rates = auditing.rates(made.appliance, made.inspection)["rates"]
    assert rates["coverage_rate"]["d"] == auditing.rates(made.appliance, parts[0])["rates"]["coverage_rate"]["d"]


def test_both_custody_logs_and_signatures_are_inside_the_merged_bundle(
    whole: tuple[Laptop, tuple[str, str]], tmp_path: Path
) -> None:
    made, parts = whole
    path = made.seal()
    with zipfile.ZipFile(path) as archive:
        for part in parts:
            log = archive.read(f"data/parts/{part}/custody.jsonl")
            assert custody.check_lines(log.splitlines(keepends=True)).intact
            [bundle] = sealing.list_bundles(made.appliance, part)
            with zipfile.ZipFile(bundle["path"]) as original:
                assert log == original.read("data/custody/log.jsonl")
                for name in ("tagmanifest-sha256.txt", "manifest-sha256.txt"):
                    assert archive.read(f"data/parts/{part}/{name}") == original.read(name)
                for name in ("tagmanifest.sig", "pubkey.pem"):
                    assert archive.read(f"data/parts/{part}/{name}") == original.read(f"signature/{name}")
        record = json.loads(archive.read("data/parts/merge.json"))
    assert [part["inspection"] for part in record["parts"]] == list(parts)
    for part in record["parts"]:
        log = made.appliance.folder.inspection(made.inspection).root / "parts" / part["inspection"] / "custody.jsonl"
        assert part["custody"] == {**asdict(custody.check(log).head), "operators": [made.appliance.operator]}
    assert replay_bundle(path, sealing.known_signers(made.appliance), None, None).to_json()["outcome"] == "identical"
    signer = sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"]
    other = appliance_at(tmp_path / "third")
    imports.take_over(other, path, signer, Job("j", "import", "hosts", ""))
    assert merging.origin(other, made.inspection) == record
    assert merging.origin(other, made.inspection) == merging.origin(made.appliance, made.inspection)


def test_two_hosts_at_one_address_are_decided_and_the_other_stays_in_its_part(tmp_path: Path) -> None:
    def both(first: Laptop, second: Laptop) -> None:
        first.carry_pc("10.9.0.50", "SN0050")
        second.carry_pc("10.9.0.50", "SN0950", ("WinRAR 6.02 (64-位)",))

    office, one, two = halves(tmp_path, both)
    assert keys(office, (one, two)) == {"address:10.9.0.50": [one, two]}
    with pytest.raises(Conflict) as caught:
        merged(office, (one, two))
    assert caught.value.message.params["keys"] == "address:10.9.0.50"
    made = merged(office, (one, two), **{"address:10.9.0.50": two})
    with office.inspection(made.inspection) as (db, _):
        facts = {f.address: f for _, f in host_store.stream_facts(db)}
    identity = facts["10.9.0.50"].identity
    assert identity is not None
    assert identity.serial == "SN0950"
    origin = merging.origin(office, made.inspection)
    assert origin is not None
    assert [len(part["left_out"]) for part in origin["parts"]] == [1, 0]
    assert origin["conflicts"][0]["choice"] == two


def test_one_computer_seen_by_both_is_shown_and_joined_by_its_identity_or_chosen(tmp_path: Path) -> None:
    def moved(first: Laptop, second: Laptop) -> None:
        for made, address in ((first, "10.9.0.60"), (second, "10.9.1.60")):
            made.carry_pc(address, "SN0060", uuid="4c4c4544-0044-5110-8035-b4c04f313233")

    office, one, two = halves(tmp_path, moved)
    [(key, choices)] = keys(office, (one, two)).items()
    assert key.startswith("computer:")
    assert (set(choices), choices[-1]) == ({one, two, "both"}, "both")
    joined = merged(office, (one, two), **{key: "both"})
    with office.inspection(joined.inspection) as (db, _):
        assert len(host_store.list_hosts(db)) == 6
    assert auditing.rates(office, joined.inspection)["head"]["counts"]["computers"] == 5
    chosen = merged(office, (one, two), **{key: one})
    with office.inspection(chosen.inspection) as (db, _):
        assert "10.9.1.60" not in {stored.host.address for stored in host_store.list_hosts(db)}


@pytest.mark.parametrize(("choice", "in_force"), [("first", 1), ("second", 1), ("all", 2)])
def test_differing_ledgers_are_chosen_or_stand_side_by_side(tmp_path: Path, choice: str, in_force: int) -> None:
    def other_ledger(first: Laptop, second: Laptop) -> None:
        second.take_ledger(*FREE)
        first.take_ledger(FREE[0], FREE[1], (LEDGERS / FREE[0]).read_bytes() + b"\r\n")

    office, one, two = halves(tmp_path, other_ledger)
    [(key, choices)] = keys(office, (one, two)).items()
    assert (key, choices) == ("ledger:free_list", [one, two, "all"])
    made = merged(office, (one, two), **{key: {"first": one, "second": two, "all": "all"}[choice]})
    with office.inspection(made.inspection) as (db, _):
        states = db.rows("SELECT state FROM ledger_files WHERE kind = 'free_list' ORDER BY state")
    assert [row["state"] for row in states].count("accepted") == in_force


def test_other_phases_days_names_and_decisions_are_shown_by_name(tmp_path: Path) -> None:
    def differ(first: Laptop, second: Laptop) -> None:
        inspections.change(second.appliance, second.inspection, Phase.AFTER_PROOF, None)
        for made, noise in ((first, True), (second, False)):
            correction = Correction("某个程序", noise=noise, product_id="" if noise else "wps-office")
            recognising.correct(made.appliance, made.inspection, correction)

    office, one, two = halves(tmp_path, differ)
    found = keys(office, (one, two))
    assert found.pop("phase") == ["after_proof", "on_site"]
    [(key, choices)] = found.items()
    assert key.startswith("correction:")
    made = merged(office, (one, two), **{key: choices[0], "phase": "on_site"})
    with office.inspection(made.inspection) as (db, folder):
        assert [one.noise for one in recognising.in_force(folder)] == [True]
        assert store.read(db)["phase"] == "on_site"


def test_overlapping_segments_are_accepted_by_a_person(tmp_path: Path) -> None:
    office, one, two = halves(tmp_path, lambda _first, second: look_at(second, "10.9.0.128/25"))
    assert keys(office, (one, two)) == {"segment:10.9.0.0/24|10.9.0.128/25": ["accept"]}


def test_parts_under_another_authorisation_or_of_another_unit_are_refused(tmp_path: Path) -> None:
    def other_paper(_first: Laptop, second: Laptop) -> None:
        inspections.authorise(second.appliance, second.inspection, replace(AUTHORISATION, document_no="9号"))

    office, one, two = halves(tmp_path, other_paper)
    with pytest.raises(Refused) as caught:
        merging.start(office, (one, two), {})
    assert caught.value.message.code == "merge.other_authorisation"


def test_what_cannot_be_merged_is_refused_by_name(whole: tuple[Laptop, tuple[str, str]]) -> None:
    made, parts = whole
    wrong: list[tuple[tuple[str, ...], dict[str, str], str, type[Problem]]] = [
        (parts[:1], {}, "merge.too_few", BadInput),
        ((parts[0], parts[0]), {}, "merge.twice", BadInput),
        (parts, {"address:10.0.0.1": parts[0]}, "merge.unknown_choice", BadInput),
    ]
    for ids, choices, code, kind in wrong:
        with pytest.raises(kind) as caught:
            merging.start(made.appliance, ids, choices)
        assert caught.value.message.code == code


def test_a_merge_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office, one, two = halves(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging, "move_folder", full)
    with pytest.raises(EnvironmentProblem) as caught:
        merged(office, (one, two))
    assert caught.value.message.code == "imports.cannot_write"
    assert {row["id"] for row in inspections.list_all(office)} == {one, two}
    assert list(office.folder.run.glob("merge-*")) == []
