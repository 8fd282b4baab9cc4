"""Requests that come at the same moment, each in a thread of the server: one after the other, none lost, no crash."""

from __future__ import annotations

import http.client
import json
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from api.turns import FREE
from appliance.folder import DataFolder, read_holder
from appliance.store import database
from appliance.store.database import Db, Schema, opened
from config.durable import replace_file
from tests.api.conftest import SMALL_VAULT, Api
from tests.api.test_api import facts_document
from tests.api.test_follow_up import serving
from tests.api.test_sealing import PASSPHRASE, judged, sealed

MANY = 8
V1 = "/api/v1"


@dataclass(frozen=True)
class Answer:
    """Of one request."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def served(data: Path) -> Iterator[Api]:
    """A running appliance whose threads take turns as often as Python can."""
    (data / "hezheng.toml").write_text(SMALL_VAULT)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    with serving(DataFolder(data)) as api:
        yield api
    sys.setswitchinterval(before)


def at_once(api: Api, method: str, *asked: tuple[str, Any]) -> list[Answer]:
    """Send every ``(path, body)`` in a connection of its own, all at one moment."""
    address = urlsplit(str(read_holder(api.built.appliance.folder)["address"]))
    together = threading.Barrier(len(asked))

    def send(one: tuple[str, Any]) -> Answer:
        path, body = one
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=100)
        connection.connect()
        headers = {"Authorization": f"Bearer {api.built.gate.api_token}", "X-Hezheng": "1"}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not None and content is not body:
            headers["Content-Type"] = "application/json"
        together.wait()
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.read())
        connection.close()
        return found

    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(send, asked))


def statuses(answers: list[Answer]) -> Counter[int]:
    assert not [one.body for one in answers if one.status >= 500]
    return Counter(one.status for one in answers)


def test_the_same_facts_file_is_taken_once(served: Api) -> None:
    one = served.new_inspection()
    found = at_once(served, "POST", *[(f"{one}/facts", facts_document())] * MANY)
    assert statuses(found) == {201: 1, 422: MANY - 1}
    assert {answer.json["code"] for answer in found if answer.status == 422} == {"facts.already_imported"}
    assert len(served.get(f"{one}/hosts")["items"]) == 1


def test_several_readings_of_one_computer_make_one_host(served: Api) -> None:
    one = served.new_inspection()
    found = at_once(served, "POST", *((f"{one}/facts", facts_document(id=f"F{n}")) for n in range(MANY)))
    assert statuses(found) == {201: MANY}
    assert len({answer.json["host_id"] for answer in found}) == 1


def test_a_unit_an_inspection_of_it_and_a_vault_are_made_once(served: Api) -> None:
    assert statuses(at_once(served, "POST", *[(f"{V1}/units", {"name": "某局"})] * MANY)) == {201: 1, 409: MANY - 1}
    made = at_once(served, "POST", *[(f"{V1}/vault", {"passphrase": PASSPHRASE})] * MANY)
    assert statuses(made) == {201: 1, 409: MANY - 1}
    assert statuses(at_once(served, "POST", *[(f"{V1}/inspections", {"unit": "某局"})] * MANY)) == {201: MANY}


def test_names_that_are_corrected_at_once_are_all_remembered(served: Api) -> None:
    paths = [served.new_inspection()]
    paths.append(f"{V1}/inspections/{served.post(f'{V1}/inspections', {'unit': '测试单位'})['id']}")
    wanted = {f"程序{n}" for n in range(MANY)}
    bodies = [(f"{paths[n % 2]}/recognition/corrections", {"name": f"程序{n}", "noise": True}) for n in range(MANY)]
    assert statuses(at_once(served, "PUT", *bodies)) == {200: MANY}
    kept = [{row["name"] for row in served.get(f"{path}/recognition/corrections")["items"]} for path in paths]
    assert kept[0] | kept[1] == wanted
    later = f"{V1}/inspections/{served.post(f'{V1}/inspections', {'unit': '测试单位'})['id']}"
    assert {row["name"] for row in served.get(f"{later}/recognition/corrections")["items"]} == wanted


def test_an_objection_is_answered_once(served: Api) -> None:
    one = judged(served)
    [verdict] = served.get(f"{one}/verdicts")["items"]
    objection = served.post(f"{one}/verdicts/{verdict['id']}/objections", {"reason": "另有合同"})["id"]
    said = {"answer": "rejected", "text": "合同不含该版本"}
    found = at_once(served, "POST", *[(f"{one}/objections/{objection}/answer", said)] * MANY)
    assert statuses(found)[201] == 1


def test_time_stamps_asked_for_at_once_are_the_same_and_leave_nothing(served: Api) -> None:
    one = judged(served)
    sealed(served, one)
    folder = served.built.appliance.folder
    before = {path for path in folder.root.rglob("*") if path.is_file()}
    found = at_once(served, "GET", *[(f"{one}/timestamp-query", None)] * MANY)
    assert statuses(found) == {200: MANY}
    assert len({answer.body for answer in found}) == 1
    assert {path for path in folder.root.rglob("*") if path.is_file()} == before


def test_the_first_asking_for_the_seals_certificate_makes_one(served: Api) -> None:
    served.post(f"{V1}/vault", {"passphrase": PASSPHRASE})
    found = at_once(served, "GET", *[(f"{V1}/seal-certificate", None)] * MANY)
    assert statuses(found) == {200: MANY}
    assert len({answer.json["fingerprint"] for answer in found}) == 1


def test_of_bundles_handed_in_at_once_every_accepted_one_is_there(served: Api) -> None:
    asked = ((f"{V1}/imports/files?name={quote(f'包{n}.zip')}", bytes(200_000)) for n in range(MANY))
    found = at_once(served, "POST", *asked)
    assert set(statuses(found)) <= {201, 409}
    kept = list(served.built.appliance.folder.run.glob("handed-in-*/*"))
    assert len(kept) == 1
    assert kept[0].stat().st_size == 200_000


def test_a_change_that_waits_for_the_disk_too_long_is_told_so(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    one = served.new_inspection()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = next(served.built.appliance.folder.inspections.glob("*/inspection.db"))
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    answer = served.call("POST", f"{one}/facts", facts_document())
    other.rollback()
    other.close()
    assert (answer.status_code, (answer.json or {})["code"]) == (503, "data.locked")


def test_pausing_and_cancelling_a_scan_wait_for_nobody(served: Api) -> None:
    known = {rule.endpoint for rule in served.built.app.url_map.iter_rules()}
    assert known >= FREE
    assert {"scans.pause_scan", "scans.cancel_scan", "system.lock_vault"} <= FREE


def test_a_database_of_an_earlier_version_is_brought_up_to_date_once(tmp_path: Path) -> None:
    def first(db: Db) -> None:
        db.script("CREATE TABLE one (n INTEGER)")

    def second(db: Db) -> None:
        db.script("CREATE TABLE two (n INTEGER)")

    path = tmp_path / "some.db"
    with opened(path, Schema("some", [("0001", first)]), create=True):
        pass
    newer = Schema("some", [("0001", first), ("0002", second)])
    together = threading.Barrier(MANY)

    def ask(_: int) -> int:
        together.wait()
        with opened(path, newer) as db:
            return int(db.value("SELECT COUNT(*) FROM two"))

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(ask, range(MANY))) == [0] * MANY
    assert [one.name for one in tmp_path.glob("some.db.*")] == ["some.db.before-0002"]


def test_what_two_threads_read_and_then_write_in_a_transaction_adds_up(tmp_path: Path) -> None:
    schema = Schema("some", [("0001", lambda db: db.script("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)"))])
    path = tmp_path / "some.db"
    with opened(path, schema, create=True):
        pass

    def add(_: int) -> None:
        for _ in range(10):
            with opened(path, schema) as db, db.atomic():
                seen = db.value("SELECT n FROM t")
                db.execute("UPDATE t SET n = ?", [seen + 1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with opened(path, schema) as db:
        assert db.value("SELECT n FROM t") == 40


def test_a_file_that_several_threads_replace_is_always_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "token"
    contents = [bytes([n]) * 50_000 for n in range(MANY)]
    with ThreadPoolExecutor(MANY) as pool:
        for done in [pool.submit(replace_file, path, content) for content in contents * 3]:
            done.result()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
