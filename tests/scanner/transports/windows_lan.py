"""A LAN of Samba peers that differ in what they negotiate, and a relay that can falsify their answers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from config.clock import SystemClock
from scanner.session import WindowsSession
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from tests.lab.plans import Answer, HostPlan, Listener, Off, RegistryEntry, WindowsPc

USERNAME = "inspector"
PASSWORD = "Not-a-real-1"  # of accounts that exist only in the test LAN
UNINSTALL = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
KEYS, VALUES = 200, 10
BIG = bytes(range(256)) * 400
SIGNED = {"server smb encrypt": "off"}

GRADES = {
    "SMB21": ({"server max protocol": "SMB2_10"}, "smb2.1-signed"),
    "SMB30": ({"server max protocol": "SMB3_00", **SIGNED}, "smb3.0-signed"),
    "SMB302": ({"server max protocol": "SMB3_02"}, "smb3.0.2-sealed"),
    "GCM128": ({"server smb3 encryption algorithms": "AES-128-GCM"}, "smb3.1.1-sealed"),
    "CCM128": ({"server smb3 encryption algorithms": "AES-128-CCM"}, "smb3.1.1-sealed"),
    "GCM256": ({"server smb3 encryption algorithms": "AES-256-GCM"}, "smb3.1.1-sealed"),
    "CCM256": ({"server smb3 encryption algorithms": "AES-256-CCM"}, "smb3.1.1-sealed"),
    "GMAC": ({"server smb3 signing algorithms": "AES-128-GMAC", **SIGNED}, "smb3.1.1-signed"),
    "CMAC": ({"server smb3 signing algorithms": "AES-128-CMAC", **SIGNED}, "smb3.1.1-signed"),
    "HMAC": ({"server smb3 signing algorithms": "HMAC-SHA256", **SIGNED}, "smb3.1.1-signed"),
    "MIN302": ({"server min protocol": "SMB3_02"}, "smb3.1.1-sealed"),
    "MIN311": ({"server min protocol": "SMB3_11"}, "smb3.1.1-sealed"),
    "MAX311": ({"server max protocol": "SMB3_11"}, "smb3.1.1-sealed"),
    "SIGNAUTO": ({"server signing": "auto", **SIGNED}, "smb3.1.1-signed"),
    "SIGNMUST": ({"server signing": "mandatory", **SIGNED}, "smb3.1.1-signed"),
    "SIGN21": ({"server signing": "mandatory", "server max protocol": "SMB2_10"}, "smb2.1-signed"),
    "SIGNOFF": ({"server signing": "disabled", "server max protocol": "SMB2_10"}, "smb2.1-signed"),
    "MAX21": ({"server max protocol": "SMB2"}, "smb2.1-signed"),
    "MAX30": ({"server max protocol": "SMB3_00"}, "smb3.0-sealed"),
    "MAX3": ({"server max protocol": "SMB3"}, "smb3.1.1-sealed"),
    "MIN21": ({"server min protocol": "SMB2_10"}, "smb3.1.1-sealed"),
    "MIN30": ({"server min protocol": "SMB3_00"}, "smb3.1.1-sealed"),
    "ONLY30": ({"server min protocol": "SMB3_00", "server max protocol": "SMB3_00"}, "smb3.0-sealed"),
    "ONLY302": ({"server min protocol": "SMB3_02", "server max protocol": "SMB3_02"}, "smb3.0.2-sealed"),
    "DEFAULTSIGN": ({"server signing": "default"}, "smb3.1.1-sealed"),
    "AUTOSIGN": ({"server signing": "auto"}, "smb3.1.1-sealed"),
    "MUSTSIGN": ({"server signing": "mandatory"}, "smb3.1.1-sealed"),
    "NOSIGN": ({"server signing": "disabled"}, "smb3.1.1-sealed"),
    "NOSIGNOPEN": ({"server signing": "disabled", **SIGNED}, "smb3.1.1-signed"),
    "MUSTSEAL": ({"server smb encrypt": "required"}, "smb3.1.1-sealed"),
    "WANTSEAL": ({"server smb encrypt": "desired"}, "smb3.1.1-sealed"),
    "FEW": ({"smb2 max credits": "3", **SIGNED}, "smb3.1.1-signed"),
}
"""Host name → Samba's settings and the grade that the channel must have."""


