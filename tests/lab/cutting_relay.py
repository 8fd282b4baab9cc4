"""Stand-alone: hand SMB (port 445) on to another host, and say nothing more after some of its answers.

``cutting_relay.py TARGET ANSWERS hang|close``. A frame is four bytes of length and a message ([MS-SMB2] §2.1).
"""

from __future__ import annotations

import socket
import sys
import threading

PORT = 445


def read(sock: socket.socket, size: int) -> bytes:
    """Exactly ``size`` bytes, or fewer at the end of the stream."""
    data = b""
    while len(data) < size and (chunk := sock.recv(size - len(data))):
        data += chunk
    return data


def hand_on(source: socket.socket, sink: socket.socket, frames: int) -> None:
    """Copy so many whole frames; then read on and drop."""
    while len(head := read(source, 4)) == 4:
        body = read(source, int.from_bytes(head[1:], "big"))
        if frames:
            sink.sendall(head + body)
            frames -= 1
        elif ENDING == "close":
            sink.close()
            return


def serve(client: socket.socket) -> None:
    """One connection."""
    server = socket.create_connection((TARGET, PORT))
    threading.Thread(target=hand_on, args=(server, client, ANSWERS), daemon=True).start()
    hand_on(client, server, 1 << 30)
    server.close()


TARGET, ANSWERS, ENDING = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with socket.create_server(("0.0.0.0", PORT), backlog=64) as listening:
    while True:
        accepted, _ = listening.accept()
        threading.Thread(target=serve, args=(accepted,), daemon=True).start()
