"""Scripts of the remote registry: a genuine logon, and then a registry that no Windows has."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from tests.lab.hostile import registry as reg
from tests.lab.hostile.registry import UNINSTALL, Key, Registry, Value, sz, tree
from tests.lab.hostile.smb import BIND, BIND_NAK, FAULT, Request, Script, fragments, rpc_pdu

GIB4 = 0xFFFF_FFFF
MIB = 1 << 20
HUGE = b"an answer without end"
STREAM = rpc_pdu(2, struct.pack("<IHH", 4000, 0, 0) + bytes(4000), 0) * 16
EVIL = '\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\u202eexe.cod\u200b=HYPERLINK("x")\r\n'
LONE_SURROGATE = b"\x00\xd8a\0"


class EndlessKeys(Registry):
    """Every Uninstall key has one more subkey."""

    def enum_key(self, path: str, key: Key, index: int) -> bytes:
        if not path.endswith("Uninstall"):
            return super().enum_key(path, key, index)
        return reg.enum_key_answer(self.name(index))

    def name(self, index: int) -> str:
        """Name of the subkey at an index."""
        return f"Program {index}"


class LoopingNames(EndlessKeys):
    """The same subkey again and again."""

    def name(self, index: int) -> str:
        return "First"


class EndlessValues(Registry):
    """Every key has one more value."""

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        if index < len(key.values):
            return super().enum_value(path, key, index, room)
        return reg.enum_value_answer(f"Value {index}", reg.DWORD, bytes(4))


class EndlessMoreData(Registry):
    """No room is ever enough; it asks for a little more each time."""

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        return reg.more_data(room + 1) if "Uninstall" in path else super().enum_value(path, key, index, room)


class Claims4GiB(Registry):
    """A program's name of 4 GiB, or so it says."""

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        if "Uninstall" in path and index == 0:
            return reg.more_data(GIB4)
        return super().enum_value(path, key, index, room)


class LyingCount(Registry):
    """A value that claims more bytes than the answer holds."""

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        stub = super().enum_value(path, key, index, room)
        at = stub.find(struct.pack("<I", 0x2000C))
        return stub if at < 0 else stub[: at + 12] + struct.pack("<I", GIB4) + stub[at + 16 :]


class LyingName(Registry):
    """A name whose count of characters is not that of its bytes."""

    def enum_key(self, path: str, key: Key, index: int) -> bytes:
        stub = super().enum_key(path, key, index)
        return stub[:16] + struct.pack("<I", GIB4) + stub[20:]


class NullPointers(Registry):
    """Null where a string must be: a name of no length."""

    def enum_key(self, path: str, key: Key, index: int) -> bytes:
        if index >= len(key.subkeys):
            return super().enum_key(path, key, index)
        return struct.pack("<HHI", 0, 0, 0) + struct.pack("<II", 0, 0) + reg.status(0)


class ShortHandle(Registry):
    """A handle of 8 bytes."""

    def opened(self, path: str, key: Key) -> bytes:
        return bytes(8) + reg.status(0)


