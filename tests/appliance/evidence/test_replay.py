"""A bundle judged again from its raw answers says the same, and says where it does not."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.evidence.reading import opened_bundle
from appliance.visits import auditing, inspections, policies
from appliance.visits.deriving import Deriver
from appliance.visits.replaying import replay_bundle
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput, Negative, OtherVersion, Refused
from config.settings import load as load_settings
from scanner.model import FactsOrigin
from tests.api.test_policies import OWN
from tests.appliance.evidence.laptop import AUTHORISATION, laptop, visited
from tests.appliance.evidence.sample import SIGNER, clock


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = visited(tmp_path_factory.mktemp("replay"))
    made.read_pc("offline:ZC-1", "USB", FactsOrigin.COLLECTOR)
    made.read_pc("offline:ZC-2", "HAND", FactsOrigin.MANUAL)
    made.audit()
    path = made.seal()
    with made.appliance.inspection(made.inspection) as (db, _):
        return path, str(db.value("SELECT fingerprint FROM bundles"))


def test_a_replay_gives_the_sealed_bytes(bundle: tuple[Path, str]) -> None:
    path, signer = bundle
    found = replay_bundle(path, (), signer, None)
    assert found.to_json()["first"] == []
    assert found.to_json()["outcome"] == "identical"
    assert found.to_json()["facts"] == {"derived": 2, "given": 3}


def test_a_bundle_judged_by_a_campaign_s_own_profile_carries_it_and_gives_the_sealed_bytes(tmp_path: Path) -> None:
    made = laptop(tmp_path / "laptop")
    policies.add(made.appliance, OWN)
    unit = inspections.create_unit(made.appliance, "某局")["id"]
    made = replace(
        made, inspection=str(inspections.create(made.appliance, unit, "initial", None, "campaign-2026")["id"])
    )
    inspections.authorise(made.appliance, made.inspection, AUTHORISATION)
    made.carry_pc("10.9.0.9", "SN1")
    made.audit()
    assert auditing.rates(made.appliance, made.inspection)["head"]["policy"]["id"] == "campaign-2026"
    path = made.seal()
    assert only(path, r"data/tool/policies/campaign-2026\.toml")
    with made.appliance.inspection(made.inspection) as (db, _):
        signer = str(db.value("SELECT fingerprint FROM bundles"))
    assert replay_bundle(path, (), signer, None).to_json()["outcome"] == "identical"


def resealed(path: Path, target: Path, edits: Mapping[str, Callable[[bytes], bytes]]) -> Path:
    """The same bundle with edited files, signed anew by somebody who is trusted."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("data/")]
        files = [BundleFile(name, edits.get(name, bytes)(archive.read(name))) for name in names]
    write_bundle(target, files, {"External-Identifier": "x"}, SIGNER, clock())
    return target


