"""What a host of the lab shall be. Plain data; ``lan.Lan.start`` turns it into running peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RegistryScalar = str | int | bytes | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the maker wrote into the firmware (SMBIOS types 0 to 3, ``/sys/class/dmi/id``)."""

    maker: str
    model: str
    serial: str
    uuid: str
    family: str = ""
    version: str = ""
    bios_vendor: str = "American Megatrends International, LLC."
    bios_version: str = "M3GKT3AA"
    bios_date: str = "03/15/2021"
    board_serial: str = ""
    chassis_type: int = 3  # 3 desktop, 10 notebook, 23 rack mount (SMBIOS 3.x, 7.4.1)


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One value of the hive: absolute key path (``HKLM\\…``, ``HKU\\…``), name and data.

    str is REG_SZ, int REG_DWORD, bytes REG_BINARY, a tuple REG_MULTI_SZ.
    """

    key: str
    name: str
    data: RegistryScalar


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a Linux host; ``installed`` is an ISO date, ``status`` a dpkg status line."""

    name: str
    version: str
    installed: str = "2023-06-01"
    architecture: str = "amd64"
    maintainer: str = ""
    section: str = "misc"
    summary: str = ""
    status: str = "install ok installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """What every kind of host has. ``filtered_ports`` are dropped by the host's own firewall.

    ``more_addresses``: further addresses of the same computer, so that one server can stand for many hosts.
    """

    name: str
    address: str
    mac: str
    filtered_ports: tuple[int, ...] = ()
    more_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPc(HostPlan):
    """A Windows PC seen over SMB: Samba with the remote registry over the given hive.

    ``smb`` passes Samba settings through: ``server signing``, ``server max protocol``, ``server min protocol``,
    ``server smb3 encryption algorithms`` … ``files``: path below a drive (``C:\\Windows\\x.exe``) → content, of the
    administrative shares; None is an empty folder. The shares can be written to, as those of Windows can.
    """

    username: str = "inspector"
    password: str = field(repr=False)
    registry: tuple[RegistryEntry, ...] = ()
    hardware: Hardware | None = None
    smb: Mapping[str, str] = field(default_factory=dict[str, str])
    administrator: bool = True
    bad_lockout_attempt: int = 0  # 0 = never locks
    files: Mapping[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxPc(HostPlan):
    """A Linux computer seen over SSH, with a dpkg or an rpm database (the other manager is not there).

    Like a real kernel, serials and UUID in ``/sys/class/dmi/id`` are readable by uid 0 only: ``superuser`` makes the
    account one.
    """

    username: str = "inspector"
    password: str = field(repr=False)
    os_release: str = ""
    machine_id: str = ""
    package_format: str = "dpkg"
    packages: tuple[Package, ...] = ()
    hardware: Hardware | None = None
    superuser: bool = False
    files: Mapping[str, str] = field(default_factory=dict[str, str])  # path in one of peer.OWN_PLACES → text
    sshd: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a listener does on one TCP port: greet with bytes, answer HTTP as some server, or (neither) say nothing."""

    port: int
    greeting: str = ""
    http_server: str = ""
    http_title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener(HostPlan):
    """A device that is no computer of ours: printer, camera, or (port 445 that says nothing) a half-open host."""

    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Off(HostPlan):
    """An address in the plan with nothing behind it: a computer that is switched off."""


@dataclass(frozen=True, slots=True)
class DomainAccount:
    """A further account of a domain. ``state``: ``good``, ``disabled``, ``expired`` or ``must_change``."""

    username: str
    state: str = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainController(HostPlan):
    """A Samba AD domain controller with a lock-out threshold; it answers SMB logins itself.

    ``username`` is an administrator of the member servers; ``accounts`` have the same password and no rights.
    """

    realm: str = "UNIT.LAN"
    domain: str = "UNIT"
    username: str = "inspector"
    password: str = field(repr=False)
    lockout_threshold: int = 5
    accounts: tuple[DomainAccount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainMember(HostPlan):
    """A Samba member server of a controller's domain with the remote registry over the given hive.

    It knows no password itself: every login is passed on to the controller.
    """

    controller: DomainController
    registry: tuple[RegistryEntry, ...] = ()
    hardware: Hardware | None = None
    smb: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class CuttingRelay(HostPlan):
    """A host that hands SMB on to another one and falls silent (or hangs up) after some answers.

    With ``answers`` = 2 the password reaches ``target`` and its answer reaches nobody.
    """

    target: str
    answers: int = 2
    hang_up: bool = False
