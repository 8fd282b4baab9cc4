"""The command line: exit codes, Chinese sentences that say what to do, and nothing lost on bad input."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands.client import HttpTransport
from api.commands.demo import Served, serve_inside
from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.evidence.signing import Signer
from appliance.folder import DataFolder, writing
from appliance.visits import scanning
from config.clock import SystemClock
from config.problems import EnvironmentProblem
from scanner.discovery import find_nmap
from tests.api.conftest import HEZHENG, Api, hezheng
from tests.api.test_api import AUTHORISATION

LEDGERS = Path(__file__).parents[1] / "data" / "demo" / "ledgers"
demo_command = sys.modules["api.commands.demo"]  # the module: the package has the command under the same name
PASSPHRASE = "一个足够长的口令库密码"


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


@pytest.fixture
def inspection(data: Path) -> str:
    """An inspection made from the command line."""
    assert hezheng(data, "unit", "create", "测试单位").exit == 0
    return str(hezheng(data, "inspection", "create", "测试单位", "--json").json["id"])


def test_a_visit_can_be_prepared_from_the_command_line(data: Path, inspection: str) -> None:
    window = ("--from", "2020-01-01", "--until", "2099-01-01", "--signed-on", "2026-11-01", "--no-classified")
    recorded = hezheng(
        data, "authorisation", "record", inspection, "--range", "10.77.0.0/24", "--document-no", "1号",
        "--signer", "王某", *window, "--json",
    )  # fmt: skip
    assert recorded.exit == 0, recorded.err
    assert recorded.json["schema"] == "hezheng.authorisation/1"
    imported = hezheng(
        data, "ledger", "import", inspection, str(LEDGERS / "固定资产.xlsx"), "--accept", "all", "--json"
    )
    assert imported.exit == 0, imported.err
    assert imported.json["kind"] == "assets"
    assert imported.json["counts"]["accepted"] == 14
    assert hezheng(data, "proof", "record", inspection, "RJ001", "P2").exit == 0
    shown = hezheng(data, "inspection", "show", inspection)
    assert shown.exit == 0
    assert "测试单位" in shown.out


def test_secrets_come_from_a_file_descriptor_never_from_arguments(data: Path, inspection: str) -> None:
    assert hezheng(data, "vault", "create", "--passphrase-fd", "0", secret=PASSPHRASE + "\n").exit == 0
    added = subprocess.run(
        [str(HEZHENG), "credential", "add", inspection, "smb", "inspector", "--passphrase-fd", "0", "--secret-fd", "9",
         "--json"],
        input=PASSPHRASE + "\n", capture_output=True, text=True, timeout=240,
        env={**os.environ, "HEZHENG_DATA": str(data)}, pass_fds=(9,), preexec_fn=lambda: _secret_on(9),
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert "机密" not in added.stdout
    wrong = hezheng(data, "scan", "start", inspection, "--passphrase-fd", "0", secret="不是这个密码\n")
    assert wrong.exit == 4
    assert is_chinese(wrong.err)


def _secret_on(descriptor: int) -> None:
    reading, writing_end = os.pipe()
    os.write(writing_end, "机密口令\n".encode())
    os.close(writing_end)
    os.dup2(reading, descriptor, inheritable=True)


def bad_ledger(tmp_path: Path, name: str, content: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


GOOD_ROWS = "资产编号,资产名称,数量,使用部门\nZC1,台式计算机,1,办公室\n"
BAD_LEDGERS = [
    ("malformed.xlsx", b"PK\x03\x04 not a workbook", "ledger."),
    ("empty.csv", b"", "ledger.empty"),
    ("no-header.csv", "一,二\n三,四\n".encode(), "ledger.no_header"),
    ("page.xls", b"<html><table><tr><td>x</td></tr></table></html>", "ledger.disguised"),
    ("column.csv", "资产名称,数量,品牌,型号,使用部门\n台式计算机,1,联想,M720,办公室\n".encode(), "ledger."),
]


@pytest.mark.parametrize(("name", "content", "code"), BAD_LEDGERS)
def test_a_bad_ledger_is_refused_with_what_to_do(
    data: Path, inspection: str, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    ran = hezheng(data, "ledger", "import", inspection, bad_ledger(tmp_path, name, content), "--kind", "assets")
    assert ran.exit == 3, (code, ran.out, ran.err)
    assert is_chinese(ran.err)
    assert "请" in ran.err
    assert "Traceback" not in ran.err
    assert hezheng(data, "ledger", "list", inspection, "--json").json["items"] == []


def test_a_missing_column_is_named(data: Path, inspection: str, tmp_path: Path) -> None:
    rows = "软件名称,软件版本,软件类型,许可类型,许可数量\nWPS,2019,商业软件,场地授权,1\n"
    file = bad_ledger(tmp_path, "licences.csv", rows.encode())
    ran = hezheng(data, "ledger", "import", inspection, file, "--kind", "licences")
    assert ran.exit == 3
    assert "软件编号" in ran.err


def test_a_duplicate_asset_number_is_a_rejected_row_and_the_rest_can_be_accepted(
    data: Path, inspection: str, tmp_path: Path
) -> None:
    rows = GOOD_ROWS + "ZC1,便携式计算机,1,财务科\nZC2,便携式计算机,1,财务科\n"
    file = bad_ledger(tmp_path, "assets.csv", rows.encode())
    refused = hezheng(data, "ledger", "import", inspection, file, "--kind", "assets", "--accept", "all")
    assert refused.exit == 3
    kept = hezheng(data, "ledger", "import", inspection, file, "--kind", "assets", "--accept", "good", "--json")
    assert kept.exit == 0
    assert kept.json["counts"] == {"rows_read": 4, "accepted": 2, "rejected": 1, "skipped": 1}
    rejected = [p for p in kept.json["problems"] if p["rejected"]]
    assert [(p["row"], p["reason"]["code"]) for p in rejected] == [(3, "ledger.duplicate")]


@pytest.fixture
def bundle(tmp_path: Path) -> tuple[Path, str]:
    """A small sealed bundle and its signer's fingerprint."""
    signer = Signer.generate()
    files = [BundleFile("data/rates.json", b"{}"), BundleFile("data/custody/log.jsonl", b"")]
    sealed = write_bundle(tmp_path / "b.zip", files, {}, signer, SystemClock())
    return sealed.path, sealed.fingerprint


