"""Scripts of the logon: guests, challenges of odd shape, servers that cannot prove the password."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from tests.lab.hostile import ntlm, smb
from tests.lab.hostile.ntlm import Acceptor, spnego
from tests.lab.hostile.smb import MORE_PROCESSING, Request, Script

ACCOUNT_LOCKED_OUT = 0xC0000234


class Guest(Script):
    """Lets the client in as guest."""

    session_flags = 1


class Anonymous(Script):
    """Lets the client in as nobody."""

    session_flags = 2


class GuestAtOnce(Script):
    """A guest session before any password was asked for."""

    def send_challenge(self, request: Request) -> None:
        self.reply(request, smb.setup_body(1, b""))


class ChallengeLoop(Script):
    """Asks again and again for the next step of the logon."""

    def accept(self, request: Request, session_key: bytes) -> None:
        self.send_challenge(request)


class AcceptsAnybody(Script):
    """Knows no password, says welcome, signs with a key of its own."""

    def session_setup(self, request: Request) -> None:
        self.setups += 1
        if self.setups == 1:
            self.send_challenge(request)
        else:
            self.accept(request, bytes(16))


def claims(status: int) -> type[Script]:
    """A server that says this of whatever password it is shown; nothing protects such an answer."""

    class Claims(Script):
        def accept(self, request: Request, session_key: bytes) -> None:
            self.reply(request, smb.setup_body(0, b""), status)

    return Claims


class WelcomesUnsigned(Script):
    """Says welcome without a signature."""

    def accept(self, request: Request, session_key: bytes) -> None:
        self.reply(request, smb.setup_body(0, b""))


class PreauthMismatch(Script):
    """Somebody changed the negotiation on its way: the hashes differ."""

    def negotiate(self, request: Request) -> None:
        super().negotiate(request)
        self.preauth = bytes(64)


class Downgraded(Script):
    """Says SMB 3.0.2 in the clear and something else under protection."""

    dialect = 0x0302

    def validation(self) -> bytes:
        return struct.pack("<I16sHH", self.capabilities(), self.guid, self.security_mode, 0x0311)


def with_challenge(change: Callable[[Acceptor], bytes]) -> type[Script]:
    """A server whose challenge is what ``change`` makes of the acceptor."""

    class Odd(Script):
        def send_challenge(self, request: Request) -> None:
            self.reply(request, smb.setup_body(0, spnego(change(self.acceptor))), MORE_PROCESSING)

    return Odd


def with_target_info(info: bytes) -> type[Script]:
    """A server with these AV pairs."""

    def change(acceptor: Acceptor) -> bytes:
        acceptor.target_info = info
        return acceptor.challenge()

    return with_challenge(change)


def without_flag(flag: int) -> type[Script]:
    """A server whose challenge lacks a protection that was asked for."""

    def change(acceptor: Acceptor) -> bytes:
        acceptor.flags &= ~flag
        return acceptor.challenge()

    return with_challenge(change)


LOGON: Mapping[str, type[Script]] = {
    "guest": Guest,
    "anonymous": Anonymous,
    "guest-at-once": GuestAtOnce,
    "challenge-loop": ChallengeLoop,
    "accepts-anybody": AcceptsAnybody,
    "claims-wrong-password": claims(smb.LOGON_FAILURE),
    "claims-locked": claims(ACCOUNT_LOCKED_OUT),
    "welcomes-unsigned": WelcomesUnsigned,
    "preauth-mismatch": PreauthMismatch,
    "downgraded": Downgraded,
    "huge-target-info": with_target_info(ntlm.pairs("X", more=bytes(60_000))),
    "endless-target-info": with_target_info(struct.pack("<HH", 1, 0) * 16_000),
    "target-info-overruns": with_target_info(struct.pack("<HH", 1, 0xFFFF)),
    "no-target-info": with_target_info(b""),
    "short-challenge": with_challenge(lambda acceptor: acceptor.challenge()[:40]),
    "no-challenge": with_challenge(lambda _: b""),
    "challenge-without-signing": without_flag(ntlm.SIGN),
    "challenge-without-session-security": without_flag(ntlm.SESSION_SECURITY),
    "challenge-without-128-bit": without_flag(ntlm.KEY_128),
    "challenge-without-key-exchange": without_flag(ntlm.KEY_EXCHANGE),
}
