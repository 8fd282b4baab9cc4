"""What rules judge: a copy (technical state), what the ledgers grant for it (entitlement), and the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from appliance.judgement.declared import UnitKind
from appliance.judgement.places import NOWHERE, Place
from appliance.judgement.policy import Switches
from appliance.judgement.traces import NO_TRACES, KnownTraces
from appliance.ledger.model import FreeListEntry, Licence, LicenceType, ProofLevel, SoftwareType
from appliance.model import Activation, Category, Decision, Phase, Product
from appliance.rules.editions import rank_of
from appliance.rules.evidence import Graded
from config.message import Message
from scanner.model import LicenceState, LicenceStatus


class Computer(NamedTuple):
    """One computer whose software was read."""

    host_id: str
    facts_id: str
    identity: str  # strong identity, stable across inspections
    maker: str
    department: str
    official: bool  # on the asset ledger: enters the official rates
    collected: bool  # fully read; partly read computers are judged on what was read
    asset_no: str = ""
    computer_no: str = ""  # 计算机编号: the key of 附件8 and 附件9
    serial: str = ""
    brand: str = ""  # 品牌 on the asset ledger
    repaired: bool = False  # a 维修单 for a replaced board was shown
    ledger_serial: str = ""  # the asset ledger's, where it is not this computer's
    place: Place = NOWHERE  # where rates that are broken down count it


NOBODY = Computer("", "", "", "", "", official=False, collected=False)
"""Stands in a copy until it is known what the computer is on the asset ledger."""


class Copy(NamedTuple):
    """One product on one computer = 1; updates, parts and twins are folded into it."""

    computer: Computer
    product: Product
    versions: tuple[str, ...]
    edition: str
    state: LicenceState | None  # None: activation was not collected, or there is none to read
    observations: tuple[str, ...]
    traces: tuple[Graded, ...] = ()  # crack evidence that acts on this product
    servers: tuple[str, ...] = ()  # licence servers that the computer names for it
    why: Message | None = None  # what kept its activation from being read
    platform: str = ""  # windows or linux

    @property
    def level(self) -> int:
        """Rank of the installed edition, where the product's editions have an order; else 0."""
        return rank_of(self.product, self.edition)

    @property
    def channel(self) -> str:
        """Licence channel in WMI's words, or empty."""
        return (self.state.channel or "").upper() if self.state else ""

    @property
    def activated(self) -> bool:
        """Whether the machine itself says that this copy is activated."""
        return self.state is not None and self.state.status is LicenceStatus.LICENSED

    @property
    def ground_unknown(self) -> bool:
        """An operating system whose channel was not read: it may rest on the maker's licence, whatever the rows say."""
        return self.unread and self.product.category is Category.OPERATING_SYSTEM

    @property
    def unread(self) -> bool:
        """Whether an activation exists on this kind of product and was not collected."""
        readable = self.product.activation is Activation.READABLE
        return readable and (self.state is None or self.state.status is None)


class GrantKind(StrEnum):
    """How a ledger row grants: by seats, for a site, by clients at one time, or with the hardware it came with."""

    COUNTED = "counted"
    SITE = "site"
    FLOATING = "floating"
    OEM = "oem"


class Seat(StrEnum):
    """Where a copy stands in the count of its licences."""

    NONE = "none"  # draws on no counted row
    PROVEN = "proven"  # within the 许可数量 of rows with enough proof
    UNPROVEN = "unproven"  # within the 许可数量 of rows whose paper, or count, is missing
    SURPLUS = "surplus"  # beyond every row: counted at product level


class Grant(NamedTuple):
    """One ledger row as an entitlement to one product."""

    row: Licence
    kind: GrantKind
    proof: ProofLevel
    proven: bool  # the proof reaches what the policy asks, and a counted row states its 许可数量
    ended: bool  # 许可期限 is over on the as-of date
    cells: tuple[str, ...]  # what the row says about versions: 可使用版本, 软件版本, the release in its 软件名称
    release: str = ""  # the licensed version itself
    level: int = 0  # rank of the highest licensed edition, where the product's editions have an order
    gift: bool = False  # 受赠 or 调剂
    departments: tuple[str, ...] = ()  # whom a 场地授权 covers; empty = the whole unit
    beyond: tuple[str, ...] = ()  # words of departments that a school's licence for 教学 does not reach
    platform: str = ""  # the platform that the row names, or empty

    @property
    def ref(self) -> str:
        """The ledger row."""
        return self.row.ref.text()

    def reaches(self, department: str) -> bool:
        """Whether the row is meant for a department: by the scope of a 场地授权, and of a licence for 教学."""
        within = self.kind is not GrantKind.SITE or not self.departments or department in self.departments
        return within and not any(word in department for word in self.beyond)


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What the ledgers say about one copy's product. Rows are in order of 软件编号."""

    live: tuple[Grant, ...] = ()
    covering: tuple[Grant, ...] = ()  # the live ones whose 可使用版本 holds every installed version
    ended: tuple[Grant, ...] = ()  # those that would cover, were they not over
    free: tuple[FreeListEntry, ...] = ()
    seat: Seat = Seat.NONE
    reach: str = ""  # the copy's department, where rows of the product are limited to departments

    @property
    def on_record(self) -> bool:
        """Whether any 附件7 row names the product."""
        return bool(self.live or self.ended)


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for the whole audit."""

    as_of: date
    phase: Phase
    switches: Switches
    kms_hosts: frozenset[str] = frozenset()  # the unit's own declared KMS hosts, lower case
    known: KnownTraces = NO_TRACES
    unit_kind: UnitKind = UnitKind.GOVERNMENT
    servers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])  # by 软件编号, lower case
    scrapped: frozenset[str] = frozenset()  # comparable serials of scrapped or disposed assets
    over: frozenset[str] = frozenset()  # ids of products with a surplus that no computer carries by name

    @property
    def deadline_over(self) -> bool:
        """Whether the 补证 deadline has passed."""
        return self.phase is not Phase.ON_SITE


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says about one copy."""

    decision: Decision
    rule: str
    reasons: tuple[Message, ...]
    policy: str
    rows: tuple[str, ...] = ()
    software_no: str = ""
    settles: Message | None = None
    remarks: tuple[Message, ...] = ()


def kind_of(row: Licence) -> GrantKind:
    """How a 附件7 row grants."""
    if row.licence_type is LicenceType.SITE:
        return GrantKind.SITE
    if row.licence_type is LicenceType.FLOATING:
        return GrantKind.FLOATING
    oem = row.software_type is SoftwareType.OEM or row.licence_type is LicenceType.OEM
    return GrantKind.OEM if oem else GrantKind.COUNTED
