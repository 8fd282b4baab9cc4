"""Sealing over the API: what the bundle holds, and what a stranger can do with it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from api.built import build
from appliance.evidence.verify import verify_bundle
from appliance.folder import DataFolder, writing
from config.clock import SystemClock
from config.problems import Exit
from tests.api.conftest import Api, WsgiClient
from tests.api.test_api import facts_document
from tests.api.test_records import audit

PASSPHRASE = "a long passphrase"
LAYOUT = {
    "inspection.json", "unit.json", "authorisation/authorisations.json", "coverage.csv", "verdicts.jsonl",
    "findings.jsonl", "rates.json", "decisions.jsonl", "objections.jsonl", "changes-to-targets.jsonl",
    "custody/log.jsonl", "team.json", "ledgers/files.json", "ledgers/proofs.json", "tables/hosts.jsonl",
    "tables/records.jsonl", "tables/results.jsonl", "tool/versions.json", "tool/sbom.cdx.json", "tool/policy.json",
    "tool/rules.json", "tool/settings.json", "tool/clock.json", "tool/policies/national.toml",
    "tool/ledger_columns.toml",
}  # fmt: skip


def sealed(api: Api, one: str, **body: Any) -> dict[str, Any]:
    """Seal and return the job's result."""
    job = api.post(f"{one}/bundles", {"unencrypted": True, **body})
    result: dict[str, Any] = api.built.appliance.jobs.get(job["id"]).future.result(240)  # pyright: ignore
    return result


def judged(api: Api) -> str:
    """Path of a judged inspection whose vault is open."""
    api.post("/api/v1/vault", {"passphrase": PASSPHRASE})
    path = api.new_inspection()
    api.post(f"{path}/facts", facts_document())
    audit(api, path)
    return path


def judged_and_left(data: Path) -> str:
    """Id of a judged inspection in a data folder that nobody holds."""
    with writing(DataFolder(data), ""):
        built = build(DataFolder(data), SystemClock())
        made = judged(Api(built, WsgiClient(built.app))).rpartition("/")[2]
        built.appliance.jobs.stop()
        built.appliance.close_custody(made)
    return made


@pytest.fixture
def one(api: Api) -> str:
    return judged(api)


def test_a_bundle_holds_everything_that_the_verdicts_rest_on(api: Api, one: str) -> None:
    bundle = sealed(api, one)
    assert verify_bundle(Path(bundle["path"]), [], bundle["fingerprint"]).exit is Exit.DONE
    with zipfile.ZipFile(bundle["path"]) as archive:
        names = {name.removeprefix("data/") for name in archive.namelist()}
        assert names >= LAYOUT
        assert any(name.startswith("tool/catalogue/") for name in names)
        rates, team = (json.loads(archive.read(f"data/{name}")) for name in ("rates.json", "team.json"))
        parts = json.loads(archive.read("data/tool/sbom.cdx.json"))["components"]
        rows = archive.read("data/tables/hosts.jsonl").splitlines()
    assert rates["digest"] == api.get(f"{one}/rates")["digest"]
    assert team == {"operators": ["inspector"], "sealed_by": "inspector"}
    assert "pkg:pypi/cryptography@" in " ".join(part["purl"] for part in parts)
    assert len(rows) == 1


def test_verdicts_that_do_not_follow_from_what_is_sealed_with_them_are_not_sealed(api: Api, one: str) -> None:
    api.post(f"{one}/facts", facts_document(id="F2", address="10.77.0.51", identity={"hostname": "PC-2"}))
    refused = api.call("POST", f"{one}/bundles", {"unencrypted": True}).json
    assert refused is not None
    assert (refused["code"], refused["params"]["what"]) == ("inspection.audit_outdated", "hosts、matches")
    assert api.get(f"{one}/bundles")["items"] == []
    audit(api, one)
    assert sealed(api, one)["digest"]


def test_the_wheel_in_a_bundle_can_be_installed_and_runs(api: Api, one: str, tmp_path: Path) -> None:
    bundle = sealed(api, one)
    with zipfile.ZipFile(bundle["path"]) as archive:
        (wheel,) = (name for name in archive.namelist() if name.endswith(".whl"))
        file = Path(archive.extract(wheel, tmp_path))
    target = tmp_path / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target))
    subprocess.run([*pip, str(file)], check=True)
    code = "import config.messages, appliance.version as v; print(config.messages.__file__, v.VERSION)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=target, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(str(target))


def test_verdicts_older_than_a_desk_decision_are_not_sealed(api: Api, one: str) -> None:
    verdict = api.get(f"{one}/verdicts?limit=1")["items"][0]
    api.post(f"{one}/verdicts/{verdict['id']}/decision", {"decision": "licensed", "reason": "见合同原件", "papers": []})
    refused = api.call("POST", f"{one}/bundles", {"unencrypted": True}).json
    assert refused is not None
    assert (refused["code"], refused["params"]["what"]) == ("inspection.audit_outdated", "decisions")
    assert "（上机复核）" in refused["title"]
    audit(api, one)
    assert sealed(api, one)["digest"]


def test_every_input_that_changes_after_the_audit_is_named_before_sealing(api: Api, one: str) -> None:
    api.post(f"{one}/records", {"kind": "disposals", "fields": {"asset_no": "ZC1", "paper": "批复 3 号"}})
    api.post(f"{one}/proofs", {"software_no": "RJ1", "level": "P1"})
    api.call("PATCH", one, {"phase": "after_proof"})
    api.post(f"{one}/facts", facts_document(id="F2", address="10.77.0.51"))
    refused = api.call("POST", f"{one}/bundles", {"unencrypted": True}).json
    assert refused is not None
    assert set(refused["params"]["what"].split("、")) >= {"phase", "hosts", "proofs", "disposals"}
    assert "（阶段、检测结果" in refused["title"]
