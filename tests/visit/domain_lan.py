"""A unit with a domain: one controller, two member servers that stand for 199 computers, two relays and a liar."""

from __future__ import annotations

from dataclasses import replace

from tests.lab.demo_unit import DATA, read_host
from tests.lab.hostile.plans import SMB_PORT, ScriptedHosts
from tests.lab.lan import Lan
from tests.lab.netns import LabError
from tests.lab.plans import CuttingRelay, DomainAccount, DomainController, DomainMember, HostPlan, WindowsPc

SUBNET = "10.79.0.0/23"
CONTROLLER = "10.79.1.1"
MEMBERS = {
    "MEM1": tuple(f"10.79.1.{n}" for n in range(2, 102)),
    "MEM2": tuple(f"10.79.1.{n}" for n in range(102, 201)),
}
ADDRESSES = (CONTROLLER, *MEMBERS["MEM1"], *MEMBERS["MEM2"])
SILENT = tuple(f"10.79.0.{n}" for n in range(1, 6))
HANGING_UP = tuple(f"10.79.0.{n}" for n in range(11, 16))
LIAR, NOBODY = "10.79.0.21", "10.79.0.22"
DOMAIN = "UNIT"
PASSWORD = "The-Right-One-4711"  # of accounts that exist only in the test LAN
THRESHOLD = 5
ACCOUNTS = (
    DomainAccount("expired", "expired"),
    DomainAccount("disabled", "disabled"),
    DomainAccount("beginner", "must_change"),
    DomainAccount("lockable"),
)


def plans() -> list[HostPlan]:
    """Every host of it; the members hold what two PCs of the demo hold."""
    controller = DomainController(
        name="DC1",
        address=CONTROLLER,
        mac="00:15:5d:00:01:01",
        domain=DOMAIN,
        password=PASSWORD,
        lockout_threshold=THRESHOLD,
        accounts=ACCOUNTS,
    )
    members = [_member(controller, *one) for one in (("MEM1", "11-PC1"), ("MEM2", "12-PC2"))]
    relays = [_relay("HANG", SILENT, hang_up=False), _relay("DROP", HANGING_UP, hang_up=True)]
    hosts = ((LIAR, SMB_PORT, "claims-wrong-password"),)
    liar = ScriptedHosts(name="LIAR", address=LIAR, mac="00:15:5d:00:00:21", password=PASSWORD, hosts=hosts)
    return [controller, *members, *relays, liar]


def start() -> Lan:
    """Start it."""
    return Lan.start(plans(), SUBNET)


def _member(controller: DomainController, name: str, like: str) -> DomainMember:
    pc = read_host(DATA / "hosts" / like, PASSWORD)
    if not isinstance(pc, WindowsPc):
        raise LabError(f"{like} is no Windows PC")
    first, *more = MEMBERS[name]
    return DomainMember(
        name=name,
        address=first,
        more_addresses=tuple(more),
        mac=f"00:15:5d:00:02:0{name[-1]}",
        controller=controller,
        registry=pc.registry,
        hardware=replace(pc.hardware, serial=f"SN-{name}") if pc.hardware else None,
    )


def _relay(name: str, addresses: tuple[str, ...], *, hang_up: bool) -> CuttingRelay:
    first, *more = addresses
    mac = f"00:15:5d:00:00:0{1 + hang_up}"
    return CuttingRelay(
        name=name, address=first, more_addresses=tuple(more), mac=mac, target=CONTROLLER, hang_up=hang_up
    )
