"""SMB2/3 messages as bytes: pure packing and unpacking of the ten commands we speak, nothing else.

Source of every layout: [MS-SMB2] §2.2. All integers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

SMB2 = b"\xfeSMB"
SMB1 = b"\xffSMB"
TRANSFORM = b"\xfdSMB"

HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
SIGNATURE_AT = 48
FLAG_RESPONSE, FLAG_ASYNC, FLAG_SIGNED = 0x1, 0x2, 0x8

SIGNING_ENABLED, SIGNING_REQUIRED = 0x1, 0x2
CAP_LARGE_MTU, CAP_ENCRYPTION = 0x4, 0x40
SESSION_GUEST, SESSION_NULL, SESSION_ENCRYPT = 0x1, 0x2, 0x4
SHARE_ENCRYPT = 0x8000

CONTEXT_PREAUTH, CONTEXT_ENCRYPTION, CONTEXT_SIGNING = 1, 2, 8
SHA512 = 1

FSCTL_PIPE_TRANSCEIVE = 0x0011C017
FSCTL_VALIDATE_NEGOTIATE_INFO = 0x00140204
ANY_FILE = b"\xff" * 16
PIPE_ACCESS = 0x0012019F  # FILE_GENERIC_READ | FILE_GENERIC_WRITE: a call on a pipe is a write and a read
FILE_OPEN = 1  # open what exists; every other disposition could create something
ANSWER_ROOM = 65536  # one credit's worth


class Malformed(ValueError):
    """An answer is not the message it should be."""


class Command(IntEnum):
    """[MS-SMB2] §2.2.1."""

    NEGOTIATE = 0
    SESSION_SETUP = 1
    LOGOFF = 2
    TREE_CONNECT = 3
    CREATE = 5
    CLOSE = 6
    READ = 8
    IOCTL = 11
    QUERY_DIRECTORY = 14


class Dialect(IntEnum):
    """The dialects that we accept."""

    SMB_2_1 = 0x0210
    SMB_3_0 = 0x0300
    SMB_3_0_2 = 0x0302
    SMB_3_1_1 = 0x0311

    @property
    def shown(self) -> str:
        """``3.1.1``, ``3.0.2``, ``3.0``, ``2.1``."""
        digits = f"{self:04x}"[1:]
        return ".".join(digits if digits[2] != "0" else digits[:2])


@dataclass(frozen=True, slots=True)
class Answer:
    """One verified answer: header fields and the whole packet, whose offsets count from the header's start."""

    command: int
    status: int
    credits: int
    flags: int
    message_id: int
    tree_id: int
    session_id: int
    packet: bytes

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.packet[HEADER.size :]


def request(
    command: Command, body: bytes, *, message_id: int, session_id: int, tree_id: int, credits: int, signed: bool
) -> bytes:
    """One request packet; its signature, if any, is filled in later."""
    flags = FLAG_SIGNED if signed else 0
    fields = (64, 1, 0, command, credits, flags, 0, message_id, 0, tree_id, session_id, bytes(16))
    return HEADER.pack(SMB2, *fields) + body


def parse(packet: bytes) -> Answer:
    """Raises Malformed unless this is one SMB2 answer."""
    if len(packet) < HEADER.size:
        raise Malformed("short header")
    magic, size, _, status, command, granted, flags, following, message_id, _, tree_id, session_id, _ = (
        HEADER.unpack_from(packet)
    )
    if magic != SMB2 or size != HEADER.size:
        raise Malformed("not an SMB2 header")
    if following:
        raise Malformed("a compound answer, though nothing compound was asked")
    if not flags & FLAG_RESPONSE:
        raise Malformed("a request where an answer belongs")
    return Answer(command, status, granted, flags, message_id, tree_id, session_id, packet)


def unpack(layout: struct.Struct, data: bytes, at: int = 0) -> tuple[int, ...]:
    """Unpack or raise Malformed; for layouts of integers."""
    if at < 0 or at + layout.size > len(data):
        raise Malformed("short body")
    return layout.unpack_from(data, at)


def part(packet: bytes, offset: int, length: int) -> bytes:
    """A buffer named by offset and length; raises Malformed when it is not inside the packet."""
    if length and (offset < HEADER.size or offset + length > len(packet)):
        raise Malformed("a buffer outside its message")
    return packet[offset : offset + length]


# --- NEGOTIATE ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NegotiateAnswer:
    """[MS-SMB2] §2.2.4; the algorithm fields are None when the server named none."""

    security_mode: int
    dialect: int
    server_guid: bytes
    capabilities: int
    max_transact: int
    system_time: int  # FILETIME; 0 where the server does not say
    preauth_hash: int | None
    cipher: int | None
    signing: int | None


def negotiate(
    dialects: Sequence[int], guid: bytes, salt: bytes, ciphers: Sequence[int], signing: Sequence[int]
) -> bytes:
    """Body of a NEGOTIATE that requires signing and offers the given dialects and algorithms, best first."""
    contexts = [
        (CONTEXT_PREAUTH, struct.pack("<HHH", 1, len(salt), SHA512) + salt),
        (CONTEXT_ENCRYPTION, struct.pack(f"<{1 + len(ciphers)}H", len(ciphers), *ciphers)),
        (CONTEXT_SIGNING, struct.pack(f"<{1 + len(signing)}H", len(signing), *signing)),
    ]
    fixed_end = HEADER.size + 36 + 2 * len(dialects)
    offset = fixed_end + -fixed_end % 8
    head = struct.pack(
        "<HHHHI16sIHH",
        36,
        len(dialects),
        SIGNING_REQUIRED,
        0,
        CAP_LARGE_MTU | CAP_ENCRYPTION,
        guid,
        offset,
        len(contexts),
        0,
    )
    names = struct.pack(f"<{len(dialects)}H", *dialects)
    return head + names + bytes(-fixed_end % 8) + _pack_contexts(contexts)


