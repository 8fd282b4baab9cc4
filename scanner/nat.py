"""Signs that several computers hide behind one address (路由器、NAT): 插到其后再检. Pure.

Each sign is a contradiction between what one address says by different ways; a computer alone contradicts itself in
none of them. They are hints from unauthenticated answers: they ask a person to look, and change no result.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from config.message import Message
from scanner.sighting import Sighting

NETBIOS_CHARACTERS = 15
UNIX = re.compile(r"ubuntu|debian|freebsd|raspbian|kylin|uos|dropbear|openwrt", re.IGNORECASE)
ON_LINK = frozenset({64, 128, 255})
ONE_HOP = frozenset(ttl - 1 for ttl in ON_LINK)


def suspicions(address: str, mac: str | None, seen: Iterable[Sighting]) -> tuple[Message, ...]:
    """Why one address may stand for several computers; empty when nothing contradicts itself."""
    by_source = {sighting.source: sighting for sighting in seen}
    signs = (*_names(by_source), *_systems(by_source), *_elsewhere(address, by_source), *_hops(mac, by_source))
    return tuple(signs)


def one_card_many_names(hosts: Sequence[tuple[str, str, str]]) -> Mapping[str, Message]:
    """By address: one network card under several names. ``hosts``: address, MAC and host name as compared."""
    names: dict[str, set[str]] = defaultdict(set)
    for _, mac, name in hosts:
        if mac and name:
            names[mac].add(name)
    return {
        address: Message.of("nat.one_card_many_names", mac=mac, names="、".join(sorted(names[mac])))
        for address, mac, _ in hosts
        if len(names.get(mac, ())) > 1
    }


def _names(seen: Mapping[str, Sighting]) -> Iterator[Message]:
    short = {
        sighting.hostname.partition(".")[0].casefold()[:NETBIOS_CHARACTERS]: sighting.hostname
        for source in ("ntlm", "oxid", "netbios")
        if (sighting := seen.get(source)) and sighting.hostname
    }
    if len(short) > 1:
        yield Message.of("nat.names_differ", names="、".join(sorted(short.values())))


def _systems(seen: Mapping[str, Sighting]) -> Iterator[Message]:
    ssh, ntlm = seen.get("ssh"), seen.get("ntlm")
    if ssh and ssh.banner and UNIX.search(ssh.banner) and ntlm and ntlm.build:
        yield Message.of("nat.systems_differ", banner=ssh.banner, build=ntlm.build)


def _elsewhere(address: str, seen: Mapping[str, Sighting]) -> Iterator[Message]:
    """ServerAlive2 names every address of a Windows PC: ours must be among them, of the same IP version."""
    oxid = seen.get("oxid")
    if oxid is None:  # a computer that no network reaches has no address either
        return
    version = ip_address(address).version
    own = [text for text in oxid.addresses if ip_address(text).version == version]
    if own and address not in own:
        yield Message.of("nat.address_elsewhere", address=address, named="、".join(own))


def _hops(mac: str | None, seen: Mapping[str, Sighting]) -> Iterator[Message]:
    netbios = seen.get("netbios")
    if mac and netbios and netbios.ttl in ONE_HOP:
        yield Message.of("nat.one_hop_behind", ttl=netbios.ttl)
