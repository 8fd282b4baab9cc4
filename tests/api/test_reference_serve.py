"""``hezheng serve`` over broken reference data: file, line and key are told, and the last good data serve on.

The product's own files stay as they are: a copy of its packages is started, which finds its data beside itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.commands.client import CHECKOUT

START = "import sys; from api.commands import main; sys.exit(main())"
PACKAGES = ("api", "appliance", "config", "credentials", "scanner")
BROKEN = {
    "catalogue": ("config/catalogue/office.toml", "\noops = 1\n", "oops"),
    "policy": ("config/policies/national.toml", "\nno_such_switch = true\n", "no_such_switch"),
    "columns": ("config/ledger_columns.toml", '\n[assets_of_mars]\ntitle = "x"\n', "assets_of_mars"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product's packages."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@contextmanager
def serving(copy: Path, data: Path) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """The appliance of the copy, once it says where it is; what it told on its way."""
    env = {**os.environ, "HEZHENG_DATA": str(data), "PYTHONPATH": str(copy)}
    command = [sys.executable, "-c", START, "serve", "--port", "0"]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": copy, "env": env}
    process = subprocess.Popen(command, **pipes)
    assert process.stdout
    told: list[str] = []
    try:
        for line in process.stdout:
            told.append(line)
            if str(data) in line:
                break
        yield process, told
    finally:
        process.kill()
        process.wait()


def status(data: Path, told: list[str]) -> Any:
    address = next(line for line in told if line.startswith("http")).partition("/#")[0]
    token = (data / "run" / "token").read_text("utf-8")
    request = urllib.request.Request(f"{address}/api/v1/status", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=240) as response:
        return json.loads(response.read())


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_the_killed_appliance_starts_with_the_last_good_data(
    copy: Path, tmp_path: Path, kind: str
) -> None:
    name, fault, key = BROKEN[kind]
    file, data = copy / name, tmp_path / "data"
    whole = file.read_text("utf-8")
    with serving(copy, data) as (process, told):
        good = status(data, told)
        assert good["reference_problems"] == []
        process.send_signal(signal.SIGKILL)
    file.write_text(whole + fault, "utf-8")
    try:
        with serving(copy, data) as (process, told):
            now = status(data, told)
            process.send_signal(signal.SIGTERM)
            assert process.stdout
            rest = process.stdout.read()
    finally:
        file.write_text(whole, "utf-8")
    problem = now["reference_problems"][0]
    assert len(now["reference_problems"]) == 1
    assert problem["params"]["file"] == file.name
    assert key in problem["params"]["key"] + problem["params"]["detail"]
    assert problem["params"]["line"] > whole.count("\n")
    assert now["catalogue"]["digest"] == good["catalogue"]["digest"]
    assert f"{file.name} 第 {problem['params']['line']} 行" in rest  # said on the screen as well
