"""Bundles that the browser hands in: larger than other uploads, kept aside only until they are taken over."""

from __future__ import annotations

import socket
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from api.built import build
from appliance.folder import DataFolder, read_holder, writing
from appliance.visits import handed_in
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput
from tests.api.browser import until
from tests.api.conftest import HEZHENG, SMALL_VAULT, Api
from tests.api.test_follow_up import done, serving
from tests.appliance.evidence.laptop import laptop, visited
from tests.appliance.evidence.sample import SIGNER
from tests.appliance.evidence.test_hostile_bundle import EMPTY_LISTS, hostile, only

V1 = "/api/v1"


def hand_in(api: Api, name: str, body: bytes, **headers: str) -> TestResponse:
    own = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1", **headers}
    place = f"{V1}/imports/files"
    return api.client.post(place, query_string={"name": name}, data=body, headers=own, base_url="http://127.0.0.1:8600")


def kept(api: Api) -> list[Path]:
    return list(api.built.appliance.folder.run.glob("handed-in-*/*"))


def looked(api: Api, path: str) -> Any:
    return done(api, api.post(f"{V1}/imports/looks", {"path": path}))


def test_a_bundle_is_handed_in_looked_at_taken_over_and_no_second_copy_stays(api: Api, tmp_path: Path) -> None:
    made = laptop(tmp_path / "a")
    made.carry_pc("10.9.0.12", "SN1")
    made.audit()
    bundle = made.seal()
    answer = hand_in(api, "规划中心/../证据包.zip", bundle.read_bytes())
    assert answer.status_code == 201
    path = str((answer.json or {})["path"])
    assert [str(one) for one in kept(api)] == [path]
    assert Path(path).read_bytes() == bundle.read_bytes()
    found = looked(api, path)
    assert (found["inspection_id"], found["known"]) == (made.inspection, False)
    done(api, api.post(f"{V1}/imports", {"path": path, "signer": found["fingerprint"]}))
    assert kept(api) == []
    assert api.get(f"{V1}/imports")["items"][0]["file"] == Path(path).name


def test_a_bundle_may_be_larger_than_any_other_upload(tmp_path: Path) -> None:
    (tmp_path / "hezheng.toml").write_text(f"{SMALL_VAULT}[ledger]\nfile_limit_mb = 1\n")
    with writing(DataFolder(tmp_path), ""):
        built = build(DataFolder(tmp_path), SystemClock())
        answer = hand_in(Api(built, WsgiClient(built.app)), "大.zip", bytes(5 << 20))
        built.appliance.jobs.stop()
    assert answer.status_code == 201


def test_the_page_knows_what_the_server_takes_and_more_is_refused_with_the_other_way(api: Api) -> None:
    script = (Path(str(api.built.app.static_folder)) / "others.js").read_text()
    assert "HAND_IN_BYTES = 2 ** 30;" in script
    assert handed_in.LARGEST == 2**30
    with pytest.raises(BadInput) as caught:
        handed_in.receive(api.built.appliance, "大.zip", BytesIO(), handed_in.LARGEST + 1)
    assert "完整路径" in render(caught.value.message)
    assert kept(api) == []


def test_a_bundle_of_a_gigabyte_is_let_in_and_one_byte_more_is_not(tmp_path: Path) -> None:
    """Asked of the server itself: it decides by the length that is announced, before the first byte."""
    (tmp_path / "hezheng.toml").write_text(SMALL_VAULT)
    program = [HEZHENG, "serve", "--port", "0", "--data", str(tmp_path)]
    running = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        until(lambda: read_holder(DataFolder(tmp_path))["address"], "it serves")
        address = urlsplit(str(read_holder(DataFolder(tmp_path))["address"]))
        token = until(
            lambda: (tmp_path / "run" / "token").exists() and (tmp_path / "run" / "token").read_text(), "token"
        )
        head = f"POST {V1}/imports/files?name=b.zip HTTP/1.1\r\nHost: {address.netloc}\r\nX-Hezheng: 1\r\n"
        head += f"Authorization: Bearer {token}\r\nContent-Length: "
        answers: list[bytes] = []
        for size, ends in ((handed_in.LARGEST, True), (handed_in.LARGEST + 1, False)):
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(f"{head}{size}\r\n\r\n".encode())
                if ends:  # the server waits for the body, and learns that none will come
                    connection.shutdown(socket.SHUT_WR)
                answers.append(connection.recv(4096).split(b"\r\n")[0])
        assert (b"413" in answers[0], b"413" in answers[1]) == (False, True)
    finally:
        running.terminate()
        running.wait(60)


def test_a_file_that_is_cut_short_is_refused_and_not_kept(api: Api) -> None:
    with pytest.raises(BadInput) as caught:
        handed_in.receive(api.built.appliance, "半.zip", BytesIO(b"PK half of it"), 4000)
    assert (caught.value.message.code, kept(api)) == ("imports.cut_short", [])
    assert (hand_in(api, "空.zip", b"").json or {})["code"] == "imports.cut_short"


def test_a_browser_that_goes_away_leaves_nothing_behind(data: Path) -> None:
    with serving(DataFolder(data)) as api:
        address = urlsplit(str(read_holder(api.built.appliance.folder)["address"]))
        head = f"POST {V1}/imports/files?name=b.zip HTTP/1.1\r\nHost: {address.netloc}\r\nX-Hezheng: 1\r\n"
        head += f"Authorization: Bearer {api.built.gate.api_token}\r\nContent-Length: 4000\r\n\r\n"
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(head.encode() + b"PK half of it")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        assert kept(api) == []


def test_what_was_not_taken_over_is_gone_with_the_next_one_and_with_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "hezheng.toml").write_text(SMALL_VAULT)
    with writing(DataFolder(tmp_path), ""):
        built = build(DataFolder(tmp_path), SystemClock())
        api = Api(built, WsgiClient(built.app))
        for name in ("甲.zip", "乙.zip"):
            hand_in(api, name, b"not a bundle")
        assert [one.name for one in kept(api)] == ["乙.zip"]
        built.appliance.jobs.stop()
    with writing(DataFolder(tmp_path), ""):
        again = build(DataFolder(tmp_path), SystemClock())
        assert kept(Api(again, WsgiClient(again.app))) == []
        again.appliance.jobs.stop()


def test_while_a_bundle_is_read_that_fills_the_memory_the_page_answers_and_then_says_why_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "hezheng.toml").write_text(f"{SMALL_VAULT}[bundle]\nchild_memory_mb = 640\n")
    bundle = visited(tmp_path / "a").seal()
    bomb = hostile(bundle, tmp_path / "炸弹.zip", only(bundle, "data/ledgers/parsed/", ".json"), EMPTY_LISTS)
    with serving(DataFolder(data)) as api:
        job = api.post(f"{V1}/imports", {"path": str(bomb), "signer": SIGNER.fingerprint})
        asked = 0
        while (state := api.get(f"{V1}/jobs/{job['id']}"))["state"] == "running":
            assert api.get(f"{V1}/status")["vault"]["exists"] is False
            asked += 1
        assert (state["state"], state["problem"]["code"]) == ("failed", "imports.too_much_memory")
        assert "640 MB" in state["problem"]["text"]
        assert asked
        assert api.get(f"{V1}/inspections")["items"] == []
        assert list(api.built.appliance.folder.run.glob("import-*")) == []
