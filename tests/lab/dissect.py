"""What a scanner sent, out of a capture of signed (not sealed) connections: every SMB2 command and every RPC call.

Whatever may not be sent, or cannot be read, is a breach. The lists here are written by hand, apart from the product's
own. Source: libpcap file format, [MS-SMB2] §2.2, [C706] §12.6, [MS-SCMR], [MS-RRP], [MS-WMI] (operation numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from uuid import UUID

from tests.lab.dcom.ndr import Reader

TCP, SYN, SMB_PORT = 6, 0x02, 445
COMMANDS = {
    0: "NEGOTIATE", 1: "SESSION_SETUP", 2: "LOGOFF", 3: "TREE_CONNECT", 4: "TREE_DISCONNECT", 5: "CREATE", 6: "CLOSE",
    8: "READ", 11: "IOCTL", 14: "QUERY_DIRECTORY", 16: "QUERY_INFO",
}  # fmt: skip
"""The SMB2 commands that read; 9 WRITE, 17 SET_INFO and the rest are breaches."""
TRANSCEIVE, VALIDATE = 0x0011C017, 0x00140204
FILE_OPEN = 1
READING = 0x00120089 | 0x80000000 | 0x20  # FILE_GENERIC_READ, GENERIC_READ, FILE_TRAVERSE
READING_KEYS = 0x00020019 | 0x300  # KEY_READ in one of the two views
READING_SERVICES = 0x1 | 0x4  # SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS
INTERFACES = {
    UUID(text).bytes_le: name
    for name, text in {
        "winreg": "338cd001-2244-31f1-aaaa-900038001003",
        "svcctl": "367abb81-9844-35f1-ad32-98f038001003",
        "IObjectExporter": "99fcfec4-5260-101b-bbcb-00aa0021347a",
        "IRemoteSCMActivator": "000001a0-0000-0000-c000-000000000046",
        "IRemUnknown": "00000131-0000-0000-c000-000000000046",
        "IWbemLevel1Login": "f309ad18-d86a-11d0-a075-00c04fb68820",
        "IWbemServices": "9556dc99-828c-11cf-a37e-00aa003240c7",
        "IEnumWbemClassObject": "027947e1-d731-11ce-a357-000000000001",
    }.items()
}
CALLS = {
    "winreg": frozenset({2, 4, 5, 9, 10, 15, 16, 17, 26, 29}),
    "svcctl": frozenset({0, 15, 16, 17, 40}),
    "IObjectExporter": frozenset({5}),
    "IRemoteSCMActivator": frozenset({4}),
    "IRemUnknown": frozenset({5}),
    "IWbemLevel1Login": frozenset({6}),
    "IWbemServices": frozenset({6, 20, 24}),
    "IEnumWbemClassObject": frozenset({4}),
}
"""The operations of each interface that read."""
CHANGES = {1: "stop", 11: "config", 19: "start"}
"""The operations of svcctl that change a service: each must stand in the journal."""
METHODS = frozenset({"EnumKey", "EnumValues", *(f"Get{kind}Value" for kind in (
    "String", "ExpandedString", "DWORD", "QWORD", "MultiString", "Binary"))})  # fmt: skip
REQUEST, BIND, AUTH3, HAS_OBJECT, INTEGRITY = 0, 11, 16, 0x80, 5
EXEC_QUERY, EXEC_METHOD, OPEN_SERVICE = 20, 24, 16
OPENING_KEYS = frozenset({2, 4, 15})

Flow = tuple[str, int, str, int]  # source, port, target, port


@dataclass
class Sent:
    """What was sent: ``smb`` and ``calls`` as read, ``changes`` of services in order, and ``breaches`` of the rule.

    ``rights``: those with which a service was opened for more than queries.
    """

    smb: list[str] = field(default_factory=list[str])
    calls: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    methods: list[str] = field(default_factory=list[str])
    queries: list[str] = field(default_factory=list[str])
    changes: list[str] = field(default_factory=list[str])
    rights: list[int] = field(default_factory=list[int])
    breaches: list[str] = field(default_factory=list[str])


def dissect(pcap: bytes, source: str) -> Sent:
    """Everything that ``source`` sent, out of a libpcap file."""
    sent = Sent()
    flows = streams(pcap, source, sent)
    for flow, data in flows.items():
        if flow[0] == source:
            back = flows.get((flow[2], flow[3], flow[0], flow[1]), b"")
            _Smb(sent, data, back).read() if flow[3] == SMB_PORT else _Rpc(sent).feed(data)
    return sent


def streams(pcap: bytes, source: str, sent: Sent) -> dict[Flow, bytes]:
    """The bytes of each TCP direction in order; any other IPv4 packet of ``source`` is a breach."""
    pieces: dict[Flow, dict[int, bytes]] = {}
    starts: dict[Flow, int] = {}
    for ip in _ipv4(pcap):
        origin, target = str(IPv4Address(ip[12:16])), str(IPv4Address(ip[16:20]))
        if ip[9] != TCP:
            sent.breaches += [f"protocol {ip[9]} to {target}"] if origin == source else []
            continue
        tcp = ip[(ip[0] & 15) * 4 : struct.unpack_from(">H", ip, 2)[0] or None]
        here, there, number = struct.unpack_from(">HHI", tcp)
        flow = origin, here, target, there
        if tcp[13] & SYN:
            starts[flow] = number + 1
        if (payload := tcp[(tcp[12] >> 4) * 4 :]) and flow in starts:
            parts, at = pieces.setdefault(flow, {}), (number - starts[flow]) & 0xFFFFFFFF
            parts[at] = max(parts.get(at, b""), payload, key=len)  # what is sent again may be cut otherwise
    return {flow: _joined(parts, sent) for flow, parts in pieces.items()}


def _joined(parts: dict[int, bytes], sent: Sent) -> bytes:
    data = b""
    for at in sorted(parts):
        if at > len(data):
            sent.breaches.append("the capture has a gap")
            break
        data += parts[at][len(data) - at :]
    return data


def _ipv4(data: bytes) -> Iterator[bytes]:
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[12:14] == b"\x08\x00":
            yield frame[14:]


class _Rpc:
    """The client's side of one association: which interface each context means, and what is called."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent
        self._contexts: dict[int, str] = {}
        self._stub = b""

    def feed(self, data: bytes) -> None:
        """Whole packets."""
        while len(data) >= 16:
            length = struct.unpack_from("<H", data, 8)[0]
            if data[0] != 5 or length < 16:
                self._sent.breaches.append(f"no RPC packet: {data[:16].hex()}")
                return
            self._packet(data[:length])
            data = data[length:]

    def _packet(self, packet: bytes) -> None:
        if packet[2] == BIND:
            self._bind(packet)
        elif packet[2] == REQUEST:
            self._request(packet)
        elif packet[2] != AUTH3:
            self._sent.breaches.append(f"RPC packet type {packet[2]}")

    def _bind(self, packet: bytes) -> None:
        at = 28
        for _ in range(packet[24]):
            number, syntaxes = struct.unpack_from("<HB", packet, at)
            name = INTERFACES.get(packet[at + 4 : at + 20])
            if name is None:
                self._sent.breaches.append(f"interface {UUID(bytes_le=packet[at + 4 : at + 20])}")
            self._contexts[number] = name or "?"
            at += 24 + 20 * syntaxes

    def _request(self, packet: bytes) -> None:
        auth, (number, opnum) = struct.unpack_from("<H", packet, 10)[0], struct.unpack_from("<HH", packet, 20)
        end = len(packet) - (auth + 8 if auth else 0)
        padding, level = (packet[end + 2], packet[end + 1]) if auth else (0, INTEGRITY)
        if level != INTEGRITY:
            self._sent.breaches.append(f"a call that cannot be read: level {level}")
            return
        self._stub += packet[40 if packet[3] & HAS_OBJECT else 24 : end - padding]
        if packet[3] & 2:
            stub, self._stub = self._stub, b""
            self._call(self._contexts.get(number, "?"), opnum, stub)

    def _call(self, interface: str, opnum: int, stub: bytes) -> None:
        self._sent.calls.append((interface, opnum))
        if interface == "svcctl" and opnum in CHANGES:
            self._sent.changes.append(CHANGES[opnum] + (f":{_start_type(stub)}" if CHANGES[opnum] == "config" else ""))
        elif opnum not in CALLS.get(interface, ()):
            self._sent.breaches.append(f"{interface} operation {opnum}")
        elif interface == "winreg" and opnum in OPENING_KEYS:
            self._key(stub, opnum)
        elif (interface, opnum) == ("svcctl", OPEN_SERVICE):
            wanted = struct.unpack_from("<I", stub, len(stub) - 4)[0]
            self._sent.rights += [wanted] if wanted & ~READING_SERVICES else []
        elif (interface, opnum) == ("IWbemServices", EXEC_METHOD):
            self._method(stub)
        elif (interface, opnum) == ("IWbemServices", EXEC_QUERY):
            self._query(stub)

    def _key(self, stub: bytes, opnum: int) -> None:
        wanted = struct.unpack_from("<I", stub, len(stub) - 4)[0]
        if wanted & ~READING_KEYS:
            self._sent.breaches.append(f"winreg operation {opnum} with access {wanted:#x}")

    def _method(self, stub: bytes) -> None:
        reader = Reader(stub)
        reader.orpc_this()
        path, name = reader.bstr(), reader.bstr()
        self._sent.methods.append(name)
        if path != "StdRegProv" or name not in METHODS:
            self._sent.breaches.append(f"method {path}.{name}")

    def _query(self, stub: bytes) -> None:
        reader = Reader(stub)
        reader.orpc_this()
        language, text = reader.bstr(), reader.bstr()
        self._sent.queries.append(text)
        if language != "WQL" or not text.startswith("SELECT ") or "win32_product" in text.casefold():
            self._sent.breaches.append(f"query {text}")