def hive() -> tuple[RegistryEntry, ...]:
    """200 programs with 10 values each, and beside them a large value and a key that is never read."""
    programs = [
        RegistryEntry(rf"{UNINSTALL}\Program {number:03}", f"Value{index}", _scalar(number, index))
        for number in range(KEYS)
        for index in range(VALUES)
    ]
    return (
        *programs,
        RegistryEntry(r"HKLM\SOFTWARE\Vendor\Big", "Before", "a"),
        RegistryEntry(r"HKLM\SOFTWARE\Vendor\Big", "Blob", BIG),
        RegistryEntry(r"HKLM\SOFTWARE\Vendor\Big", "After", ("b", "丙")),
        RegistryEntry(r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa", "LimitBlankPasswordUse", 1),
        RegistryEntry(r"HKLM\SYSTEM\CurrentControlSet\Control\Windows", "SystemDirectory", "C:\\Windows\\system32"),
    )


def _scalar(number: int, index: int) -> str | int:
    return number * index if index == VALUES - 1 else f"值 {number} {index}"


def plans() -> list[HostPlan]:
    """Every peer of these tests."""
    graded = [_pc(name, number, smb=smb) for number, (name, (smb, _)) in enumerate(GRADES.items(), 20)]
    return [
        _pc("SEALED", 11),
        _pc("SIGNED", 12, smb=SIGNED),
        _pc("OLD", 13, smb={"server max protocol": "NT1", "server min protocol": "NT1"}),
        _pc("SMB202", 14, smb={"server max protocol": "SMB2_02"}),
        _pc("GUEST", 15, smb={"map to guest": "Bad User"}),
        _pc("PLAINUSER", 16, administrator=False),
        _pc("LOCKING", 17, bad_lockout_attempt=2),
        Listener(name="SILENT", address="10.79.0.18", mac="02:00:00:79:00:18", answers=(Answer(445),)),
        Off(name="OFF", address="10.79.0.19", mac="02:00:00:79:00:19"),
        *graded,
    ]


def _pc(name: str, number: int, **options: Any) -> WindowsPc:
    address, mac = f"10.79.0.{number}", f"02:00:00:79:00:{number}"
    return WindowsPc(name=name, address=address, mac=mac, password=PASSWORD, registry=hive(), **options)


@contextmanager
def session(
    address: str, port: int = 445, username: str = USERNAME, secret: str = PASSWORD, **limits: float
) -> Generator[WindowsSession]:
    """Log on with our own transport; a test of silence names its own short limits, any other may take its time."""
    bounds = SmbLimits(**{"connect_seconds": 10, "answer_seconds": 60, "deadline_seconds": 120, **limits})  # pyright: ignore[reportArgumentType]
    target = SmbTarget(address=address, port=port, username=username, secret=secret)
    with open_windows(target, bounds, SystemClock()) as opened:
        yield opened


Tamper = Callable[[int, bytes], Sequence[bytes]]
"""From the number of an answer (from 0) and its packet: the packets to pass on in its place."""


@dataclass
class Relay:
    """Sits between client and server on the laptop's loopback; sees every packet of one connection."""

    port: int
    requests: list[bytes] = field(default_factory=list[bytes])
    answers: list[bytes] = field(default_factory=list[bytes])
    order: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])


@contextmanager
def relay(address: str, tamper: Tamper) -> Generator[Relay]:
    """Relay one connection to ``address``:445; call inside the laptop's namespace."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = Relay(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, address, tamper, seen), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            listener.close()
    thread.join(5)


def _serve(listener: socket.socket, address: str, tamper: Tamper, seen: Relay) -> None:
    with contextlib.suppress(OSError):
        client, _ = listener.accept()
        with client, socket.create_connection((address, 445), 5) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upwards = threading.Thread(target=_upwards, args=(client, server, seen), daemon=True)
            upwards.start()
            _downwards(server, client, tamper, seen)


def _upwards(client: socket.socket, server: socket.socket, seen: Relay) -> None:
    with contextlib.suppress(OSError):
        while (packet := _receive(client)) is not None:
            seen.requests.append(packet)
            seen.order.append(("request", packet))
            _send(server, packet)
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)  # also after a reset, or the other direction would wait for ever


def _downwards(server: socket.socket, client: socket.socket, tamper: Tamper, seen: Relay) -> None:
    with contextlib.suppress(OSError):
        while (packet := _receive(server)) is not None:
            number = len(seen.answers)
            seen.answers.append(packet)
            seen.order.append(("answer", packet))
            for changed in tamper(number, packet):
                _send(client, changed)


def _send(sock: socket.socket, packet: bytes) -> None:
    sock.sendall(struct.pack(">I", len(packet)) + packet)


def _receive(sock: socket.socket) -> bytes | None:
    head = _exactly(sock, 4)
    return _exactly(sock, struct.unpack(">I", head)[0]) if head else None


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            return None
        data += chunk
    return data
