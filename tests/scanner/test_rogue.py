"""Rogue servers record everything they are sent: no password, and no login answer where one can be withheld.

Honest about the order of the protocols: whether an SMB server signs is known from NEGOTIATE, so such a server is
refused before the login; that it gives a guest session or cannot prove the password shows only in its answer to the
NTLM response, so one NTLMv2 response, and nothing after it, has gone out by then.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from config.clock import SystemClock
from scanner.session import LimitExceeded, LogonRefused, RegistryKey, SessionError, Unsupported, Untrusted
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from scanner.transports.ssh import HostKey, SshLimits, SshTarget, open_linux
from tests.lab.hostile.logon_scripts import LOGON
from tests.lab.hostile.ntlm import SIGNATURE, is_authenticate
from tests.lab.hostile.registry import UNINSTALL
from tests.lab.hostile.smb import Script
from tests.lab.hostile.ssh_scripts import HOST_KEY, SSH_AFTER, SSH_BEFORE
from tests.lab.hostile.wire_scripts import AFTER_LOGON, BEFORE_LOGON, Later

SECRET = "Lent-by-the-unit-7"  # of an account that exists nowhere
SMB = SmbLimits(connect_seconds=10, answer_seconds=60, deadline_seconds=120, lanes=2)
SSH = SshLimits(connect_seconds=10, answer_seconds=60, deadline_seconds=120, output_bytes=1 << 20, total_bytes=1 << 21)
CLOCK = SystemClock()
PIN = f"{HOST_KEY.get_name()} {HostKey.of('', HOST_KEY.asbytes()).base64}"

BEFORE_THE_RESPONSE = {
    "smb1-only": (Unsupported, "smb.smb1_only"),
    "smb1-wildcard": (Unsupported, "smb.no_common_dialect"),
    "old-dialect": (Unsupported, "smb.no_common_dialect"),
    "negotiate-refused": (Unsupported, "smb.no_common_dialect"),
    "no-signing": (Unsupported, "smb.no_signing"),
    "no-preauth": (Untrusted, "smb.malformed_answer"),
    "looping-contexts": (Untrusted, "smb.malformed_answer"),
    "guest-at-once": (Untrusted, "login.guest_refused"),
    "huge-target-info": (Untrusted, "smb.malformed_answer"),
    "endless-target-info": (Untrusted, "smb.malformed_answer"),
    "target-info-overruns": (Untrusted, "smb.malformed_answer"),
    "no-target-info": (Untrusted, "smb.malformed_answer"),
    "short-challenge": (Untrusted, "smb.malformed_answer"),
    "no-challenge": (Untrusted, "smb.malformed_answer"),
    "challenge-without-signing": (Untrusted, "smb.weak_challenge"),
    "challenge-without-session-security": (Untrusted, "smb.weak_challenge"),
    "challenge-without-128-bit": (Untrusted, "smb.weak_challenge"),
    "challenge-without-key-exchange": (Untrusted, "smb.weak_challenge"),
}
AFTER_ONE_RESPONSE = {
    "guest": (Untrusted, "login.guest_refused"),
    "anonymous": (Untrusted, "login.guest_refused"),
    "accepts-anybody": (Untrusted, "smb.forged_answer"),
    "welcomes-unsigned": (Untrusted, "smb.unsigned_answer"),
    "preauth-mismatch": (Untrusted, "smb.forged_answer"),
    "downgraded": (Untrusted, "smb.downgraded"),
    "challenge-loop": (SessionError, "smb.logon_failed"),
    "claims-wrong-password": (LogonRefused, "login.refused"),
    "claims-locked": (LogonRefused, "login.locked"),
}
NO_PASSWORD = {
    "ssh-changing-key": (Untrusted, "ssh.host_key_changed"),
    "ssh-stolen-key": (Untrusted, "ssh.handshake_failed"),
    "ssh-weak-only": (Unsupported, "ssh.legacy"),
    "ssh-kexinit-flood": (Untrusted, "ssh.handshake_failed"),
    "ssh-lets-anybody-in": (SessionError, "login.guest_refused"),
    "ssh-two-prompts": (Unsupported, "ssh.second_factor"),
    "ssh-echo-prompt": (Unsupported, "ssh.second_factor"),
    "ssh-other-prompt": (Unsupported, "ssh.second_factor"),
}
MUTE = ("ssh-never-decides",)  # what says nothing more is not waited for as long as a slow machine may take
FALSE_ANSWERS = (
    "forged",
    "forged-signature",
    "forged-2.1",
    "unsigned",
    "plain",
    "signed-in-sealed",
    "compressed",
    "replayed",
    "wrong-ids",
    "wrong-session",
    "wrong-tree",
    "wrong-command",
    "oplock-breaks",
)


class Tap:
    """A socket that keeps what it receives."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def recv(self, size: int) -> bytes:
        data = self.sock.recv(size)
        self.received += data
        return data

    def drain(self) -> bytes:
        """Everything that came, what the script did not read included."""
        with contextlib.suppress(OSError):
            self.sock.settimeout(0.2)
            while self.recv(65536):
                continue
        return bytes(self.received)


