"""An appliance in this process, and the command line beside it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from api.built import Built, build
from api.commands import hezheng as program
from api.commands.base import guarded
from appliance.folder import DataFolder, writing
from config.clock import Clock, SystemClock

HEZHENG = Path(sys.executable).parent / "hezheng"
SMALL_VAULT = "[vault]\nargon2_memory_mib = 8\nargon2_iterations = 1\nargon2_lanes = 1\n"


@dataclass(frozen=True)
class ShiftedClock(SystemClock):
    """The laptop's clock, put forward or back."""

    by: timedelta

    def now(self) -> datetime:
        return super().now() + self.by


def at_noon() -> ShiftedClock:
    """A clock that says noon now: whatever is counted in days, no midnight comes between."""
    now = SystemClock().now()
    return ShiftedClock(now.replace(hour=12, minute=0) - now)


@dataclass(frozen=True)
class Api:
    """A client that is logged in with the command line's token."""

    built: Built
    client: WsgiClient

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        all_headers = {"Authorization": f"Bearer {self.built.gate.api_token}", "X-Hezheng": "1", **headers}
        options = {} if body is None else {"json": body}
        return self.client.open(path, method=method, headers=all_headers, base_url="http://127.0.0.1:8600", **options)

    def post(self, path: str, body: Any = None) -> Any:
        response = self.call("POST", path, body)
        assert response.status_code < 400, response.text
        return response.json

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def new_inspection(self, unit: str = "测试单位") -> str:
        """Path of a fresh inspection."""
        self.post("/api/v1/units", {"name": unit})
        return f"/api/v1/inspections/{self.post('/api/v1/inspections', {'unit': unit})['id']}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a cheap vault."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "hezheng.toml").write_text(SMALL_VAULT)
    return folder


@pytest.fixture
def clock() -> Clock:
    """The appliance's."""
    return SystemClock()


@pytest.fixture
def api(data: Path, clock: Clock) -> Iterator[Api]:
    folder = DataFolder(data)
    with writing(folder, ""):
        built = build(folder, clock)
        yield Api(built, WsgiClient(built.app))
        built.appliance.jobs.stop()


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def here(data: Path, *words: str, secret: str | None = None) -> Ran:
    """Run a command in this process: starting Python for each of many takes longest. ``secret``: the vault's."""
    more: tuple[str, ...] = ()
    if secret is not None:
        reading, writing_end = os.pipe()
        os.write(writing_end, f"{secret}\n".encode())
        os.close(writing_end)
        more = ("--passphrase-fd", str(reading))
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.setenv("HEZHENG_DATA", str(data))
        ended = guarded(lambda: program.main([*words, *more], standalone_mode=False))
    return Ran(ended, out.getvalue(), err.getvalue())


def hezheng(data: Path, *arguments: str, secret: str | None = None, environment: dict[str, str] | None = None) -> Ran:
    """Run the console script; ``secret`` goes down a pipe as the named file descriptor 0."""
    command = [str(HEZHENG), *arguments]
    env = {**os.environ, "HEZHENG_DATA": str(data), **(environment or {})}
    done = subprocess.run(command, input=secret, capture_output=True, text=True, timeout=120, env=env)
    return Ran(done.returncode, done.stdout, done.stderr)
