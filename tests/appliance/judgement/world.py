"""A small made-up unit for audit tests: products, a hand-written catalogue, hosts, facts and ledger rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from appliance.judgement.audit import AuditHost, AuditInputs
from appliance.judgement.declared import InstallRow
from appliance.judgement.policy import load_policy
from appliance.ledger.model import Asset, FreeListEntry, Licence, Proof, ProofLevel, RowRef
from appliance.model import (
    Activation,
    Category,
    LicensingModel,
    Match,
    Phase,
    Product,
    Recognition,
    SoftwareOrigin,
)
from appliance.rules.evidence import Graded
from appliance.rules.model import Computer, Copy
from scanner.model import (
    DeviceKind,
    FactsOrigin,
    HostFacts,
    Identity,
    InstalledSoftware,
    LicenceState,
    OperatingSystem,
    Outcome,
    Platform,
    Scope,
)

AS_OF = date(2026, 7, 1)
NATIONAL = load_policy("national")
DOMESTIC, FOREIGN = SoftwareOrigin.DOMESTIC, SoftwareOrigin.FOREIGN


def product(
    id: str,
    name: str,
    category: Category,
    licensing: LicensingModel = LicensingModel.COMMERCIAL,
    activation: Activation = Activation.UNREADABLE,
    origin: SoftwareOrigin = DOMESTIC,
    vendor: str = "某公司",
) -> Product:
    return Product(id, name, vendor, category, origin, licensing, activation)


READABLE = Activation.READABLE
WINDOWS = product(
    "windows-10", "Windows 10", Category.OPERATING_SYSTEM, LicensingModel.OEM, READABLE, FOREIGN, "Microsoft"
)
KYLIN = product("kylin", "银河麒麟桌面操作系统", Category.OPERATING_SYSTEM, activation=READABLE, vendor="麒麟软件")
OFFICE = product(
    "ms-office", "Microsoft Office", Category.OFFICE, activation=READABLE, origin=FOREIGN, vendor="Microsoft"
)
VISIO = product("ms-visio", "Microsoft Visio", Category.OFFICE, activation=READABLE, origin=FOREIGN, vendor="Microsoft")
WPS = product("wps", "WPS Office", Category.OFFICE)
LIBRE = product("libreoffice", "LibreOffice", Category.OFFICE, LicensingModel.FREE, Activation.NONE, FOREIGN)
QIANXIN = product("tianqing", "奇安信天擎", Category.ANTIVIRUS)
HUORONG = product("huorong", "火绒个人版", Category.ANTIVIRUS, LicensingModel.FREE_PERSONAL, Activation.NONE)
CAD = product("autocad", "AutoCAD", Category.INDUSTRIAL, origin=FOREIGN)
READER = product("cadreader", "看图个人版", Category.INDUSTRIAL, LicensingModel.FREE_PERSONAL, Activation.NONE)
WECHAT = product("wechat", "微信", Category.OTHER, LicensingModel.FREE, Activation.NONE)
WINRAR = product("winrar", "WinRAR", Category.OTHER, origin=FOREIGN)
RUNTIME = product("vcredist", "VC++ 运行库", Category.OTHER, LicensingModel.COMPONENT, Activation.NONE, FOREIGN)
PRODUCTS = (WINDOWS, KYLIN, OFFICE, VISIO, WPS, LIBRE, QIANXIN, HUORONG, CAD, READER, WECHAT, WINRAR, RUNTIME)


class FakeCatalogue:
    """Knows the products above by the start of a name; ``更新`` is noise."""

    version = "2026.1"
    digest = "0" * 64
    products: Mapping[str, Product] = {p.id: p for p in PRODUCTS}

    def recognise_entry(self, entry: InstalledSoftware, platform: Platform) -> Recognition:
        if "更新" in entry.name:
            return Recognition(None, "noise", noise=True)
        found = self.find(entry.name)
        return Recognition(found, found.id if found else "unknown", version=entry.version or "")

    def recognise_os(self, os: OperatingSystem) -> Recognition:
        found = self.find(os.name)
        return Recognition(found, "os", edition=os.edition or "", version=os.version or "")

    def find(self, declared_name: str, version: str = "") -> Product | None:
        return next((p for p in PRODUCTS if declared_name.startswith(p.name)), None)


def ref(row: int) -> RowRef:
    return RowRef("附件7.xlsx", "汇总表", row)


def licence(software_no: str, name: str, **fields: Any) -> Licence:
    row = int("".join(c for c in software_no if c.isdigit()) or "0")
    return Licence(ref(row), software_no, name, **fields)


def proof(software_no: str, level: ProofLevel = ProofLevel.P1) -> Proof:
    return Proof(f"p-{software_no}", software_no, level)


def install(software_no: str, computer_no: str, *, installed: bool = True, day: int = 1) -> InstallRow:
    return InstallRow(RowRef("附件9.xlsx", software_no, day), software_no, computer_no, installed, date(2026, 1, day))


def free_entry(software_no: str, name: str, *departments: str) -> FreeListEntry:
    row = RowRef("附件6.xlsx", "清单", int("".join(c for c in software_no if c.isdigit()) or "0"))
    return FreeListEntry(row, software_no, name, departments=departments)


def asset(number: str, quantity: int = 1, **fields: Any) -> Asset:
    return Asset(RowRef("资产.xlsx", "台账", 1), number, quantity, **fields)


def computer(
    host_id: str = "h1",
    *,
    maker: str = "LENOVO",
    department: str = "办公室",
    official: bool = True,
    **fields: Any,
) -> Computer:
    return Computer(host_id, f"f-{host_id}", f"uuid:{host_id}", maker, department, official, True, **fields)


def copy_of(
    what: Product,
    *versions: str,
    state: LicenceState | None = None,
    edition: str = "",
    on: Computer | None = None,
    traces: tuple[Graded, ...] = (),
    servers: tuple[str, ...] = (),
) -> Copy:
    return Copy(on or computer(), what, versions, edition, state, ("o1",), traces, servers)


def entry(name: str, version: str | None = None, **fields: Any) -> InstalledSoftware:
    source = fields.pop("source", f"HKLM\\{name}")
    return InstalledSoftware(name, source, Scope.MACHINE, version=version, observation=f"o-{name}", **fields)


@dataclass
class Unit:
    """A unit under audit, built step by step."""

    hosts: list[AuditHost] = field(default_factory=list[AuditHost])
    matches: list[Match] = field(default_factory=list[Match])
    assets: list[Asset] = field(default_factory=list[Asset])
    licences: list[Licence] = field(default_factory=list[Licence])
    free_list: list[FreeListEntry] = field(default_factory=list[FreeListEntry])
    proofs: list[Proof] = field(default_factory=list[Proof])
    facts: list[HostFacts] = field(default_factory=list[HostFacts])

    def add(
        self,
        host_id: str,
        *software: InstalledSoftware,
        os: str = "",
        states: Iterable[LicenceState] | None = None,
        listed: bool = True,
        department: str = "办公室",
        outcome: Outcome = Outcome.READ,
    ) -> None:
        """A computer that was reached and read."""
        self.facts.append(
            HostFacts(
                id=f"f-{host_id}",
                outcome=outcome,
                origin=FactsOrigin.NETWORK,
                started_at="2026-07-01T09:00:00+08:00",
                finished_at="2026-07-01T09:00:01+08:00",
                platform=Platform.WINDOWS,
                identity=Identity(hostname=host_id, smbios_uuid=f"uuid-{host_id}-of-this-pc", maker="LENOVO"),
                os=OperatingSystem(Platform.WINDOWS, os, version="10.0", observation="o-os") if os else None,
                installations=software,
                licence_states=None if states is None else tuple(states),
            )
        )
        self._host(host_id, f"f-{host_id}", outcome, listed, department)

    def add_closed(self, host_id: str, outcome: Outcome = Outcome.DENIED) -> None:
        """A listed computer that was seen and not read."""
        self._host(host_id, "", outcome, True, "办公室")

    def _host(self, host_id: str, facts_id: str, outcome: Outcome, listed: bool, department: str) -> None:
        address = f"10.0.0.{len(self.hosts) + 1}"
        kind = DeviceKind.COMPUTER
        self.hosts.append(AuditHost(host_id, address, kind, host_id, True, outcome, None, facts_id))
        if listed:
            self.assets.append(asset(f"ZC-{host_id}", department=department))
        self.matches.append(Match(host_id, f"ZC-{host_id}" if listed else None))

    def buy(self, software_no: str, name: str, quantity: int | None = None, *, paper: bool = True, **fields: Any):
        """A 附件7 row, with a contract unless ``paper`` is False."""
        fields.setdefault("perpetual", "valid_until" not in fields)
        self.licences.append(licence(software_no, name, quantity=quantity, **fields))
        if paper:
            self.proofs.append(proof(software_no))

    def inputs(self, phase: Phase = Phase.ON_SITE, **fields: Any) -> AuditInputs:
        defaults: dict[str, Any] = {
            "inspection_id": "01J0000000000000000000000A",
            "unit": "某单位",
            "as_of": AS_OF,
            "phase": phase,
            "policy": NATIONAL,
            "catalogue": FakeCatalogue(),
            "hosts": tuple(self.hosts),
            "matches": tuple(self.matches),
            "assets": tuple(self.assets),
            "licences": tuple(self.licences),
            "free_list": tuple(self.free_list),
            "proofs": tuple(self.proofs),
            "facts": lambda: iter(self.facts),
        }
        return AuditInputs(**{**defaults, **fields})