def test_verify_says_0_for_a_known_signer_4_for_a_stranger_1_for_a_tampered_bundle_3_for_none(
    data: Path, bundle: tuple[Path, str], tmp_path: Path
) -> None:
    path, fingerprint = bundle
    assert hezheng(data, "evidence", "verify", str(path), "--signer", fingerprint).exit == 0
    stranger = hezheng(data, "evidence", "verify", str(path), "--json")
    assert (stranger.exit, stranger.json["fingerprint"]) == (4, fingerprint)
    tampered = tmp_path / "t.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tampered, "w") as new:
        for name in old.namelist():
            new.writestr(name, b'{"n":1}' if name == "data/rates.json" else old.read(name))
    broken = hezheng(data, "evidence", "verify", str(tampered), "--signer", fingerprint)
    assert broken.exit == 1
    assert "data/rates.json" in broken.out
    none = hezheng(data, "evidence", "verify", bad_ledger(tmp_path, "x.zip", b"PK\x05\x06" + bytes(18)))
    assert none.exit == 3
    assert is_chinese(none.err)


def test_a_second_writer_is_told_who_holds_the_folder(data: Path) -> None:
    with writing(DataFolder(data), ""):
        ran = hezheng(data, "unit", "list")
    assert ran.exit == 6
    assert str(os.getpid()) in ran.err
    assert is_chinese(ran.err)


def test_a_port_in_use_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = hezheng(data, "serve", "--port", port)
    assert ran.exit == 5
    assert port in ran.err
    assert "--port" in ran.err


def test_a_missing_nmap_stops_a_scan_before_it_starts(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "find_nmap", lambda: find_nmap(()))
    one = api.new_inspection()
    api.post(f"{one}/authorisations", AUTHORISATION)
    response = api.call("POST", f"{one}/scans", {"discover_only": True})
    problem: Any = response.json
    assert (response.status_code, problem["code"], problem["exit"]) == (503, "discovery.nmap_missing", 5)
    assert api.get(f"{one}/scans")["items"] == []


@pytest.mark.parametrize(
    ("content", "named"),
    [("[server]\nport = 99999\n", "server.port"), ("[scan]\nlane = 3\n", "scan.lane"), ("[server\n", "hezheng.toml")],
)
def test_a_faulty_settings_file_is_named_with_its_key(data: Path, content: str, named: str) -> None:
    (data / "hezheng.toml").write_text(content)
    ran = hezheng(data, "unit", "list")
    assert ran.exit == 3
    assert named in ran.err


def test_usage_errors_exit_2(data: Path) -> None:
    assert hezheng(data, "scan", "begin").exit == 2
    assert hezheng(data, "authorisation", "record", "X").exit == 2


@pytest.fixture
def served(data: Path) -> Iterator[Served]:
    """An appliance of the same data folder, running."""
    served = serve_inside([], data.parent)
    yield served
    served.stop()


def test_the_command_line_goes_through_a_running_appliance(data: Path, served: Served) -> None:
    assert isinstance(served.client.transport, HttpTransport)
    created = hezheng(data, "unit", "create", "经由服务登记的单位", "--json")
    assert created.exit == 0, created.err
    assert [u["name"] for u in served.client.get("/api/v1/units")["items"]] == ["经由服务登记的单位"]
    assert (data / "run" / "token").stat().st_mode & 0o077 == 0


def test_a_killed_appliance_does_not_lock_the_folder_out(data: Path, served: Served) -> None:
    served.process.kill()
    served.process.wait()
    assert hezheng(data, "unit", "list").exit == 0


def test_the_demo_says_what_it_needs_outside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo_command, "CHECKOUT", tmp_path)
    with pytest.raises(EnvironmentProblem) as caught:
        demo_command._start_lan()  # pyright: ignore[reportPrivateUsage]
    assert caught.value.message.code == "demo.no_checkout"


def test_no_command_starts_slowly_by_importing_everything() -> None:
    heavy = ("impacket", "paramiko", "nmap", "flask")
    code = f"import json, sys, api.commands; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(loaded.stdout) == []


def test_the_console_script_is_installed() -> None:
    assert shutil.which("hezheng", path=str(HEZHENG.parent)) == str(HEZHENG)
