"""The LAN of differing Samba peers, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.lan import Lan
from tests.scanner.laptop import inside
from tests.scanner.transports import windows_lan


@pytest.fixture(scope="package")
def windows_peers() -> Iterator[Lan]:
    """Samba hosts, one a setting."""
    with Lan.start(windows_lan.plans(), "10.79.0.0/24") as lan:
        yield lan


@pytest.fixture
def peers(windows_peers: Lan) -> Iterator[Lan]:
    """The same, with the test itself running on the laptop."""
    with inside(windows_peers.laptop):
        yield windows_peers