def _start_type(stub: bytes) -> int:
    return struct.unpack_from("<I", stub, 24)[0]


class _Smb:
    """One SMB2 connection, both directions."""

    def __init__(self, sent: Sent, data: bytes, answers: bytes) -> None:
        self._sent = sent
        self._requests = list(_messages(data, sent))
        given = list(_messages(answers, sent))
        self._opened = {_id(packet): packet[128:144] for packet in given if _succeeded(packet, 5)}
        self._trees = {_id(packet): packet[36:40] for packet in given if _succeeded(packet, 3)}
        self._ipc: set[bytes] = set()
        self._pipes: dict[bytes, _Rpc] = {}

    def read(self) -> None:
        for packet in self._requests:
            number = struct.unpack_from("<H", packet, 12)[0]
            if number not in COMMANDS:
                self._sent.breaches.append(f"SMB2 command {number}")
                continue
            self._sent.smb.append(COMMANDS[number])
            checks = {"TREE_CONNECT": self._tree, "CREATE": self._create, "IOCTL": self._ioctl}
            if check := checks.get(COMMANDS[number]):
                check(packet)

    def _tree(self, packet: bytes) -> None:
        if _text(packet, 68).upper().endswith("\\IPC$") and _id(packet) in self._trees:
            self._ipc.add(self._trees[_id(packet)])

    def _create(self, packet: bytes) -> None:
        access, _, _, disposition = struct.unpack_from("<IIII", packet, 88)
        name = _text(packet, 108)
        if disposition != FILE_OPEN or (packet[36:40] not in self._ipc and access & ~READING):
            self._sent.breaches.append(f"CREATE {name} with disposition {disposition}, access {access:#x}")
        if file := self._opened.get(_id(packet)):
            self._pipes[file] = _Rpc(self._sent)

    def _ioctl(self, packet: bytes) -> None:
        code, file = struct.unpack_from("<I16s", packet, 68)
        if code == TRANSCEIVE and file in self._pipes:
            offset, size = struct.unpack_from("<II", packet, 88)
            self._pipes[file].feed(packet[offset : offset + size])
        elif code != VALIDATE:
            self._sent.breaches.append(f"FSCTL {code:#x}")


