"""What a computer says of itself to anybody who asks, without a login. Nothing of it is authenticated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

SSH, EPMAP, NETBIOS, SMB = 22, 135, 137, 445
PACKETS_A_HOST = 35  # when everything that is asked for is there


@dataclass(frozen=True, slots=True)
class Sighting:
    """One answer to one probe.

    ``source``: ``ntlm`` (SMB negotiate and NTLM challenge), ``oxid`` (ServerAlive2), ``netbios`` (node status), ``ssh``
    (banner), ``port:N`` (something listens). Fields are None where the probe does not say.
    """

    source: str
    hostname: str | None = None
    domain: str | None = None
    dns_name: str | None = None
    build: str | None = None  # Windows version as NTLM gives it: 10.0.19045
    clock_offset_seconds: float | None = None  # the host's clock minus ours
    addresses: tuple[str, ...] = ()  # where the computer says it is
    mac: str | None = None
    ttl: int | None = None
    banner: str | None = None
    service: str | None = None
    dialect: str | None = None


ADAPTER: TypeAdapter[Sighting] = TypeAdapter(Sighting)


def to_json(sighting: Sighting) -> dict[str, Any]:
    """Without the fields that say nothing."""
    document: dict[str, Any] = ADAPTER.dump_python(sighting, mode="json")
    return {name: value for name, value in document.items() if value not in (None, [])}


def from_json(document: object) -> Sighting:
    """Read what :func:`to_json` wrote."""
    return ADAPTER.validate_python(document)
