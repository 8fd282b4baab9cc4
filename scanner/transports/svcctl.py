"""The service control manager of a host: the state of RemoteRegistry, and (journalled, by permission) its start.

Nothing but this one service is ever opened, and nothing but the calls of ``QUERIES`` and ``CHANGES`` exists. A
change is made by :mod:`scanner.remote_registry` alone, which writes it down first.

References:
    - [MS-SCMR] §3.1.4 (calls), §2.2.47, §2.2.49 (states); NDR: [C706] §14
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from scanner.service_state import RUN_BY_HAND, ServiceView
from scanner.session import AccessDenied, SessionError, Untrusted
from scanner.transports.rpc_pipe import RpcPipe
from scanner.transports.smb_channel import Channel

PIPE = "svcctl"
SVCCTL = UUID("367abb81-9844-35f1-ad32-98f038001003").bytes_le + struct.pack("<I", 2)
SERVICE = "RemoteRegistry"

CLOSE_HANDLE, OPEN_MANAGER, OPEN_SERVICE, QUERY_CONFIG, QUERY_STATUS_EX = 0, 15, 16, 17, 40
CONTROL, CHANGE_CONFIG, START = 1, 11, 19
QUERIES = frozenset({CLOSE_HANDLE, OPEN_MANAGER, OPEN_SERVICE, QUERY_CONFIG, QUERY_STATUS_EX})
CHANGES = frozenset({CONTROL, CHANGE_CONFIG, START})

MANAGER_CONNECT = 0x1
QUERY_RIGHTS = 0x1 | 0x4  # SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS
CHANGE_RIGHTS = QUERY_RIGHTS | 0x2 | 0x10 | 0x20  # SERVICE_CHANGE_CONFIG, SERVICE_START, SERVICE_STOP
CONTROL_STOP = 1
NO_CHANGE = 0xFFFFFFFF
CONFIG_ROOM = 8192  # the most that the call may be given
STATUS_ROOM = 36  # SERVICE_STATUS_PROCESS
HANDLE = 20

SUCCESS, ACCESS_DENIED, NO_SUCH_SERVICE = 0, 5, 1060


class ServiceControl:
    """RemoteRegistry as the host's service control manager shows it. Implements ``remote_registry.Service``."""

    def __init__(self, channel: Channel, *, changes: bool) -> None:
        """Open the manager and the service, with rights to change it only when ``changes``. Raises SessionError."""
        self._pipe = RpcPipe(channel, PIPE, SVCCTL)
        self._changes = changes
        self._manager = self._opened(OPEN_MANAGER, struct.pack("<III", 0, 0, MANAGER_CONNECT))
        rights = CHANGE_RIGHTS if changes else QUERY_RIGHTS
        self._service = self._opened(OPEN_SERVICE, self._manager + _text(SERVICE) + struct.pack("<I", rights))

    def view(self) -> ServiceView:
        """State, start type and process id. Raises SessionError."""
        status = self._query(QUERY_STATUS_EX, struct.pack("<II", 0, STATUS_ROOM))
        config = self._query(QUERY_CONFIG, struct.pack("<I", CONFIG_ROOM))
        if len(status) < 4 + STATUS_ROOM or len(config) < 12:
            raise Untrusted("ladder.malformed", pipe=PIPE, detail="short service answer")
        fields = struct.unpack_from("<9I", status, 4)
        return ServiceView(fields[1], struct.unpack_from("<I", config, 4)[0], fields[7])

    def set_start_type(self, start_type: int = RUN_BY_HAND) -> int:
        """ChangeServiceConfigW with everything else left as it is; the Win32 error. Raises SessionError."""
        settings = struct.pack("<III", NO_CHANGE, start_type, NO_CHANGE)
        return self._change(CHANGE_CONFIG, settings + struct.pack("<9I", 0, 0, 0, 0, 0, 0, 0, 0, 0))

    def start(self) -> int:
        """StartServiceW without arguments; the Win32 error. Raises SessionError."""
        return self._change(START, struct.pack("<II", 0, 0))

    def stop(self) -> int:
        """ControlService(STOP); the Win32 error. Raises SessionError."""
        return self._change(CONTROL, struct.pack("<I", CONTROL_STOP))

    def close(self) -> None:
        """Close both handles and the pipe. Raises SessionError."""
        for handle in (self._service, self._manager):
            self._pipe.call(CLOSE_HANDLE, handle)
        self._pipe.close()

    def _opened(self, opnum: int, stub: bytes) -> bytes:
        answer = self._pipe.call(opnum, stub)
        code = _code(answer)
        if code == ACCESS_DENIED:
            raise AccessDenied("ladder.manager_denied")
        if code or len(answer) != HANDLE + 4:
            raise SessionError("ladder.manager_failed", error=code)
        return answer[:HANDLE]

    def _query(self, opnum: int, stub: bytes) -> bytes:
        answer = self._pipe.call(opnum, self._service + stub)
        if code := _code(answer):
            raise SessionError("ladder.manager_failed", error=code)
        return answer[:-4]

    def _change(self, opnum: int, stub: bytes) -> int:
        if not self._changes or opnum not in CHANGES:
            raise ValueError(f"operation {opnum} is not permitted on this handle")
        return _code(self._pipe.call(opnum, self._service + stub))


@contextmanager
def service_control(channel: Channel, *, changes: bool) -> Generator[ServiceControl]:
    """Open, and close again unless the channel broke. Raises SessionError."""
    service = ServiceControl(channel, changes=changes)
    yield service
    if channel.broken is None:
        service.close()


def _code(stub: bytes) -> int:
    if len(stub) < 4:
        raise Untrusted("ladder.malformed", pipe=PIPE, detail="RPC stub")
    return int.from_bytes(stub[-4:], "little")


def _text(text: str) -> bytes:
    data = (text + "\0").encode("utf-16-le")
    count = len(data) // 2
    return struct.pack("<III", count, 0, count) + data + bytes(-len(data) % 4)