def _messages(data: bytes, sent: Sent) -> Iterator[bytes]:
    while len(data) >= 4:
        size = int.from_bytes(data[1:4], "big")
        packet, data = data[4 : 4 + size], data[4 + size :]
        while packet:
            if packet[:4] != b"\xfeSMB":
                sent.breaches.append(f"a packet that cannot be read: {packet[:4].hex()}")
                break
            following = struct.unpack_from("<I", packet, 20)[0]
            yield packet[: following or None]
            packet = packet[following:] if following else b""


def _id(packet: bytes) -> int:
    return struct.unpack_from("<Q", packet, 24)[0]


def _succeeded(packet: bytes, command: int) -> bool:
    return struct.unpack_from("<IH", packet, 8) == (0, command)


def _text(packet: bytes, at: int) -> str:
    offset, size = struct.unpack_from("<HH", packet, at)
    return packet[offset : offset + size].decode("utf-16-le")


def frames(port: int, payloads: Sequence[bytes], source: str, target: str, answers: Sequence[bytes] = ()) -> bytes:
    """A libpcap file of one connection that never was, for tests of this file itself."""
    one, other = (IPv4Address(source).packed, 40000), (IPv4Address(target).packed, port)
    made = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
    for (here, there), parts in (((other, one), answers), ((one, other), payloads)):
        number = 1
        for flags, payload in ((SYN, b""), *((0x18, part) for part in parts)):
            tcp = struct.pack(">HHIIBBHHH", here[1], there[1], number, 0, 0x50, flags, 0, 0, 0) + payload
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, TCP, 0) + here[0] + there[0]
            frame = bytes(12) + b"\x08\x00" + ip + tcp
            made += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
            number += len(payload) or 1
    return made
