"""Forged, unsigned, replayed and re-ordered DCE/RPC answers: none is taken for an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scanner.session import SessionError, Untrusted
from scanner.transports.rpc_wire import Level
from scanner.wmi_classes import LICENSING_PRODUCT
from tests.lab.dcom.rpc import Tamper
from tests.lab.dcom.server import Faults
from tests.scanner.transports.test_wmi import connected, peer

ALIVE, ACTIVATION, LOGIN, QUERY, ROWS = range(5)
"""Protected answers of a reading, in order."""
HEADER = 24


def flipped(at: int) -> Callable[[bytes], bytes]:
    def flip(packet: bytes) -> bytes:
        index = at % len(packet)
        return packet[:index] + bytes((packet[index] ^ 0x01,)) + packet[index + 1 :]

    return flip


def nth(number: int, change: Callable[[bytes], bytes]) -> Tamper:
    return lambda index, packet: change(packet) if index == number else packet


def ending(tamper: Tamper, level: Level = Level.PRIVACY) -> SessionError:
    faults = Faults(tamper=tamper)
    with (
        peer(faults) as running,
        pytest.raises(SessionError) as refused,
        connected(running, level=level, query_seconds=2, logon_seconds=2) as connection,
    ):
        connection.rows(LICENSING_PRODUCT)
    return refused.value


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("number", [ALIVE, ACTIVATION, LOGIN, QUERY, ROWS])
@pytest.mark.parametrize("at", [HEADER, HEADER + 40, -1, -9, -17])
def test_one_flipped_bit_in_body_padding_or_signature_is_untrusted(level: Level, number: int, at: int) -> None:
    error = ending(nth(number, flipped(at)), level)
    assert isinstance(error, Untrusted)


@pytest.mark.parametrize("number", [ACTIVATION, ROWS])
@pytest.mark.parametrize("at", range(HEADER))
def test_no_byte_of_the_header_can_be_changed(number: int, at: int) -> None:
    """A longer length makes us wait for bytes that never come; a FAULT ends the reading and is no data."""
    error = ending(nth(number, flipped(at)))
    assert isinstance(error, SessionError)
    assert error.reason.code.startswith(("wmi.malformed", "wmi.forged", "wmi.silent", "wmi.fault", "wmi.stage_failed"))


@pytest.mark.parametrize("level", list(Level))
def test_unsigned_answers_are_refused(level: Level) -> None:
    with peer(Faults(unsigned=True)) as running, pytest.raises(Untrusted) as refused, connected(running, level=level):
        pass
    assert refused.value.reason.code == "wmi.unsigned_answer"


@pytest.mark.parametrize("number", [ALIVE, ROWS])
def test_an_answer_stripped_of_its_verifier_is_untrusted(number: int) -> None:
    def stripped(packet: bytes) -> bytes:
        body = packet[:-24]
        return body[:8] + len(body).to_bytes(2, "little") + bytes(2) + body[12:]

    error = ending(nth(number, stripped), Level.INTEGRITY)
    assert error.reason.code == "wmi.unsigned_answer"


def test_an_answer_lowered_to_no_protection_is_untrusted() -> None:
    def lowered(packet: bytes) -> bytes:
        return packet[:-23] + b"\x02" + packet[-22:]

    assert isinstance(ending(nth(ROWS, lowered)), Untrusted)


@pytest.mark.parametrize("level", list(Level))
def test_an_older_answer_in_place_of_a_new_one_is_untrusted(level: Level) -> None:
    kept: list[bytes] = []

    def replay(index: int, packet: bytes) -> bytes:
        kept.append(packet)
        return kept[QUERY][:12] + packet[12:16] + kept[QUERY][16:] if index == ROWS else packet

    assert isinstance(ending(replay, level), Untrusted)


def test_a_forged_fault_ends_the_reading_and_says_that_nobody_signed_it() -> None:
    def fault(packet: bytes) -> bytes:
        body = packet[16:24] + (0x80041010).to_bytes(4, "little") + bytes(4)
        return (
            packet[:2]
            + b"\x03"
            + packet[3:8]
            + (16 + len(body)).to_bytes(2, "little")
            + bytes(2)
            + packet[12:16]
            + body
        )

    error = ending(nth(ROWS, fault))
    assert error.reason.code == "wmi.fault", "and not the absence of a class"
