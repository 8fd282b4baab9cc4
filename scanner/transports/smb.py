"""A Windows host over SMB: connection, logon, lanes, and the session that collectors get."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from config.clock import Clock
from scanner.login_step import Announce, unheard
from scanner.remote_registry import Access, reach
from scanner.session import AccessDenied, Registry, SessionError, WindowsSession
from scanner.transports import smb_wire
from scanner.transports.lanes import open_lanes
from scanner.transports.smb_channel import Channel, ChannelLimits, connect
from scanner.transports.smb_files import SmbFiles
from scanner.transports.smb_logon import Login, establish
from scanner.transports.svcctl import ServiceControl, service_control
from scanner.transports.winreg import RegistryLimits, RemoteRegistry

WITHOUT_RIGHTS = frozenset({"login.not_allowed", "winreg.denied", "ladder.pipe_denied", "ladder.manager_denied"})
"""Refusals after a good logon: to a local account they mean remote UAC, to a domain account that it lacks rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmbTarget:
    """One host and the account for it; the address is literal, never a name."""

    address: str
    port: int = 445
    username: str
    domain: str = ""
    secret: str = field(repr=False)
    announce: Announce = field(default=unheard, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmbLimits:
    """Hard limits of one host: seconds, pipes, keys, bytes of one value and of everything received."""

    connect_seconds: float = 5
    answer_seconds: float = 20
    deadline_seconds: float = 120
    lanes: int = 16
    value_bytes: int = 1 << 20
    keys: int = 20_000
    total_bytes: int = 64 << 20


@contextmanager
def open_windows(
    target: SmbTarget, limits: SmbLimits, clock: Clock, access: Access | None = None
) -> Generator[WindowsSession]:
    """Log on and open the remote registry; with ``access``, by the ladder of :mod:`scanner.remote_registry`.

    The session's channel is a grade such as ``smb3.1.1-sealed``, ``smb3.0-signed``, ``smb2.1-signed``.
    Raises LogonRefused, AccessDenied, Unreachable, TimedOut, Unsupported, Untrusted, LimitExceeded.
    """
    bounds = ChannelLimits(limits.connect_seconds, limits.answer_seconds, limits.deadline_seconds, limits.total_bytes)
    channel = Channel(connect(target.address, target.port, limits.connect_seconds), bounds, clock)
    login = Login(target.address, target.username, target.domain, target.secret, target.announce)

    def denied() -> AccessDenied:
        return AccessDenied("login.not_allowed", address=login.address, account=login.account)

    def pipes() -> Registry:
        lanes = open_lanes(channel, limits.lanes, limits.value_bytes)
        return RemoteRegistry(lanes, RegistryLimits(limits.keys, limits.value_bytes), denied)

    try:
        grade = establish(channel, login)
        offset = channel.clock_offset_seconds
        files = SmbFiles(channel, target.address, sealed=grade.endswith("sealed"))
        if access is None:
            yield WindowsSession(pipes(), grade, clock_offset_seconds=offset, files=files)
        else:
            with refusals_explained(login), reach(SmbDoors(channel, pipes), access) as found:
                yield WindowsSession(found.registry, grade, None, offset, found.to_json(), files)
        _log_off(channel)
    finally:
        channel.close()


@contextmanager
def logged_on(target: SmbTarget, limits: SmbLimits, clock: Clock) -> Generator[SmbDoors]:
    """Log on for the service alone, without opening the registry. Raises what :func:`open_windows` raises."""
    bounds = ChannelLimits(limits.connect_seconds, limits.answer_seconds, limits.deadline_seconds, limits.total_bytes)
    channel = Channel(connect(target.address, target.port, limits.connect_seconds), bounds, clock)

    def never() -> Registry:
        raise ValueError("this session is for the service alone")

    try:
        establish(channel, Login(target.address, target.username, target.domain, target.secret))
        yield SmbDoors(channel, never)
        _log_off(channel)
    finally:
        channel.close()


@dataclass(frozen=True, slots=True)
class SmbDoors:
    """The ladder's doors on one session. Implements ``remote_registry.Doors``."""

    channel: Channel
    pipes: Callable[[], Registry]

    def service(self, *, changes: bool) -> AbstractContextManager[ServiceControl]:
        """The service control manager's view of RemoteRegistry."""
        return service_control(self.channel, changes=changes)

    @property
    def usable(self) -> bool:
        """Whether nothing broke the session."""
        return self.channel.broken is None


@contextmanager
def refusals_explained(login: Login) -> Generator[None]:
    """Name what filters an account that logs on but may not read. Raises AccessDenied with the unit's remedy."""
    try:
        yield
    except AccessDenied as error:
        if error.reason.code not in WITHOUT_RIGHTS:
            raise
        code = "ladder.not_administrator" if login.domain else "ladder.remote_uac"
        raise AccessDenied(code, address=login.address, account=login.account) from error


def _log_off(channel: Channel) -> None:
    if channel.broken is None:
        with contextlib.suppress(SessionError):  # everything was read; closing the connection logs off as well
            channel.call(smb_wire.Command.LOGOFF, smb_wire.logoff())
