r"""The remote registry, read-only, over lanes.

Password stores are never read: ``is_forbidden`` refuses their paths before a request is made. Keys are opened with
``KEY_READ | KEY_WOW64_64KEY``; the 32-bit view is the path ``WOW6432Node``.

References:
    - [MS-RRP] §3.1.5 · Win32 errors: [MS-ERREF] §2.2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

from scanner.session import AccessDenied, LimitExceeded, RegistryKey, RegistryValue, SessionError
from scanner.transports import winreg_ndr as ndr
from scanner.transports.dcerpc import MAX_STUB
from scanner.transports.lanes import Lane, Lanes, Task
from scanner.transports.winreg_ndr import Call, SubKey
from scanner.transports.winreg_values import decode_text, decode_value, filetime, shown_name

T = TypeVar("T")
Items = list[RegistryKey | SessionError]
Ended = tuple[SessionError | None, list[tuple[int, int]]]
"""How one lane's enumeration ended, and the states of the key that it saw."""
READINGS = 2

HIVES = {"HKLM": ndr.OPEN_LOCAL_MACHINE, "HKU": ndr.OPEN_USERS}
FORBIDDEN = re.compile(
    r"HKLM\\(SAM|SECURITY)(\\|$)"
    r"|HKLM\\SYSTEM\\(CurrentControlSet|ControlSet\d+)\\Control\\Lsa(\\|$)"
    r"|.*\\Policy\\Secrets(\\|$)"
    r"|.*\\Windows NT\\CurrentVersion\\(Winlogon|SECEDIT)(\\|$)"
    r"|.*\\(WinVNC\d?|RealVNC|TightVNC|TigerVNC|PuTTY|WinSCP 2)(\\|$)",
    re.IGNORECASE,
)
VALUE_ROOM = 2048  # most values fit; a larger one costs a second call
MAX_VALUES = 4096  # values of one key


@dataclass(frozen=True, slots=True)
class RegistryLimits:
    """How many keys of one host are read, and how many bytes one value may have."""

    keys: int
    value_bytes: int


def normal(path: str) -> str:
    """One backslash between the parts, none around them."""
    return "\\".join(part for part in path.split("\\") if part)


def is_forbidden(path: str) -> bool:
    """Whether the path is or lies in a store of passwords, keys or secrets."""
    return FORBIDDEN.match(normal(path)) is not None


