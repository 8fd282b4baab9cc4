"""From a connection to a protected session: NEGOTIATE, SESSION_SETUP, TREE_CONNECT to IPC$.

Signing is required at every dialect, SMB1 is never spoken, a guest or anonymous session is refused, and what NEGOTIATE
said in the clear is confirmed under protection (pre-authentication hash at 3.1.1, FSCTL_VALIDATE_NEGOTIATE_INFO below).

References:
    - [MS-SMB2] §3.2.4.2, §3.2.5.2, §3.2.5.3, §3.2.5.5 · statuses: [MS-ERREF] §2.3.1
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from scanner.login_step import Announce, LoginStep, unheard
from scanner.session import AccessDenied, LogonRefused, SessionError, Unreachable, Unsupported, Untrusted
from scanner.transports import smb_wire as wire
from scanner.transports.ntlm import NtlmLogin
from scanner.transports.smb_channel import Channel
from scanner.transports.smb_protection import (
    CIPHERS,
    SIGNINGS,
    Cipher,
    PreauthHash,
    Sealed,
    Signed,
    Signing,
    cipher_keys,
    signing_key,
)
from scanner.transports.smb_wire import Answer, Command, Dialect, Malformed, NegotiateAnswer
from scanner.transports.winreg_values import FILETIME_EPOCH

LAST_FILETIME = 2_650_467_743_990_000_000  # the end of year 9999
OK = 0
MORE_PROCESSING_REQUIRED = 0xC0000016
NOT_SUPPORTED = 0xC00000BB
NO_VALIDATION = frozenset({NOT_SUPPORTED, 0xC0000010, 0xC0000128})  # invalid device request, file closed

REFUSED = frozenset({0xC000006D, 0xC000006A, 0xC0000064, 0xC000018B})
LOCKED = frozenset({0xC0000234})
DISABLED = frozenset({0xC0000072})
EXPIRED = frozenset({0xC0000193})
MUST_CHANGE = frozenset({0xC0000071, 0xC0000224})
NOT_ALLOWED = frozenset({0xC0000022, 0xC000015B, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000413})
NTLM_OFF = frozenset({NOT_SUPPORTED, 0xC0000418})
BUSY = frozenset({0xC00000D0, 0xC0000205, 0xC000009A})
CLOCK_SKEW = frozenset({0xC0000133})
SKEW_SECONDS = 300  # what Windows tolerates between computers of a domain
NO_LOGON_SERVER = frozenset({0xC000005E, 0xC000018D, 0xC000018C})


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where."""

    address: str
    username: str
    domain: str
    secret: str = field(repr=False)
    announce: Announce = field(default=unheard, repr=False)

    @property
    def account(self) -> str:
        """As people write it: ``DOMAIN\\user`` or ``user``."""
        return f"{self.domain}\\{self.username}" if self.domain else self.username


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What NEGOTIATE settled."""

    dialect: Dialect
    signing: Signing
    cipher: Cipher | None
    answer: NegotiateAnswer
    guid: bytes


def establish(channel: Channel, login: Login) -> str:
    """Negotiate, log on and connect to IPC$; returns the channel's grade, such as ``smb3.1.1-sealed``.

    Raises LogonRefused, AccessDenied, Unsupported, Untrusted, Unreachable, TimedOut.
    """
    try:
        preauth = PreauthHash()
        negotiated = negotiate(channel, preauth)
        offset = clock_offset(channel, negotiated)
        with skew_named(channel, login, negotiated):
            sealed = log_on(channel, login, negotiated, preauth)
        sealed = connect_tree(channel, login, negotiated, sealed)
    except Malformed as error:
        raise channel.fail(Untrusted("smb.malformed_answer", detail=str(error))) from error
    except SessionError as error:
        channel.fail(error)
        raise
    channel.clock_offset_seconds = offset
    return f"smb{negotiated.dialect.shown}-{'sealed' if sealed else 'signed'}"


def negotiate(channel: Channel, preauth: PreauthHash) -> Negotiated:
    """Offer SMB 2.1 to 3.1.1. Raises Unsupported, Untrusted, SessionError."""
    guid = secrets.token_bytes(16)
    body = wire.negotiate(tuple(Dialect), guid, secrets.token_bytes(32), CIPHERS, SIGNINGS)
    try:
        answer = channel.call(Command.NEGOTIATE, body)
    except Unreachable as error:
        raise Unsupported("smb.closed_at_negotiate") from error
    if answer.status != OK:
        raise Unsupported("smb.no_common_dialect", status=shown(answer.status))
    preauth.add(channel.last_sent)
    preauth.add(answer.packet)
    return settle(wire.parse_negotiate(answer), guid)


@contextmanager
def skew_named(channel: Channel, login: Login, negotiated: Negotiated) -> Generator[None]:
    """To a domain account refused by a host whose clock is far from ours, say so: its domain may refuse for that alone.

    The time is not authenticated: it makes a hint, never a fact. Raises LogonRefused.
    """
    try:
        yield
    except LogonRefused as error:
        offset = told_offset(channel, negotiated)
        if error.reason.code != "login.refused" or not login.domain or abs(offset or 0) <= SKEW_SECONDS:
            raise
        minutes = round((offset or 0) / 60)
        params = {"address": login.address, "account": login.account, "minutes": abs(minutes)}
        code = "login.refused_ahead" if minutes > 0 else "login.refused_behind"
        raise LogonRefused(code, **params) from error


def clock_offset(channel: Channel, negotiated: Negotiated) -> float | None:
    """The host's clock minus ours in seconds, of 3.1.1 alone: there the logon confirms the whole of NEGOTIATE."""
    return told_offset(channel, negotiated) if negotiated.dialect is Dialect.SMB_3_1_1 else None


