"""What the network shows of a host beside its facts, and the findings that ask a person to explain it. Pure.

====================  =================================================================================
kind                  proved by
====================  =================================================================================
suspected_nat         one address contradicts itself: several computers may hide behind it (插到其后再检)
identity_open         its identity is shared with other hosts and contradicted: clones, junk boards
kms_host_found        something listens at the port of KMS, and the unit has not declared this host
licence_server_found  something listens at a port of floating licences, and the unit has not declared it
====================  =================================================================================

They change no verdict and no rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from appliance.judgement.declared import Declared
from appliance.judgement.findings import of_computer, strong_identity
from appliance.judgement.roster import AuditHost
from appliance.model import Finding
from config.message import Message
from config.network_services import ServiceKind, network_services
from scanner.sighting import Sighting

PORT = "port:"


@dataclass(frozen=True, slots=True)
class HostSign:
    """One thing to explain about a host; ``kind`` is the kind of its finding."""

    host_id: str
    kind: str
    details: tuple[Message, ...]


def of_signs(signs: Iterable[HostSign], hosts: Iterable[AuditHost], identities: Mapping[str, str]) -> Iterator[Finding]:
    """A finding a sign. Hosts that are no computers are known by their card or address."""
    by_id = {host.id: host for host in hosts}
    for sign in signs:
        if host := by_id.get(sign.host_id):
            known_as = identities.get(host.id) or strong_identity(None, host.address, host.mac)
            yield of_computer(host, known_as, sign.kind, *sign.details)


def undeclared_services(
    host_id: str, names: Iterable[str], seen: Iterable[Sighting], declared: Declared
) -> Iterator[HostSign]:
    """Licensing services at a host that the unit has not declared. ``names``: addresses and names of the host."""
    own = {name.strip().casefold() for name in names if name}
    by_port = {service.port: service for service in network_services()}
    ports = sorted(int(s.source.removeprefix(PORT)) for s in seen if s.source.startswith(PORT))
    found = [by_port[port] for port in ports if port in by_port]
    address = min(own, default="")
    for kind, code, declared_names in (
        (ServiceKind.KMS, "kms_host_found", (host.host for host in declared.kms_hosts)),
        (ServiceKind.FLOATING, "licence_server_found", (server.server for server in declared.licence_servers)),
    ):
        services = [service for service in found if service.kind is kind]
        if services and own.isdisjoint(_bare(name) for name in declared_names):
            shown = {
                "ports": "、".join(f"{service.port}（{service.name}）" for service in services),
                "address": address,
            }
            yield HostSign(host_id, code, (Message(f"finding.{code}", dict(shown)),))


def _bare(declared: str) -> str:
    """``27000@lic.unit.example`` and ``10.0.0.5:1688`` without their port."""
    text = declared.strip().casefold().rpartition("@")[2]
    host, _, port = text.rpartition(":")
    return host if host and port.isdigit() and ":" not in host else text
