"""``hezheng serve``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, json_option, put, say, tell
from api.commands.client import HttpTransport, connected, data_folder
from config.messages import render
from config.problems import Conflict, EnvironmentProblem


@click.command(help="启动本机服务与页面（缺省 http://127.0.0.1:8600）。")
@data_option
@click.option("--port", type=click.IntRange(0, 65535), help="端口；0 表示任取一个空闲端口。")
@click.option("--listen-fd", type=int, help="使用继承来的监听套接字。")
def serve(data: Path | None, port: int | None, listen_fd: int | None) -> None:
    from api import serving
    from api.built import build
    from appliance.folder import writing
    from appliance.visits import custody_watch, recovery
    from config.clock import SystemClock
    from config.settings import load

    folder = data_folder(data, create=True)
    listening = serving.listen(load(folder.root), port, listen_fd)
    address = serving.address_of(listening)
    with writing(folder, address):
        built = build(folder, SystemClock())
        tell("serve.started")
        say(f"{address}/#token={built.gate.new_launch_token()}")
        tell("serve.data_folder", path=str(folder.root))
        for problem in built.appliance.reference_problems:
            tell("catalogue.standing_in", problem=render(problem))
        for broken in custody_watch.check_all(built.appliance):
            say(render(broken))
        if count := recovery.count_open(built.appliance):
            tell("change.open_entries", count=count)
        _remark_on_discovery()
        serving.run(built, listening)
    tell("serve.stopped")


@click.command(help="给正在运行的核正打印一个新的页面链接（只能使用一次）。")
@data_option
@json_option
def link(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        if not isinstance(client.transport, HttpTransport):
            raise Conflict("serve.not_running")
        token = client.send("POST", "/api/v1/launch-token")["token"]
        put({"url": f"{client.transport.address}/#token={token}"}, "link", as_json)


def _remark_on_discovery() -> None:
    from scanner.discovery import find_nmap, may_send_raw

    try:
        path = find_nmap()
    except EnvironmentProblem:
        tell("serve.nmap_missing")
        return
    if not may_send_raw(path):
        tell("serve.connect_mode")
