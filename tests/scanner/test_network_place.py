"""Which network the laptop is in, from what the kernel and the DHCP client know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.network_place import (
    Kernel,
    Lease,
    Place,
    Route,
    Ways,
    differences,
    moved,
    parse_leases,
    parse_neighbours,
    parse_own,
    parse_routes,
    parse_routes6,
    read_kernel,
    ways_into,
)
from scanner.ranges import parse_range

ROUTE = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0100A8C0	0003	0	0	100	00000000	0	0	0
eth0	0000A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
eth0	00000A0A	0200A8C0	0003	0	0	0	0000FFFF	0	0	0
wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
wlan0	0001A8C0	00000000	0001	0	0	600	00FFFFFF	0	0	0
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.0.1      0x1         0x2         10:C5:95:00:00:01     *        eth0
192.168.0.9      0x1         0x0         00:00:00:00:00:00     *        eth0
"""
FIB = """Main:
  +-- 0.0.0.0/0 3 0 5
Local:
     +-- 192.168.0.0/24 2 0 2
        |-- 192.168.0.77
           /32 host LOCAL
        |-- 192.168.0.255
           /32 link BROADCAST
"""
ROUTE6 = (
    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 "
    "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
)
NETWORKD = "# This is private data.\nADDRESS=192.168.0.77\nSERVER_ADDRESS=192.168.0.1\nDOMAINNAME=jy.example\n"
DHCLIENT = """lease {
  interface "eth0";
  fixed-address 192.168.0.77;
  option dhcp-server-identifier 192.168.0.1;
  option domain-name "jy.example";
  expire 3 2026/11/04 01:00:00;
}
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    net = tmp_path / "net"
    net.mkdir()
    for name, text in {"route": ROUTE, "arp": ARP, "fib_trie": FIB, "ipv6_route": ROUTE6}.items():
        (net / name).write_text(text)
    lease = tmp_path / "var/lib/NetworkManager/internal-1.lease"
    lease.parent.mkdir(parents=True)
    lease.write_text(NETWORKD)
    return read_kernel(net, ("/var/lib/NetworkManager/internal-*.lease",), tmp_path)


HERE = Place("192.168.0.0/24", "192.168.0.77", "192.168.0.1", "10:c5:95:00:00:01", "192.168.0.1", "jy.example")


def test_the_way_into_the_attached_network_carries_its_fingerprint(kernel: Kernel) -> None:
    assert ways_into(kernel, [parse_range("192.168.0.0/24")]).places == (HERE,)


def test_a_range_behind_a_router_is_reached_through_the_attached_network(kernel: Kernel) -> None:
    (place,) = ways_into(kernel, [parse_range("10.10.3.0/24")]).places
    assert (place.network, place.gateway, place.gateway_mac) == ("192.168.0.0/24", "192.168.0.2", "")


def test_of_two_ways_out_the_one_of_the_lower_metric_counts(kernel: Kernel) -> None:
    (place,) = ways_into(kernel, [parse_range("172.16.0.0/24")]).places
    assert place.gateway == "192.168.0.1"


def test_every_way_that_a_scope_uses_is_named(kernel: Kernel) -> None:
    scope = [parse_range("192.168.0.0/23"), parse_range("fd00::/120"), parse_range("fd01::1")]
    ways = ways_into(kernel, scope)
    assert [place.network for place in ways.places] == ["fd00::/64", "192.168.0.0/24", "192.168.1.0/24"]
    assert [one.version for one in ways.unreached] == [6]


def test_without_a_network_there_is_no_way() -> None:
    assert ways_into(Kernel(), [parse_range("192.168.0.0/24")]).places == ()


@pytest.mark.parametrize("text", [NETWORKD, DHCLIENT])
def test_leases_of_the_usual_clients_are_read(text: str) -> None:
    assert list(parse_leases(text)) == [Lease("192.168.0.77", "192.168.0.1", "jy.example")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"address": "192.168.0.12"}, None),  # DHCP lent us another address
        ({"network": "192.168.5.0/24"}, "schedule.other_network"),
        ({"gateway": "192.168.0.254"}, "schedule.other_gateway"),
        ({"gateway": "", "gateway_mac": ""}, "schedule.other_gateway"),
        ({"gateway_mac": "aa:bb:cc:00:00:01"}, "schedule.gateway_changed"),
        ({"gateway_mac": ""}, "schedule.gateway_unknown"),
        ({"dhcp_server": "192.168.0.2"}, "schedule.other_dhcp"),
        ({"domain": "home"}, "schedule.other_dhcp"),
        ({"dhcp_server": "", "domain": ""}, None),  # a fixed address this time
    ],
)
def test_another_network_is_named_by_what_differs(changes: Mapping[str, str], code: str | None) -> None:
    found = differences(dataclasses.replace(HERE, **changes), [HERE], {}, Kernel())
    assert [reason.code for reason in found] == ([code] if code else [])


def test_a_pair_of_routers_that_shares_its_card_needs_known_neighbours() -> None:
    vrrp = dataclasses.replace(HERE, gateway_mac="00:00:5e:00:01:0a")
    known = {"192.168.0.21": "a0:00:00:00:00:21", "192.168.0.22": "a0:00:00:00:00:22"}
    assert [r.code for r in differences(vrrp, [vrrp], known, Kernel())] == ["schedule.nothing_telling"]
    assert differences(vrrp, [vrrp], known, Kernel(neighbours=known)) == []
    others = {"192.168.0.21": "b0:00:00:00:00:21", "192.168.0.22": "a0:00:00:00:00:22"}
    assert differences(vrrp, [vrrp], known, Kernel(neighbours=others)) != []


def test_of_ipv6_nothing_vouches_for_a_network() -> None:
    place = Place("fd00::/64")
    assert [r.code for r in differences(place, [place], {}, Kernel())] == ["schedule.nothing_telling"]


def test_a_router_outside_every_attached_network_is_vouched_for_by_nobody() -> None:
    """``default via 10.0.0.1 dev eth0 onlink``: which network that is, the kernel does not say."""
    place = Place("", "", "10.0.0.1", "")
    [reason] = differences(place, [place], {"10.0.0.2": "10:c5:95:00:00:02"}, Kernel())
    assert reason.code == "schedule.nothing_telling"


def test_a_route_that_is_down_or_refuses_is_none() -> None:
    down = ROUTE.replace("\t0003\t", "\t0002\t").replace("\t0001\t", "\t0201\t")
    assert list(parse_routes(down)) == []


@given(st.text() | st.text(alphabet="0123456789abcdefx .:|-/\n\tLOCAL lease{};=", max_size=200))
def test_no_text_of_a_lease_breaks_the_reader(text: str) -> None:
    assert all(isinstance(lease, Lease) for lease in parse_leases(text))


def test_this_machines_own_files_are_read() -> None:
    net = Path("/proc/thread-self/net")
    assert all(isinstance(route, Route) for route in parse_routes((net / "route").read_text()))
    assert "127.0.0.1" in set(parse_own((net / "fib_trie").read_text()))
    assert all(":" in mac for _, mac in parse_neighbours((net / "arp").read_text()))
    assert list(parse_routes6("")) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((HERE,), False),
        ((dataclasses.replace(HERE, address="192.168.0.78"),), False),
        ((dataclasses.replace(HERE, gateway_mac=""),), False),
        ((dataclasses.replace(HERE, gateway_mac="8c:16:45:00:00:01"),), True),
        ((dataclasses.replace(HERE, gateway="192.168.0.2"),), True),
        ((HERE, Place("10.0.0.0/24")), True),
        ((), True),
    ],
)
def test_a_laptop_has_moved_when_a_network_a_router_or_its_card_is_another(
    now: tuple[Place, ...], expected: bool
) -> None:
    assert moved(Ways((HERE,)), Ways(now)) is expected
