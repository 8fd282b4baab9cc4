"""``hezheng demo``: a whole inspection of a made-up unit on a LAN of real peers, from authorisation to sealed bundle.

The recipes of that LAN live in ``tests/lab``, so a checkout is needed; this is the product's only import of tests.
The appliance runs inside the laptop's network namespace; its listening socket is opened here and inherited, so that a
browser outside can reach the page.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import click

from api.commands.base import json_option, put, say, tell
from api.commands.client import CHECKOUT, Client, HttpTransport
from api.commands.demo_follow_up import two_visits
from api.commands.visit import Unit, Visit
from appliance.folder import DataFolder
from config.clock import SystemClock
from config.problems import EnvironmentProblem

START_SECONDS = 120
STOP_SECONDS = 15


@click.command(help="在本机搭起一个虚构单位的局域网（真实的 Samba、SSH 等），完整演示一次督查；需要 root 和检出目录。")
@json_option
@click.option(
    "--follow-up",
    "follow_up",
    is_flag=True,
    help="再演示一次回头看：两次检查之间机器和软件有变化，逐项比对并列出各结论的数量。",
)
@click.option("--keep", is_flag=True, help="演示后保留局域网和页面，打印网址，按 Ctrl-C 结束。")
@click.option(
    "--bundle-out", type=click.Path(path_type=Path, dir_okay=False), help="证据包存到此文件；缺省存到临时文件夹。"
)
def demo(as_json: bool, follow_up: bool, keep: bool, bundle_out: Path | None) -> None:
    if follow_up:
        if keep or bundle_out:
            raise click.UsageError("--follow-up 不与 --keep、--bundle-out 同用。")
        _demo_follow_up(as_json)
        return
    clock = SystemClock()
    started = clock.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hezheng-demo-")))
        tell("demo.building")
        unit = _start_lan()
        stack.callback(unit.stop)
        served = serve_inside(unit.lan.laptop.prefix, folder)
        stack.callback(served.stop)
        passphrase = secrets.token_urlsafe(18)
        result = Visit(served.client, unit, clock).run(passphrase)
        kept = bundle_out or Path(tempfile.gettempdir()) / f"hezheng-demo-{result['inspection']}.zip"
        shutil.copyfile(result["bundle"]["path"], kept)
        result["bundle"]["path"] = str(kept.absolute())
        result["seconds"] = round(clock.monotonic() - started, 1)
        put(result, "demo", as_json)
        if keep:
            tell("demo.kept")
            say(served.launch_url())
            _tell_how_to_practise(unit, passphrase, folder / "data")
            with suppress(KeyboardInterrupt):
                signal.pause()


def _tell_how_to_practise(unit: Unit, passphrase: str, data: Path) -> None:
    """The accounts of the made-up unit exist only as long as its LAN: whoever practises may see them."""
    login = unit.credentials[0]
    tell(
        "demo.practise",
        scope=unit.scope,
        exclusions="、".join(unit.exclusions),
        username=login["username"],
        password=login["secret"],
        passphrase=passphrase,
        ledgers=str(next(iter(unit.ledgers.values())).parent),
        data=str(data),
    )


def _demo_follow_up(as_json: bool) -> None:
    clock = SystemClock()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)

    @contextmanager
    def visited(folder: Path, later: bool) -> Generator[tuple[Client, Unit]]:
        with ExitStack() as stack:
            tell("demo.building")
            unit = _start_lan(later)
            stack.callback(unit.stop)
            served = serve_inside(unit.lan.laptop.prefix, folder)
            stack.callback(served.stop)
            yield served.client, unit

    with tempfile.TemporaryDirectory(prefix="hezheng-demo-") as folder:
        put(two_visits(partial(visited, Path(folder)), clock), "demo-follow-up", as_json)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """A closed terminal cleans up as Ctrl-C does."""
    raise KeyboardInterrupt


def _start_lan(follow_up: bool = False) -> Unit:
    """Raises EnvironmentProblem outside a checkout, without root, or where the lab's system packages are missing."""
    if not (CHECKOUT / "tests" / "lab" / "demo_unit.py").exists():
        raise EnvironmentProblem("demo.no_checkout")
    if os.geteuid() != 0:
        raise EnvironmentProblem("demo.needs_root")
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    demo_unit = importlib.import_module("tests.lab.demo_unit")
    netns = importlib.import_module("tests.lab.netns")
    try:
        return demo_unit.start(follow_up=follow_up)
    except netns.LabError as error:
        raise EnvironmentProblem("demo.no_lab", detail=str(error)) from error


@dataclass(frozen=True, slots=True)
class Served:
    """An appliance that runs in another network namespace."""

    process: subprocess.Popen[bytes]
    client: Client
    log: Path

    def launch_url(self) -> str:
        """The address with its one-time token, as the appliance printed it."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return next((line for line in lines if "#token=" in line), "")

    def stop(self) -> None:
        """End it by pid; it stops its own workers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve_inside(prefix: list[str], folder: Path) -> Served:
    """Start ``hezheng serve`` with ``prefix`` (``ip netns exec NAME``) on a free port of ours."""
    command = Path(sys.executable).parent / "hezheng"
    log = folder / "serve.log"
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        port = listening.getsockname()[1]
        argv = [*prefix, str(command), "serve", "--data", str(folder / "data"), "--listen-fd", str(listening.fileno())]
        process = subprocess.Popen(argv, pass_fds=[listening.fileno()], stdout=output, stderr=subprocess.STDOUT)
    return Served(process, _await(process, f"http://127.0.0.1:{port}", DataFolder(folder / "data"), log), log)


def _await(process: subprocess.Popen[bytes], address: str, folder: DataFolder, log: Path) -> Client:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # The token is renewed at start, and the socket answers only once it is served.
        if "#token=" in log.read_text("utf-8", "replace"):
            return Client(HttpTransport(address, (folder.run / "token").read_text("utf-8")), in_process=False)
        time.sleep(0.05)
    process.kill()
    raise EnvironmentProblem("demo.not_started", detail=log.read_text("utf-8", "replace")[-500:])
