"""Be on the inspector's laptop of the test LAN: the calling thread, and the sockets it opens, move into its network."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.netns import Namespace

CLONE_NEWNET = 0x40000000
NAMED = Path("/run/netns")

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(namespace: Namespace) -> Generator[None]:
    """Enter the network namespace and come back."""
    with Path("/proc/thread-self/ns/net").open("rb") as home, (NAMED / namespace.name).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
