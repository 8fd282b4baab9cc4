"""WMI as collectors get it: beside the remote registry, or in its place."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from config.clock import Clock
from scanner.session import AccessDenied, SessionError, TimedOut, Unreachable, Unsupported, WmiRow
from scanner.transports.rpc_wire import Level
from scanner.transports.winreg import RegistryLimits
from scanner.transports.wmi import WmiConnection, WmiLimits, WmiTarget, open_wmi
from scanner.transports.wmi_registry import WmiRegistry
from scanner.wmi_classes import WmiClass


class LazyWmi:
    """``scanner.session.WmiQuery`` that logs on at the first question, and remembers why it could not."""

    def __init__(self, target: WmiTarget, limits: WmiLimits, clock: Clock, stack: ExitStack) -> None:
        self._how = (target, limits, clock)
        self._stack = stack
        self._connection: WmiConnection | SessionError | None = None

    @property
    def channel(self) -> str:
        """The channel's grade; that of the channel that was tried, before it is open."""
        return self._connection.channel if isinstance(self._connection, WmiConnection) else Level.PRIVACY.grade

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        """See :class:`scanner.session.WmiQuery`; every question raises what kept the connection from opening."""
        return self._open().rows(wanted)

    def registry(self) -> WmiRegistry:
        """The registry over the same connection, as the last way in that changes nothing.

        Raises Unsupported where WMI does not answer, AccessDenied, Untrusted.
        """
        limits = self._how[1]
        try:
            return WmiRegistry(self._open(), RegistryLimits(limits.keys, limits.value_bytes))
        except (Unreachable, TimedOut) as error:
            raise Unsupported(error.reason.code, **error.reason.params) from error

    def _open(self) -> WmiConnection:
        if self._connection is None:
            try:
                self._connection = self._stack.enter_context(open_wmi(*self._how))
            except AccessDenied as error:
                self._connection = self._explained(error)
            except SessionError as error:
                self._connection = error
        if isinstance(self._connection, SessionError):
            raise self._connection
        return self._connection

    def _explained(self, error: AccessDenied) -> AccessDenied:
        """Beside SMB the same account was let in: not the whole token is filtered, DCOM alone keeps it out."""
        if error.reason.code != "wmi.not_allowed":
            return error
        return AccessDenied("ladder.wmi_refused", **error.reason.params)


@contextmanager
def lazy_wmi(target: WmiTarget, limits: WmiLimits, clock: Clock) -> Generator[LazyWmi]:
    """WMI beside an open session: a closed port 135 costs only what needs WMI. Never raises."""
    with ExitStack() as stack:
        yield LazyWmi(target, limits, clock, stack)
