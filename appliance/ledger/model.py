"""Declared records: one ledger row each, with the file, sheet and row it came from.

Columns: S1c 附件6, 7, 8 and S0 附件3 (``docs/sources.md`` names the documents).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.message import Message


class LedgerKind(StrEnum):
    """The ledgers that can be imported."""

    ASSETS = "assets"  # 固定资产
    LICENCES = "licences"  # S1c 附件7 / S0 附件3
    FREE_LIST = "free_list"  # S1c 附件6


class AssetState(StrEnum):
    """状态."""

    IN_USE = "in_use"  # 在用
    IDLE = "idle"  # 闲置
    SCRAPPED = "scrapped"  # 报废


class SoftwareType(StrEnum):
    """软件类型 of S1c 附件7."""

    COMMERCIAL = "commercial"
    OEM = "oem"
    FREE = "free"


class LicenceType(StrEnum):
    """许可类型."""

    SITE = "site"  # 场地授权
    VOLUME = "volume"  # 批量 / 按数量
    OEM = "oem"
    SINGLE = "single"  # 单机 / 零售
    SUBSCRIPTION = "subscription"  # 订阅
    FLOATING = "floating"  # 浮动
    OTHER = "other"


class ProofLevel(StrEnum):
    """What backs a licence: P0 ledger only, P1 合同/发票, P2 授权证书 or the vendor's statement."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


@dataclass(frozen=True, slots=True)
class RowRef:
    """Where a record stands: ``file`` is the id of the imported ledger file; ``row`` is 1-based as a person counts."""

    file: str
    sheet: str
    row: int

    def text(self) -> str:
        """The row as one stable string, ``file!sheet!row``."""
        return f"{self.file}!{self.sheet}!{self.row}"


@dataclass(frozen=True, slots=True)
class Asset:
    """One 固定资产 row; ``quantity`` computers (a card may stand for many)."""

    ref: RowRef
    asset_no: str
    quantity: int = 1
    name: str = ""
    classification_code: str = ""
    brand: str = ""
    model: str = ""
    serials: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()  # aa:bb:cc:dd:ee:ff
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    computer_no: str = ""
    department: str = ""
    user: str = ""
    state: AssetState = AssetState.IN_USE
    xinchuang: bool | None = None
    is_computer: bool = True  # False: a printer, desk … on the same ledger; listed, never counted in A


@dataclass(frozen=True, slots=True)
class Licence:
    """One 软件使用情况汇总表 row: a claim of an entitlement. ``quantity`` None = not stated or unlimited by site."""

    ref: RowRef
    software_no: str
    name: str
    version: str = ""
    software_type: SoftwareType = SoftwareType.COMMERCIAL
    purchased_on: date | None = None
    amount_fen: int | None = None
    licence_type: LicenceType | None = None
    quantity: int | None = None
    usable_versions: tuple[str, ...] = ()
    valid_until: date | None = None  # 许可期限: right of use; None with perpetual False = not stated
    perpetual: bool = False
    serial_tail: str = ""
    installed_count: int | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class FreeListEntry:
    """One 可使用免费软件清单 row. ``departments`` empty = 全单位."""

    ref: RowRef
    software_no: str
    name: str
    version: str = ""
    source: str = ""
    vendor: str = ""
    departments: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """授权证明 entered for one 软件编号."""

    id: str
    software_no: str
    level: ProofLevel
    kind: str = ""  # 合同, 发票, 授权证书 …
    number: str = ""
    note: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was rejected, or what is odd about an accepted one (``rejected`` False)."""

    ref: RowRef
    column: str
    reason: Message
    rejected: bool = True


DeclaredRecord = Asset | Licence | FreeListEntry
