"""What the computer is made of: the SMBIOS fields the kernel shows, and the addresses of its network cards.

Serial numbers and UUID are readable by root alone; for others they are skipped with that reason, never guessed.

References:
    - https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-firmware-dmi-entries
    - https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net
    - DMTF DSP0134 (SMBIOS), table 17: chassis types
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from config.message import Message
from scanner.collectors.base import Collector, LinuxCollector
from scanner.collectors.linux.answers import Answer, ask
from scanner.collectors.linux.commands import HARDWARE
from scanner.collectors.linux.sudo import gained
from scanner.model import Identity, Platform, SkippedEntry
from scanner.session import LinuxSession

DMI = "/sys/class/dmi/id"
ETHERNET = "1"  # ARPHRD_ETHER
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NO_MAC = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_VIRTUAL = re.compile(
    r"qemu|kvm|vmware|virtualbox|innotek|\bxen\b|bochs|openstack|parallels|virtual machine|alibaba cloud|bhyve",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One small file: what it holds, or that it exists and may not be read."""

    value: str | None = None
    denied: bool = False


def collect(session: LinuxSession) -> Iterator[Identity | SkippedEntry]:
    """Yield one identity, and one skipped entry for each field that needs root."""
    answer = ask(session, HARDWARE)
    if as_root := gained(session, HARDWARE):
        answer = answer.with_sections(as_root, ("dmi",))
    fields = parse_fields(answer.lines("dmi"))
    yield parse_identity(answer, fields)
    for name, field in fields.items():
        if field.denied:
            file = f"{DMI}/{name}"
            yield SkippedEntry(file, Message.of("linux.needs_root", file=file), answer.observation)


def parse_identity(answer: Answer, fields: Mapping[str, Field]) -> Identity:
    """The identity; computers without SMBIOS (some ARM boards) give model and serial by their device tree."""
    tree = parse_fields(answer.lines("tree"))
    maker, model = _value(fields, "sys_vendor"), _value(fields, "product_name")
    return Identity(
        serial=_value(fields, "product_serial") or _value(tree, "serial-number"),
        smbios_uuid=_value(fields, "product_uuid"),
        board_serial=_value(fields, "board_serial"),
        maker=maker,
        model=model or _value(tree, "model"),
        chassis=_value(fields, "chassis_type"),
        macs=parse_macs(answer.lines("network")),
        virtual=is_virtual(maker, model),
        observation=answer.observation,
    )


def parse_fields(lines: Iterable[str]) -> dict[str, Field]:
    """Fields by file name.

    ``product_serial read PF2ABCDE`` · ``product_uuid denied`` · ``board_serial absent`` · ``sys_vendor read`` (blank)
    """
    found: dict[str, Field] = {}
    for line in lines:
        name, _, rest = line.strip().partition(" ")
        state, _, value = rest.partition(" ")
        if state in ("read", "denied", "absent"):
            found[name] = Field(value.strip() or None, state == "denied")
    return found


def parse_macs(lines: Iterable[str]) -> tuple[str, ...]:
    """Addresses of the network cards, sorted; of other Ethernet interfaces only where there is no card (containers).

    ``device 1 8c:16:45:aa:bb:cc enp2s0`` · ``software 1 02:42:ac:11:00:01 docker0`` · ``virtual 772 00:00:… lo``
    """
    found: dict[str, set[str]] = {"device": set(), "virtual": set()}
    for line in lines:
        kind, hardware, address = [*line.lower().split(), "", "", ""][:3]
        if kind in found and hardware == ETHERNET and _MAC.fullmatch(address) and address not in _NO_MAC:
            found[kind].add(address)
    return tuple(sorted(found["device"] or found["virtual"]))


def is_virtual(maker: str | None, model: str | None) -> bool | None:
    """Whether maker or model names a hypervisor; None when the computer names neither.

    ``QEMU`` / ``Standard PC (Q35 + ICH9, 2009)`` · ``VMware, Inc.`` · ``Microsoft Corporation`` / ``Virtual Machine``
    """
    if maker is None and model is None:
        return None
    return bool(_VIRTUAL.search(f"{maker or ''} {model or ''}"))


def _value(fields: Mapping[str, Field], name: str) -> str | None:
    return fields[name].value if name in fields else None


COLLECTOR: LinuxCollector = Collector("linux.hardware", 1, Platform.LINUX, collect)
