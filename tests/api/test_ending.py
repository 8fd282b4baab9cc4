"""An inspection ends only with the office's copy safe elsewhere; then credentials, keys and folder are gone."""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from api.built import build
from appliance.evidence import custody
from appliance.folder import DataFolder
from appliance.store import endings
from appliance.visits import ending
from config.clock import SystemClock
from config.problems import EnvironmentProblem
from tests.api.conftest import Api, hezheng
from tests.api.test_api import code_of, facts_document
from tests.api.test_sealing import judged
from tests.api.test_sealing import sealed as first_seal
from tests.api.test_second_seal import PDF, office, second, upload
from tests.lab import images

PASSPHRASE = "一个足够长的口令库密码"
SECRET = "Lent-Pa55word-by-the-unit"
REASON = "现场没有第二块移动硬盘"


def done(api: Api, path: str, body: Any = None) -> Any:
    """The job's state when it is over."""
    job = api.post(path, body)
    while (state := api.get(f"/api/v1/jobs/{job['id']}"))["state"] == "running":
        time.sleep(0.01)
    return state


@pytest.fixture
def sealed(api: Api) -> str:
    """Path of an inspection with one computer and one credential, sealed."""
    one = api.new_inspection()
    api.post("/api/v1/vault", {"passphrase": PASSPHRASE})
    login = {"kind": "local", "protocol": "smb", "username": "inspector", "secret": SECRET}
    api.post(f"{one}/credentials", login)
    api.post(f"{one}/facts", facts_document())
    done(api, f"{one}/audits")
    assert done(api, f"{one}/bundles", {"unencrypted": True})["state"] == "done"
    return one


def copied(api: Api, one: str, folder: Path) -> Path:
    """The office's copy of the sealed bundle in ``folder``."""
    bundle = api.get(f"{one}/bundles")["items"][-1]
    return Path(shutil.copy(bundle["path"], folder / f"{bundle['id']}.zip"))


def end(api: Api, one: str, copy: Path, reason: str = REASON) -> Any:
    return done(api, f"{one}/ending", {"copy_path": str(copy), "same_medium_reason": reason})


def own_log(data: Path) -> list[custody.Entry]:
    assert custody.check(data / "custody.jsonl").intact
    return list(custody.entries(data / "custody.jsonl"))


def test_ending_destroys_credentials_and_folder_and_leaves_the_proof(
    api: Api, sealed: str, data: Path, tmp_path: Path
) -> None:
    copy = copied(api, sealed, tmp_path)
    inspection = sealed.rpartition("/")[2]
    ended = end(api, sealed, copy)
    assert ended["state"] == "done", ended
    assert list((data / "inspections").iterdir()) == list((data / "ending").iterdir()) == []
    vault = (data / "vault" / "vault.json").read_text()
    assert inspection not in vault
    assert json.loads(vault)["body"]["entries"] == []
    proof = api.get(f"{sealed}/ending")
    assert (proof["stage"], proof["credentials"], proof["same_medium_reason"]) == ("done", 1, REASON)
    assert proof["bundles"][0]["copy"] == str(copy)
    log = own_log(data)
    assert [entry.action.partition(".")[2] for entry in log] == [
        "ending",
        "credentials_destroyed",
        "folder_removed",
        "ended",
    ]
    assert proof["log"]["sha256"] == custody.check(data / "custody.jsonl").head.sha256
    assert log[0].params["custody_sha256"] == proof["custody"]["sha256"]


def test_an_ended_inspection_is_named_as_ended_everywhere(api: Api, sealed: str, tmp_path: Path) -> None:
    fingerprint = api.get(f"{sealed}/bundles")["items"][0]["fingerprint"]
    copy = copied(api, sealed, tmp_path)
    end(api, sealed, copy)
    for path in ("", "/hosts", "/bundles", "/summary"):
        assert code_of(api, "GET", f"{sealed}{path}") == (404, "ending.gone", 3)
    assert code_of(api, "POST", f"{sealed}/ending", {"copy_path": str(copy)})[1] == "ending.gone"
    assert api.get("/api/v1/inspections")["items"][0]["ended"] == "done"
    assert api.get("/api/v1/signers")["items"] == [fingerprint]
    assert done(api, "/api/v1/recovery")["state"] == "done"


def test_what_was_planned_for_an_ended_inspection_is_cancelled(api: Api, tmp_path: Path) -> None:
    one = judged(api)
    added = api.post(f"{one}/schedules", {"kind": "presence", "once_at": "2099-01-01T09:00:00+08:00"})
    first_seal(api, one)
    assert end(api, one, copied(api, one, tmp_path))["state"] == "done"
    planned = {one["id"]: one["cancelled_at"] for one in api.get("/api/v1/schedules")["items"]}
    assert planned[added["id"]] is not None