@contextmanager
def listening(serve: Any) -> Generator[int]:
    """Serve each connection with ``serve(tap)`` in a thread; yields the port on loopback."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(tap: Tap) -> None:
        with contextlib.suppress(OSError):
            serve(tap)
        tap.sock.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(Tap(listener.accept()[0]),), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Rogue:
    """A rogue SMB server and what it heard."""

    def __init__(self, kind: type[Script]) -> None:
        self.scripts: list[Script] = []
        self._kind = kind

    def __call__(self, tap: Any) -> None:
        script = self._kind(tap, SECRET)
        self.scripts.append(script)
        script.run()

    @property
    def heard(self) -> list[bytes]:
        """Every frame of every connection."""
        return [frame for script in self.scripts for frame in script.heard]

    @property
    def responses(self) -> list[bytes]:
        """The frames that hold an NTLM response."""
        return [frame for frame in self.heard if is_authenticate(frame)]


def read(kind: type[Script], username: str = "inspector") -> tuple[Rogue, SessionError | None, list[RegistryKey]]:
    """Log on to a rogue and read what it lets us read: the rogue, what ended the reading, and what was believed."""
    rogue = Rogue(kind)
    believed: list[RegistryKey] = []
    with listening(rogue) as port:
        target = SmbTarget(address="127.0.0.1", port=port, username=username, secret=SECRET)
        try:
            with open_windows(target, SMB, CLOCK) as session:
                found = session.registry.subkeys(rf"HKLM\{UNINSTALL}")
                believed.extend(key for key in found if isinstance(key, RegistryKey))
        except SessionError as error:
            return rogue, error, believed
    return rogue, None, believed


def assert_no_password(heard: Sequence[bytes]) -> None:
    for frame in heard:
        assert SECRET.encode() not in frame
        assert SECRET.encode("utf-16-le") not in frame


@pytest.mark.parametrize("kind", BEFORE_THE_RESPONSE)
def test_a_rogue_that_can_be_told_before_the_login_gets_no_response(kind: str) -> None:
    rogue, error, believed = read({**BEFORE_LOGON, **LOGON}[kind])
    expected, code = BEFORE_THE_RESPONSE[kind]
    assert isinstance(error, expected)
    assert (error.reason.code, believed) == (code, [])
    assert rogue.heard, "it did speak to us"
    assert rogue.responses == []
    assert_no_password(rogue.heard)


@pytest.mark.parametrize("kind", AFTER_ONE_RESPONSE)
def test_a_rogue_that_shows_itself_only_in_its_verdict_gets_one_ntlmv2_response_and_is_not_believed(kind: str) -> None:
    rogue, error, believed = read(LOGON[kind])
    expected, code = AFTER_ONE_RESPONSE[kind]
    assert isinstance(error, expected)
    assert (error.reason.code, believed) == (code, [])
    assert len(rogue.responses) == 1, "a second challenge is never answered"
    assert is_ntlmv2(rogue.responses[0])
    assert_no_password(rogue.heard)
    if kind != "downgraded":  # told by its second statement, which is asked for under a verified signature
        assert rogue.heard[-1] == rogue.responses[0], "nothing was sent after the verdict"


def is_ntlmv2(frame: bytes) -> bool:
    """Whether both responses of the AUTHENTICATE are of version 2 ([MS-NLMP] §2.2.2.4, §2.2.2.8)."""
    message = frame[frame.index(SIGNATURE) :]
    length, _, offset = struct.unpack_from("<HHI", message, 20)
    return length > 24 and message[offset + 16 : offset + 18] == b"\x01\x01"


def test_an_anonymous_login_is_never_tried() -> None:
    rogue, error, believed = read(Script, username="")
    assert error
    assert (error.reason.code, believed) == ("smb.anonymous_refused", [])
    assert rogue.responses == []


def test_an_honest_server_of_the_same_make_is_read() -> None:
    """The rogues differ from it in one place each: what they are refused for is that place."""
    rogue, error, believed = read(Script)
    assert error is None
    assert [key.name for key in believed] == ["First", "Second"]
    assert len(rogue.responses) == 1
    assert_no_password(rogue.heard)


@pytest.mark.parametrize("honest_calls", [0, 1, 4, 9])
@pytest.mark.parametrize("kind", FALSE_ANSWERS)
def test_no_forged_unsigned_or_replayed_answer_is_accepted(kind: str, honest_calls: int) -> None:
    genuine = {key.path: key for key in read(Script)[2]}
    assert issubclass(AFTER_LOGON[kind], Later)
    bent = type(kind, (AFTER_LOGON[kind],), {"honest_calls": honest_calls})
    _, error, believed = read(bent)
    assert isinstance(error, Untrusted | LimitExceeded)
    assert all(genuine[key.path].values == key.values for key in believed)


def log_in(kind: str, pin: str = PIN) -> tuple[SessionError | None, list[str], bytes]:
    """Log in to an SSH rogue: the refusal, the secrets it was sent, and all bytes it received."""
    heard: list[str] = []
    taps: list[Tap] = []

    def serve(tap: Tap) -> None:
        taps.append(tap)
        {**SSH_BEFORE, **SSH_AFTER}[kind](tap, SECRET, heard)  # pyright: ignore[reportArgumentType]

    with listening(serve) as port:
        target = SshTarget("127.0.0.1", port, "inspector", SECRET, pin)
        try:
            with open_linux(target, replace(SSH, answer_seconds=4) if kind in MUTE else SSH, CLOCK):
                error = None
        except SessionError as refused:
            error = refused
        return error, heard, b"".join(tap.drain() for tap in taps)


@pytest.mark.parametrize("kind", NO_PASSWORD)
def test_an_ssh_rogue_gets_no_password(kind: str) -> None:
    error, heard, received = log_in(kind)
    expected, code = NO_PASSWORD[kind]
    assert isinstance(error, expected)
    assert error.reason.code == code
    assert heard == []
    assert SECRET.encode() not in received


def test_a_host_whose_key_nobody_confirmed_gets_no_password() -> None:
    error, heard, received = log_in("ssh-honest", pin="")
    assert isinstance(error, Untrusted)
    assert (error.reason.code, heard) == ("ssh.host_key_unknown", [])
    assert received == b"", "it was not even connected to"


@pytest.mark.parametrize("kind", ["ssh-second-factor", "ssh-never-decides", "ssh-accepts-any-password"])
def test_a_host_with_the_confirmed_key_gets_the_password_once_and_never_in_the_clear(kind: str) -> None:
    """Whoever holds the confirmed key is the host; that it takes any password for right cannot be seen from here."""
    _, heard, received = log_in(kind)
    assert heard == [SECRET]
    assert SECRET.encode() not in received
