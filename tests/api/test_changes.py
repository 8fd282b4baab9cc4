"""A whole scan of a computer whose RemoteRegistry is off: what is changed, what is written down, what is put back.

The peer listens on a loopback address of its own; it was written from the public specification.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WsgiClient

from api.built import build
from appliance.folder import DataFolder, writing
from appliance.visits import changes, scan_run
from config.clock import SystemClock, rfc3339
from scanner import host_limits
from scanner.service_state import Step
from tests.api.conftest import HEZHENG, Api, hezheng
from tests.lab.services import DISABLED, MANUAL, RUNNING, STOPPED, Machine, serving

pytestmark = pytest.mark.lab
ADDRESS = f"127.9.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # port 445 is taken once: another run has another
SECRET = "Not-a-real-1"  # of an account that exists in this peer alone
PASSPHRASE = "一个足够长的口令库密码"


@contextmanager
def on_the_network(machine: Machine) -> Generator[None]:
    with serving(machine, SECRET, ADDRESS, 445):
        yield


def prepared(api: Api, *, permitted: bool) -> str:
    """An inspection of that one address, ready to be scanned; its path."""
    api.post("/api/v1/vault", {"passphrase": PASSPHRASE})
    path = api.new_inspection()
    now = SystemClock().now()
    window = {"not_before": rfc3339(now - timedelta(hours=1)), "not_after": rfc3339(now + timedelta(hours=1))}
    signed = {"document_no": "1号", "signer": "张三", "signed_on": now.date().isoformat(), "no_classified": True}
    permission = {"permits_service_start": permitted}
    api.post(f"{path}/authorisations", {"ranges": [f"{ADDRESS}/32"], **window, **signed, **permission})
    account = {"kind": "local", "protocol": "smb", "username": "inspector", "secret": SECRET}
    api.post(f"{path}/credentials", account)
    return path


def prepared_elsewhere(data: Path) -> str:
    """The same in a process that has ended, so that nothing holds the data folder; the inspection's id."""
    pid = os.fork()
    if pid == 0:
        with writing(DataFolder(data), ""):
            built = build(DataFolder(data), SystemClock())
            prepared(Api(built, WsgiClient(built.app)), permitted=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    (folder,) = DataFolder(data).inspections.iterdir()
    return folder.name


def scanned(api: Api, path: str) -> dict[str, Any]:
    """Scan to the end; the one host's row."""
    finished(api, api.post(f"{path}/scans", {})["id"])
    (host,) = api.get(f"{path}/hosts")["items"]
    return host


def finished(api: Api, job_id: str) -> Any:
    until(lambda: api.get(f"/api/v1/jobs/{job_id}")["state"] != "running")
    return api.get(f"/api/v1/jobs/{job_id}")["result"]


def until(happened: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def journal(data: Path) -> list[changes.Change]:
    (file,) = DataFolder(data).inspections.glob(f"*/{changes.FILE}")
    return changes.read(file)


def test_a_permitted_start_is_written_down_step_by_step_and_undone(api: Api, data: Path) -> None:
    machine = Machine(DISABLED)
    path = prepared(api, permitted=True)
    with on_the_network(machine):
        assert scanned(api, path)["outcome"] == "READ"
    assert (machine.found, machine.writes) == ((STOPPED, DISABLED), ["config:3", "start", "config:4", "stop"])
    (change,) = journal(data)
    assert [line["step"] for line in change.lines] == [
        "intent", "enabling", "enabled", "starting", "started", "restoring_type", "type_restored", "stopping",
        "stopped", "closed",
    ]  # fmt: skip
    assert SECRET not in str(change.lines)
    (shown,) = api.get(f"{path}/changes")["items"]
    assert (shown["open"], shown["address"], shown["rung"]) == (False, ADDRESS, "enable")
    custody = next(DataFolder(data).inspections.glob("*/custody.jsonl")).read_text("utf-8")
    assert custody.count('"target.change"') == len(change.lines)


def test_without_permission_the_computer_is_left_alone_and_the_remedy_named(api: Api, data: Path) -> None:
    machine = Machine(DISABLED)
    path = prepared(api, permitted=False)
    with on_the_network(machine):
        host = scanned(api, path)
    assert (host["outcome"], host["reason"]["code"]) == ("UNSUPPORTED", "ladder.service_disabled")
    assert (machine.found, machine.writes) == ((STOPPED, DISABLED), [])
    assert not list(DataFolder(data).inspections.glob(f"*/{changes.FILE}"))


def test_a_start_by_the_pipe_is_written_down_too(api: Api, data: Path) -> None:
    machine = Machine(MANUAL, idle_seconds=0.1)
    path = prepared(api, permitted=False)
    with on_the_network(machine):
        assert scanned(api, path)["outcome"] == "READ"
    (change,) = journal(data)
    assert [line["step"] for line in change.lines] == ["intent", "closed"]
    assert machine.writes == []


def test_two_entries_of_one_host_are_never_open_at_once(api: Api, data: Path) -> None:
    machine = Machine(DISABLED)
    path = prepared(api, permitted=True)
    inspection = path.rpartition("/")[2]
    file = DataFolder(data).inspection(inspection).root / changes.FILE
    about = {"host": "h", "address": ADDRESS, "credential": "gone", "facts": "f"}
    line = {"entry": "e", "at": rfc3339(SystemClock().now()), **about, "step": "intent", "rung": "enable"}
    changes.append(file, line | {"before": {"state": STOPPED, "start_type": DISABLED, "process": 0}})
    with on_the_network(machine):
        assert scanned(api, path)["reason"]["code"] == "change.still_open"
    assert machine.writes == []
    assert api.get("/api/v1/status")["open_changes"] == 1
    ended = finished(api, api.post("/api/v1/recovery")["id"])
    assert (ended["open"], ended["items"][0]["restored"]) == (1, False)  # its credential is gone: it stays visible


def test_a_change_that_is_not_put_back_is_a_finding(api: Api, data: Path) -> None:
    machine = Machine(MANUAL, RUNNING, process=7)
    path = prepared(api, permitted=True)
    with on_the_network(machine):
        host = scanned(api, path)
    file = DataFolder(data).inspection(path.rpartition("/")[2]).root / changes.FILE
    about = {"host": host["id"], "address": ADDRESS, "credential": "gone", "facts": "f", "before": None}
    now = rfc3339(SystemClock().now())
    changes.append(file, {"entry": "e", "at": now, **about, "step": "intent", "rung": "enable"})
    finished(api, api.post(f"{path}/audits")["id"])
    found = [item for item in api.get(f"{path}/findings")["items"] if item["kind"] == "not_restored"]
    assert [(item["subject"], item["details"][0]["params"]["address"]) for item in found] == [(host["id"], ADDRESS)]


def test_a_killed_appliance_leaves_an_open_entry_that_recovering_closes(data: Path) -> None:
    machine = Machine(DISABLED, pending_seconds=3600)
    inspection = prepared_elsewhere(data)
    with on_the_network(machine):
        command = [str(HEZHENG), "scan", "start", inspection, "--passphrase-fd", "0", "--data", str(data)]
        scan = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert scan.stdin is not None
        scan.stdin.write(PASSPHRASE.encode() + b"\n")
        scan.stdin.close()
        until(lambda: "start" in machine.writes or scan.poll() is not None)
        assert scan.poll() is None
        os.kill(scan.pid, signal.SIGKILL)
        scan.wait()
        assert machine.found[1] == MANUAL  # the start type was not put back yet
        machine.hurry()
        (change,) = journal(data)
        assert change.open
        assert change.lines[-1]["step"] == Step.STARTING
        done = hezheng(data, "recover", "--passphrase-fd", "0", "--json", secret=f"{PASSPHRASE}\n")
    assert done.exit == 0, done.err
    assert done.json["open"] == 0
    assert machine.found == (STOPPED, DISABLED)
    assert not journal(data)[0].open
    again = hezheng(data, "recover", "--json")
    assert (again.exit, again.json["items"]) == (0, [])


@pytest.fixture
def short_deadline(data: Path) -> None:
    """A host may take twelve seconds."""
    with (data / "hezheng.toml").open("a") as settings:
        settings.write("[scan]\nhost_deadline_seconds = 12\n")


@pytest.fixture
def no_recovery_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that only what is put back at once is put back at all."""

    def left_alone(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(scan_run, "recover", left_alone)


def _half_of_it(_: object) -> int:
    return 6


def _a_minute(_: object) -> int:
    return 60


def _never(*_: object) -> bool:
    return False


@pytest.mark.usefixtures("short_deadline", "no_recovery_at_the_end")
@pytest.mark.parametrize(("stops_itself", "reason"), [(True, "smb.deadline_passed"), (False, "worker.deadline")])
def test_a_host_whose_worker_ran_out_of_time_is_put_back_at_once(
    api: Api, data: Path, monkeypatch: pytest.MonkeyPatch, stops_itself: bool, reason: str
) -> None:
    """The worker gives up by itself, its session broken, or is killed at its deadline in the middle of a reading."""
    monkeypatch.setattr(host_limits, "reading_seconds", _half_of_it if stops_itself else _a_minute)
    machine = Machine(DISABLED, registry_seconds=20)
    path = prepared(api, permitted=True)
    with on_the_network(machine):
        host = scanned(api, path)
    assert (machine.found, machine.writes) == ((STOPPED, DISABLED), ["config:3", "start", "config:4", "stop"])
    assert (host["outcome"], host["reason"]["code"]) == ("TIMED_OUT", reason)
    (change,) = journal(data)
    assert not change.open
    custody = next(DataFolder(data).inspections.glob("*/custody.jsonl")).read_text("utf-8")
    assert custody.count('"host.result"') == 1, "the host was kept once"


@pytest.mark.usefixtures("short_deadline", "no_recovery_at_the_end")
def test_sealing_waits_until_recovering_has_put_everything_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(DISABLED, registry_seconds=20)
    monkeypatch.setattr("scanner.scan.Fleet._put_back", _never)
    path = prepared(api, permitted=True)
    with on_the_network(machine):
        scanned(api, path)
        assert machine.found == (RUNNING, DISABLED)
        finished(api, api.post(f"{path}/audits")["id"])
        refused = api.call("POST", f"{path}/bundles", {"unencrypted": True})
        assert refused.json is not None
        assert (refused.status_code, refused.json["code"]) == (409, "change.blocks_sealing")
        assert ADDRESS in refused.json["title"]
        assert finished(api, api.post("/api/v1/recovery")["id"])["open"] == 0
    assert machine.found == (STOPPED, DISABLED)
    finished(api, api.post(f"{path}/audits")["id"])  # the first one still had it as a finding
    assert finished(api, api.post(f"{path}/bundles", {"unencrypted": True})["id"])["digest"]


def test_what_can_never_be_put_back_is_closed_on_a_persons_word_and_says_so(api: Api, data: Path) -> None:
    path = prepared(api, permitted=True)
    file = DataFolder(data).inspection(path.rpartition("/")[2]).root / changes.FILE
    about = {"host": "h", "address": ADDRESS, "credential": "gone", "facts": "f"}
    entry, now = "0" * 26, rfc3339(SystemClock().now())
    line = {"entry": entry, "at": now, **about, "step": "intent", "rung": "enable"}
    changes.append(file, line | {"before": {"state": STOPPED, "start_type": DISABLED, "process": 0}})
    where = f"{path}/changes/{entry}/settlement"
    silent = api.call("POST", where, {"note": " "})
    assert silent.json is not None
    assert silent.json["code"] == "change.note_missing"
    settled = api.post(where, {"note": "单位管理员张三已于当日恢复"})
    assert (settled["open"], settled["left"]) == (False, "settled_by_hand")
    (change,) = journal(data)
    assert (change.open, change.lines[-1]["note"]) == (False, "单位管理员张三已于当日恢复")
    assert change.lines[-1]["operator"] == "inspector"
    assert api.get("/api/v1/status")["open_changes"] == 0
    again = api.call("POST", where, {"note": "再次"})
    assert (again.status_code, again.json and again.json["code"]) == (404, "change.no_open_entry")


def test_a_line_cut_short_by_a_crash_was_never_acknowledged_and_spoils_nothing(tmp_path: Path) -> None:
    file = tmp_path / changes.FILE
    changes.append(file, {"entry": "a", "step": "intent"})
    with file.open("ab") as opened:
        opened.write(b'{"entry": "a", "step": "star')
    changes.append(file, {"entry": "b", "step": "intent"})
    assert [change.entry for change in changes.read(file)] == ["a", "b"]
    assert file.read_bytes().count(b"\n") == 3


def test_a_host_is_locked_for_all_runs_on_this_laptop() -> None:
    first, second = changes.HostLocks(), changes.HostLocks()
    assert first.take("192.0.2.7")
    assert not second.take("192.0.2.7")
    assert second.take("192.0.2.8")
    first.release("192.0.2.7")
    assert second.take("192.0.2.7")
    second.release_all()


def test_nothing_of_a_running_machine_is_changed(api: Api, data: Path) -> None:
    machine = Machine(MANUAL, RUNNING, process=7)
    path = prepared(api, permitted=True)
    with on_the_network(machine):
        assert scanned(api, path)["outcome"] == "READ"
    assert (machine.found, machine.writes) == ((RUNNING, MANUAL), [])
    assert not list(DataFolder(data).inspections.glob(f"*/{changes.FILE}"))
