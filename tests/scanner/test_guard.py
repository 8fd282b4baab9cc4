"""A guarded worker reaches its own host and port, and nothing else by any road. Each test runs in its own process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.clock import SystemClock
from scanner import process
from scanner.process import Emit, Job, Limits
from scanner.scope import OutOfScope, install_guard

HOST = "127.0.0.1"
LIMITS = Limits(wall_seconds=120, cpu_seconds=10, memory_mb=512)


def connect_to(address: str) -> Callable[[int], object]:
    return lambda port: socket.create_connection((address, port), 2)


def datagram(port: int) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"x", ("127.0.0.12", port))


def message_datagram(port: int) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendmsg([b"x"], [], 0, ("127.0.0.12", port))


def plain_connect(destination: Any, family: int = socket.AF_INET) -> object:
    with socket.socket(family) as ours:
        return ours.connect(destination)


def swallowed_connect(port: int) -> object:
    try:
        connect_to("127.0.0.12")(port)
    except:  # noqa: E722  what a careless library does
        return connect_to(HOST)(port)
    return None


ESCAPES: dict[str, Callable[[int], object]] = {
    "an address that begins the same": connect_to("127.0.0.12"),
    "another port": lambda port: connect_to(HOST)(port + 1),
    "connect_ex": lambda port: socket.socket().connect_ex(("127.0.0.12", port)),
    "the mapped form": lambda port: plain_connect((f"::ffff:{HOST}", port), socket.AF_INET6),
    "a datagram": datagram,
    "a datagram by sendmsg": message_datagram,
    "a unix socket": lambda _: plain_connect("/run/dbus/system_bus_socket", socket.AF_UNIX),
    "a packet socket": lambda _: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "a raw socket": lambda _: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "a netlink socket": lambda _: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a look-up": lambda port: socket.getaddrinfo("localhost", port),
    "a look-up of bytes": lambda port: socket.getaddrinfo(b"localhost", port),
    "an old look-up": lambda _: socket.gethostbyname("localhost"),
    "an old look-up with aliases": lambda _: socket.gethostbyname_ex("localhost"),
    "a look-up hidden in connect": lambda port: plain_connect(("nosuch.invalid", port)),
    "a reverse look-up": lambda _: socket.gethostbyaddr(HOST),
    "a reverse look-up by name info": lambda port: socket.getnameinfo((HOST, port), 0),
    "a command": lambda _: subprocess.run(["/bin/true"], check=False),
    "a shell command": lambda _: os.system("true"),  # pyright: ignore[reportDeprecated]
    "a fork": lambda _: os.fork(),
    "a spawned process": lambda _: os.posix_spawn("/bin/true", ["true"], {}),
    "another program": lambda _: os.execv("/bin/true", ["true"]),
    "its own port after a swallowed refusal": swallowed_connect,
}


def attempt(job: Job, emit: Emit) -> None:
    guard = install_guard(HOST, frozenset({job["port"]}))
    try:
        ESCAPES[job["escape"]](job["port"])
    except OutOfScope as refused:
        emit({"refused": refused.reason.to_json(), "recorded": guard.violation == refused.reason})
    else:
        emit({"refused": None})


def converse(job: Job, emit: Emit) -> None:
    guard = install_guard(HOST, frozenset({job["port"]}))
    with socket.create_connection((HOST, job["port"]), 5) as peer:
        emit({"said": peer.recv(100).decode()})
    emit({"violation": guard.violation is not None, "literal": bool(socket.getaddrinfo(HOST, job["port"]))})


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield server.getsockname()[1]


def child(target: process.Target, job: Job) -> list[dict[str, Any]]:
    return list(process.run(target, job, LIMITS, SystemClock()))


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_worker_cannot_leave_by(escape: str, port: int) -> None:
    [said] = child(attempt, {"port": port, "escape": escape})
    assert said["recorded"]
    assert said["refused"]["code"] == "scope.out_of_scope"


def test_a_worker_speaks_to_its_own_host() -> None:
    with socket.create_server((HOST, 0)) as server:
        running = process.start(converse, {"port": server.getsockname()[1]}, LIMITS, SystemClock())
        with contextlib.closing(server.accept()[0]) as peer:
            peer.sendall("你好".encode())
        assert running.receive() == {"said": "你好"}
        assert running.receive() == {"violation": False, "literal": True}
        assert running.receive() is None


def test_a_guard_wants_a_literal_address() -> None:
    with pytest.raises(process.ChildCrashed) as caught:
        child(guard_a_name, {})
    assert "ValueError" in caught.value.trace


def guard_a_name(job: Job, emit: Emit) -> None:
    install_guard("localhost", frozenset({1}))
