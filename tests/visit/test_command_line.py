"""A whole visit by commands alone, with no appliance running: each command is its own process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import HEZHENG, SMALL_VAULT
from tests.lab.demo_unit import Demo

pytestmark = pytest.mark.lab
PASSPHRASE = "一个足够长的口令库密码"


class Terminal:
    """Commands typed on the laptop."""

    def __init__(self, demo: Demo, data: Path) -> None:
        self._prefix = demo.lan.laptop.prefix
        self._data = data

    def run(self, *arguments: str, lines: tuple[str, ...] = (), expect: int = 0) -> Any:
        """Run one command; ``lines`` are what it reads from descriptors 3, 4 …. Returns its JSON."""
        pipes = [self._pipe(line) for line in lines]
        argv = [*self._prefix, str(HEZHENG), *(a.format(*pipes) for a in arguments), "--json"]
        env = {**os.environ, "HEZHENG_DATA": str(self._data)}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=env, pass_fds=pipes)
        for descriptor in pipes:
            os.close(descriptor)
        assert done.returncode == expect, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    @staticmethod
    def _pipe(line: str) -> int:
        reading, writing = os.pipe()
        os.write(writing, line.encode() + b"\n")
        os.close(writing)
        return reading


def test_a_whole_visit_by_commands(demo: Demo, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "hezheng.toml").write_text(SMALL_VAULT)
    shell = Terminal(demo, data)
    shell.run("unit", "create", demo.unit_name)
    inspection = shell.run("inspection", "create", demo.unit_name)["id"]
    shell.run("scan", "start", inspection, expect=4)  # no authorisation yet
    excluded = [word for address in demo.exclusions for word in ("--exclude", address)]
    shell.run(
        "authorisation", "record", inspection, "--range", demo.scope, *excluded, "--from", "2020-01-01",
        "--until", "2099-01-01", "--document-no", "1号", "--signer", "王某", "--signed-on", "2026-11-01",
        "--no-classified",
    )  # fmt: skip
    for kind, file in demo.ledgers.items():
        shell.run("ledger", "import", inspection, str(file), "--kind", kind, "--accept", "all")
    for proof in demo.proofs:
        shell.run("proof", "record", inspection, proof["software_no"], proof["level"])
    shell.run("vault", "create", "--passphrase-fd", "{0}", lines=(PASSPHRASE,))
    for login in demo.credentials:
        words = ("credential", "add", inspection, login["protocol"], login["username"])
        secrets = (PASSPHRASE, login["secret"])
        shell.run(*words, "--passphrase-fd", "{0}", "--secret-fd", "{1}", lines=secrets)
    unlock = ("--passphrase-fd", "{0}")
    first = shell.run("scan", "start", inspection, *unlock, lines=(PASSPHRASE,))
    assert first["collected"] == 8  # the Windows PCs: no SSH key was confirmed yet
    keys = shell.run("host", "keys", inspection)["items"]
    assert {key["state"] for key in keys} == {"first_contact"}
    shell.run("host", "confirm-keys", inspection, *(key["fingerprint"] for key in keys))
    second = shell.run("scan", "start", inspection, *unlock, lines=(PASSPHRASE,))
    assert second["collected"] == demo.expected["collected"]
    audit = shell.run("audit", inspection)
    assert audit["verdicts"] == demo.expected["verdicts"]
    out = tmp_path / "证据包.zip"
    sealed = shell.run("evidence", "seal", inspection, "--unencrypted", "--out", str(out), *unlock, lines=(PASSPHRASE,))
    assert shell.run("evidence", "verify", str(out))["outcome"] == "intact"  # our own key is known here
    strange = "0" * 64
    assert shell.run("evidence", "verify", str(out), "--signer", strange, expect=4)["outcome"] == "unknown_signer"
    assert sealed["path"] == str(out)
