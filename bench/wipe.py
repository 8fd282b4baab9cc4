"""V1: 20 planted secrets are nowhere in the raw bytes of the disks after an inspection's end, also a killed one."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from werkzeug.test import Client as WsgiClient

from api.built import Built, build
from appliance.folder import DataFolder, writing
from bench.power_cut import SETTINGS
from config.clock import SystemClock
from tests.api.test_api import facts_document
from tests.lab import images
from tests.lab.needles import found
from tests.lab.stream import child

RUNS = 100
SECRETS = 20
CLONE_NEWNS = 0x20000
MIBS = 48
CHECKOUT = Path(__file__).parents[1]
HOME = "/srv"
FOLDERS = ("/tmp", "/var/tmp", "/var/log", "/dev/shm", HOME)
API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Laptop:
    """A disk with the data folder, a disk with the system's own folders, and a stick for the office's copy."""

    root: Path
    data_image: Path
    system_image: Path

    @classmethod
    def made(cls, root: Path) -> Laptop:
        laptop = cls(root, root / "data.img", root / "system.img")
        for image in (laptop.data_image, laptop.system_image):
            images.make(image, MIBS)
        for name in ("disk", "system", "stick"):
            (root / name).mkdir()
        return laptop

    def run(self, act: Callable[[Path, Path], None], seconds: float | None = None) -> bool:
        """Do ``act(data, stick)`` in a process that sees only these disks, killed after ``seconds``; did it end?"""
        with ExitStack() as stack:
            stack.enter_context(images.remounted(self.data_image, self.root / "disk"))
            stack.enter_context(images.remounted(self.system_image, self.root / "system"))
            with child(lambda: self._inside(act)) as pid:
                if seconds is None:
                    _, status = os.waitpid(pid, 0)
                    assert status == 0, status
                    return True
                return _killed_after(pid, seconds)

    def _inside(self, act: Callable[[Path, Path], None]) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare")
        disk, stick = Path("/mnt"), Path("/media")
        _mount("--make-rprivate", "/")
        _mount("--bind", str(self.root / "disk"), str(disk))
        _mount("--bind", str(self.root / "stick"), str(stick))
        system = self.root / "system"
        for number in range(len(FOLDERS)):
            (system / str(number)).mkdir(exist_ok=True)
            self._leave_visible(FOLDERS[number], system / str(number))
        # The folder that hides the image itself comes last.
        for number, folder in sorted(enumerate(FOLDERS), key=lambda pair: str(system).startswith(pair[1])):
            _mount("--rbind", str(system / str(number)), folder)
        os.environ["HOME"] = HOME
        tempfile.tempdir = None
        act(disk / "data", stick)

    @staticmethod
    def _leave_visible(hidden: str, instead: Path) -> None:
        """A checkout inside a folder that is about to be hidden must stay for the program that runs from it."""
        if CHECKOUT.is_relative_to(hidden):
            place = instead / CHECKOUT.relative_to(hidden)
            place.mkdir(parents=True, exist_ok=True)
            _mount("--bind", str(CHECKOUT), str(place))

    def leaks(self, lent: list[str]) -> list[bytes]:
        """What stands in the raw bytes of either disk."""
        return found(lent, (self.data_image, self.system_image))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _killed_after(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return True
        time.sleep(0.001)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False


@dataclass(frozen=True, slots=True)
class Talk:
    """The API of an appliance in this process."""

    built: Built
    client: WsgiClient

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.built.gate.api_token}", "X-Hezheng": "1"}
        options = {} if body is None else {"json": body}
        response = self.client.open(
            f"{API}{path}", method=method, headers=headers, base_url="http://127.0.0.1", **options
        )
        assert response.status_code < 400, response.text
        return response.json

    def done(self, path: str, body: Any = None) -> Any:
        """The result of a job."""
        job = self.ask("POST", path, body)
        while (state := self.ask("GET", f"/jobs/{job['id']}"))["state"] == "running":
            time.sleep(0.002)
        assert state["state"] == "done", state
        return state["result"]


def visit(data: Path, stick: Path, lent: list[str], passphrase: str) -> None:
    """An inspection with every secret entered, some entered again or removed, sealed, and the copy on the stick."""
    data.mkdir()
    (data / "hezheng.toml").write_text(SETTINGS)
    with writing(DataFolder(data), ""):
        built = build(DataFolder(data), SystemClock())
        talk = Talk(built, WsgiClient(built.app))
        talk.ask("POST", "/units", {"name": "某单位"})
        one = f"/inspections/{talk.ask('POST', '/inspections', {'unit': '某单位'})['id']}"
        talk.ask("POST", "/vault", {"passphrase": passphrase})
        for number, secret in enumerate(lent[:-4]):
            login = {"kind": "local", "protocol": "smb", "username": f"u{number}", "secret": secret}
            added = talk.ask("POST", f"{one}/credentials", login)
            if number < 4:
                talk.ask("PUT", f"{one}/credentials/{added['id']}/secret", {"secret": lent[-1 - number]})
            if number == 5:
                talk.ask("DELETE", f"{one}/credentials/{added['id']}")
        talk.ask("POST", f"{one}/facts", facts_document())
        talk.done(f"{one}/audits")
        sealed = talk.done(f"{one}/bundles", {"unencrypted": True})
        (stick / "bundle.zip").write_bytes(Path(sealed["path"]).read_bytes())
        built.appliance.jobs.stop()


def end(data: Path, stick: Path) -> None:
    """Start, which finishes what was cut off; ask for the end where that was not even begun."""
    with writing(DataFolder(data), ""):
        built = build(DataFolder(data), SystemClock())
        talk = Talk(built, WsgiClient(built.app))
        (inspection,) = talk.ask("GET", "/inspections")["items"]
        one = f"/inspections/{inspection['id']}"
        if inspection["ended"] is None:
            talk.done(f"{one}/ending", {"copy_path": str(stick / "bundle.zip"), "same_medium_reason": "test"})
        proof = talk.ask("GET", f"{one}/ending")
        assert proof["stage"] == "done", proof
        assert not list((data / "inspections").iterdir()) + list((data / "ending").iterdir())
        assert json.loads((data / "vault" / "vault.json").read_bytes())["body"]["entries"] == []
        built.appliance.jobs.stop()


def wiped(runs: int, root: Path) -> dict[str, int]:
    """``runs`` inspections, ended and killed at a random moment of it (the first is not killed), then ended again."""
    total = {"runs": 0, "killed": 0, "found": 0}
    longest = 0.0
    for number in range(runs):
        folder = root / str(number)
        folder.mkdir()
        laptop = Laptop.made(folder)
        lent = [f"{secrets.token_urlsafe(15)}{'密' if n % 2 else ''}" for n in range(SECRETS)]
        passphrase = secrets.token_urlsafe(15)
        laptop.run(partial(visit, lent=lent, passphrase=passphrase))
        started = time.monotonic()
        if number:
            total["killed"] += not laptop.run(end, longest * secrets.randbelow(1000) / 1000)
        laptop.run(end)
        longest = longest or time.monotonic() - started
        total["found"] += len(laptop.leaks([*lent, passphrase]))
        total["runs"] += 1
        laptop.data_image.unlink()
        laptop.system_image.unlink()
    return total


def main() -> dict[str, Any]:
    """``ours`` is how many forms of secrets were found anywhere."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        total = wiped(RUNS, Path(folder))
    how = (
        f"{SECRETS} secrets and the vault's passphrase in UTF-8, UTF-16LE, JSON, hex, base64 and as NT hash; searched "
        "in the raw bytes of two ext4 images: the data folder's, and one that held /tmp, /var/tmp, /var/log, /dev/shm "
        "and the home folder; all runs but the first killed with SIGKILL at a random moment of the end, then "
        "started again"
    )
    return {"name": "wipe", "ours": total["found"], **total, "peer": None, "ratio": None, "unit": "found", "how": how}


if __name__ == "__main__":
    print(json.dumps(main()))
