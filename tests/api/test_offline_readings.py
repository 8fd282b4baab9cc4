"""Computers without the network, through the API and the commands: kit, folder, refusals, 手工登记."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse

from appliance.store import hosts
from appliance.visits import collector
from appliance.visits.keeping import remove_leftovers
from config.problems import Problem
from scanner.single_machine.folder import DIGEST
from tests.api.conftest import Api, Ran, hezheng

PHOTO = b"\xff\xd8\xff\xe0 a photo"
SIGNED = b"%PDF-1.4 a scan"
BY_HAND: dict[str, Any] = {
    "asset_no": "ZC-0901",
    "department": "办公室",
    "person": "李四",
    "platform": "windows",
    "os_name": "Windows 7 专业版",
    "activation": "notification",
    "activation_text": "此 Windows 副本不是正版",
    "signed_by": "李四",
    "hostname": "PC-0901",
    "software": [{"name": "WPS Office 2019 专业版", "version": "11.8.2.8361", "publisher": "Kingsoft Corp."}],
}


def papers(*kinds: str) -> list[dict[str, str]]:
    contents = {"photo": PHOTO, "signature": SIGNED}
    return [{"kind": kind, "base64": base64.b64encode(contents[kind]).decode()} for kind in kinds]


def stick(api: Api, one: str, folder: Path) -> Path:
    """Write the kit of an inspection."""
    answer = api.call("POST", f"{one}/collector")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        archive.extractall(folder)
    return folder


def collect(folder: Path, asset: str) -> Path:
    """Run the collector for Linux on this computer; returns the folder that it wrote."""
    before = set((folder / "results").iterdir()) if (folder / "results").exists() else set[Path]()
    typed = f"{asset}\n办公室\n张三\n".encode()
    subprocess.run(["sh", folder / "hezheng-linux.sh"], input=typed, capture_output=True, check=True, timeout=120)
    (written,) = set((folder / "results").iterdir()) - before
    return written


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def bring(api: Api, one: str, files: Mapping[str, bytes], again: bool = False) -> TestResponse:
    form: MultiDict[str, Any] = MultiDict()
    for name, data in files.items():
        form.add("files", FileStorage(io.BytesIO(data), name))
    if again:
        form.add("again", "true")
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    return api.client.post(f"{one}/offline-readings", data=form, headers=headers, base_url="http://127.0.0.1:8600")


def refused(answer: TestResponse) -> tuple[int, str]:
    assert answer.json is not None
    assert answer.json["title"]
    return answer.status_code, answer.json["code"]


@pytest.mark.lab
def test_a_folder_becomes_a_computer_and_its_faults_are_named(api: Api, tmp_path: Path) -> None:
    one, other = api.new_inspection("甲单位"), api.new_inspection("乙单位")
    kit = stick(api, one, tmp_path / "stick")
    folder = collect(kit, "ZC-0042")
    files = files_of(folder)

    assert refused(bring(api, other, files)) == (409, "collector.other_inspection")
    tampered = {**files, "answers.txt": files["answers.txt"].replace(b"bash", b"dash")}
    assert refused(bring(api, one, tampered)) == (422, "single.tampered")
    assert refused(bring(api, one, {n: d for n, d in files.items() if n != DIGEST})) == (422, "single.unfinished")
    assert refused(bring(api, one, {"a.txt": b"no folder"})) == (422, "single.not_a_folder")

    answer = bring(api, one, files)
    assert answer.status_code == 201, answer.text
    taken = answer.json
    assert taken is not None
    assert (taken["asset_no"], taken["department"], taken["person"]) == ("ZC-0042", "办公室", "张三")
    assert (taken["outcome"], taken["source"], taken["address"]) == ("READ", "single_machine", "offline:ZC-0042")
    facts = api.get(f"{one}/hosts/{taken['host_id']}/facts")
    assert (facts["origin"], facts["channel"], len(facts["installations"])) == (
        "collector",
        "single-machine",
        taken["installations"],
    )
    assert [row["asset_no"] for row in api.get(f"{one}/offline-readings")["items"]] == ["ZC-0042"]

    check_complete(api.get(f"{one}/hosts/{taken['host_id']}/complete"), taken)

    assert refused(bring(api, one, files)) == (409, "collector.folder_taken")
    second = files_of(collect(kit, "ZC-0043"))
    assert refused(bring(api, one, second)) == (409, "collector.computer_read")
    again = bring(api, one, second, again=True)
    assert again.status_code == 201
    assert again.json is not None
    assert again.json["host_id"] == taken["host_id"]
    assert len(api.get(f"{one}/hosts")["items"]) == 1


def check_complete(view: dict[str, Any], taken: dict[str, Any]) -> None:
    """Every value names its record, its question, the grade of its channel and the time; what is missing has a why."""
    assert view["host"]["reading"]["asset_no"] == "ZC-0042"
    assert [(r["facts_id"], r["counts"]) for r in view["readings"]] == [(taken["facts_id"], True)]
    named = {(v["group"], v["field"]) for v in view["values"]}
    assert {("identity", "hostname"), ("os", "name"), ("os", "kernel")} <= named
    for entry in (*view["values"], *view["groups"]["installations"]):
        assert entry["from"]["op"] == "shell.run"
        assert entry["from"]["channel"] == "single-machine"
        assert entry["from"]["record"]
        assert entry["from"]["at"]
    assert len(view["groups"]["installations"]) == taken["installations"]
    assert view["groups"]["antivirus"] is None
    assert "杀毒软件未采集" in "".join(
        item["reason"]["text"] for item in view["not_read"] if item["what"] == "antivirus"
    )


@pytest.mark.lab
def test_a_folder_of_another_kit_s_nonce_is_refused(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    kit = stick(api, one, tmp_path / "stick")
    script = kit / "hezheng-linux.sh"
    nonce = script.read_text("utf-8").partition("nonce=")[2].partition("\n")[0]
    script.write_text(script.read_text("utf-8").replace(nonce, "0" * len(nonce)), "utf-8")
    assert refused(bring(api, one, files_of(collect(kit, "ZC-1")))) == (409, "collector.unknown_nonce")


@pytest.mark.lab
def test_the_commands_make_a_stick_and_import_a_folder(data: Path, tmp_path: Path) -> None:
    def command(*arguments: str) -> Ran:
        return hezheng(data, *arguments)

    assert command("unit", "create", "测试单位").exit == 0
    inspection = command("inspection", "create", "测试单位", "--json").json["id"]
    made = command("collector", "make", inspection, str(tmp_path / "usb"), "--json")
    assert "hezheng-windows.cmd" in made.json["files"]
    folder = collect(tmp_path / "usb", "ZC-0042")
    assert command("facts", "import", inspection, str(folder), "--json").json["asset_no"] == "ZC-0042"
    twice = command("facts", "import", inspection, str(folder))
    assert twice.exit != 0
    assert "已在" in twice.err
    (host,) = command("host", "list", inspection, "--json").json["items"]
    shown = command("host", "show", inspection, host["id"])
    assert shown.exit == 0, shown.err
    assert "单机采集：ZC-0042" in shown.out
    assert "os.name = " in shown.out
    assert " ← o00001 shell.run " in shown.out
    assert command("collector", "make", inspection, str(tmp_path / "usb")).exit == 3
    empty = tmp_path / "empty"
    empty.mkdir()
    assert command("facts", "import", inspection, str(empty)).exit == 3
    (row,) = command("collector", "list", inspection, "--json").json["items"]
    assert row["source"] == "single_machine"
    shutil.rmtree(tmp_path / "usb")


def test_a_computer_entered_by_hand_says_so_everywhere(api: Api) -> None:
    one = api.new_inspection()
    taken = api.post(f"{one}/manual-readings", {**BY_HAND, "papers": papers("photo", "signature")})
    assert taken["source"] == "manual"
    facts = api.get(f"{one}/hosts/{taken['host_id']}/facts")
    assert (facts["origin"], facts["channel"], facts["outcome"]) == ("manual", "manual", "READ")
    (state,) = facts["licence_states"]
    assert (state["status"], state["channel"], state["status_reason"]) == (
        "notification",
        None,
        "此 Windows 副本不是正版",
    )
    assert len(taken["papers"]) == 2
    (host,) = api.get(f"{one}/hosts")["items"]
    assert host["source"] == "manual"
    view = api.get(f"{one}/hosts/{taken['host_id']}/complete")
    assert {value["from"]["op"] for value in view["values"]} == {"manual.entered"}
    assert view["facts"]["origin"] == "manual"
    summary = api.get(f"{one}/summary")
    assert (summary["collected"], summary["single_machine"], summary["manual"]) == (1, 0, 1)
    check_verdicts(api, one)
    second = api.call("POST", f"{one}/manual-readings", {**BY_HAND, "papers": papers("photo", "signature")})
    assert refused(second) == (409, "collector.asset_taken")


def check_verdicts(api: Api, one: str) -> None:
    """A verdict that rests on what a person entered says so in its explanation."""
    job = api.post(f"{one}/audits")
    for _ in range(2400):
        job = api.get(f"/api/v1/jobs/{job['id']}")
        if job["state"] != "running":
            break
        time.sleep(0.1)
    assert job["state"] == "done", job
    verdicts = {verdict["product_id"]: verdict for verdict in api.get(f"{one}/verdicts")["items"]}
    assert {"windows", "wps-office"} <= verdicts.keys()
    assert verdicts["windows"]["decision"] != "licensed"
    explained = api.get(f"{one}/verdicts/{verdicts['windows']['id']}/explain")
    assert {row["origin"] for row in explained["observed"]} == {"manual"}


def test_a_computer_is_not_entered_by_hand_without_photo_and_signature(api: Api) -> None:
    one = api.new_inspection()
    for kinds in (("photo",), ("signature",), ()):
        answer = api.call("POST", f"{one}/manual-readings", {**BY_HAND, "papers": papers(*kinds)})
        assert refused(answer) == (422, "manual.paper_missing")
    text = {"kind": "photo", "base64": base64.b64encode(b"a text").decode()}
    answer = api.call("POST", f"{one}/manual-readings", {**BY_HAND, "papers": [text, *papers("signature")]})
    assert refused(answer) == (422, "manual.bad_paper")
    assert api.get(f"{one}/hosts")["items"] == []


@pytest.mark.lab
def test_the_typed_asset_number_finds_its_row(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    assets = "资产编号,资产名称,数量,使用部门,使用人\nZC-0042,台式计算机,1,办公室,张三\n".encode()
    form = {"file": (io.BytesIO(assets), "固定资产.csv"), "kind": "assets"}
    headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
    ledger = api.client.post(f"{one}/ledgers", data=form, headers=headers, base_url="http://127.0.0.1:8600").json
    assert ledger is not None
    api.post(f"{one}/ledgers/{ledger['id']}/decision", {"decision": "accept_all"})
    folder = collect(stick(api, one, tmp_path / "stick"), "ZC-0042")
    taken = bring(api, one, files_of(folder)).json
    assert taken is not None
    assert taken["asset_known"] is True
    (link,) = [row for row in api.get(f"{one}/links")["items"] if row["asset_no"] == "ZC-0042"]
    assert link["addresses"] == ["offline:ZC-0042"]


def test_the_command_enters_a_computer_by_hand(data: Path, tmp_path: Path) -> None:
    assert hezheng(data, "unit", "create", "测试单位").exit == 0
    inspection = hezheng(data, "inspection", "create", "测试单位", "--json").json["id"]
    entry, photo, signed = tmp_path / "登记.json", tmp_path / "激活.jpg", tmp_path / "签字.pdf"
    entry.write_text(json.dumps(BY_HAND, ensure_ascii=False), "utf-8")
    photo.write_bytes(PHOTO)
    signed.write_bytes(SIGNED)
    bare = hezheng(data, "facts", "enter", inspection, str(entry), "--photo", str(photo))
    assert bare.exit == 3
    assert "使用人签字页" in bare.err
    papers = ("--photo", str(photo), "--signature", str(signed))
    done = hezheng(data, "facts", "enter", inspection, str(entry), *papers, "--json")
    assert (done.json["source"], done.json["asset_no"]) == ("manual", "ZC-0901")


def taken(api: Api, one: str, files: Mapping[str, bytes]) -> str:
    """What importing a folder answers: nothing to say, or the code of the refusal."""
    try:
        collector.import_folder(api.built.appliance, one.rpartition("/")[2], files)
    except Problem as problem:
        return problem.message.code
    return ""


def test_a_folder_that_is_handed_in_twice_at_once_is_one_computer(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = api.new_inspection()
    files = files_of(collect(stick(api, one, tmp_path), "ZC-0427"))
    both_read, read = threading.Barrier(2), collector._read  # pyright: ignore[reportPrivateUsage]

    def then_wait(*arguments: Any) -> Any:
        found = read(*arguments)
        both_read.wait(60)
        return found

    monkeypatch.setattr(collector, "_read", then_wait)
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(taken, [api] * 2, [one] * 2, [files] * 2))
    assert sorted(said) == ["", "collector.folder_taken"]
    assert len(api.get(f"{one}/hosts")["items"]) == 1


def test_a_scan_that_tidies_up_leaves_the_raw_record_of_a_reading_that_is_just_being_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = api.new_inspection()
    inspection, appliance, save = one.rpartition("/")[2], api.built.appliance, hosts.save_result

    def tidy() -> None:
        with appliance.inspection(inspection) as (db, folder):
            remove_leftovers(db, folder)

    scan = threading.Thread(target=tidy)

    def save_meanwhile(*arguments: Any) -> None:
        scan.start()
        scan.join(0.5)
        save(*arguments)

    monkeypatch.setattr(collector.host_store, "save_result", save_meanwhile)
    host = api.post(f"{one}/manual-readings", BY_HAND | {"papers": papers("photo", "signature")})
    scan.join()
    folder = appliance.folder.inspection(inspection)
    assert [path.name for path in folder.raw.iterdir()] == [f"{host['facts_id']}.jsonl"]