def test_what_is_not_sealed_is_not_ended(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    assert code_of(api, "POST", f"{one}/ending", {"copy_path": str(tmp_path)})[1] == "ending.not_sealed"
    assert code_of(api, "GET", f"{one}/ending")[1] == "ending.none"


@pytest.mark.parametrize(
    ("place", "reason", "code"),
    [
        ("nowhere", REASON, "ending.no_such_copy"),
        ("empty folder", REASON, "ending.copy_missing"),
        ("same disk", "", "ending.same_medium"),
        ("memory", "", "ending.volatile_medium"),
        ("flipped bit", REASON, "ending.copy_broken"),
        ("other file", REASON, "ending.copy_broken"),
        ("cut short", REASON, "ending.copy_broken"),
    ],
)
def test_a_copy_that_would_not_serve_destroys_nothing(
    api: Api, sealed: str, data: Path, tmp_path: Path, place: str, reason: str, code: str
) -> None:
    copy = copied(api, sealed, tmp_path)
    content = bytearray(copy.read_bytes())
    if place == "nowhere":
        copy = tmp_path / "absent"
    if place == "empty folder":
        copy = tmp_path / "empty"
        copy.mkdir()
    if place == "memory":
        copy = Path("/dev/shm")
    if place == "flipped bit":
        content[len(content) // 2] ^= 1
        copy.write_bytes(content)
    if place == "other file":
        copy.write_bytes(b"not a bundle")
    if place == "cut short":
        copy.write_bytes(content[:-100])
    state = end(api, sealed, copy, reason)
    assert (state["state"], state["problem"]["code"]) == ("failed", code)
    assert api.get(f"{sealed}/summary")
    assert api.get(f"{sealed}/credentials")["items"]
    assert not (data / "custody.jsonl").exists()


def test_our_own_file_is_no_copy_of_itself(api: Api, sealed: str) -> None:
    path = api.get(f"{sealed}/bundles")["items"][0]["path"]
    body = {"copy_path": path, "same_medium_reason": REASON}
    assert code_of(api, "POST", f"{sealed}/ending", body)[1] == "ending.copy_inside"


def test_the_encrypted_file_that_was_handed_out_is_a_copy_byte_for_byte(api: Api, tmp_path: Path) -> None:
    assert api.call("PUT", "/api/v1/office-certificate", {"pem": office(tmp_path)}).status_code == 200
    one = judged(api)
    first_seal(api, one)
    copy = tmp_path / "taken.zip.p7m"
    content = api.call("GET", f"{one}/bundles/{api.get(f'{one}/bundles')['items'][0]['id']}/file").data
    assert not zipfile.is_zipfile(io.BytesIO(content))
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert end(api, one, copy)["problem"]["code"] == "ending.copy_broken"
    copy.write_bytes(content)
    assert end(api, one, copy)["state"] == "done"


def test_with_the_papers_sealed_too_a_copy_of_the_first_seal_is_not_enough(
    api: Api, sealed: str, tmp_path: Path
) -> None:
    first = copied(api, sealed, tmp_path)
    assert upload(api, f"{sealed}/papers", "签字页.pdf", PDF).status_code == 201
    second(api, sealed)
    assert end(api, sealed, first)["problem"]["code"] == "ending.copy_broken"
    ended = end(api, sealed, copied(api, sealed, tmp_path))
    assert (ended["state"], ended["result"]["bundles"][0]["seal"]) == ("done", 2)


@pytest.mark.lab
def test_a_copy_on_a_medium_of_its_own_needs_no_reason(api: Api, sealed: str, tmp_path: Path) -> None:
    with images.mounted(tmp_path / "stick.img", tmp_path / "stick") as stick:
        copied(api, sealed, stick)
        state = end(api, sealed, stick, "")
    assert state["state"] == "done", state
    assert state["result"]["bundles"][0]["filesystem"] == "ext4"


@pytest.mark.parametrize("stage", list(endings.Stage)[:-1])
def test_an_ending_that_was_cut_off_is_finished_at_the_next_start(
    api: Api, sealed: str, data: Path, tmp_path: Path, stage: endings.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise EnvironmentProblem("ending.cannot_remove", path="x", detail="cut off")

    with monkeypatch.context() as patched:
        patched.setattr(ending, "STEPS", {**ending.STEPS, stage: cut})
        assert end(api, sealed, copied(api, sealed, tmp_path))["state"] == "failed"
    assert api.get(f"{sealed}/ending")["stage"] == stage
    if stage is endings.Stage.CREDENTIALS:  # the worst moment: moved aside, half of it unlinked
        going = DataFolder(data).ending(sealed.rpartition("/")[2])
        going.parent.mkdir()
        (data / "inspections" / going.name).rename(going)
        (going / "inspection.db").unlink()
    api.built.appliance.close_custody("")
    again = build(DataFolder(data), SystemClock())
    assert ending.proof(again.appliance, sealed.rpartition("/")[2])["stage"] == "done"
    assert [path for name in ("inspections", "ending") for path in (data / name).glob("*")] == []
    assert json.loads((data / "vault" / "vault.json").read_text())["body"]["entries"] == []
    again.appliance.jobs.stop()


def test_the_command_line_asks_first_and_prints_the_proof(api: Api, sealed: str, data: Path, tmp_path: Path) -> None:
    copy = copied(api, sealed, tmp_path)
    api.built.appliance.close_custody(sealed.rpartition("/")[2])
    other = tmp_path / "other"
    shutil.copytree(data, other)
    one = sealed.rpartition("/")[2]
    arguments = ("inspection", "end", one, "--copy", str(copy), "--same-medium", REASON, "--json")
    assert hezheng(other, *arguments, secret="n\n").exit != 0
    assert (other / "inspections" / one).exists()
    ended = hezheng(other, *arguments, "--yes")
    assert ended.exit == 0, ended.err
    assert (ended.json["schema"], ended.json["stage"]) == ("hezheng.ending/1", "done")
    assert hezheng(other, "inspection", "ending", one, "--json").json["files"] == ended.json["files"] > 0
    assert "已于" in hezheng(other, "inspection", "show", one).err
