"""Hostile names on their way out to page, command line, CSV, bundle and log: none acts, none is lost."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.commands.base import follow
from api.commands.demo import Served, serve_inside
from api.present import clean
from tests.api.browser import Browser, browser
from tests.api.conftest import HEZHENG, SMALL_VAULT
from tests.api.payloads import PAYLOADS
from tests.api.test_page import facts

HOSTS = 10
A_HOST = len(PAYLOADS) // HOSTS
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True, slots=True)
class Hostile:
    """A served appliance with one judged inspection whose every name is hostile."""

    served: Served
    data: Path
    inspection: str

    @property
    def one(self) -> str:
        return f"/api/v1/inspections/{self.inspection}"

    def run(self, *arguments: str) -> str:
        """What a command prints, on both streams."""
        command = [str(HEZHENG), *arguments, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return (done.stdout + done.stderr).decode()


def host(number: int) -> dict[str, Any]:
    """A computer with fifty hostile programs, and hostile in everything else it says of itself."""
    mine = PAYLOADS[number * A_HOST : (number + 1) * A_HOST]
    document = facts(11 + number, mine[0][:200])
    document["identity"] |= {"maker": mine[1], "model": mine[2]}
    document["os"] |= {"name": mine[3]}
    document["installations"] = [
        {"name": name, "version": mine[-1], "publisher": name, "source": rf"HKLM\{n}\{name}", "scope": "machine"}
        for n, name in enumerate(mine)
    ]
    return document


def ledger(folder: Path) -> Path:
    """A list of computers whose cells are hostile; a file with the lowest control characters is refused as no table."""
    file = folder / "资产.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["资产编号", "资产名称", "数量", "序列号", "部门", "状态"])
        for n, text in enumerate(re.sub("[\x00-\x08\x0b-\x1f]", "", payload) for payload in PAYLOADS):
            rows.writerow([f"ZC-{n}{text}", "台式计算机", "1", f"SN{n}", text, "在用"])
    return file


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("payloads")
    (folder / "data").mkdir()
    (folder / "data" / "hezheng.toml").write_text(SMALL_VAULT)
    served = serve_inside([], folder)
    client = served.client
    client.send("POST", "/api/v1/vault", {"passphrase": "a passphrase of the unit"})
    made = client.send("POST", "/api/v1/inspections", {"unit": {"name": "<script>window.owned=1</script>=1+1"}})
    here = Hostile(served, folder / "data", str(made["id"]))
    for number in range(HOSTS):
        client.send("POST", f"{here.one}/facts", host(number))
    preview = client.upload(f"{here.one}/ledgers", ledger(folder), {"kind": "assets"})
    client.send("POST", f"{here.one}/ledgers/{preview['id']}/decision", {"decision": "accept_good"})
    follow(client, client.send("POST", f"{here.one}/audits"))
    yield here
    served.stop()


def test_there_are_five_hundred_different_payloads() -> None:
    assert len(set(PAYLOADS)) == 500


def test_no_name_acts_on_the_page_and_each_is_shown_as_text(hostile: Hostile) -> None:
    with browser() as window:
        window.show(hostile.served.launch_url())
        root = window.url.split("#")[0]
        window.requests()
        seen = "".join(computers(window, root, hostile.inspection))
        for tab, text in (("prepare", "资产.csv"), ("result", "实有账无"), ("seal", "尚未封存")):
            window.show(f"{root}#/{hostile.inspection}/{tab}")
            window.wait_for(text, f"#tab-{tab}")
        window.show(f"{root}#/{hostile.inspection}/prepare")
        window.click("#ledgers button")
        window.wait("return document.querySelectorAll('#ledger-rows td').length")
        assert window.run(
            "return [window.owned ?? null, document.querySelectorAll('iframe, img, svg, math').length]"
        ) == [
            None,
            0,
        ]
        assert window.console() == []
        assert not [request["url"] for request in window.requests() if "evil.example" in request["url"]]
    assert not UNSAFE.search(seen)
    lost = [name for name in PAYLOADS if squeezed(clean(name)) not in squeezed(seen)]
    assert lost == []


def computers(window: Browser, root: str, inspection: str) -> Iterator[str]:
    """The text of what was read from each computer, as it is shown."""
    window.show(f"{root}#/{inspection}/scan")
    window.wait(f"return document.querySelectorAll('#hosts button:not([hidden])').length >= {HOSTS}")
    for number in range(HOSTS):
        window.run("document.querySelectorAll('#hosts tbody button')[arguments[0]].click()", number)
        window.wait("return document.getElementById('facts-dialog').open")
        yield window.run("return document.getElementById('facts-dialog').textContent")
        window.run("document.getElementById('facts-dialog').close()")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_no_name_reaches_the_terminal_alive(hostile: Hostile) -> None:
    listed = hostile.served.client.get(f"{hostile.one}/hosts")["items"]
    commands = [("host", "list"), ("verdict", "list"), ("finding", "list"), ("inspection", "show"), ("ledger", "list")]
    printed = [hostile.run(*command, hostile.inspection) for command in commands]
    printed += [hostile.run("facts", "show", hostile.inspection, one["id"]) for one in listed]
    for text in printed:
        assert not UNSAFE.search(text), UNSAFE.search(text)
    for one in listed[:2]:
        shown = json.loads(hostile.run("facts", "show", hostile.inspection, one["id"], "--json"))
        assert len(shown["facts"]["installations"]) == A_HOST


def test_the_bundle_keeps_every_name_and_no_cell_of_its_tables_is_a_formula(hostile: Hostile, tmp_path: Path) -> None:
    follow(hostile.served.client, hostile.served.client.send("POST", f"{hostile.one}/bundles", {"unencrypted": True}))
    bundle = hostile.served.client.get(f"{hostile.one}/bundles")["items"][0]
    kept: set[str] = set()
    with zipfile.ZipFile(bundle["path"]) as zipped:
        for name in zipped.namelist():
            if name.endswith(".csv") and "handed-over" not in name:
                assert formulas(zipped.read(name).decode("utf-8-sig")) == [], name
            if name.endswith("facts.json"):
                kept |= {one["name"] for one in json.loads(zipped.read(name))["installations"]}
    assert kept == set(PAYLOADS)


def formulas(text: str) -> list[str]:
    """Cells that a spreadsheet would take for a formula."""
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell.startswith(FORMULA)]


def test_the_log_holds_one_line_a_request_and_nothing_that_acts(hostile: Hostile) -> None:
    log = hostile.served.log.read_text("utf-8")
    assert not UNSAFE.search(log)
    assert "Traceback" not in log
    for file in (hostile.data / "inspections" / hostile.inspection).glob("*.jsonl"):
        lines = file.read_text("utf-8").split("\n")[:-1]
        assert all(isinstance(json.loads(line), dict) for line in lines)
