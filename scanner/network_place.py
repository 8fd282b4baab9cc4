"""Which network this machine is plugged into, as the kernel and the DHCP client already know it. Nothing is sent.

Read from files alone: routes, own addresses and neighbour entries in ``/proc/net`` of this thread's network namespace,
and the lease files of the usual DHCP clients. Two places are the same when the network, its router and the router's
card are; :func:`differences` says why not.

References:
    - proc_net(5); linux/net/ipv4/fib_trie.c (``route``, ``fib_trie``), linux/net/ipv4/arp.c (``arp``)
    - dhclient.leases(5); systemd-networkd's and NetworkManager's internal leases are lines ``KEY=value``
    - RFC 9568 (VRRP), RFC 2281 (HSRP): their router addresses are the same everywhere
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path

from config.message import Message
from scanner.ranges import Interval, intersect, merge, subtract

PROC_NET = Path("/proc/thread-self/net")
LEASE_FILES = (
    "/var/lib/NetworkManager/internal-*.lease",
    "/run/systemd/netif/leases/*",
    "/var/lib/dhcp/*.leases",
    "/var/lib/NetworkManager/dhclient-*.lease",
)
UP, GATEWAY, REJECT = 0x1, 0x2, 0x200  # linux/route.h
COMPLETE = 0x2  # ATF_COM in linux/if_arp.h: the entry holds an answer
NOBODY = "00:00:00:00:00:00"
SHARED_ROUTERS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
LEASE_BYTES = 1 << 20
ENOUGH_NEIGHBOURS = 2
"""Known computers that together vouch for a network whose router does not tell one network from another."""


@dataclass(frozen=True, slots=True)
class Route:
    """One IPv4 or IPv6 route; ``gateway`` is empty for a network that this machine is attached to."""

    interface: str
    network: str
    gateway: str = ""
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """What a DHCP server said of itself; ``address`` is the one it lent us."""

    address: str
    server: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What this machine knows without asking anybody."""

    routes: tuple[Route, ...] = ()
    own: frozenset[str] = frozenset()
    neighbours: Mapping[str, str] = field(default_factory=dict[str, str])  # address → MAC
    leases: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """One attached network: the fingerprint of a segment. Empty fields are unknown or not there."""

    network: str
    address: str = ""
    gateway: str = ""
    gateway_mac: str = ""
    dhcp_server: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """The attached networks through which a scope is reached, and what of it no way leads to."""

    places: tuple[Place, ...]
    unreached: tuple[Interval, ...] = ()


def read_kernel(proc: Path = PROC_NET, lease_files: Sequence[str] = LEASE_FILES, root: Path = Path("/")) -> Kernel:
    """Read what is there; a file that is missing or may not be read says nothing."""
    files = (file for pattern in lease_files for file in sorted(root.glob(pattern.lstrip("/"))))
    leases = (lease for file in files for lease in parse_leases(_text(file)))
    return Kernel(
        routes=(*parse_routes(_text(proc / "route")), *parse_routes6(_text(proc / "ipv6_route"))),
        own=frozenset(parse_own(_text(proc / "fib_trie"))),
        neighbours=dict(parse_neighbours(_text(proc / "arp"))),
        leases=tuple(leases),
    )


def parse_routes(text: str) -> Iterator[Route]:
    """``eth0 000A4D0A 00000000 0001 0 0 0 00FFFFFF 0 0 0``: numbers in hex, addresses in the byte order of the CPU."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 8 or not int(words[3], 16) & UP or int(words[3], 16) & REJECT:
            continue
        network = IPv4Network((_address(words[1]), str(IPv4Address(_address(words[7])))))
        gateway = str(IPv4Address(_address(words[2]))) if int(words[3], 16) & GATEWAY else ""
        yield Route(words[0], str(network), gateway, int(words[6]))


def parse_routes6(text: str) -> Iterator[Route]:
    """Destination, its prefix length in hex, source, its length, next hop, metric, two counters, flags, interface."""
    for line in text.splitlines():
        words = line.split()
        if len(words) < 10 or not int(words[8], 16) & UP or int(words[8], 16) & REJECT:
            continue
        hop = IPv6Address(bytes.fromhex(words[4]))
        network = IPv6Network((bytes.fromhex(words[0]), int(words[1], 16)))
        yield Route(words[9], str(network), str(hop) if int(hop) else "", int(words[5], 16))


def parse_own(text: str) -> Iterator[str]:
    """Own addresses: the leaves ``|-- 10.77.0.254`` under which stands ``/32 host LOCAL``."""
    leaf = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            leaf = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            yield leaf


def parse_neighbours(text: str) -> Iterator[tuple[str, str]]:
    """``10.77.0.1 0x1 0x2 10:c5:95:00:00:01 * eth0`` → address and MAC, for entries that hold an answer."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 6 and int(words[2], 16) & COMPLETE and words[3] != NOBODY:
            yield words[0], words[3].lower()


