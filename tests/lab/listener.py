"""A device that answers on a few TCP ports; run inside a host's namespace with a JSON list of answers as argument.

Stand-alone: standard library only. One thread a connection is plenty for a lab.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from typing import Any


class Device(socketserver.ThreadingTCPServer):
    """One port of the device."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(("0.0.0.0", int(answer["port"])), Conversation)
        self.answer = answer


class Conversation(socketserver.BaseRequestHandler):
    """Greets, then answers HTTP or stays silent until the caller goes."""

    def handle(self) -> None:
        assert isinstance(self.server, Device)
        answer = self.server.answer
        if answer["greeting"]:
            self.request.sendall(answer["greeting"].encode())
        if answer["http_server"]:
            self.request.settimeout(10)
            self.request.recv(65536)
            self.request.sendall(page(answer["http_server"], answer["http_title"]))
            return
        while self.request.recv(65536):
            continue


def page(server: str, title: str) -> bytes:
    """A whole HTTP answer with the device's banner."""
    body = f"<html><head><title>{title}</title></head><body>{title}</body></html>".encode()
    head = f"HTTP/1.1 200 OK\r\nServer: {server}\r\nContent-Type: text/html; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def main() -> None:
    """Listen on every port until killed."""
    devices = [Device(answer) for answer in json.loads(sys.argv[1])]
    for device in devices[1:]:
        threading.Thread(target=device.serve_forever, daemon=True).start()
    devices[0].serve_forever()


if __name__ == "__main__":
    main()