def told_offset(channel: Channel, negotiated: Negotiated) -> float | None:
    """The same as the host says it, authenticated or not; None when it says no time."""
    ticks = negotiated.answer.system_time
    if not 0 < ticks < LAST_FILETIME:
        return None
    return round(channel.seconds_from_here(FILETIME_EPOCH + timedelta(microseconds=ticks // 10)), 1)


def settle(answer: NegotiateAnswer, guid: bytes) -> Negotiated:
    """Accept or refuse what the server chose. Raises Unsupported, Untrusted."""
    if answer.dialect not in tuple(Dialect):
        raise Unsupported("smb.no_common_dialect", status=f"{answer.dialect:#06x}")
    if not answer.security_mode & (wire.SIGNING_ENABLED | wire.SIGNING_REQUIRED):
        raise Unsupported("smb.no_signing")
    dialect = Dialect(answer.dialect)
    if dialect is Dialect.SMB_3_1_1 and answer.preauth_hash != wire.SHA512:
        raise Untrusted("smb.malformed_answer", detail="no pre-authentication hash")
    return Negotiated(dialect, _signing(dialect, answer), _cipher(dialect, answer), answer, guid)


def _signing(dialect: Dialect, answer: NegotiateAnswer) -> Signing:
    if dialect is Dialect.SMB_2_1:
        return Signing.HMAC_SHA256
    if answer.signing is None:
        return Signing.AES_CMAC
    if answer.signing not in SIGNINGS:
        raise Untrusted("smb.malformed_answer", detail="signing algorithm that was not offered")
    return Signing(answer.signing)


def _cipher(dialect: Dialect, answer: NegotiateAnswer) -> Cipher | None:
    if dialect is not Dialect.SMB_3_1_1:
        offered = dialect is not Dialect.SMB_2_1 and answer.capabilities & wire.CAP_ENCRYPTION
        return Cipher.AES_128_CCM if offered else None
    if not answer.cipher:
        return None
    if answer.cipher not in CIPHERS:
        raise Untrusted("smb.malformed_answer", detail="cipher that was not offered")
    return Cipher(answer.cipher)


def log_on(channel: Channel, login: Login, negotiated: Negotiated, preauth: PreauthHash) -> bool:
    """Two SESSION_SETUP exchanges; from here on the channel is protected. Returns whether it is sealed."""
    if not login.username:
        raise AccessDenied("smb.anonymous_refused")
    tokens = NtlmLogin(login.username, login.domain, login.secret)
    challenge = channel.call(Command.SESSION_SETUP, wire.session_setup(tokens.first_token()))
    if challenge.status == OK:  # let in without having asked who we are
        raise Untrusted("login.guest_refused", address=login.address)
    if challenge.status != MORE_PROCESSING_REQUIRED:
        raise logon_error(challenge.status, login)
    preauth.add(channel.last_sent)
    preauth.add(challenge.packet)
    channel.session_id = challenge.session_id
    token, session_key = tokens.second_token(wire.parse_session_setup(challenge)[1])
    login.announce(LoginStep.SENDING)
    final = channel.call(Command.SESSION_SETUP, wire.session_setup(token))
    if final.status != OK:
        raise logon_error(final.status, login)
    preauth.add(channel.last_sent)
    sealed = _protect(channel, login, negotiated, final, (session_key, preauth.value))
    login.announce(LoginStep.ACCEPTED)
    return sealed


def _protect(channel: Channel, login: Login, negotiated: Negotiated, final: Answer, keys: tuple[bytes, bytes]) -> bool:
    flags, _ = wire.parse_session_setup(final)
    if flags & (wire.SESSION_GUEST | wire.SESSION_NULL):
        raise Untrusted("login.guest_refused", address=login.address)
    signed = Signed(negotiated.signing, signing_key(negotiated.dialect, *keys))
    signed.open(final.packet)
    channel.protection = signed
    if negotiated.cipher is None:
        if flags & wire.SESSION_ENCRYPT:
            raise Untrusted("smb.malformed_answer", detail="sealing demanded but not negotiated")
        return False
    pair = cipher_keys(negotiated.dialect, *keys, negotiated.cipher)
    channel.protection = Sealed(negotiated.cipher, *pair, channel.session_id)
    return True


def connect_tree(channel: Channel, login: Login, negotiated: Negotiated, sealed: bool) -> bool:
    """Connect to IPC$ and confirm the negotiation. Returns whether the channel is sealed."""
    host = f"[{login.address}]" if ":" in login.address else login.address
    answer = channel.call(Command.TREE_CONNECT, wire.tree_connect(rf"\\{host}\IPC$"))
    if answer.status in NOT_ALLOWED:
        raise AccessDenied("login.not_allowed", address=login.address, account=login.account)
    if answer.status != OK:
        raise Unsupported("smb.no_ipc", status=shown(answer.status))
    if wire.parse_tree_connect(answer) & wire.SHARE_ENCRYPT and not sealed:
        raise Unsupported("smb.sealing_demanded")
    channel.tree_id = answer.tree_id
    if negotiated.dialect is not Dialect.SMB_3_1_1:
        confirm(channel, negotiated)
    return sealed


def confirm(channel: Channel, negotiated: Negotiated) -> None:
    """FSCTL_VALIDATE_NEGOTIATE_INFO: nobody may have lowered what was negotiated. Raises Untrusted."""
    data = wire.validate_negotiate(tuple(Dialect), negotiated.guid)
    body = wire.ioctl(wire.FSCTL_VALIDATE_NEGOTIATE_INFO, wire.ANY_FILE, data)
    answer = channel.call(Command.IOCTL, body)
    if answer.status in NO_VALIDATION:
        return  # older than the FSCTL; its refusal itself is signed
    if answer.status != OK or not wire.validated(wire.parse_ioctl(answer), negotiated.answer):
        raise Untrusted("smb.downgraded")


def logon_error(status: int, login: Login) -> SessionError:
    """Name a refusal of SESSION_SETUP."""
    who = {"address": login.address, "account": login.account}
    for statuses, code in ((REFUSED, "login.refused"), (LOCKED, "login.locked"), (DISABLED, "login.disabled"),
                           (EXPIRED, "login.expired"), (MUST_CHANGE, "login.must_change")):  # fmt: skip
        if status in statuses:
            return LogonRefused(code, **who)
    if status in NOT_ALLOWED:
        return AccessDenied("smb.logon_restricted", **who, status=shown(status))
    if status in NTLM_OFF:
        return Unsupported("smb.ntlm_blocked")
    if status in BUSY:
        return Unreachable("smb.busy", status=shown(status))
    if status in CLOCK_SKEW:
        return SessionError("ladder.clock_skew", **who)
    if status in NO_LOGON_SERVER:
        return SessionError("smb.no_logon_server", account=login.account)
    return SessionError("smb.logon_failed", **who, status=shown(status))


def shown(status: int) -> str:
    """An NTSTATUS as documentation writes it."""
    return f"0x{status:08X}"