def parse_leases(text: str) -> Iterator[Lease]:
    """Leases of systemd-networkd and NetworkManager (one a file), or of dhclient (the last of each address counts)."""
    values = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z0-9_]+=", line))
    if "ADDRESS" in values:
        yield Lease(values["ADDRESS"], values.get("SERVER_ADDRESS", ""), values.get("DOMAINNAME", ""))
        return
    found: dict[str, Lease] = {}
    for block in re.findall(r"lease \{(.*?)\n\}", text, re.DOTALL):
        said = {name: value.strip('"') for name, value in re.findall(r"([\w-]+) ([^\s;]+);", block)}
        address = said.get("fixed-address", "")
        found[address] = Lease(address, said.get("dhcp-server-identifier", ""), said.get("domain-name", ""))
    yield from found.values()


def ways_into(kernel: Kernel, scope: Iterable[Interval]) -> Ways:
    """The attached networks through which the kernel would send to ``scope``; pure.

    The most specific routes come first, as in the kernel; of routes as specific as each other the lowest metric.
    """
    left = merge(scope)
    used: list[Route] = []
    for route in sorted(kernel.routes, key=lambda route: (-ip_network(route.network).prefixlen, route.metric)):
        window = _interval(route.network)
        if route.interface != "lo" and intersect(left, window):
            used.append(route)
            left = subtract(left, [window])
    return Ways(tuple(dict.fromkeys(_place(kernel, route) for route in used)), left)


def moved(before: Ways, now: Ways) -> bool:
    """Whether a scope is reached by other ways than before: other networks, routers or routers' cards. Pure.

    A card that the kernel does not know at the moment is no difference.
    """
    was, here = _cards(before), _cards(now)
    return was.keys() != here.keys() or any(was[way] and here[way] and was[way] != here[way] for way in was)


def _cards(ways: Ways) -> dict[tuple[str, str], str]:
    return {(place.network, place.gateway): place.gateway_mac for place in ways.places}


def differences(place: Place, known: Iterable[Place], neighbours: Mapping[str, str], kernel: Kernel) -> list[Message]:
    """Why ``place`` is none of the ``known`` ones; empty when it is one. Pure.

    ``neighbours``: address → MAC of the computers seen on earlier visits. Some of them vouch for a network without a
    router, or whose router's card says nothing because a pair of routers shares it.
    """
    same = [one for one in known if one.network == place.network]
    if not same:
        return [Message.of("schedule.other_network", network=place.network or "—")]
    reasons = [_difference(place, one, neighbours, kernel) for one in same]
    return [] if None in reasons else [reason for reason in reasons[:1] if reason]


def _difference(place: Place, known: Place, neighbours: Mapping[str, str], kernel: Kernel) -> Message | None:
    if place.gateway != known.gateway:
        return Message.of("schedule.other_gateway", gateway=place.gateway or "—", known=known.gateway or "—")
    if place.gateway and known.gateway_mac and not place.gateway_mac:
        return Message.of("schedule.gateway_unknown", gateway=place.gateway)
    if known.gateway_mac and place.gateway_mac != known.gateway_mac:
        return Message.of("schedule.gateway_changed", gateway=place.gateway, mac=place.gateway_mac)
    for said, before in ((place.dhcp_server, known.dhcp_server), (place.domain, known.domain)):
        if said and before and said != before:
            return Message.of("schedule.other_dhcp", found=said, known=before)
    telling = known.gateway_mac and not known.gateway_mac.startswith(SHARED_ROUTERS)
    if not telling and _vouching(place, neighbours, kernel) < ENOUGH_NEIGHBOURS:
        return Message.of("schedule.nothing_telling", network=place.network)
    return None


def _vouching(place: Place, neighbours: Mapping[str, str], kernel: Kernel) -> int:
    if not place.network or ":" in place.network:
        return 0
    network = IPv4Network(place.network)
    here = ((a, mac) for a, mac in kernel.neighbours.items() if IPv4Address(a) in network and a != place.gateway)
    return sum(neighbours.get(address) == mac for address, mac in here)


def _place(kernel: Kernel, route: Route) -> Place:
    """The attached network that a route goes through. Of IPv6 the network alone is known: nothing vouches for it."""
    if ":" in route.network:
        return Place(network=route.network, gateway=route.gateway)
    attached = _attached(kernel, route)
    gateway = route.gateway or _default_gateway(kernel, route.interface)
    own = next((a for a in sorted(kernel.own) if attached and IPv4Address(a) in IPv4Network(attached)), "")
    lease = next((lease for lease in kernel.leases if lease.address == own), Lease(own))
    return Place(attached, own, gateway, kernel.neighbours.get(gateway, ""), lease.server, lease.domain)


def _attached(kernel: Kernel, route: Route) -> str:
    if not route.gateway:
        return route.network
    near = (r for r in kernel.routes if not r.gateway and r.interface == route.interface and ":" not in r.network)
    return next((r.network for r in near if IPv4Address(route.gateway) in IPv4Network(r.network)), "")


def _default_gateway(kernel: Kernel, interface: str) -> str:
    routes = (r for r in kernel.routes if (r.interface, r.network) == (interface, "0.0.0.0/0"))
    return next((route.gateway for route in sorted(routes, key=lambda route: route.metric)), "")


def _interval(network: str) -> Interval:
    parsed = ip_network(network)
    return Interval(parsed.version, int(parsed.network_address), int(parsed.broadcast_address))


def _address(text: str) -> int:
    return struct.unpack(">I", struct.pack("=I", int(text, 16)))[0]


def _text(file: Path) -> str:
    with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(LEASE_BYTES)
    return ""
