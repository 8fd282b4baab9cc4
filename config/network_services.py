"""Ports at which licensing services listen: ``network_services.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from config.problems import BadInput

FILE = Path(__file__).with_name("network_services.toml")


class ServiceKind(StrEnum):
    """What a listening port is a sign of."""

    KMS = "kms"
    FLOATING = "floating"


@dataclass(frozen=True, slots=True)
class NetworkService:
    """One TCP port and what usually listens there."""

    port: int
    kind: ServiceKind
    name: str


@cache
def network_services(file: Path = FILE) -> tuple[NetworkService, ...]:
    """All of them by port. Raises BadInput ``settings.bad_services_file`` naming the file and what is wrong."""
    try:
        rows = tomllib.loads(file.read_text("utf-8"))["services"]
        found = [NetworkService(int(row["port"]), ServiceKind(row["kind"]), str(row["name"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("settings.bad_services_file", file=file.name, detail=str(error)) from error
    wrong = [service.port for service in found if not 0 < service.port < 65536]
    if wrong or len({service.port for service in found}) != len(found):
        raise BadInput("settings.bad_services_file", file=file.name, detail=f"port {wrong}")
    return tuple(sorted(found, key=lambda service: service.port))