def only(path: Path, pattern: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return next(name for name in archive.namelist() if re.fullmatch(pattern, name))


def replayed(path: Path) -> dict[str, Any]:
    return replay_bundle(path, (SIGNER.fingerprint,), None, None).to_json()


def test_a_raw_answer_that_says_something_else_is_named_by_host_and_product(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    raw = only(bundle[0], r"data/hosts/.+/raw/.+\.jsonl")
    forged = resealed(
        bundle[0], tmp_path / "b.zip", {raw: lambda data: data.replace(b"Windows 10 Pro", b"Windows 7 Pro!")}
    )
    found = replayed(forged)
    assert found["outcome"] == "different"
    first = found["first"][0]
    assert (first["what"], first["host_id"], first["fields"]) == ("facts", raw.split("/")[2], ["os", "raw_digest"])
    assert first["address"] == "10.9.0.11"
    about_host = [d for d in found["first"] if d["what"] == "verdict" and d["host_id"] == first["host_id"]]
    assert any("Windows" in difference["product"] for difference in about_host)


def test_a_verdict_that_the_rules_do_not_give_is_named_with_its_fields(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    def milder(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[0] = re.sub(rb'"decision":"\w+"', b'"decision":"excluded"', lines[0], count=1)
        return b"".join(lines[:-1])  # and the last one is gone

    found = replayed(resealed(bundle[0], tmp_path / "b.zip", {"data/verdicts.jsonl": milder}))
    changed, missing = [d for d in found["first"] if d["what"] == "verdict"]
    assert (changed["fields"], changed["missing"]) == (["decision"], "")
    assert missing["missing"] == "sealed"
    assert found["differences"] == 2


def test_no_more_than_twenty_differences_are_listed_and_all_are_counted(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    def other_rule(data: bytes) -> bytes:
        return re.sub(rb'"rule":"\w+"', b'"rule":"R99"', data)

    found = replayed(resealed(bundle[0], tmp_path / "b.zip", {"data/verdicts.jsonl": other_rule}))
    assert len(found["first"]) == min(20, found["differences"])
    assert found["differences"] == found["verdicts"]


def test_sealed_rates_and_findings_are_compared_too(bundle: tuple[Path, str], tmp_path: Path) -> None:
    def better(data: bytes) -> bytes:
        document = json.loads(data)
        document["rates"]["legal_rate"]["n"] += 1
        return json.dumps(document).encode()

    def one_less(data: bytes) -> bytes:
        return b"".join(data.splitlines(keepends=True)[1:])

    edits = {"data/rates.json": better, "data/findings.jsonl": one_less}
    found = replayed(resealed(bundle[0], tmp_path / "b.zip", edits))
    assert {(d["what"], d["missing"]) for d in found["first"]} == {("rate", ""), ("finding", "sealed")}
    assert ["legal_rate.n"] in [d["fields"] for d in found["first"]]


def test_a_bundle_of_other_rules_is_not_judged_but_names_the_version_to_install(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    def older(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), "hezheng": "0.0.1"}).encode()

    path = resealed(bundle[0], tmp_path / "b.zip", {"data/tool/versions.json": older})
    with pytest.raises(OtherVersion) as caught:
        replayed(path)
    assert (caught.value.exit, caught.value.message.params["sealed"]) == (7, "0.0.1")


def test_a_broken_bundle_is_not_replayed_and_a_stranger_s_only_with_the_fingerprint(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    with pytest.raises(Refused) as unknown:
        replay_bundle(bundle[0], (), None, None)
    assert unknown.value.message.code == "evidence.unknown_signer"
    content = bytearray(bundle[0].read_bytes())
    content[len(content) // 3] ^= 1
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content)
    with pytest.raises(Negative) as caught:
        replay_bundle(broken, (), bundle[1], None)
    assert caught.value.message.code == "imports.broken"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/unit.json", b"[]"),
        ("data/unit.json", b"[" * 200_000),
        ("data/inspection.json", b'{"id": "../../etc", "policy": "national"}'),
        ("data/verdicts.jsonl", b"{}\n"),
        ("data/verdicts.jsonl", b"[" * 200_000 + b"\n"),
        ("data/rates.json", b"{}"),
        ("data/rates.json", b'{"head": {}, "rates": {}, "positions": [1]}'),
        ("data/changes-to-targets.jsonl", b'{"entry": "e", "step": "intent"}\n'),
        ("data/tables/hosts.jsonl", b'{"id": "x"}\n'),
        ("data/tables/hosts.jsonl", b'{"id); DROP TABLE hosts;--": "x"}\n'),
        ("data/tables/records.jsonl", b'{"id":"r","kind":"decisions","entered_at":"x","document":{"a":[1]}}\n'),
        ("data/tables/records.jsonl", b'{"id":"r","kind":"decisions","entered_at":"x","document":"{}"}\n'),
        ("data/tables/of_a_later_version.jsonl", b'{"id": "x"}\n'),
        ("data/tool/recognition.json", b'{"__reduce__": "os.system"}'),
        ("data/tool/policies/national.toml", b"schema = 1"),
        ("data/tool/catalogue/10-office.toml", b"\xff\xfe"),
    ],
)
def test_content_that_our_loaders_refuse_ends_with_a_sentence(
    bundle: tuple[Path, str], tmp_path: Path, name: str, content: bytes
) -> None:
    with zipfile.ZipFile(bundle[0]) as archive:
        files = {n: archive.read(n) for n in archive.namelist() if n.startswith("data/")} | {name: content}
    path = tmp_path / "b.zip"
    write_bundle(path, [BundleFile(n, c) for n, c in files.items()], {"External-Identifier": "x"}, SIGNER, clock())
    with pytest.raises(BadInput) as caught:
        replayed(path)
    assert render(caught.value.message)


@pytest.mark.parametrize(("name", "value"), [("as_of", "tomorrow"), ("phase", "later"), ("created_at", "x")])
def test_an_inspection_whose_days_or_phase_are_none_is_named(
    bundle: tuple[Path, str], tmp_path: Path, name: str, value: str
) -> None:
    def other(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), name: value}).encode()

    with pytest.raises(BadInput) as caught:
        replayed(resealed(bundle[0], tmp_path / "b.zip", {"data/inspection.json": other}))
    assert caught.value.message.params["path"] == "data/inspection.json"


def test_nothing_is_left_of_a_replay(bundle: tuple[Path, str], tmp_path: Path) -> None:
    replay_bundle(*bundle[:1], (), bundle[1], tmp_path)
    assert list(tmp_path.iterdir()) == []


RAW = r"data/hosts/.+/raw/.+\.jsonl"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000 + b"\n",
        b"no JSON\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"id": "o1", "collector": "x", "at": "", "channel": ""}\n',
    ],
)
def test_raw_records_that_are_none_end_with_a_sentence_that_names_the_computer(
    bundle: tuple[Path, str], tmp_path: Path, line: bytes
) -> None:
    raw = only(bundle[0], RAW)
    with pytest.raises(BadInput) as caught:
        replayed(resealed(bundle[0], tmp_path / "b.zip", {raw: lambda data: data + line}))
    assert (caught.value.message.code, caught.value.message.params["path"]) == ("imports.bad_content", raw)


