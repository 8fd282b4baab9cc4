"""An SSH server that keeps to the protocol and behaves as no sshd can be configured to; on loopback only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.server import InteractiveQuery

HOST_KEY = paramiko.ECDSAKey.generate()


@dataclass(slots=True)
class Behaviour:
    """Keyboard-interactive prompts (text, echo), whether commands are ever answered, whether anybody may log in.

    ``heard`` is every secret it was sent.
    """

    prompts: Sequence[tuple[str, bool]] = ()
    answers_commands: bool = True
    open_to_all: bool = False
    heard: list[str] = field(default_factory=list[str])
    ended: threading.Event = field(default_factory=threading.Event)


class OddServer(paramiko.ServerInterface):
    """Accepts ``secret`` by password, or by prompts when the behaviour has some."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive" if self._behaviour.prompts else "password"

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL if self._behaviour.open_to_all else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self._behaviour.heard.append(password)
        return AUTH_FAILED if self._behaviour.prompts else AUTH_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
        return InteractiveQuery("", "", *self._behaviour.prompts)

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self._behaviour.heard.extend(responses)
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if not self._behaviour.answers_commands:
            self._behaviour.ended.wait(30)
        return True


@contextmanager
def odd_server(behaviour: Behaviour) -> Generator[int]:
    """Serve one connection after another; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listener, behaviour), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        behaviour.ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _serve(listener: socket.socket, behaviour: Behaviour) -> None:
    transports: list[paramiko.Transport] = []
    with suppress(OSError):
        while True:
            transport = paramiko.Transport(listener.accept()[0])
            transport.add_server_key(HOST_KEY)
            transport.start_server(threading.Event(), OddServer(behaviour))
            transports.append(transport)
    for transport in transports:
        transport.close()