class RemoteRegistry:
    """``scanner.session.Registry`` of one host."""

    def __init__(self, lanes: Lanes, limits: RegistryLimits, denied: Callable[[], AccessDenied]) -> None:
        self._lanes = lanes
        self._limits = limits
        self._denied = denied
        self._keys_read = 0

    def names(self, path: str) -> tuple[str, ...]:
        """Names of the direct subkeys, in the registry's order; empty when the key is absent. Raises SessionError.

        A name that is not valid UTF-16 is shown escaped; no key opens by it. Read once more when subkeys came or went.
        """
        found: dict[int, str] = {}
        self._walk(path, lambda _lane, _path, sub: _just(shown_name(sub.name)), found)
        return tuple(found[index] for index in sorted(found))

    def key(self, path: str) -> RegistryKey | None:
        """One key with its values, or None when it is absent.

        Raises SessionError; LimitExceeded also when one of its values is larger than the limit.
        """
        path = _checked(path)
        items = self._lanes.run([lambda lane: self._read_key(lane, path)])[0]
        for item in items:
            if isinstance(item, SessionError):
                raise item
        return next((item for item in items if isinstance(item, RegistryKey)), None)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        """Every direct subkey with its values, in the registry's order; an unreadable one is yielded as its error.

        Subkeys that come or go meanwhile shift the others: then everything is read once more, and if they still do, the
        last item is an error that says so.
        A value larger than the limit is left out of its key, whose next item is a LimitExceeded that names it.
        Raises SessionError when the whole reading ends early, after yielding what was read.
        """
        found: dict[int, Items] = {}
        ended: SessionError | None = None
        steady = True
        try:
            steady = self._walk(path, self._read_subkey, found)
        except SessionError as error:
            ended = error
        for index in sorted(found):
            yield from found[index]
        if ended:
            raise ended
        if not steady:
            yield SessionError("winreg.changed_meanwhile", path=path)

    def _walk(
        self,
        path: str,
        visit: Callable[[Lane, str, SubKey], Task[T]],
        found: dict[int, T],
    ) -> bool:
        """Whether the subkeys stayed the same while they were enumerated, at the first or the second reading."""
        path, read_before = _checked(path), self._keys_read
        for _ in range(READINGS):
            found.clear()
            self._keys_read = read_before
            if self._walk_once(path, visit, found):
                return True
        return False

    def _walk_once(
        self,
        path: str,
        visit: Callable[[Lane, str, SubKey], Task[T]],
        found: dict[int, T],
    ) -> bool:
        """Each lane enumerates every ``count``-th subkey and visits it; what it finds goes to ``found`` by index."""
        step = self._lanes.count

        def stride(first: int) -> Callable[[Lane], Task[Ended]]:
            return lambda lane: self._stride(lane, path, range(first, self._limits.keys + step, step), visit, found)

        ends = self._lanes.run([stride(first) for first in range(step)])
        for error, _ in ends:
            if error:
                raise error
        return len({state for _, states in ends for state in states}) <= 1

    def _stride(
        self,
        lane: Lane,
        path: str,
        indexes: range,
        visit: Callable[[Lane, str, SubKey], Task[T]],
        found: dict[int, T],
    ) -> Task[Ended]:
        """One lane's share, with the key's state before and after it."""
        key = yield from self._open(lane, path)
        if not isinstance(key, bytes):
            return key, []
        states = yield from _key_state(key)
        for index in indexes:
            stub = yield ndr.enum_key(key, index)
            code = ndr.status(stub)
            if code == ndr.NO_MORE_ITEMS:
                break
            if code:
                return _error(code, path), []
            self._count_key()
            found[index] = yield from visit(lane, path, ndr.parse_enum_key(stub))
        states += yield from _key_state(key)
        yield from _close(lane, key)
        return None, states

    def _count_key(self) -> None:
        self._keys_read += 1
        if self._keys_read > self._limits.keys:
            raise LimitExceeded("winreg.too_many_keys", limit=self._limits.keys)

    def _read_subkey(self, lane: Lane, parent: str, sub: SubKey) -> Task[Items]:
        path = f"{parent}\\{shown_name(sub.name)}"
        if decode_text(sub.name) is None:
            return [SessionError("winreg.undecodable_name", path=path)]
        if is_forbidden(path):
            return [AccessDenied("winreg.forbidden", path=path)]
        return (yield from self._read_key(lane, path, sub.last_write))

    def _read_key(self, lane: Lane, path: str, last_write: int | None = None) -> Task[Items]:
        """The key and the values left out of it, one error, or nothing when it is absent."""
        key = yield from self._open(lane, path)
        if not isinstance(key, bytes):
            return [key] if key else []
        if last_write is None:
            self._count_key()
            stub = yield ndr.query_info_key(key)
            last_write = 0 if ndr.status(stub) else ndr.parse_last_write(stub)
        left_out: Items = []
        values = yield from self._read_values(key, path, left_out)
        yield from _close(lane, key)
        if isinstance(values, SessionError):
            return [values]
        return [RegistryKey(path, values, filetime(last_write)), *left_out]

    def _read_values(self, key: bytes, path: str, left_out: Items) -> Task[dict[str, RegistryValue] | SessionError]:
        values: dict[str, RegistryValue] = {}
        for index in range(MAX_VALUES):
            stub = yield from _enum_value(key, index, self._limits.value_bytes)
            code = ndr.status(stub)
            if code == ndr.NO_MORE_ITEMS:
                return values
            if code == ndr.MORE_DATA:
                left_out.append(_too_large(stub, path, index, self._limits.value_bytes))
                continue
            if code:
                return _error(code, path)
            value = ndr.parse_enum_value(stub)
            values[shown_name(value.name)] = decode_value(value.kind, value.data)
        raise LimitExceeded("winreg.too_many_values", path=path, limit=MAX_VALUES)

    def _open(self, lane: Lane, path: str) -> Task[bytes | SessionError | None]:
        """The key's handle, None when it is absent, or the error."""
        hive, _, rest = path.partition("\\")
        root = yield from self._hive(lane, hive)
        if not rest or not isinstance(root, bytes):
            return root
        call = ndr.open_key(root, rest)
        if len(call[1]) > MAX_STUB:
            return LimitExceeded("winreg.path_too_long", path=path[:200])
        stub = yield call
        code = ndr.status(stub)
        if code in (ndr.FILE_NOT_FOUND, ndr.KEY_DELETED):
            return None
        return _error(code, path) if code else ndr.handle(stub)

    def _hive(self, lane: Lane, name: str) -> Task[bytes | SessionError]:
        if name not in lane.hives:
            stub = yield ndr.open_hive(HIVES[name])
            code = ndr.status(stub)
            if code:
                return self._denied() if code == ndr.ACCESS_DENIED else _error(code, name)
            lane.hives[name] = ndr.handle(stub)
        return lane.hives[name]


def _checked(path: str) -> str:
    """The path in normal form. Raises AccessDenied on a forbidden one, ValueError on an unknown hive."""
    path = normal(path)
    hive, separator, rest = path.partition("\\")
    if hive.upper() not in HIVES:
        raise ValueError(f"no such hive: {hive}")
    if is_forbidden(path):
        raise AccessDenied("winreg.forbidden", path=path)
    return hive.upper() + separator + rest


def _enum_value(key: bytes, index: int, cap: int) -> Generator[Call, bytes, bytes]:
    """EnumValue with room that grows up to ``cap``; an answer with ERROR_MORE_DATA means that it was not enough."""
    room, name_room = min(VALUE_ROOM, cap), ndr.VALUE_NAME_ROOM
    while True:
        stub = yield ndr.enum_value(key, index, room, name_room)
        if ndr.status(stub) != ndr.MORE_DATA or ndr.needed_room(stub) > cap:
            return stub
        if room == cap and name_room == ndr.MAX_VALUE_NAME_ROOM:
            return stub
        room, name_room = min(cap, max(ndr.needed_room(stub), 4 * room)), ndr.MAX_VALUE_NAME_ROOM


def _key_state(key: bytes) -> Generator[Call, bytes, list[tuple[int, int]]]:
    """Number of subkeys and last write; nothing where the host does not tell."""
    stub = yield ndr.query_info_key(key)
    return [] if ndr.status(stub) else [ndr.parse_key_state(stub)]


def _too_large(stub: bytes, path: str, index: int, limit: int) -> LimitExceeded:
    name = shown_name(ndr.parse_enum_value(stub).name) or f"#{index}"
    size = ndr.needed_room(stub) or None
    return LimitExceeded("winreg.value_too_large", path=path, name=name, size=size, limit=limit)


def _close(lane: Lane, key: bytes) -> Generator[Call, bytes, None]:
    if key not in lane.hives.values():
        yield ndr.close_key(key)


def _error(code: int, path: str) -> SessionError:
    if code == ndr.ACCESS_DENIED:
        return AccessDenied("winreg.key_denied", path=path)
    return SessionError("winreg.key_failed", path=path, error=code)


def _just(value: T) -> Generator[Call, bytes, T]:
    return value
    yield  # makes this a task that needs no call
