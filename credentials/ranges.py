"""Address ranges as a credential's scope writes them: ``10.1.0.0/24``, ``10.1.0.5-10.1.0.9`` or one address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from config.problems import BadInput
from credentials.model import CredentialScope

Address = IPv4Address | IPv6Address


def parse_range(text: str) -> tuple[Address, Address]:
    """First and last address. Raises BadInput ``vault.bad_range``."""
    try:
        first, last = _ends(text.strip())
    except ValueError as error:
        raise BadInput("vault.bad_range", range=text) from error
    if type(first) is not type(last) or int(first) > int(last):
        raise BadInput("vault.bad_range", range=text)
    return first, last


def covers(scope: CredentialScope, address: str) -> bool:
    """Whether ``address`` lies in the scope; an empty scope covers all that the authorisation covers."""
    host = ip_address(address)
    return not scope.ranges or any(_inside(host, *parse_range(text)) for text in scope.ranges)


def _ends(text: str) -> tuple[Address, Address]:
    if "-" in text:
        first, _, last = text.partition("-")
        return ip_address(first.strip()), ip_address(last.strip())
    network = ip_network(text, strict=False)
    return network[0], network[-1]


def _inside(host: Address, first: Address, last: Address) -> bool:
    return host.version == first.version and int(first) <= int(host) <= int(last)
