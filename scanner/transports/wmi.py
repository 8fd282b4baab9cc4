"""WMI of one host: login, queries of the constant list, and the reading methods of StdRegProv.

Each stage has its own time limit. Nothing is kept between hosts: a connection holds all of its state.

References:
    - [MS-WMI] §3.1.4, §2.2.11 (WBEMSTATUS)
    - https://learn.microsoft.com/windows/win32/wmisdk/wmi-error-constants
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.clock import Clock
from scanner.login_step import Announce, LoginStep, unheard
from scanner.session import (
    AccessDenied,
    ClassAbsent,
    LimitExceeded,
    LogonRefused,
    SessionError,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
    WmiRow,
    WmiValue,
)
from scanner.transports import orpc, wmi_activation
from scanner.transports.ntlm import NtlmLogin
from scanner.transports.orpc import ObjectRef, Reader
from scanner.transports.rpc_channel import Budget, Fault, NotListening, RpcChannel, RpcLimits
from scanner.transports.rpc_wire import Level
from scanner.transports.smb_wire import Malformed
from scanner.transports.wmio import Decoder, encode_instance, method_inputs
from scanner.wmi_classes import WmiClass, check_listed, check_method, check_query

ENDPOINT_PORT = 135
BATCH = 100
OK, NO_MORE, TIMED_OUT_MORE = 0, 1, 0x40004
INVALID_NAMESPACE, INVALID_CLASS, NOT_FOUND, INVALID_QUERY = 0x8004100E, 0x80041010, 0x80041002, 0x80041017
ABSENT = frozenset({INVALID_NAMESPACE, INVALID_CLASS, NOT_FOUND})
NOT_ALLOWED = frozenset({0x80041003, 0x80070005, 5})
HARDENED = frozenset({0x6BD, 0x6D3, 0x721, 0x800706BD, 0x800706D3, 0x80070721})
"""Authentication level or service not accepted, security package error ([MS-ERREF] §2.2), plain and as HRESULT."""
NO_SERVER = frozenset({0x800706BA, 0x800706BF, 0x6BA})
"""RPC server unavailable, call failed: the computer's own DCOM does not reach WMI."""
REM, LOGIN, SERVICES, ENUMERATOR = range(4)
"""Presentation contexts of the object connection, in the order of its bind."""


