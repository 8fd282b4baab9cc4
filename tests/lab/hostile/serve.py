"""Serve many scripted hosts from one network namespace: one address a script, one process a connection.

``python -m tests.lab.hostile.serve PLAN.json``; the plan is ``{"secret", "hosts": [[address, port, script], …]}``.
A process a connection, so that a script that floods does not slow its neighbours in one interpreter.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.lab.hostile.logon_scripts import LOGON
from tests.lab.hostile.registry_scripts import REGISTRY, RPC
from tests.lab.hostile.smb import Script
from tests.lab.hostile.ssh_scripts import SSH_AFTER, SSH_BEFORE, Serve
from tests.lab.hostile.wire_scripts import AFTER_LOGON, BEFORE_LOGON

SMB_SCRIPTS: Mapping[str, type[Script]] = {**BEFORE_LOGON, **LOGON, **AFTER_LOGON, **REGISTRY, **RPC}
SSH_SCRIPTS: Mapping[str, Serve] = {**SSH_BEFORE, **SSH_AFTER}


def serve_one(sock: socket.socket, script: str, secret: str) -> None:
    """One connection of one script; a client that goes away ends it."""
    try:
        if script in SMB_SCRIPTS:
            SMB_SCRIPTS[script](sock, secret).run()
        else:
            SSH_SCRIPTS[script](sock, secret, [])
    except OSError:
        sock.close()


def main() -> None:
    """Listen on every address until killed."""
    plan = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    for address, port, script in plan["hosts"]:
        listener = socket.create_server((address, port), backlog=32)
        selector.register(listener, selectors.EVENT_READ, script)
    while True:
        for ready, _ in selector.select():
            listener = ready.fileobj
            assert isinstance(listener, socket.socket)
            sock, _ = listener.accept()
            if os.fork() == 0:
                selector.close()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                serve_one(sock, ready.data, plan["secret"])
                os._exit(0)
            sock.close()


if __name__ == "__main__":
    main()
