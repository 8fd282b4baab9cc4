"""Declared records beside the ledgers in ``appliance.ledger.model``, and what people decide during a visit.

Columns: S1c 附件5 part 四, 附件8, 附件9. Records made by hand carry an id, who entered them and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from appliance.ledger.model import RowRef
from appliance.model import Decision, SoftwareOrigin


class UnitKind(StrEnum):
    """What kind of organisation is inspected; education editions are judged by it (R18)."""

    GOVERNMENT = "government"  # 机关, 事业单位
    SCHOOL = "school"
    COMPANY = "company"


def unit_kind_of(system: str) -> UnitKind:
    """What a unit is by its 系统 (教育, 国企 …)."""
    if any(word in system for word in ("教育", "学校", "高校", "教委")):
        return UnitKind.SCHOOL
    return UnitKind.COMPANY if "企" in system else UnitKind.GOVERNMENT


@dataclass(frozen=True, slots=True)
class Allocation:
    """One 软件使用情况明细表 (S1c 附件8) row: this computer uses this software."""

    ref: RowRef
    software_no: str
    computer_no: str
    version: str = ""
    department: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class InstallRow:
    """One 软件安装维护情况明细表 (S1c 附件9) row, or a 附件10/11 that approves an install."""

    ref: RowRef
    software_no: str
    computer_no: str
    installed: bool = True  # False: 卸载
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row of S1c 附件5 part 四 本年度采购 (without pre-installed operating systems)."""

    ref: RowRef
    name: str
    origin: SoftwareOrigin
    sets: int
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Disposal:
    """资产处置手续: the asset no longer counts (R26)."""

    asset_no: str
    paper: str
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """维修单: the board of this asset was replaced, so its OEM licence may name another serial (R2)."""

    asset_no: str
    paper: str
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class KmsHost:
    """A KMS host that the unit declares as its own, with its statement."""

    host: str
    paper: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class LicenceServer:
    """A licence server that the unit declares for a floating licence. ``peak``: most clients at one time, if known."""

    software_no: str
    server: str  # host name or address
    seats: int | None = None
    peak: int | None = None
    paper: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class SiteScope:
    """Whom a 场地授权 covers: departments or 所属事业单位 by name; no SiteScope = the whole unit."""

    software_no: str
    departments: tuple[str, ...]
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class DeskDecision:
    """上机复核: the inspector's decision at the keyboard about one product on one computer."""

    host_id: str
    product_id: str
    decision: Decision
    reason: str
    papers: tuple[str, ...] = ()  # photo or paper: number, or name and digest
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


class Answer(StrEnum):
    """The reviewer's answer to an objection."""

    PENDING = "pending"
    UPHELD = "upheld"  # 异议成立
    REJECTED = "rejected"  # 异议不成立


@dataclass(frozen=True, slots=True)
class Objection:
    """异议: the unit's objection to one verdict, and the answer. ``decision``: what an upheld one leads to."""

    host_id: str
    product_id: str
    reason: str
    papers: tuple[str, ...] = ()
    answer: Answer = Answer.PENDING
    answer_text: str = ""
    decision: Decision | None = None
    reviewer: str = ""
    answered_at: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class OfficialResult:
    """What the official check client says about one computer (an asset), for 差异表 and 开机率.

    ``last_seen``: ISO date; ``products``: product name → licensed, unlicensed or to_verify in its words.
    """

    asset_no: str
    client_installed: bool = True
    last_seen: str = ""
    products: Mapping[str, str] = field(default_factory=dict[str, str])


class RectificationState(StrEnum):
    """Where one finding stands."""

    OPEN = "open"
    CLOSED = "closed"
    REAPPEARED = "reappeared"  # 反弹
    MOVED = "moved"  # 异机再现
    NOT_RECHECKED = "not_rechecked"  # 无法复核: never closed


@dataclass(frozen=True, slots=True)
class Rectification:
    """One finding followed up, written by hand until the follow-up inspection writes it."""

    key: str  # Finding.key
    state: RectificationState
    note: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


class Ground(StrEnum):
    """Why a computer stands outside the asset ledger with reason; each kind is a list of its own."""

    LEASED = "leased"  # 租赁
    OUTSOURCED = "outsourced"  # 外包
    CLOUD = "cloud"  # 政务云主机
    THIN_CLIENT = "thin_client"  # 瘦客户机
    SPECIAL = "special"  # 专用设备: 医疗, 自助机
    PERSONAL = "personal"  # 个人自带


@dataclass(frozen=True, slots=True)
class HostNote:
    """Why one computer is not on the asset ledger, as the unit states and the inspector accepts."""

    host_id: str
    ground: Ground
    reason: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


@dataclass(frozen=True, slots=True)
class SameComputer:
    """A person's word on two hosts whose identities left it open: one computer, or two."""

    host_id: str
    other_id: str
    same: bool
    reason: str = ""
    id: str = ""
    entered_at: str = ""
    entered_by: str = ""


Record = (
    Disposal
    | HostNote
    | SameComputer
    | Repair
    | KmsHost
    | LicenceServer
    | SiteScope
    | DeskDecision
    | Objection
    | OfficialResult
    | Rectification
)
"""What is entered by hand or imported for one inspection, one at a time."""


@dataclass(frozen=True, slots=True)
class Declared:
    """All declared records of one audit that are not ledger rows of 固定资产, 附件6 or 附件7."""

    allocations: tuple[Allocation, ...] = ()
    install_log: tuple[InstallRow, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    disposals: tuple[Disposal, ...] = ()
    repairs: tuple[Repair, ...] = ()
    kms_hosts: tuple[KmsHost, ...] = ()
    licence_servers: tuple[LicenceServer, ...] = ()
    site_scopes: tuple[SiteScope, ...] = ()
    decisions: tuple[DeskDecision, ...] = ()
    objections: tuple[Objection, ...] = ()
    official: tuple[OfficialResult, ...] = ()
    rectifications: tuple[Rectification, ...] = ()
    host_notes: tuple[HostNote, ...] = ()
    same_computers: tuple[SameComputer, ...] = ()


NOTHING = Declared()
