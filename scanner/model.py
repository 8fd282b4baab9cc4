"""What the scanner yields. ``HostFacts`` is the published shape ``hezheng.facts/1`` (``docs/facts.schema.json``).

Three kinds of nothing are kept apart. A group that is ``None`` (absent in JSON) was not read; a field that is
``None`` (null) was looked for and the machine has no such value; an empty string or tuple is what the machine said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from config.message import Message

FACTS_SCHEMA = "hezheng.facts/1"


class Platform(StrEnum):
    """Which family of collectors fits."""

    WINDOWS = "windows"
    LINUX = "linux"


class Outcome(StrEnum):
    """How one attempt to read something ended."""

    READ = "READ"
    DENIED = "DENIED"
    UNREACHABLE = "UNREACHABLE"
    TIMED_OUT = "TIMED_OUT"
    UNSUPPORTED = "UNSUPPORTED"
    FAILED = "FAILED"


class DeviceKind(StrEnum):
    """What a discovered host seems to be; ``Host.kind_evidence`` says why."""

    COMPUTER = "computer"
    PRINTER = "printer"
    NETWORK = "network"
    CAMERA = "camera"
    OTHER = "other"
    UNKNOWN = "unknown"


class FactsOrigin(StrEnum):
    """How facts came to us."""

    NETWORK = "network"
    COLLECTOR = "collector"
    MANUAL = "manual"


class Scope(StrEnum):
    """Which part of a computer an installation belongs to."""

    MACHINE = "machine"
    MACHINE_32 = "machine_32"
    USER = "user"
    PACKAGE = "package"
    STORE = "store"
    FILE = "file"


class InstallDateSource(StrEnum):
    """Where an install date came from; a last-write time is 推定 (inferred)."""

    REGISTRY = "registry"
    KEY_LAST_WRITE = "key_last_write"
    PACKAGE_DATABASE = "package_database"
    FILE_TIME = "file_time"


class LicenceStatus(StrEnum):
    """``SoftwareLicensingProduct.LicenseStatus`` 0-6, and what other licensing systems say in the same words."""

    UNLICENSED = "unlicensed"
    LICENSED = "licensed"
    OOB_GRACE = "oob_grace"
    OOT_GRACE = "oot_grace"
    NON_GENUINE_GRACE = "non_genuine_grace"
    NOTIFICATION = "notification"
    EXTENDED_GRACE = "extended_grace"
    TRIAL = "trial"
    TRIAL_EXPIRED = "trial_expired"


@dataclass(frozen=True, slots=True)
class Service:
    """One open port."""

    port: int
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class Host:
    """What discovery found at one address. Times are RFC 3339."""

    address: str
    seen_at: str
    mac: str | None = None
    mac_vendor: str | None = None
    mac_random: bool = False
    services: tuple[Service, ...] = ()
    kind: DeviceKind = DeviceKind.UNKNOWN
    kind_evidence: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class InstalledSoftware:
    """One raw software entry (安装记录); ``source`` is the registry key, package or file it came from."""

    name: str
    source: str
    scope: Scope
    version: str | None = None
    publisher: str | None = None
    architecture: str | None = None
    edition: str | None = None
    installed_on: str | None = None  # ISO date; None when the machine gives none: never today's date
    installed_on_source: InstallDateSource | None = None
    key_last_write: str | None = None  # RFC 3339
    file_time: str | None = None  # RFC 3339: when the folder or program named below was created
    file_time_of: str | None = None  # the folder or program whose time that is
    date_conflict: str | None = None  # in_future, after_key_write, before_folder: the dates contradict each other
    owner: str | None = None  # user name or SID of a per-user entry
    location: str | None = None
    size_kib: int | None = None
    product_code: str | None = None  # MSI product code, Click-to-Run release id
    parent_key: str | None = None
    release_type: str | None = None
    system_component: bool | None = None
    windows_installer: bool | None = None
    package_format: str | None = None  # dpkg, rpm, linglong, flatpak, snap, appx …
    section: str | None = None  # dpkg section or rpm group
    files_present: bool | None = None  # False = 残留: the key is there, its files are gone
    serial_tail: str | None = None  # last five characters of a product key
    serial_hash: str | None = None  # HMAC of the key under the inspection's own key
    catalogue_id: str | None = None  # the product whose path a portable copy was found at
    observation: str = ""  # id of the raw record


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """Something that could not be read as what it should be; it reaches the printed form."""

    source: str
    reason: Message
    observation: str = ""


@dataclass(frozen=True, slots=True)
class LicenceState:
    """Technical state of one licence as the machine reports it (WMI, ``uos-activator-cmd``, ``.kyinfo`` …)."""

    source: str
    name: str
    application: str | None = None  # windows, office, kylin, uos, wps, other
    status: LicenceStatus | None = None
    status_reason: str | None = None
    channel: str | None = None  # OEM_DM, OEM_SLP, OEM_COA, RETAIL, VOLUME_MAK, VOLUME_KMSCLIENT, SUBSCRIPTION …
    description: str | None = None
    activation_id: str | None = None
    licence_family: str | None = None
    edition: str | None = None
    delivered_edition: str | None = None  # the edition of the firmware's key (OA3 description)
    firmware_key_present: bool | None = None
    generic_key: bool | None = None
    key_tail: str | None = None
    key_hash: str | None = None
    grace_minutes_remaining: int | None = None
    evaluation_end: str | None = None
    genuine_status: int | None = None
    kms_host: str | None = None
    kms_port: int | None = None
    kms_discovered_host: str | None = None
    kms_discovered_address: str | None = None
    is_kms_host: bool | None = None
    subscription_on_device: bool | None = None  # False: per-user subscription, not visible on the device
    bound_serial: str | None = None
    valid_until: str | None = None  # ISO date
    service_until: str | None = None  # ISO date
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A raw sign that may be of an activator; what it means is judged in ``appliance.rules``."""

    kind: str  # file, registry_value, service, task, image_hook, hosts_entry, quarantine
    source: str
    value: str | None = None
    product: str | None = None  # what it acts on: windows, office, …
    active: bool | None = None
    modified_at: str | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Antivirus:
    """One antivirus product as SecurityCenter2, a service or the registry shows it."""

    name: str
    source: str
    enabled: bool | None = None
    up_to_date: bool | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class FloatingLicence:
    """A licence server that a computer or the network names."""

    product: str
    server: str
    port: int | None = None
    seats: int | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a computer this computer; weights are in ``appliance.recognition.matching``."""

    hostname: str | None = None
    domain: str | None = None
    smbios_uuid: str | None = None
    serial: str | None = None
    board_serial: str | None = None
    maker: str | None = None
    model: str | None = None
    chassis: str | None = None
    macs: tuple[str, ...] = ()
    machine_sid: str | None = None
    machine_id: str | None = None
    virtual: bool | None = None
    clock_offset_seconds: float | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """One operating system instance."""

    family: Platform
    name: str
    version: str | None = None
    build: str | None = None
    edition: str | None = None
    release: str | None = None  # 22H2, V10 SP1 …
    architecture: str | None = None
    installation_type: str | None = None  # Client, Server, Server Core
    distribution: str | None = None  # os-release ID
    distribution_like: str | None = None
    kernel: str | None = None
    installed_at: str | None = None
    product_id: str | None = None
    organization: str | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """How one collector of one host ended; partial results are kept beside a failure."""

    collector: str
    version: int
    outcome: Outcome
    reason: Message | None = None
    records: int = 0


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What was read from one computer at one time; immutable. Groups are None when they were not read."""

    id: str
    outcome: Outcome
    origin: FactsOrigin
    started_at: str
    finished_at: str
    address: str | None = None
    reason: Message | None = None
    platform: Platform | None = None
    channel: str | None = None  # grade of the channel: smb3.1.1-sealed, smb2.1-signed, ssh2 …
    account: str | None = None  # account name, never a secret
    collectors: tuple[CollectorResult, ...] = ()
    identity: Identity | None = None
    os: OperatingSystem | None = None
    installations: tuple[InstalledSoftware, ...] | None = None
    skipped: tuple[SkippedEntry, ...] = ()
    licence_states: tuple[LicenceState, ...] | None = None
    traces: tuple[Trace, ...] | None = None
    antivirus: tuple[Antivirus, ...] | None = None
    floating_licences: tuple[FloatingLicence, ...] | None = None
    raw_digest: str | None = None  # SHA-256 of the host's raw file
    schema: str = field(default=FACTS_SCHEMA)


Record = (
    InstalledSoftware | SkippedEntry | LicenceState | Trace | Antivirus | FloatingLicence | Identity | OperatingSystem
)
