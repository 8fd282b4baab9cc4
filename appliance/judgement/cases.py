"""A case: one folder that holds everything a verdict depends on. Format: ``docs/cases.md``.

``hezheng audit FOLDER`` runs it without a data folder; the hand-worked cases of the tests are written in it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from appliance.judgement.case_facts import computer_facts, fault, known_keys
from appliance.judgement.copies import Recogniser
from appliance.judgement.declared import Declared, UnitKind
from appliance.judgement.policy import Policy, Switches, load_policy
from appliance.judgement.roster import AuditHost
from appliance.judgement.survey import AuditInputs
from appliance.ledger import importing, reading
from appliance.ledger.model import Asset, FreeListEntry, LedgerKind, Licence, Proof, ProofLevel, RowRef
from appliance.model import Match, Phase
from appliance.recognition.matching import HostView, match_hosts
from config.clock import Clock
from config.problems import BadInput
from config.settings import Ledger
from scanner import facts as facts_json
from scanner.model import DeviceKind, HostFacts, Outcome

SCHEMA = "hezheng.case/1"
FILE = "case.toml"
T = TypeVar("T")
Table = dict[str, Any]


class Expected(BaseModel):
    """One verdict worked out by hand. ``why`` is the reason in words; ``says`` are codes that must be among it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: str
    decision: Literal["licensed", "unlicensed", "to_verify", "excluded", "none"]
    rule: str = Field("", pattern="^(R([1-9]|[12][0-9]|3[01]))?$")  # empty: not compared
    why: str = ""
    host: str = ""
    quantity: int = 1
    software_no: str | None = None
    says: tuple[str, ...] = ()


class ExpectedRate(BaseModel):
    """Integers of one rate; what is left out is not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int | None = None
    d: int | None = None
    lower: int | None = None
    upper: int | None = None
    excluded: int | None = None
    final: bool | None = None


class ExpectedFinding(BaseModel):
    """A finding that must be there; without ``subject`` any of its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    subject: str = ""


