"""A registry out of a dictionary, for collectors without a peer; key paths are matched as Windows does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scanner.session import RegistryData, RegistryKey, RegistryValue, SessionError, WindowsSession

KINDS: dict[type[object], int] = {str: 1, int: 4, bytes: 3, tuple: 7}
WRITTEN = "2024-05-06T07:08:09.000+00:00"


def key(path: str, last_write: str | None = WRITTEN, **values: RegistryData) -> RegistryKey:
    """A key whose values have the REG_* number that fits their Python type."""
    return RegistryKey(path, {name: value(data) for name, data in values.items()}, last_write, "o00001")


def value(data: RegistryData) -> RegistryValue:
    """REG_SZ, REG_DWORD, REG_BINARY or REG_MULTI_SZ."""
    return RegistryValue(KINDS[type(data)], data)


@dataclass
class HiveRegistry:
    """``keys`` holds what is there; ``errors`` are yielded among the subkeys of their path."""

    keys: Mapping[str, RegistryKey]
    errors: Mapping[str, SessionError] = field(default_factory=dict[str, SessionError])

    def names(self, path: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(k[len(path) + 1 :].split("\\")[0] for k in self.keys if k.startswith(path + "\\")))

    def key(self, path: str) -> RegistryKey | None:
        return self.keys.get(path)

    def subkeys(self, path: str) -> Iterator[RegistryKey | SessionError]:
        yield from (found for at, found in self.keys.items() if at.rpartition("\\")[0] == path)
        yield from (error for at, error in self.errors.items() if at == path)


def session(*keys: RegistryKey, errors: Mapping[str, SessionError] | None = None) -> WindowsSession:
    """A session over these keys."""
    return WindowsSession(HiveRegistry({k.path: k for k in keys}, errors or {}), "smb3.1.1-sealed")
