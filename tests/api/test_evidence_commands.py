"""``hezheng evidence replay``, ``import`` and ``merge`` from the command line: exit codes, sentences, JSON."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from api import commands
from api.commands.base import guarded
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.visits import sealing
from tests.api.conftest import Api, Ran
from tests.appliance.evidence.laptop import Laptop, laptop, visited
from tests.appliance.evidence.sample import SIGNER, clock

Run = Callable[..., Ran]


@pytest.fixture
def hezheng(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process: a process of its own takes seconds to start."""
    monkeypatch.setenv("HEZHENG_DATA", str(data))

    def run(*arguments: str) -> Ran:
        code = guarded(lambda: commands.hezheng.main(list(arguments), standalone_mode=False))
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, Path, str]:
    made = visited(tmp_path_factory.mktemp("laptop"))
    path = made.seal()
    return made, path, str(sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"])


def test_a_replay_says_identical_different_or_which_version_to_install(
    sealed: tuple[Laptop, Path, str], hezheng: Run, tmp_path: Path
) -> None:
    same = hezheng("evidence", "replay", str(sealed[1]), "--signer", sealed[2], "--json")
    assert (same.exit, same.json["schema"], same.json["outcome"]) == (0, "hezheng.replay/1", "identical")
    assert "逐字节相同" in same.err
    assert hezheng("evidence", "replay", str(sealed[1])).exit == 4
    with zipfile.ZipFile(sealed[1]) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith("data/")}
    edits = {
        1: {"data/verdicts.jsonl": files["data/verdicts.jsonl"].replace(b'"rule":"R', b'"rule":"S')},
        7: {"data/tool/versions.json": json.dumps({"hezheng": "0.0.1"}).encode()},
    }
    for code, edit in edits.items():
        path = tmp_path / f"{code}.zip"
        write_bundle(path, [BundleFile(n, c) for n, c in (files | edit).items()], {}, SIGNER, clock())
        found = hezheng("evidence", "replay", str(path), "--signer", SIGNER.fingerprint)
        assert found.exit == code, found.err
        assert ("复算有" if code == 1 else "请安装 0.0.1 版") in found.err


def test_a_bundle_is_imported_listed_viewed_and_refuses_change(sealed: tuple[Laptop, Path, str], hezheng: Run) -> None:
    made, path, signer = sealed
    assert hezheng("evidence", "import", str(path)).exit == 4
    taken = hezheng("evidence", "import", str(path), "--signer", signer, "--json")
    assert taken.exit == 0, taken.err
    assert taken.json["inspection_id"] == made.inspection
    [listed] = hezheng("evidence", "imports", "--json").json["items"]
    assert listed["digest"] == taken.json["digest"]
    verdicts = hezheng("verdict", "list", made.inspection, "--json").json["items"]
    explained = hezheng("explain", made.inspection, verdicts[0]["id"], "--json")
    assert explained.exit == 0, explained.err
    refused = hezheng("audit", made.inspection)
    assert refused.exit == 4
    again = hezheng("evidence", "import", str(path))
    assert (again.exit, "已在本机" in again.err) == (3, True)


def test_halves_are_merged_once_their_conflicts_are_decided(hezheng: Run, tmp_path: Path) -> None:
    ids: list[str] = []
    for name in ("a", "b"):
        made = laptop(tmp_path / name)
        made.carry_pc("10.9.0.12", f"SN-{name}")
        made.audit()
        path = made.seal()
        signer = sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"]
        assert hezheng("evidence", "import", str(path), "--signer", signer).exit == 0
        ids.append(made.inspection)
    asked = hezheng("evidence", "merge", *ids, "--json")
    assert asked.exit == 1
    [conflict] = asked.json["items"]
    assert conflict["key"] == "address:10.9.0.12"
    assert conflict["reason"]["text"]
    merged = hezheng("evidence", "merge", *ids, "--choose", f"{conflict['key']}={ids[1]}", "--json")
    assert merged.exit == 0, merged.err
    assert merged.json["inspection"] not in ids
    assert hezheng("evidence", "merge", *ids, "--choose", f"{conflict['key']}=nobody").exit == 3


def test_wrong_requests_end_with_a_problem(api: Api) -> None:
    one = "01M7GXWEM0B30RRZCM1EFK9YNV"
    for method, path, body, status in (
        ("POST", "/api/v1/imports", {"path": "relative.zip"}, 422),
        ("POST", "/api/v1/imports", {"path": "/none/at/all.zip", "other": 1}, 422),
        ("POST", "/api/v1/imports/looks", {"path": "relative.zip"}, 422),
        ("POST", "/api/v1/imports/looks", {"path": "/none/at/all.zip"}, 422),
        ("POST", "/api/v1/merges", {"inspections": [one]}, 422),
        ("POST", "/api/v1/merges", {"inspections": [one, one[:-1] + "W"]}, 404),
        ("POST", "/api/v1/merges/conflicts", {"inspections": []}, 422),
        ("POST", f"/api/v1/inspections/{one}/bundles/{one}/replays", None, 404),
        ("GET", f"/api/v1/inspections/{one}/parts", None, 404),
    ):
        response = api.call(method, path, body)
        assert response.status_code == status, (path, response.text)
        assert json.loads(response.text)["title"]
