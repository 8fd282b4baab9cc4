"""What one worker may do on the network: one host, some ports, nothing else.

impacket opens sockets of its own and follows addresses that a target names, so the decision is enforced where every
socket passes: in an audit hook (PEP 578, https://docs.python.org/3/library/audit_events.html).

Refused: connections and datagrams to any other address or port (UNIX sockets included: a name-service or bus socket
is a way out too), raw and packet sockets, name look-ups in either direction, new processes. Not refused: reading the
local services table, binding, and datagrams on a socket that was connected to the host.

A hook is for our own mistakes and our libraries' surprises. It does not hold back native code that calls libc itself.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NoReturn

from config.message import Message

SHOWN_CHARACTERS = 200

DESTINATIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
FORWARD_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
REVERSE_LOOKUPS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
PROCESSES = frozenset(
    {
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
    }
)
NEW_SOCKET = "socket.__new__"
WATCHED = DESTINATIONS | FORWARD_LOOKUPS | REVERSE_LOOKUPS | PROCESSES | {NEW_SOCKET}

UNKNOWN_FAMILY = -1  # a socket object made from a file descriptor
PLAIN_FAMILIES = frozenset({UNKNOWN_FAMILY, socket.AF_INET, socket.AF_INET6, socket.AF_UNIX})
PLAIN_TYPES = frozenset({-1, socket.SOCK_STREAM, socket.SOCK_DGRAM})
TYPE_MASK = 0xF  # the rest are flags such as SOCK_CLOEXEC


class OutOfScope(BaseException):
    """The worker tried to leave its host. Not an ``Exception``: a library's ``except Exception`` must not eat it."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason.code, dict(reason.params))
        self.reason = reason


class Guard:
    """The rule of one worker. After the first violation every watched call is refused, whoever swallowed the first."""

    def __init__(self, address: str, ports: frozenset[int]) -> None:
        self._address = ip_address(address)
        self._ports = ports
        self.violation: Message | None = None

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook."""
        if event not in WATCHED:
            return
        if self.violation is not None:
            raise OutOfScope(self.violation)
        if event in DESTINATIONS:
            self.check_destination(args[1])
        elif event in FORWARD_LOOKUPS:
            self._check_lookup(args[0])
        elif event == NEW_SOCKET:
            self._check_socket(args[1], args[2])
        else:
            self._refuse(event, args[0] if args else "")

    def check_destination(self, destination: object) -> None:
        """Raises OutOfScope unless ``destination`` is (host, port, …) of this host, or None (a connected socket)."""
        if destination is None:
            return
        parts: Sequence[object] = destination if isinstance(destination, tuple) else ()
        inside = len(parts) >= 2 and self.is_own(_literal(parts[0])) and parts[1] in self._ports
        if not inside:
            self._refuse("connect", destination)

    def is_own(self, address: IPv4Address | IPv6Address | None) -> bool:
        """Whether this is an address that the worker may speak to; None where it was no literal."""
        return address == self._address

    def _check_lookup(self, host: object) -> None:
        if host is not None and _literal(host) is None:
            self._refuse("look-up", host)

    def _check_socket(self, family: int, kind: int) -> None:
        plain_type = kind in PLAIN_TYPES or kind & TYPE_MASK in PLAIN_TYPES
        if family not in PLAIN_FAMILIES or not plain_type:
            self._refuse("raw socket", f"{family}/{kind}")

    def _refuse(self, action: str, target: object) -> NoReturn:
        self.violation = Message.of("scope.out_of_scope", action=action, target=str(target)[:SHOWN_CHARACTERS])
        raise OutOfScope(self.violation)


def install_guard(address: str, ports: frozenset[int]) -> Guard:
    """Confine this process to ``address`` (a literal) and TCP/UDP ``ports``, for good: a hook cannot be removed.

    A second guard narrows the first. The returned guard's ``violation`` says afterwards whether something was refused
    and then swallowed by a bare ``except``. Raises ValueError when ``address`` is not a literal.
    """
    return confine(Guard(address, ports))


def confine(guard: Guard) -> Guard:
    """Put this process under a guard, for good."""
    sys.addaudithook(guard)
    _check_before_resolving(guard)
    return guard


def _check_before_resolving(guard: Guard) -> None:
    # CPython resolves the host of connect() and sendto() *before* it raises the audit event, so a name would already
    # have been asked for on the wire. The methods of the socket class are therefore checked first.
    for name in ("connect", "connect_ex"):
        _wrap(name, guard, lambda args: args[0])
    _wrap("sendto", guard, lambda args: args[-1])
    _wrap("sendmsg", guard, lambda args: args[3] if len(args) > 3 else None)


def _wrap(name: str, guard: Guard, destination: Callable[[tuple[Any, ...]], object]) -> None:
    original = getattr(socket.socket, name)

    def checked(self: socket.socket, *args: Any) -> Any:
        if args:
            guard.check_destination(destination(args))
        return original(self, *args)

    setattr(socket.socket, name, checked)


def _literal(host: object) -> IPv4Address | IPv6Address | None:
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    try:
        return ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None
