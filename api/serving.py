"""The appliance as one process: lock, application, waitress, and a clean end."""

from __future__ import annotations

import errno
import signal
import socket
from dataclasses import dataclass
from types import FrameType

from flask import Flask
from waitress.server import create_server

from api.app import create_app
from api.auth import Gate, write_api_token
from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.visits import ending, inspections, schedule
from appliance.visits.ticker import Ticker
from config.clock import Clock
from config.problems import EnvironmentProblem
from config.settings import Settings, load


@dataclass(frozen=True, slots=True)
class Built:
    """An application and what stands behind it."""

    app: Flask
    appliance: Appliance
    gate: Gate


def build(folder: DataFolder, clock: Clock) -> Built:
    """Build the application over a data folder whose lock is held."""
    settings = load(folder.root)
    appliance = Appliance.open(folder, settings, clock)
    ending.recover(appliance)
    inspections.recover(appliance)
    schedule.desk(appliance).recover()
    gate = Gate(clock, write_api_token(folder.run))
    return Built(create_app(appliance, gate), appliance, gate)


def listen(settings: Settings, port: int | None, listen_fd: int | None) -> socket.socket:
    """The listening socket: inherited, or bound on loopback. Raises EnvironmentProblem when the port is in use."""
    if listen_fd is not None:
        return socket.socket(fileno=listen_fd)
    host = str(settings.server.host)
    wanted = settings.server.port if port is None else port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, wanted))
    except OSError as error:
        listening.close()
        code = "serve.port_in_use" if error.errno == errno.EADDRINUSE else "serve.cannot_listen"
        raise EnvironmentProblem(code, port=wanted, detail=str(error.strerror)) from error
    listening.listen(128)
    return listening


def address_of(listening: socket.socket) -> str:
    """``http://127.0.0.1:8600``."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(built: Built, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then running jobs are stopped, nothing acknowledged is lost."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = create_server(
        built.app, sockets=[listening], threads=built.appliance.settings.server.threads, ident="hezheng"
    )
    appliance = built.appliance
    ticker = Ticker(schedule.desk(appliance).tick, appliance.clock, appliance.settings.schedule.tick_seconds)
    ticker.start()
    try:
        server.run()
    finally:
        ticker.stop()
        built.appliance.jobs.stop()
        server.close()
