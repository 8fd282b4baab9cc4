"""Declared records: one ledger row each, with the file, sheet and row it came from.

Columns: S1c 附件1, 5, 6, 7, 8, 9 and S0 附件1, 2, 3 (``docs/sources.md`` names the documents); the columns of proofs,
servers, links, the official client's export and earlier findings are ours.
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
    ALLOCATIONS = "allocations"  # S1c 附件8
    INSTALL_LOG = "install_log"  # S1c 附件9, one sheet per 软件编号
    LEADERS = "leaders"  # S1c 附件1 / S0 附件1
    STATISTICS = "statistics"  # S1c 附件5
    SUBUNITS = "subunits"  # S0 附件2, and the unit's tree
    PROOFS = "proofs"  # contracts, invoices, certificates
    SERVERS = "servers"  # declared KMS hosts and licence servers
    LINKS = "links"  # 计算机编号 ↔ 资产编号 ↔ host
    CLIENT_EXPORT = "client_export"  # what the official check client exports
    BASELINE = "baseline"  # last year's findings


class AssetState(StrEnum):
    """状态."""

    IN_USE = "in_use"  # 在用
    IDLE = "idle"  # 闲置
    SCRAPPED = "scrapped"  # 报废


class AssetCategory(StrEnum):
    """What kind of computer an asset is, by its code of GB/T 14885 or its name."""

    SERVER = "server"
    DESKTOP = "desktop"
    NOTEBOOK = "notebook"
    WORKSTATION = "workstation"
    TABLET = "tablet"
    MAINFRAME = "mainframe"  # 巨型机, 大中型机, 小型机
    OTHER = "other"  # a computer whose kind neither code nor name tells
    NONE = ""  # no computer


class CodeEdition(StrEnum):
    """The edition of GB/T 14885 that a code is read by: the two number computers differently."""

    OF_2010 = "2010"  # 2010104 台式机; the 采购品目 of 2013 (A02010104) number alike
    OF_2022 = "2022"  # A02010105 台式计算机
    UNKNOWN = ""


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
    category: AssetCategory = AssetCategory.NONE
    code_edition: CodeEdition = CodeEdition.UNKNOWN


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


class InstallAction(StrEnum):
    """安装 / 卸载 of S1c 附件9. An upgrade is two rows."""

    INSTALL = "install"
    UNINSTALL = "uninstall"


class ServerKind(StrEnum):
    """What a declared server hands out."""

    KMS = "kms"
    LICENCE = "licence"  # floating licences


class Standing(StrEnum):
    """What the official client says of a copy."""

    LICENSED = "licensed"
    UNLICENSED = "unlicensed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Allocation:
    """One 软件使用情况明细表 row (S1c 附件8): this software on this computer, used by this person."""

    ref: RowRef
    computer_no: str
    software_no: str
    software_name: str
    version: str = ""
    department: str = ""
    user: str = ""
    brand: str = ""
    software_type: SoftwareType | None = None
    valid_until: date | None = None
    perpetual: bool = False
    installed_on: date | None = None


@dataclass(frozen=True, slots=True)
class InstallLogEntry:
    """One 软件安装维护情况明细表 row (S1c 附件9)."""

    ref: RowRef
    software_no: str
    software_name: str
    action: InstallAction
    computer_no: str
    version: str = ""
    brand: str = ""
    user: str = ""
    department: str = ""
    done_on: date | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Leader:
    """One 领导小组成员信息表 row (S1c 附件1)."""

    ref: RowRef
    role: str
    name: str
    department: str = ""
    post: str = ""
    phone: str = ""
    fax: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One filled cell of 软件正版化工作信息统计表 (S1c 附件5): ``part`` 1 … 5, ``row`` 国内 … (may be empty)."""

    ref: RowRef
    part: int
    row: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Subunit:
    """One S0 附件2 row: 机关 or 所属事业单位. ``parent`` empty = the unit itself or directly below it."""

    ref: RowRef
    name: str
    parent: str = ""
    system: str = ""
    region: str = ""
    xinchuang_computers: int | None = None
    other_computers: int | None = None
    clients_deployed: int | None = None
    contact: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredServer:
    """A KMS host or licence server that the unit declares as its own; ``address`` is an IP address or host name."""

    ref: RowRef
    kind: ServerKind
    address: str
    port: int | None = None
    software_no: str = ""
    software: str = ""
    seats: int | None = None
    peak: int | None = None  # most clients at one time
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ComputerLink:
    """计算机编号 ↔ 资产编号 ↔ host name or address, as the unit or the inspector states it."""

    ref: RowRef
    computer_no: str
    asset_no: str = ""
    hostname: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One row of the official client's export."""

    ref: RowRef
    hostname: str = ""
    addresses: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    department: str = ""
    user: str = ""
    product: str = ""
    version: str = ""
    publisher: str = ""
    category: str = ""
    standing: Standing = Standing.UNKNOWN
    seen_on: date | None = None


@dataclass(frozen=True, slots=True)
class EarlierFinding:
    """One finding of an earlier inspection, from its Excel sheet: a baseline that nobody sealed.

    ``kind``, ``software`` or ``detail`` says what was found; ``computer`` is 计算机编号, host name, asset number or
    address, whichever the sheet names, the most official of several.
    """

    ref: RowRef
    kind: str = ""
    computer: str = ""
    department: str = ""
    software: str = ""
    detail: str = ""
    found_on: date | None = None
    closed: bool | None = None
    remark: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredProof:
    """One row of a list of contracts, invoices and certificates, tied to a 软件编号."""

    ref: RowRef
    software_no: str
    level: ProofLevel
    kind: str = ""
    number: str = ""
    issued_on: date | None = None
    quantity: int | None = None
    amount_fen: int | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was rejected, or what is odd about an accepted one (``rejected`` False)."""

    ref: RowRef
    column: str
    reason: Message
    rejected: bool = True


DeclaredRecord = (
    Asset
    | Licence
    | FreeListEntry
    | Allocation
    | InstallLogEntry
    | Leader
    | Statistic
    | Subunit
    | DeclaredServer
    | ComputerLink
    | ClientRow
    | EarlierFinding
    | DeclaredProof
)
