"""Key types of judgement: products, matches, verdicts, findings, rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from config.message import Message


class Category(StrEnum):
    """软件类别."""

    OPERATING_SYSTEM = "operating_system"
    OFFICE = "office"
    ANTIVIRUS = "antivirus"
    INDUSTRIAL = "industrial"
    DATABASE = "database"
    OTHER = "other"


class SoftwareOrigin(StrEnum):
    """国产 / 国外."""

    DOMESTIC = "domestic"
    FOREIGN = "foreign"


class LicensingModel(StrEnum):
    """How a product is licensed; decides which rule family speaks."""

    COMMERCIAL = "commercial"
    OEM = "oem"
    FREE = "free"  # free of charge or open source, any use
    FREE_PERSONAL = "free_personal"  # free for personal use only
    COMPONENT = "component"  # in-box part or runtime: never counted


class Activation(StrEnum):
    """Whether a product has an activation that could be read."""

    READABLE = "readable"  # Windows, Microsoft Office, 麒麟, UOS: not read means R31
    UNREADABLE = "unreadable"  # WPS, enterprise antivirus, much industrial software: R28
    NONE = "none"  # free software


class Decision(StrEnum):
    """判定."""

    LICENSED = "licensed"  # 正版
    UNLICENSED = "unlicensed"  # 非正版
    TO_VERIFY = "to_verify"  # 待核实
    EXCLUDED = "excluded"  # 不计入


class Phase(StrEnum):
    """Phase of an inspection."""

    ON_SITE = "on_site"  # 现场
    AFTER_PROOF = "after_proof"  # 补证后
    FINAL = "final"  # 定稿


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalogue recognises. ``id`` is never reused."""

    id: str
    name: str
    vendor: str
    category: Category
    origin: SoftwareOrigin
    licensing: LicensingModel
    activation: Activation
    industrial_class: str = ""  # CAD, CAE, CAM, EDA, BIM, MBSE, CAPP
    family: str = ""
    aliases: tuple[str, ...] = ()
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one raw name was taken for. ``product`` is None for noise and for unknown software."""

    product: Product | None
    rule: str  # id of the catalogue rule that matched, or "unknown"
    noise: bool = False
    edition: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """One host against one asset row; ``asset`` is the asset_no, None = 实有账无."""

    host_id: str
    asset: str | None
    basis: tuple[str, ...] = ()  # serial, mac, hostname, address
    score: int = 0
    conflicts: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision about one product on one computer, or (``host_id`` empty) at product level."""

    id: str
    host_id: str
    product_id: str
    product_name: str
    category: Category
    decision: Decision
    rule: str  # R1 … R31
    reasons: tuple[Message, ...]
    observations: tuple[str, ...]  # "<facts id>/<observation id>", and "#<source>" of an entry
    ledger_rows: tuple[str, ...]  # RowRef.text()
    software_no: str = ""
    policy: str = ""  # code of the policy sentence
    settles: Message | None = None  # for 待核实: the very paper that would settle it
    remarks: tuple[Message, ...] = ()
    version: str = ""
    edition: str = ""
    quantity: int = 1
    origin: SoftwareOrigin | None = None
    official: bool = True  # enters the official rates
    decided_by: str = "rule"  # rule, desk (上机复核) or objection (异议成立)


@dataclass(frozen=True, slots=True)
class Finding:
    """问题: something to rectify; ``key`` is stable across inspections."""

    key: str
    kind: str  # unlicensed_copy, over_licence, not_on_ledger, unlisted_free, not_collected, ledger_not_found …
    subject: str  # host id, software_no or asset_no
    product_id: str = ""
    details: tuple[Message, ...] = ()
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """Integers only. ``lower``/``upper`` are numerators of the bounds over the same ``d``; ``d`` 0 prints 不适用."""

    n: int
    d: int
    excluded: int = 0
    lower: int = 0
    upper: int = 0
    final: bool = False
    definition: str = ""  # code of the definition sentence
    breakdown: Mapping[str, int] = field(default_factory=dict[str, int])