def test_raw_records_that_would_fill_the_memory_stop_their_own_process_and_no_other_s(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    """Each empty list of three characters takes 64 bytes: what is 40 MB here takes 800."""
    first = only(bundle[0], RAW)
    head = b'{"id": "o1", "collector": "x", "at": "", "channel": "", "request": {"op": "x"}, "answer": ['
    bomb = head + b"[]," * 3_300_000 + b"[]]}\n"
    filled = resealed(bundle[0], tmp_path / "b.zip", {first: lambda data: data + 3 * bomb})
    scan = load_settings(environment={}).scan.model_copy(update={"worker_memory_mb": 256})
    with opened_bundle(filled) as reader, Deriver(reader, scan, SystemClock()) as deriver:
        of = {f"data/hosts/{host_id}/raw/{facts.id}.jsonl": facts for host_id, facts in reader.facts()}
        other = next(name for name in sorted(of.keys() & reader.names) if name != first)
        before = deriver.derive(of[other], other)
        with pytest.raises(BadInput) as caught:
            deriver.derive(of[first], first)
        assert caught.value.message.params["limit"] == "out_of_memory"
        assert render(caught.value.message)
        assert deriver.derive(of[other], other) == before


def test_more_raw_records_than_one_reading_may_bring_are_not_even_handed_on(
    bundle: tuple[Path, str], tmp_path: Path
) -> None:
    raw = only(bundle[0], RAW)
    scan = load_settings(environment={}).scan.model_copy(update={"host_bytes_limit_mb": 1})
    path = resealed(bundle[0], tmp_path / "b.zip", {raw: lambda data: data + b"{}" + b" " * (1 << 20) + b"\n"})
    with opened_bundle(path) as reader, Deriver(reader, scan, SystemClock()) as deriver:
        sealed = next(facts for _, facts in reader.facts() if facts.id in raw)
        with pytest.raises(BadInput) as caught:
            deriver.derive(sealed, raw)
    assert caught.value.message.params["limit"] == "bytes"