class TruncatedStub(Registry):
    """Every answer loses its second half."""

    def call(self, opnum: int, stub: bytes) -> bytes:
        whole = super().call(opnum, stub)
        return whole[: len(whole) // 2] if opnum in (reg.ENUM_KEY, reg.ENUM_VALUE) else whole


class EmptyStub(Registry):
    """Answers of no bytes."""

    def call(self, opnum: int, stub: bytes) -> bytes:
        return b""


class UnknownErrors(Registry):
    """Another Win32 error with every call."""

    def call(self, opnum: int, stub: bytes) -> bytes:
        return bytes(20) + reg.status(1000 + len(self.handles)) if opnum == reg.OPEN_KEY else super().call(opnum, stub)


def of_programs(programs: Mapping[str, list[Value]]) -> Registry:
    """An ordinary registry with these Uninstall keys beside."""
    keys = reg.ordinary() | {rf"{UNINSTALL}\{name}": values for name, values in programs.items()}
    return Registry(tree(keys))


def evil_names() -> Registry:
    """Names with escape sequences, markup, bidi marks, NUL, and 10,000 characters."""
    programs = {
        f"{EVIL[:60]}key".replace("\\", ""): [sz("DisplayName", EVIL)],
        "long": [sz("DisplayName", "长" * 10_000), sz("DisplayVersion", "9" * 10_000)],
        "nul": [sz("DisplayName", "before\0after"), sz("Publisher", "\0\0\0")],
        "bidi": [sz("DisplayName", "\u202e\u2066\u2069\u200f\u200e reversed")],
        "formula": [sz("DisplayName", "=cmd|'/c calc'!A1"), sz("Publisher", "@SUM(1+1)")],
    }
    return of_programs(programs)


def invalid_utf16() -> Registry:
    """Names and texts that are no UTF-16."""
    found = of_programs({"odd": [("DisplayName", reg.SZ, LONE_SURROGATE), (LONE_SURROGATE, reg.SZ, b"a\0")]})
    found.root.find(UNINSTALL).subkeys["\ud800broken"] = Key(values=[sz("DisplayName", "Unreachable")])
    return found


def deep_keys() -> Registry:
    """A thousand keys inside each other below the Uninstall key, and a name of 255 characters."""
    found = of_programs({"x" * 255: [sz("DisplayName", "Long Key")]})
    key = found.root.find(UNINSTALL)
    for _ in range(1000):
        key = key.subkeys.setdefault("deep", Key())
    return found


def dns_like() -> Registry:
    """A computer name that a careless client would look up."""
    found = of_programs({})
    found.root.find(reg.NAME).values[:] = [sz("ComputerName", "attacker.example.com")]
    return found


# --- RPC below the registry ---


class Fault(Script):
    """Every call faults."""

    fault = 0x1C010002

    def response(self, stub: bytes) -> bytes:
        return rpc_pdu(FAULT, struct.pack("<IHBBII", 0, 0, 0, 0, self.fault, 0))


class FaultDenied(Fault):
    """Every call is denied."""

    fault = 5


class BindNak(Script):
    """Refuses the interface."""

    def bind_answer(self) -> bytes:
        return rpc_pdu(BIND_NAK, struct.pack("<HBBB", 2, 1, 5, 0))


class ShortBind(Script):
    """A BIND_ACK whose address runs past its end."""

    def bind_answer(self) -> bytes:
        return rpc_pdu(12, struct.pack("<HHIH", 4280, 4280, 1, 0xFFFF) + bytes(20))


class SmallFragments(Script):
    """Legal, if odd: sixteen bytes of stub a fragment."""

    def response(self, stub: bytes) -> bytes:
        return fragments(stub, 16)


class EndlessFragments(Script):
    """Fragments that never end."""

    def response(self, stub: bytes) -> bytes:
        return rpc_pdu(2, struct.pack("<IHH", 4000, 0, 0) + bytes(4000), 1) * 16

    def read(self, request: Request) -> None:
        self.pipes[request.body[16:32]].extend([self.response(b"")] * 2)
        super().read(request)


class HugeValue(Registry):
    """Marks the answers that shall be huge."""

    def enum_value(self, path: str, key: Key, index: int, room: int) -> bytes:
        return HUGE if "Uninstall" in path and index == 0 else super().enum_value(path, key, index, room)


class Sends64MiB(Script):
    """A value of 64 MiB, whatever room was offered."""

    def make_registry(self) -> Registry:
        return HugeValue()

    def response(self, stub: bytes) -> bytes:
        return STREAM if stub is HUGE else super().response(stub)

    def read(self, request: Request) -> None:
        waiting = self.pipes[request.body[16:32]]
        if not waiting:  # the first READ of an answer: no other answer of this script needs one
            waiting.extend([STREAM] * (64 * MIB // len(STREAM)))
        super().read(request)


class EmptyFragments(Script):
    """Fragments without content that never end."""

    def response(self, stub: bytes) -> bytes:
        return rpc_pdu(2, struct.pack("<IHH", 0, 0, 0), 0) * 100

    def read(self, request: Request) -> None:
        self.pipes[request.body[16:32]].extend([self.response(b"")] * 2)
        super().read(request)


class WrongCall(Script):
    """Answers to another RPC call."""

    def response(self, stub: bytes) -> bytes:
        return super().response(stub)[:12] + struct.pack("<I", 77) + super().response(stub)[16:]


class ZeroLengthPdu(Script):
    """A PDU of no length."""

    def response(self, stub: bytes) -> bytes:
        return struct.pack("<BBBBIHHI", 5, 0, 2, 3, 0x10, 0, 0, 1) + bytes(8)


class BigEndian(Script):
    """A PDU in another byte order."""

    def rpc(self, pdu: bytes) -> bytes:
        whole = super().rpc(pdu)
        return whole if pdu[2] == BIND else whole[:4] + bytes(4) + whole[8:]


class Trailing(Script):
    """Bytes after the last fragment."""

    def response(self, stub: bytes) -> bytes:
        return super().response(stub) + b"junk"


class EmptyPipe(Script):
    """Pipe answers without data."""

    def rpc(self, pdu: bytes) -> bytes:
        return super().rpc(pdu) if pdu[2] == BIND else b""


def over(make: Callable[[], Registry]) -> type[Script]:
    """A server over a registry of this kind."""

    class Over(Script):
        def make_registry(self) -> Registry:
            return make()

    return Over


REGISTRY: Mapping[str, type[Script]] = {
    "honest": Script,
    "endless-keys": over(EndlessKeys),
    "looping-names": over(LoopingNames),
    "endless-values": over(EndlessValues),
    "endless-more-data": over(EndlessMoreData),
    "claims-4-gib": over(Claims4GiB),
    "sends-64-mib": Sends64MiB,
    "lying-count": over(LyingCount),
    "lying-name": over(LyingName),
    "null-pointers": over(NullPointers),
    "short-handle": over(ShortHandle),
    "truncated-stub": over(TruncatedStub),
    "empty-stub": over(EmptyStub),
    "unknown-errors": over(UnknownErrors),
    "evil-names": over(evil_names),
    "invalid-utf16": over(invalid_utf16),
    "deep-keys": over(deep_keys),
    "dns-like-name": over(dns_like),
}
RPC: Mapping[str, type[Script]] = {
    "fault": Fault,
    "fault-denied": FaultDenied,
    "bind-nak": BindNak,
    "short-bind": ShortBind,
    "small-fragments": SmallFragments,
    "endless-fragments": EndlessFragments,
    "empty-fragments": EmptyFragments,
    "wrong-call": WrongCall,
    "zero-length-pdu": ZeroLengthPdu,
    "big-endian": BigEndian,
    "trailing-bytes": Trailing,
    "empty-pipe": EmptyPipe,
}