OBJECT_PORTS = frozenset({*range(1025, 5001), *range(49152, 65536)})
"""Where DCOM puts its objects: 49152 and up since Windows Vista, 1025 to 5000 before. A worker reaches no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WmiTarget:
    """One host and the account for it; the address is literal, never a name."""

    address: str
    port: int = ENDPOINT_PORT
    username: str
    domain: str = ""
    secret: str = field(repr=False)
    announce: Announce = field(default=unheard, repr=False)

    @property
    def account(self) -> str:
        """As people write it: ``DOMAIN\\user`` or ``user``."""
        return f"{self.domain}\\{self.username}" if self.domain else self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class WmiLimits:
    """Hard limits of one host: seconds of each stage, rows of one class, bytes of an answer and of everything."""

    connect_seconds: float = 5
    logon_seconds: float = 20
    query_seconds: float = 60  # the licensing service needs seconds to start
    deadline_seconds: float = 120
    rows: int = 5_000
    keys: int = 20_000
    value_bytes: int = 1 << 20
    answer_bytes: int = 16 << 20
    total_bytes: int = 64 << 20


@contextmanager
def open_wmi(
    target: WmiTarget, limits: WmiLimits, clock: Clock, level: Level = Level.PRIVACY
) -> Generator[WmiConnection]:
    """Log on and activate WMI.

    Raises LogonRefused, AccessDenied, Unreachable, TimedOut, Unsupported, Untrusted, LimitExceeded.
    """
    bounds = RpcLimits(limits.connect_seconds, limits.deadline_seconds, limits.answer_bytes, limits.total_bytes)
    budget = Budget(bounds, clock)
    activated = activate(target, limits, budget, level)
    port = activated.port(target.address)
    if port not in OBJECT_PORTS:
        raise Unsupported("wmi.object_port", port=port)
    channel = _connected(target, port, budget, level)
    connection = WmiConnection(target, limits, budget, channel, activated, level)
    try:
        channel.log_on(
            (orpc.REM_UNKNOWN, orpc.LEVEL1_LOGIN, orpc.SERVICES, orpc.ENUMERATOR), _login(target), limits.logon_seconds
        )
        yield connection
        connection.release()
    finally:
        channel.close()


def _connected(target: WmiTarget, port: int, budget: Budget, level: Level) -> RpcChannel:
    """What does not answer is behind a firewall or off; which port it was says which rule lets us in."""
    try:
        return RpcChannel(target.address, port, budget, level)
    except NotListening as error:
        code = "ladder.wmi_blocked" if port == target.port else "ladder.wmi_port_blocked"
        raise Unreachable(code, address=target.address, port=port) from error


def activate(target: WmiTarget, limits: WmiLimits, budget: Budget, level: Level) -> wmi_activation.Activated:
    """Prove the account by a call that every account may make, then ask for the login object.

    A server answers a wrong password and a missing right alike. Only the order of the two calls tells them apart, and
    one wrong password is tried once.
    """
    channel = _connected(target, target.port, budget, level)
    try:
        contexts = (orpc.OBJECT_EXPORTER, orpc.ACTIVATOR)
        channel.log_on(contexts, _login(target), limits.logon_seconds, target.announce)
        _prove(channel, target, limits.logon_seconds)
        request = wmi_activation.request(secrets.token_bytes(16))
        answer = channel.call(1, orpc.CREATE_INSTANCE, request, b"", limits.logon_seconds, "activation")
        status = Reader(answer).status
        if status:
            raise _refused(status, target, "activation")
        return wmi_activation.parse(answer)
    except Fault as error:
        raise _refused(error.status, target, "activation") from error
    except Malformed as error:
        raise Untrusted("wmi.malformed_answer", detail=str(error)) from error
    finally:
        channel.close()


def _prove(channel: RpcChannel, target: WmiTarget, seconds: float) -> None:
    try:
        channel.call(0, orpc.SERVER_ALIVE_2, b"", b"", seconds, "login")
        target.announce(LoginStep.ACCEPTED)
    except Fault as error:
        raise LogonRefused("login.refused", address=target.address, account=target.account) from error


def _login(target: WmiTarget) -> NtlmLogin:
    return NtlmLogin(target.username, target.domain, target.secret)


def _refused(status: int, target: WmiTarget, stage: str) -> SessionError:
    if status in NOT_ALLOWED:
        return AccessDenied("wmi.not_allowed", address=target.address, account=target.account)
    if status in HARDENED:
        return Unsupported("ladder.dcom_hardened", detail=shown(status))
    if status in NO_SERVER:
        return Unsupported("ladder.wmi_not_running", address=target.address, status=shown(status))
    return SessionError("wmi.stage_failed", stage=stage, status=shown(status))


def shown(status: int) -> str:
    """An HRESULT as documentation writes it."""
    return f"0x{status:08X}"


class WmiConnection:
    """``scanner.session.WmiQuery`` of one host, and StdRegProv's methods for the registry over it."""

    def __init__(
        self,
        target: WmiTarget,
        limits: WmiLimits,
        budget: Budget,
        channel: RpcChannel,
        activated: wmi_activation.Activated,
        level: Level,
    ) -> None:
        self.limits = limits
        self.channel = level.grade
        self._target = target
        self._budget = budget
        self._rpc = channel
        self._login = activated.login
        self._rem_unknown = activated.rem_unknown
        self._causality = secrets.token_bytes(16)
        self._decoder = Decoder()
        self._namespaces: dict[str, ObjectRef] = {}
        self._inputs: dict[str, dict[str, bytes]] = {}

    @property
    def waits(self) -> int:
        """How often we waited for an answer so far."""
        return self._budget.waits

    def denied(self) -> AccessDenied:
        """The error of an account that DCOM lets in and the namespace does not."""
        return AccessDenied("ladder.namespace_refused", address=self._target.address, account=self._target.account)

    def rows(self, wanted: WmiClass) -> tuple[WmiRow, ...]:
        """All instances of a listed class, with the older columns where the computer knows no others.

        Raises ClassAbsent, SessionError, Banned.
        """
        check_listed(wanted)
        try:
            return self._query(wanted, wanted.columns)
        except InvalidQuery:
            if not wanted.older:
                raise
        return self._query(wanted, wanted.older)

    def method(self, namespace: str, path: str, name: str, values: Mapping[str, int | str]) -> dict[str, WmiValue]:
        """Call one reading method of a class; its out-parameters. Raises ClassAbsent, SessionError, Banned."""
        check_method(name)
        services = self._services(namespace)
        try:
            part = self._signatures(services, namespace, path)[name]
            stub = orpc.exec_method(path, name, encode_instance(part, values))
            answer = self._call(SERVICES, orpc.EXEC_METHOD, stub, services, name)
            self._check(answer.status, f"{namespace}:{path}")
            data = answer.pointer_to_pointer()
            return self._decoder.instance(orpc.embedded_object(data))[1] if data else {}
        except Malformed as error:
            raise self._malformed(error) from error
        except KeyError as error:
            raise ClassAbsent("wmi.class_absent", name=f"{path}.{name}") from error

    def release(self) -> None:
        """Give all objects back; everything was read, so an error here says nothing."""
        held = [self._login, *self._namespaces.values()]
        if self._rpc.broken is None:
            with contextlib.suppress(SessionError):
                self._release(held)

    def _query(self, wanted: WmiClass, columns: Sequence[str]) -> tuple[WmiRow, ...]:
        until = self._budget.until(self.limits.query_seconds)
        services = self._services(wanted.namespace)
        query = orpc.exec_query(check_query(wanted.wql(tuple(columns))))
        try:
            answer = self._call(SERVICES, orpc.EXEC_QUERY, query, services, wanted.name)
            self._check(answer.status, wanted.path)
            data = answer.pointer()
            if data is None:
                raise Malformed("query without an enumerator")
            enumerator = orpc.object_ref(data)
            rows = self._all(wanted, enumerator, until)
            self._release([enumerator])
        except Malformed as error:
            raise self._malformed(error) from error
        return tuple(rows)

    def _all(self, wanted: WmiClass, enumerator: ObjectRef, until: float) -> list[WmiRow]:
        rows: list[WmiRow] = []
        while True:
            seconds = self._budget.left(until, wanted.name)
            stub = orpc.next_objects(int(seconds * 1000), BATCH)
            answer = self._call(ENUMERATOR, orpc.NEXT, stub, enumerator, wanted.name)
            self._check(answer.status, wanted.path)
            units = [orpc.embedded_object(item) for item in answer.objects()]
            rows += (WmiRow(wanted.path, self._decoder.instance(unit)[1]) for unit in units)
            if len(rows) > self.limits.rows:
                raise LimitExceeded("wmi.too_many_rows", name=wanted.path, limit=self.limits.rows)
            if answer.status == NO_MORE:
                return rows
            if answer.status == TIMED_OUT_MORE:
                raise TimedOut("wmi.silent", stage=wanted.name)

    def _services(self, namespace: str) -> ObjectRef:
        if namespace not in self._namespaces:
            stub = orpc.ntlm_login(namespace)
            try:
                answer = self._call(LOGIN, orpc.NTLM_LOGIN, stub, self._login, namespace)
                self._check(answer.status, namespace)
                data = answer.pointer()
                if data is None:
                    raise Malformed("namespace without an object")
                self._namespaces[namespace] = orpc.object_ref(data)
            except Malformed as error:
                raise self._malformed(error) from error
        return self._namespaces[namespace]

    def _signatures(self, services: ObjectRef, namespace: str, path: str) -> dict[str, bytes]:
        key = f"{namespace}:{path}"
        if key not in self._inputs:
            answer = self._call(SERVICES, orpc.GET_OBJECT, orpc.get_object(path), services, path)
            self._check(answer.status, key)
            data = answer.pointer_to_pointer()
            if data is None:
                raise Malformed("class without an object")
            self._inputs[key] = method_inputs(orpc.embedded_object(data))
        return self._inputs[key]

    def _release(self, held: Sequence[ObjectRef]) -> None:
        target = ObjectRef(self._rem_unknown, 0)
        self._call(REM, orpc.REM_RELEASE, orpc.release(held), target, "release")

    def _call(self, context: int, opnum: int, stub: bytes, target: ObjectRef, stage: str) -> Reader:
        whole = orpc.this(self._causality) + stub
        return Reader(self._rpc.call(context, opnum, whole, target.ipid, self.limits.query_seconds, stage))

    def _check(self, status: int, name: str) -> None:
        if status in (OK, NO_MORE, TIMED_OUT_MORE):
            return
        if status in ABSENT:
            raise ClassAbsent("wmi.class_absent", name=name)
        if status in NOT_ALLOWED:
            raise self.denied()
        kind = InvalidQuery if status == INVALID_QUERY else SessionError
        raise kind("wmi.query_failed", name=name, status=shown(status))

    def _malformed(self, error: Malformed) -> SessionError:
        self._rpc.broken = Untrusted("wmi.malformed_answer", detail=str(error))
        return self._rpc.broken


class InvalidQuery(SessionError):
    """The computer does not know one of the columns."""
