"""What the registry benches share: one Samba host with 200 keys of 10 values, read by us and by impacket's helpers.

Both sides start when they are logged on and end with the last value; opening and binding the pipes is inside.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from impacket.dcerpc.v5 import rrp, transport
from impacket.dcerpc.v5.dcomrt import DCERPCException
from impacket.smbconnection import SMBConnection

from config.clock import SystemClock
from scanner.session import AccessDenied, RegistryKey, RegistryValue, Untrusted
from scanner.transports.lanes import open_lanes
from scanner.transports.smb_channel import Channel, ChannelLimits, connect
from scanner.transports.smb_logon import Login, establish
from scanner.transports.winreg import RegistryLimits, RemoteRegistry
from scanner.transports.winreg_values import decode_value
from tests.lab.lan import Lan
from tests.lab.plans import WindowsPc
from tests.scanner.laptop import inside
from tests.scanner.transports.windows_lan import KEYS, PASSWORD, UNINSTALL, USERNAME, VALUES, hive, relay

ROUNDS = 5
SUBNET = "10.87.0.0/24"
HOST = "10.87.0.11"
MEBIBYTE = 1 << 20
READ_ACCESS = rrp.KEY_READ | rrp.KEY_WOW64_64KEY
PATH = UNINSTALL.partition("\\")[2]

Content = Mapping[str, Mapping[str, RegistryValue]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall seconds, CPU seconds of our process, and what was read."""

    wall: float
    cpu: float
    content: Content


@contextmanager
def one_pc() -> Generator[Lan]:
    """A LAN with one Windows PC; the caller is on the laptop."""
    pc = WindowsPc(name="PC", address=HOST, mac="02:00:00:87:00:11", password=PASSWORD, registry=hive())
    with Lan.start([pc], SUBNET) as lan, inside(lan.laptop):
        yield lan


def ours(address: str, port: int, lanes: int) -> Cost:
    """Read the hive with our own lanes."""
    channel = _channel(address, port)
    try:
        _log_on(channel, address)
        return measured(lambda: _our_content(channel, lanes))
    finally:
        channel.close()


def _channel(address: str, port: int) -> Channel:
    return Channel(connect(address, port, 5), ChannelLimits(5, 20, 300, 64 * MEBIBYTE), SystemClock())


def _log_on(channel: Channel, address: str) -> None:
    grade = establish(channel, Login(address, USERNAME, "", PASSWORD))
    assert grade == "smb3.1.1-sealed", grade


def _our_content(channel: Channel, lanes: int) -> Content:
    opened = open_lanes(channel, lanes, MEBIBYTE)
    registry = RemoteRegistry(opened, RegistryLimits(20_000, MEBIBYTE), lambda: AccessDenied("winreg.denied"))
    keys = list(registry.subkeys(UNINSTALL))
    return {key.name: key.values for key in keys if isinstance(key, RegistryKey)}


def impackets(address: str, port: int) -> Cost:
    """Read the hive with impacket's helpers, one call after the other as they do."""
    connection = SMBConnection(address, address, sess_port=port)
    connection.login(USERNAME, PASSWORD)
    try:
        return measured(lambda: _peer_content(connection))
    finally:
        connection.close()


def _peer_content(connection: SMBConnection) -> Content:
    over: Any = connection  # impacket's annotation of this parameter is its default's, a number
    rpc = transport.SMBTransport(connection.getRemoteName(), filename=r"\winreg", smb_connection=over).get_dce_rpc()
    rpc.connect()
    rpc.bind(rrp.MSRPC_UUID_RRP)
    root = rrp.hOpenLocalMachine(rpc)["phKey"]
    parent = rrp.hBaseRegOpenKey(rpc, root, PATH, samDesired=READ_ACCESS)["phkResult"]
    return {name: dict(_peer_values(rpc, parent, name)) for name in _peer_names(rpc, parent)}


def _peer_names(rpc: Any, parent: Any) -> Iterator[str]:
    with suppress(DCERPCException):  # ERROR_NO_MORE_ITEMS
        for index in range(1 << 16):
            yield rrp.hBaseRegEnumKey(rpc, parent, index)["lpNameOut"].rstrip("\0")


def _peer_values(rpc: Any, parent: Any, name: str) -> Iterator[tuple[str, RegistryValue]]:
    key = rrp.hBaseRegOpenKey(rpc, parent, name, samDesired=READ_ACCESS)["phkResult"]
    with suppress(DCERPCException):  # ERROR_NO_MORE_ITEMS
        for index in range(1 << 16):
            value = rrp.hBaseRegEnumValue(rpc, key, index)
            yield value["lpValueNameOut"].rstrip("\0"), decode_value(value["lpType"], b"".join(value["lpData"]))
    rrp.hBaseRegCloseKey(rpc, key)


def measured(read: Callable[[], Content]) -> Cost:
    """Run once."""
    wall, cpu = time.perf_counter(), time.process_time()
    content = read()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, content)


def compare(address: str, port: int, lanes: int, rounds: int = ROUNDS) -> tuple[list[Cost], list[Cost]]:
    """Both sides in turn, after one warm-up of each kind; every reading must have the same content."""
    ours(address, port, lanes)
    pairs = [(ours(address, port, lanes), impackets(address, port)) for _ in range(rounds)]
    wanted = pairs[0][1].content
    assert len(wanted) == KEYS
    assert all(len(values) == VALUES for values in wanted.values())
    assert all(cost.content == wanted for pair in pairs for cost in pair), "the two sides read different things"
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def require_verification(lanes: int) -> None:
    """Read once through a relay that flips one bit of one answer: our side must refuse it, or the bench is void."""

    def flip(number: int, packet: bytes) -> list[bytes]:
        return [packet if number != 200 else packet[:-1] + bytes((packet[-1] ^ 1,))]

    with relay(HOST, flip) as middle:
        try:
            ours("127.0.0.1", middle.port, lanes)
        except Untrusted:
            return
    raise AssertionError("a forged answer was accepted")


def result(name: str, mine: list[float], peer: list[float], unit: str, how: str) -> dict[str, Any]:
    """The line that a bench prints; medians."""
    fast, slow = statistics.median(mine), statistics.median(peer)
    line = {"name": name, "ours": round(fast, 4), "peer": round(slow, 3), "ratio": round(slow / fast, 1)}
    return line | {"unit": unit, "how": how}