class ExpectedPosition(BaseModel):
    """A licence position; what is left out is not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    software_no: str
    product_id: str | None = None
    installs: int | None = None
    quantity: int | None = None
    gap: int | None = None
    idle: int | None = None
    at_least: bool | None = None
    ended: bool | None = None


class CaseFile(BaseModel):
    """The shape of ``case.toml``; every list may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["hezheng.case/1"] = SCHEMA
    title: str = ""
    unit: str = "某单位"
    unit_kind: UnitKind = UnitKind.GOVERNMENT
    as_of: date
    phase: Phase = Phase.ON_SITE
    policy: str = "national"
    window: tuple[date, date] | None = None
    policy_switches: Table = {}
    computers: tuple[Table, ...] = ()
    assets: tuple[Table, ...] = ()
    licences: tuple[Table, ...] = ()
    free_list: tuple[Table, ...] = ()
    proofs: tuple[Table, ...] = ()
    declared: Mapping[str, tuple[Table, ...]] = {}
    expect: tuple[Expected, ...] = ()
    expect_rates: Mapping[str, ExpectedRate] = {}
    expect_findings: tuple[ExpectedFinding, ...] = ()
    expect_positions: tuple[ExpectedPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A case, read: what to judge and what must come out."""

    file: CaseFile
    inputs: AuditInputs


@dataclass(slots=True)
class _Parts:
    """What is gathered from the files of a case."""

    hosts: list[AuditHost] = field(default_factory=list[AuditHost])
    facts: list[HostFacts] = field(default_factory=list[HostFacts])
    matches: list[Match] = field(default_factory=list[Match])
    assets: list[Asset] = field(default_factory=list[Asset])
    licences: list[Licence] = field(default_factory=list[Licence])
    free_list: list[FreeListEntry] = field(default_factory=list[FreeListEntry])
    proofs: list[Proof] = field(default_factory=list[Proof])


def read_case(folder: Path, catalogue: Recogniser, settings: Ledger, clock: Clock) -> Case:
    """Read a case folder. Raises BadInput ``case.bad_file`` naming file and key, and what its ledgers raise."""
    file = read_file(folder / FILE)
    parts = _Parts()
    _ledger_files(folder, parts, settings, clock)
    for kind, kept in ((Asset, parts.assets), (FreeListEntry, parts.free_list)):
        name = "assets" if kind is Asset else "free_list"
        kept += [_record(kind, name, n, row) for n, row in enumerate(getattr(file, name), 1)]  # pyright: ignore
    for n, row in enumerate(file.licences, 1):
        _licence(parts, n, row)
    parts.proofs += [_record(Proof, "proofs", n, {"id": f"p{n}", **row}) for n, row in enumerate(file.proofs, 1)]
    for n, row in enumerate(file.computers, 1):
        _computer(parts, n, row, file.as_of)
    _check_places(parts)
    _facts_files(folder, parts)
    return Case(file, _inputs(folder, file, parts, catalogue))


def read_file(path: Path) -> CaseFile:
    """Read ``case.toml``; everything that is no key of its own is a list of declared records."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        known = {name for name in CaseFile.model_fields if name not in ("schema_", "declared")}
        declared = {field.name for field in fields(Declared)}
        shaped = {name: value for name, value in content.items() if name in known}
        shaped["schema_"] = content.get("schema", SCHEMA)
        shaped["declared"] = {name: value for name, value in content.items() if name in declared}
        for name in content.keys() - known - declared - {"schema"}:
            raise BadInput("case.bad_file", file=path.name, detail=f"{name}: unknown key")
        return CaseFile.model_validate(shaped)
    except OSError as error:
        raise BadInput("case.bad_file", file=path.name, detail=error.strerror or "") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise BadInput("case.bad_file", file=path.name, detail=_first_line(error)) from error


def _inputs(folder: Path, file: CaseFile, parts: _Parts, catalogue: Recogniser) -> AuditInputs:
    policy = load_policy(file.policy)
    return AuditInputs(
        inspection_id=folder.resolve().name,
        unit=file.unit,
        as_of=file.as_of,
        phase=file.phase,
        policy=_with_switches(policy, file.policy_switches) if file.policy_switches else policy,
        catalogue=catalogue,
        hosts=tuple(parts.hosts),
        matches=tuple(parts.matches),
        assets=tuple(parts.assets),
        licences=tuple(parts.licences),
        free_list=tuple(parts.free_list),
        proofs=tuple(parts.proofs),
        facts=lambda: iter(parts.facts),
        declared=_declared(file.declared),
        unit_kind=file.unit_kind,
        window=file.window,
    )


def _with_switches(policy: Policy, changes: Table) -> Policy:
    """The campaign's own values of single switches."""
    try:
        switches = Switches.model_validate({**policy.switches.model_dump(), **changes})
    except ValidationError as error:
        raise BadInput("case.bad_file", file=FILE, detail=f"policy_switches: {_first_line(error)}") from error
    stated = {
        name: switch.model_copy(update={"value": changes[name], "source": FILE}) if name in changes else switch
        for name, switch in policy.stated.items()
    }
    return replace(policy, switches=switches, stated=stated)


def _declared(tables: Mapping[str, Iterable[Table]]) -> Declared:
    kinds = {f.name: f for f in fields(Declared)}
    adapter: TypeAdapter[Declared] = _adapter(Declared)
    for name, rows in tables.items():
        for n, row in enumerate(rows, 1):
            known_keys(f"{name}[{n}]", row, get_args(get_type_hints(Declared)[name])[0])
    document = {
        name: [_with_ref(name, n, row) for n, row in enumerate(rows, 1)]
        for name, rows in tables.items()
        if name in kinds
    }
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        raise BadInput("case.bad_file", file=FILE, detail=_first_line(error)) from error


def _with_ref(name: str, n: int, row: Table) -> Table:
    """Ledger rows say where they stand; in ``case.toml`` that is the list and the place in it."""
    needs = name in ("allocations", "install_log", "purchases")
    return {"ref": {"file": FILE, "sheet": name, "row": n}, **row} if needs else row


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def _record(kind: type[T], name: str, n: int, row: Table) -> T:
    known_keys(f"{name}[{n}]", row, kind)
    document = row if kind is Proof else {"ref": RowRef(FILE, name, n), **row}
    try:
        return _adapter(kind).validate_python(document)
    except ValidationError as error:
        raise BadInput("case.bad_file", file=FILE, detail=f"{name}[{n}] {_first_line(error)}") from error


def _licence(parts: _Parts, n: int, row: Table) -> None:
    """One 附件7 row; ``proof`` and ``paper`` in it stand for its 授权证明."""
    fields_of = {name: value for name, value in row.items() if name not in ("proof", "paper")}
    licence = _record(Licence, "licences", n, fields_of)
    parts.licences.append(licence)
    if level := row.get("proof"):
        if level not in tuple(ProofLevel):
            raise fault(f"licences[{n}]", f"proof: {level}: {'、'.join(ProofLevel)}")
        paper = str(row.get("paper", ""))
        parts.proofs.append(Proof(f"case-{n}", licence.software_no, ProofLevel(level), kind=paper))


def _computer(parts: _Parts, n: int, row: Table, as_of: date) -> None:
    """One ``[[computers]]`` table: a host, what was read from it, and its asset row."""
    read = computer_facts(row, as_of, n)
    if read.host.id in {host.id for host in parts.hosts}:
        raise fault(f"computers[{n}]", f"host: {read.host.id}: stands there twice")
    parts.hosts.append(read.host)
    if read.facts is not None:
        parts.facts.append(read.facts)
    if read.asset is not None:
        parts.assets.append(read.asset)
    parts.matches.append(Match(read.host.id, read.asset_no))


def _check_places(parts: _Parts) -> None:
    """A computer that is matched by hand to an asset needs the asset's row."""
    known = {asset.asset_no for asset in parts.assets}
    for n, match in enumerate(parts.matches, 1):
        if match.asset is not None and match.asset not in known:
            raise fault(f"computers[{n}]", f"asset: {match.asset}: no such row under [[assets]]")


def _facts_files(folder: Path, parts: _Parts) -> None:
    """``facts.jsonl`` and ``facts/*.json``: ``hezheng.facts/1``, brought to the asset rows by matching."""
    views: list[HostView] = []
    for where, text in _facts_texts(folder):
        try:
            facts = facts_json.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise BadInput("case.bad_file", file=where, detail=str(error)) from error
        known = facts.identity
        host_id = (known and known.hostname) or facts.address or facts.id
        address = facts.address or host_id
        read = facts.id if facts.outcome is Outcome.READ or facts.installations else ""
        kind = DeviceKind.COMPUTER
        hostname = (known and known.hostname) or ""
        parts.hosts.append(AuditHost(host_id, address, kind, hostname, True, facts.outcome, facts.reason, read))
        parts.facts += [facts] if read else []
        views.append(HostView(host_id, address, None, known))
    parts.matches += match_hosts(views, parts.assets)


def _facts_texts(folder: Path) -> Iterable[tuple[str, str]]:
    lines = folder / "facts.jsonl"
    if lines.is_file():
        for number, line in enumerate(lines.read_text("utf-8").splitlines(), 1):
            if line.strip():
                yield f"facts.jsonl:{number}", line
    for file in sorted((folder / "facts").glob("*.json")):
        yield f"facts/{file.name}", file.read_text("utf-8")


def _ledger_files(folder: Path, parts: _Parts, settings: Ledger, clock: Clock) -> None:
    """The unit's own files under ``ledgers/``: what they hold is told by their headers."""
    for file in sorted((folder / "ledgers").glob("*")):
        workbook = reading.read_table(file, settings, clock)
        kind = importing.guess_kind(workbook)
        if kind is None:
            raise BadInput("ledger.unknown_kind")
        accepted = importing.preview(kind, workbook, file.name).accepted
        if kind is LedgerKind.ASSETS:
            parts.assets += [row for row in accepted if isinstance(row, Asset)]
        elif kind is LedgerKind.LICENCES:
            parts.licences += [row for row in accepted if isinstance(row, Licence)]
        else:
            parts.free_list += [row for row in accepted if isinstance(row, FreeListEntry)]


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ".".join(str(part) for part in first["loc"]) + ": " + first["msg"]
    return str(error)
