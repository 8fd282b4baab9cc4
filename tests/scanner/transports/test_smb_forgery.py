"""A man in the middle: a relay in front of a real peer flips, strips, replays and invents answers. None is accepted."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import pytest

from scanner.session import LimitExceeded, SessionError, TimedOut, Untrusted
from scanner.transports.smb_wire import HEADER
from tests.lab.lan import Lan
from tests.scanner.transports.windows_lan import KEYS, UNINSTALL, VALUES, Tamper, relay, session

pytestmark = pytest.mark.lab

CHANNELS = ("SEALED", "SIGNED", "SMB21", "SMB302", "CMAC", "HMAC")
NEGOTIATE, CHALLENGE, LOGGED_ON, TREE = 0, 1, 2, 3
LATER = 40
PENDING = 0x103


def read_through(peers: Lan, name: str, tamper: Tamper, answer_seconds: float = 60) -> int:
    """Values read while ``tamper`` is at work."""
    with (
        relay(peers.host(name).address, tamper) as middle,
        session("127.0.0.1", middle.port, answer_seconds=answer_seconds) as opened,
    ):
        keys = list(opened.registry.subkeys(UNINSTALL))
    return sum(len(key.values) for key in keys if not isinstance(key, SessionError))


def nth(number: int, change: Callable[[bytes], Sequence[bytes]]) -> Tamper:
    """Change the first final answer from ``number`` on, pass the others on; an interim answer carries nothing."""
    done: list[int] = []

    def tamper(index: int, packet: bytes) -> Sequence[bytes]:
        if index < number or done or is_interim(packet):
            return [packet]
        done.append(index)
        return change(packet)

    return tamper


def is_interim(packet: bytes) -> bool:
    """Whether a packet in plain sight is STATUS_PENDING."""
    return packet[:4] == b"\xfeSMB" and struct.unpack_from("<I", packet, 8)[0] == PENDING


def flip(at: int) -> Callable[[bytes], Sequence[bytes]]:
    """Flip one bit of the byte at ``at``; negative positions count from the end."""

    def change(packet: bytes) -> Sequence[bytes]:
        flipped = bytearray(packet)
        flipped[at] ^= 1
        return [bytes(flipped)]

    return change


def stripped(packet: bytes) -> list[bytes]:
    """The answer without its signature and its signed flag."""
    flags = struct.unpack_from("<I", packet, 16)[0] & ~8
    return [packet[:16] + struct.pack("<I", flags) + packet[20:48] + bytes(16) + packet[HEADER.size :]]


@pytest.mark.parametrize("name", CHANNELS)
def test_an_unchanged_relay_is_accepted(peers: Lan, name: str) -> None:
    assert read_through(peers, name, lambda _, packet: [packet]) == KEYS * VALUES


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("number", [LOGGED_ON, TREE, 5, LATER, 300])
@pytest.mark.parametrize("at", [20, 50, 70, -1])
def test_one_flipped_bit_in_any_protected_answer_is_untrusted(peers: Lan, name: str, number: int, at: int) -> None:
    with pytest.raises(Untrusted):
        read_through(peers, name, nth(number, flip(at)))


@pytest.mark.parametrize("name", CHANNELS)
def test_a_success_turned_into_a_refusal_yields_nothing(peers: Lan, name: str) -> None:
    """Refusals of SESSION_SETUP are unsigned by design: an attacker can deny, not deceive."""
    with pytest.raises(SessionError):
        read_through(peers, name, nth(LOGGED_ON, flip(8)))


@pytest.mark.parametrize("name", ["SIGNED", "SMB21", "CMAC", "HMAC"])
@pytest.mark.parametrize("number", [LOGGED_ON, TREE, LATER])
def test_an_answer_stripped_of_its_signature_is_untrusted(peers: Lan, name: str, number: int) -> None:
    with pytest.raises(Untrusted) as refused:
        read_through(peers, name, nth(number, stripped))
    assert refused.value.reason.code == "smb.unsigned_answer"


@pytest.mark.parametrize("name", ["SEALED", "SMB302"])
def test_a_plain_answer_in_a_sealed_session_is_untrusted(peers: Lan, name: str) -> None:
    plain = HEADER.pack(b"\xfeSMB", 64, 1, 0, 11, 1, 1, 0, LATER, 0, 0, 0, bytes(16)) + bytes(64)
    with pytest.raises(Untrusted) as refused:
        read_through(peers, name, nth(LATER, lambda _: [plain]))
    assert refused.value.reason.code == "smb.plain_answer"


@pytest.mark.parametrize("name", ["SEALED", "SIGNED", "SMB302", "SMB21"])
@pytest.mark.parametrize("at", [66, 75, 88])
def test_a_changed_negotiation_is_untrusted(peers: Lan, name: str, at: int) -> None:
    """Security mode, server id, capabilities: they travel unprotected and are confirmed under protection."""
    with pytest.raises(SessionError):
        read_through(peers, name, nth(NEGOTIATE, flip(at)))


def test_a_lowered_dialect_is_untrusted(peers: Lan) -> None:
    def lower(packet: bytes) -> Sequence[bytes]:
        return [packet[:68] + struct.pack("<H", 0x0302) + packet[70:]]

    with pytest.raises(Untrusted):
        read_through(peers, "SEALED", nth(NEGOTIATE, lower))


def test_encryption_taken_away_in_negotiation_is_a_downgrade(peers: Lan) -> None:
    def without_encryption(packet: bytes) -> Sequence[bytes]:
        capabilities = struct.unpack_from("<I", packet, 88)[0] & ~0x40
        return [packet[:88] + struct.pack("<I", capabilities) + packet[92:]]

    with pytest.raises(Untrusted) as refused:
        read_through(peers, "SMB302", nth(NEGOTIATE, without_encryption))
    assert refused.value.reason.code == "smb.downgraded"


@pytest.mark.parametrize("name", ["SEALED", "SIGNED"])
def test_a_replayed_answer_changes_nothing(peers: Lan, name: str) -> None:
    assert read_through(peers, name, nth(LATER, lambda packet: [packet] * 3)) == KEYS * VALUES


@pytest.mark.parametrize("name", ["SEALED", "SIGNED"])
def test_endless_replays_end_at_the_limit(peers: Lan, name: str) -> None:
    with pytest.raises(LimitExceeded) as ended:
        read_through(peers, name, nth(LATER, lambda packet: [packet] * 100))
    assert ended.value.reason.code == "smb.too_many_answers"


def test_an_answer_swapped_for_an_older_one_is_never_taken_for_it(peers: Lan) -> None:
    kept: list[bytes] = []

    def swap(index: int, packet: bytes) -> Sequence[bytes]:
        if not is_interim(packet):
            kept.append(packet)
        return [kept[TREE]] if len(kept) == LATER and kept[-1] is packet else [packet]

    with pytest.raises(TimedOut):
        read_through(peers, "SIGNED", swap, answer_seconds=0.5)


def test_pending_for_ever_ends_at_the_limit(peers: Lan) -> None:
    def pending(packet: bytes) -> Sequence[bytes]:
        interim = packet[:8] + struct.pack("<I", PENDING) + packet[12:]
        return [*stripped(interim) * 100, packet]

    with pytest.raises(LimitExceeded) as ended:
        read_through(peers, "SIGNED", nth(LATER, pending))
    assert ended.value.reason.code == "smb.too_many_answers"


def test_one_unsigned_interim_answer_is_waited_out(peers: Lan) -> None:
    def pending(packet: bytes) -> Sequence[bytes]:
        return [*stripped(packet[:8] + struct.pack("<I", PENDING) + packet[12:]), packet]

    assert read_through(peers, "SIGNED", nth(LATER, pending)) == KEYS * VALUES


def test_a_giant_answer_is_refused_before_it_is_read(peers: Lan) -> None:
    with pytest.raises(LimitExceeded) as ended:
        read_through(peers, "SEALED", nth(LATER, lambda packet: [packet + bytes(1 << 20)]))
    assert ended.value.reason.code == "smb.answer_too_large"


def test_silence_in_the_middle_keeps_what_was_read_and_then_times_out(peers: Lan) -> None:
    read: list[object] = []
    with (
        relay(peers.host("SIGNED").address, lambda index, packet: [] if index > 600 else [packet]) as middle,
        pytest.raises(TimedOut) as late,
        session("127.0.0.1", middle.port, answer_seconds=4) as opened,
    ):
        read.extend(opened.registry.subkeys(UNINSTALL))
    assert late.value.reason.code == "smb.silent"
    assert 0 < len(read) < KEYS


def test_credits_are_never_overdrawn(peers: Lan) -> None:
    for name, lanes in (("SIGNED", 32), ("FEW", 16)):
        host = peers.host(name).address
        with (
            relay(host, lambda _, packet: [packet]) as middle,
            session("127.0.0.1", middle.port, lanes=lanes) as opened,
        ):
            assert len(list(opened.registry.subkeys(UNINSTALL))) == KEYS
        assert lowest_credit(middle.order) >= 0


def lowest_credit(order: Sequence[tuple[str, bytes]]) -> int:
    """Replay the account: one to start with, one paid a request, the grant of every answer earned."""
    balance = lowest = 1
    for kind, packet in order:
        balance += -1 if kind == "request" else struct.unpack_from("<H", packet, 14)[0]
        lowest = min(lowest, balance)
    return lowest