def _pack_contexts(contexts: Sequence[tuple[int, bytes]]) -> bytes:
    packed = b""
    for kind, data in contexts:
        packed += bytes(-len(packed) % 8) + struct.pack("<HHI", kind, len(data), 0) + data
    return packed


NEGOTIATE_ANSWER = struct.Struct("<HHHH8x8xIIII16xHHI")
SYSTEM_TIME_AT = 40


def parse_negotiate(answer: Answer) -> NegotiateAnswer:
    """Raises Malformed."""
    fields = unpack(NEGOTIATE_ANSWER, answer.body)
    _, mode, dialect, count, capabilities, transact, _, _, _, _, offset = fields
    found = dict(_contexts(answer.packet, offset, count)) if dialect == Dialect.SMB_3_1_1 else {}
    return NegotiateAnswer(
        mode,
        dialect,
        answer.body[8:24],
        capabilities,
        transact,
        int.from_bytes(answer.body[SYSTEM_TIME_AT : SYSTEM_TIME_AT + 8], "little"),
        *(_only_algorithm(found.get(kind), skip) for kind, skip in _ALGORITHM_AT),
    )


_ALGORITHM_AT = ((CONTEXT_PREAUTH, 4), (CONTEXT_ENCRYPTION, 2), (CONTEXT_SIGNING, 2))


def _contexts(packet: bytes, offset: int, count: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(min(count, 32)):
        kind, length, _ = unpack(struct.Struct("<HHI"), packet, offset)
        yield kind, part(packet, offset + 8, length)
        offset += 8 + length + -length % 8


def _only_algorithm(data: bytes | None, at: int) -> int | None:
    return None if data is None else unpack(struct.Struct("<H"), data, at)[0]


def validate_negotiate(dialects: Sequence[int], guid: bytes) -> bytes:
    """Input of FSCTL_VALIDATE_NEGOTIATE_INFO: what we said in NEGOTIATE."""
    head = struct.pack("<I16sHH", CAP_LARGE_MTU | CAP_ENCRYPTION, guid, SIGNING_REQUIRED, len(dialects))
    return head + struct.pack(f"<{len(dialects)}H", *dialects)


def validated(output: bytes, negotiated: NegotiateAnswer) -> bool:
    """Whether the server's protected second statement repeats its unprotected first one."""
    said = struct.pack("<I16sHH", negotiated.capabilities, negotiated.server_guid, negotiated.security_mode,
                       negotiated.dialect)  # fmt: skip
    return output[: len(said)] == said


# --- SESSION_SETUP, TREE_CONNECT, LOGOFF ----------------------------------------------------------------------------


def session_setup(token: bytes) -> bytes:
    """Body that carries one security token and requires signing."""
    return struct.pack("<HBBIIHHQ", 25, 0, SIGNING_REQUIRED, 0, 0, HEADER.size + 24, len(token), 0) + token


def parse_session_setup(answer: Answer) -> tuple[int, bytes]:
    """Session flags and security token. Raises Malformed."""
    _, flags, offset, length = unpack(struct.Struct("<HHHH"), answer.body)
    return flags, part(answer.packet, offset, length)


def tree_connect(path: str) -> bytes:
    r"""Body for a share such as ``\\192.0.2.7\IPC$``."""
    name = path.encode("utf-16-le")
    return struct.pack("<HHHH", 9, 0, HEADER.size + 8, len(name)) + name


def parse_tree_connect(answer: Answer) -> int:
    """Share flags. Raises Malformed."""
    return unpack(struct.Struct("<HBBI"), answer.body)[3]


def logoff() -> bytes:
    """Body of LOGOFF."""
    return struct.pack("<HH", 4, 0)


# --- pipes ----------------------------------------------------------------------------------------------------------


def open_pipe(name: str) -> bytes:
    """Body of a CREATE that opens an existing pipe of IPC$ (``winreg``)."""
    text = name.encode("utf-16-le")
    head = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, PIPE_ACCESS, 0, 7, FILE_OPEN, 0, HEADER.size + 56,
                       len(text), 0, 0)  # fmt: skip
    return head + text


def parse_open_pipe(answer: Answer) -> bytes:
    """The 16-byte file id. Raises Malformed."""
    if len(answer.body) < 80:
        raise Malformed("short CREATE answer")
    return answer.body[64:80]


def ioctl(code: int, file_id: bytes, data: bytes) -> bytes:
    """Body of an FSCTL with room for 64 KiB of answer."""
    return struct.pack("<HHI16sIIIIIIII", 57, 0, code, file_id, HEADER.size + 56, len(data), 0, 0, 0, ANSWER_ROOM, 1,
                       0) + data  # fmt: skip


def parse_ioctl(answer: Answer) -> bytes:
    """The output buffer. Raises Malformed."""
    offset, length = unpack(struct.Struct("<II"), answer.body, 32)
    return part(answer.packet, offset, length)


def read(file_id: bytes) -> bytes:
    """Body of a READ of up to 64 KiB from a pipe."""
    return struct.pack("<HBBIQ16sIIIHHB", 49, 0x50, 0, ANSWER_ROOM, 0, file_id, 0, 0, 0, 0, 0, 0)


def parse_read(answer: Answer) -> bytes:
    """The data read. Raises Malformed."""
    _, offset, _, length = unpack(struct.Struct("<HBBI"), answer.body)
    return part(answer.packet, offset, length)
