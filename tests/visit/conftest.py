"""One whole visit to the made-up unit over real protocols, captured on the wire; shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.commands.client import Client
from api.commands.demo import serve_inside
from api.commands.visit import Visit
from config.clock import SystemClock
from tests.lab.demo_unit import Demo
from tests.lab.lan import Lan
from tests.visit import domain_lan as domain

V1 = "/api/v1"


@dataclass(frozen=True)
class Visited:
    """A finished visit. ``client`` talks to the appliance, which still runs."""

    demo: Demo
    client: Client
    inspection: str
    result: dict[str, Any]
    folder: Path
    pcap: Path

    def get(self, path: str, **query: Any) -> Any:
        """GET below the inspection."""
        return self.client.get(f"{V1}/inspections/{self.inspection}/{path}", **query)

    def all(self, path: str) -> list[Any]:
        """All items of a list below the inspection."""
        return self.client.all(f"{V1}/inspections/{self.inspection}/{path}", limit=10)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def name_of(self, address: str) -> str:
        """The lab's name of the host at an address."""
        return next(host.name for host in self.demo.lan.hosts if host.address == address)


@pytest.fixture(scope="package")
def visited(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    folder = tmp_path_factory.mktemp("visit")
    pcap = folder / "laptop.pcap"
    with demo.lan.capture(pcap):
        served = serve_inside(demo.lan.laptop.prefix, folder)
        try:
            visit = Visit(served.client, demo, SystemClock())
            result = visit.run("a passphrase of this visit")
            yield_me = Visited(demo, served.client, visit.inspection, result, folder, pcap)
        except BaseException:
            served.stop()
            raise
    try:
        yield yield_me
    finally:
        served.stop()


@pytest.fixture(scope="package")
def domain_lan() -> Iterator[Lan]:
    """A controller, its member servers and two relays, started once."""
    with domain.start() as running:
        yield running
