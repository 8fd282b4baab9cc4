"""What rules judge: a copy (technical state), what the ledgers grant for it (entitlement), and the context."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from appliance.ledger.model import FreeListEntry, Licence, LicenceType, ProofLevel, SoftwareType
from appliance.model import Activation, Category, Decision, Phase, Product
from appliance.policy import Switches
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


class Copy(NamedTuple):
    """One product on one computer = 1; updates, parts and twins are folded into it."""

    computer: Computer
    product: Product
    versions: tuple[str, ...]
    edition: str
    state: LicenceState | None  # None: activation was not collected, or there is none to read
    observations: tuple[str, ...]

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
    """How a ledger row grants: by seats, for a whole site, or bound to the hardware it came with."""

    COUNTED = "counted"
    SITE = "site"
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

    @property
    def ref(self) -> str:
        """The ledger row."""
        return self.row.ref.text()


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What the ledgers say about one copy's product. Rows are in order of 软件编号."""

    live: tuple[Grant, ...] = ()
    covering: tuple[Grant, ...] = ()  # the live ones whose 可使用版本 holds every installed version
    ended: tuple[Grant, ...] = ()  # those that would cover, were they not over
    free: tuple[FreeListEntry, ...] = ()
    seat: Seat = Seat.NONE

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
    oem = row.software_type is SoftwareType.OEM or row.licence_type is LicenceType.OEM
    return GrantKind.OEM if oem else GrantKind.COUNTED
