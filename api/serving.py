"""The appliance as a service: waitress, the ticker, and a clean end."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from types import FrameType

from waitress.server import create_server

from api.built import Built
from appliance.visits import schedule_site
from appliance.visits.handed_in import LARGEST
from appliance.visits.ticker import Ticker
from config.problems import EnvironmentProblem
from config.settings import Settings


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


SWITCH_SECONDS = 0.001
"""So long a page waits for a thread that is busy with results, at each question to the disk; Python's own is 5 ms."""


def run(built: Built, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then running jobs are stopped, nothing acknowledged is lost."""
    sys.setswitchinterval(SWITCH_SECONDS)

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = create_server(
        built.app,
        sockets=[listening],
        threads=built.appliance.settings.server.threads,
        ident="hezheng",
        max_request_body_size=LARGEST + 1,  # it refuses what is as large as this
    )
    appliance = built.appliance
    ticker = Ticker(schedule_site.desk(appliance).tick, appliance.clock, appliance.settings.schedule.tick_seconds)
    ticker.start()
    try:
        server.run()
    finally:
        ticker.stop()
        built.appliance.jobs.stop()
        server.close()
