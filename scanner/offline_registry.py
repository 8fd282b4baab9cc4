r"""The registry of a person who is not signed in, out of the file that keeps it. Same answers as the remote registry.

Nothing of the file is kept but the keys that are asked for; stores of passwords are refused as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scanner.regf import BadHive, Hive, Node, Read
from scanner.session import AccessDenied, LimitExceeded, RegistryKey, RegistryValue, SessionError, Unsupported
from scanner.transports.winreg import is_forbidden, normal
from scanner.transports.winreg_values import decode_value, filetime


@dataclass(frozen=True, slots=True)
class HiveLimits:
    """How many keys of one hive are read, how many bytes one value may have, and all of them together."""

    keys: int = 5000
    value_bytes: int = 1 << 16
    total_bytes: int = 8 << 20


class OfflineRegistry:
    """``scanner.session.Registry`` of one hive; its root is ``mount``. Raises Unsupported when it is none."""

    def __init__(self, read: Read, size: int, mount: str, limits: HiveLimits) -> None:
        self._mount = normal(mount)
        self._limits = limits
        self._keys_read = self._bytes_read = 0
        try:
            self._hive = Hive(read, size)
            self.dirty = self._hive.dirty
        except BadHive as error:
            raise Unsupported("files.bad_hive", path=mount, detail=str(error)) from error

    def names(self, path: str) -> tuple[str, ...]:
        """Names of the direct subkeys; empty when the key is absent. Raises SessionError."""
        try:
            node = self._find(path)
            return tuple(sub.name for sub in self._hive.subkeys(node)) if node else ()
        except BadHive as error:
            raise self._bad(error) from error

    def key(self, path: str) -> RegistryKey | None:
        """One key with its values, or None when it is absent. Raises SessionError."""
        try:
            node = self._find(path)
            items = self._read(normal(path), node) if node else []
        except BadHive as error:
            raise self._bad(error) from error
        for item in items:
            if isinstance(item, SessionError):
                raise item
        return next((item for item in items if isinstance(item, RegistryKey)), None)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        """Every direct subkey with its values; a value over the limit is an error beside its key."""
        try:
            node = self._find(path)
            for sub in self._hive.subkeys(node) if node else ():
                yield from self._read(f"{normal(path)}\\{sub.name}", sub)
        except BadHive as error:
            raise self._bad(error) from error

    def _find(self, path: str) -> Node | None:
        path = normal(path)
        inside = path[len(self._mount) :]
        if path[: len(self._mount)].casefold() != self._mount.casefold() or inside[:1] not in ("", "\\"):
            raise ValueError(f"not below {self._mount}: {path}")
        if is_forbidden(path):
            raise AccessDenied("winreg.forbidden", path=path)
        return self._hive.find(inside)

    def _read(self, path: str, node: Node) -> list[RegistryKey | SessionError]:
        self._keys_read += 1
        if self._keys_read > self._limits.keys:
            raise LimitExceeded("winreg.too_many_keys", limit=self._limits.keys)
        if is_forbidden(path):
            return [AccessDenied("winreg.forbidden", path=path)]
        values: dict[str, RegistryValue] = {}
        left_out: list[RegistryKey | SessionError] = []
        for value in self._hive.values(node, self._limits.value_bytes):
            if value.data is None:
                limit = self._limits.value_bytes
                left_out.append(
                    LimitExceeded("winreg.value_too_large", path=path, name=value.name, size=value.size, limit=limit)
                )
            else:
                self._count(value.size)
                values[value.name] = decode_value(value.kind, value.data)
        return [RegistryKey(path, values, filetime(node.last_write)), *left_out]

    def _count(self, size: int) -> None:
        self._bytes_read += size
        if self._bytes_read > self._limits.total_bytes:
            raise LimitExceeded("files.too_many_bytes", limit=self._limits.total_bytes)

    def _bad(self, error: BadHive) -> SessionError:
        return SessionError("files.bad_hive", path=self._mount, detail=str(error))
