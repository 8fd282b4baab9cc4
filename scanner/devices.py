"""What kind of device a discovered host seems to be, and why; pure.

Open ports speak first, the maker of the network card second. Every sign is kept as evidence. Signs that contradict
each other give ``UNKNOWN``: a printer must never be logged in to, a computer never be dropped, so a person decides.

References:
    - ports: https://www.iana.org/assignments/service-names-port-numbers
    - locally administered addresses: IEEE 802-2014, 8.4.1 (second lowest bit of the first octet)
    - vendor names: nmap's ``nmap-mac-prefixes``
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from config.message import Message
from scanner.model import DeviceKind, Service

RAW_PRINT = 9100
PRINT = frozenset({515, 631, RAW_PRINT})
WINDOWS = frozenset({135, 3389, 5985})  # only Windows serves these; 515, 631 and 554 run on a Windows PC as well
SMB = frozenset({139, 445})  # also on office printers and network storage
SSH = 22
RTSP = 554
WEB = frozenset({80, 443})

MAKERS = (
    (DeviceKind.PRINTER, ("brother industries", "canon", "konica minolta", "kyocera document", "kyocera display")),
    (DeviceKind.PRINTER, ("lexmark", "pantum", "ricoh", "seiko epson", "xerox")),
    (DeviceKind.CAMERA, ("hikvision", "dahua technology", "uniview", "axis communications", "tiandy")),
    (DeviceKind.NETWORK, ("cisco", "ruijie", "juniper networks", "maipu", "aruba", "fortinet", "hillstone")),
    (DeviceKind.OTHER, ("synology", "qnap", "yealink", "grandstream", "american power conversion")),
)
# They make switches and computers (or cards for computers): with a web page and nothing of Windows, a switch.
MIXED_MAKERS = ("huawei technologies", "h3c", "zte", "tp-link")

Sign = tuple[DeviceKind, Message]


def classify(services: Collection[Service], mac_vendor: str | None) -> tuple[DeviceKind, tuple[Message, ...]]:
    """Return the kind and its evidence, which is never empty."""
    ports = frozenset(service.port for service in services if service.protocol == "tcp")
    signs = (*_port_signs(ports, mac_vendor), *_vendor_signs(ports, mac_vendor))
    kinds = {kind for kind, _ in signs}
    evidence = tuple(message for _, message in signs)
    if not kinds:
        return DeviceKind.UNKNOWN, (_without_sign(ports),)
    if len(kinds) > 1:
        return DeviceKind.UNKNOWN, (*evidence, Message.of("discovery.kind_conflict"))
    return kinds.pop(), evidence


def is_local_mac(mac: str | None) -> bool:
    """Whether a MAC such as ``02:1A:…`` is locally administered (随机 MAC): not given by a maker."""
    return mac is not None and bool(int(mac[:2], 16) & 2)


def _port_signs(ports: frozenset[int], vendor: str | None) -> Iterator[Sign]:
    maker, windows = _maker(vendor), ports & WINDOWS
    if RAW_PRINT in ports or (ports & PRINT and not windows):
        yield DeviceKind.PRINTER, Message.of("discovery.ports_printer", ports=_shown(ports & PRINT))
    if RTSP in ports and not windows:
        yield DeviceKind.CAMERA, Message.of("discovery.ports_camera", ports=str(RTSP))
    if windows or (ports & SMB and maker not in (DeviceKind.PRINTER, DeviceKind.OTHER)):
        yield DeviceKind.COMPUTER, Message.of("discovery.ports_windows", ports=_shown(ports & (WINDOWS | SMB)))
    # Switches, cameras and printers have SSH too: alone it counts only where the maker leaves it open.
    if SSH in ports and maker is None and not _is_mixed(vendor):
        yield DeviceKind.COMPUTER, Message.of("discovery.ports_ssh", ports=str(SSH))


def _vendor_signs(ports: frozenset[int], vendor: str | None) -> Iterator[Sign]:
    maker = _maker(vendor)
    like_windows = bool(ports & (WINDOWS | SMB))
    network = maker is DeviceKind.NETWORK or (_is_mixed(vendor) and bool(ports & WEB))
    if maker not in (None, DeviceKind.NETWORK):
        yield maker, Message.of("discovery.vendor", vendor=vendor)
    elif network and not like_windows:
        yield DeviceKind.NETWORK, Message.of("discovery.vendor", vendor=vendor)


def _maker(vendor: str | None) -> DeviceKind | None:
    folded = (vendor or "").casefold()
    return next((kind for kind, names in MAKERS if any(name in folded for name in names)), None)


def _is_mixed(vendor: str | None) -> bool:
    return any(name in (vendor or "").casefold() for name in MIXED_MAKERS)


def _without_sign(ports: frozenset[int]) -> Message:
    if not ports:
        return Message.of("discovery.no_open_ports")
    return Message.of("discovery.ports_say_nothing", ports=_shown(ports))


def _shown(ports: Collection[int]) -> str:
    return ", ".join(map(str, sorted(ports)))
