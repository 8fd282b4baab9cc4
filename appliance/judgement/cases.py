"""A case: one folder that holds everything a verdict depends on. Format: ``docs/cases.md``.

``hezheng audit FOLDER`` runs it without a data folder; the hand-worked cases of the tests are written in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.judgement.case_facts import computer_facts
from appliance.judgement.case_faults import FILE, bad_value, located, text_of, wrong
from appliance.judgement.case_file import CaseFile, Table, read_file
from appliance.judgement.case_ledgers import ledger_records
from appliance.judgement.case_names import Known, check_twice, names_without_bearer, unknown_id
from appliance.judgement.case_records import declared_records, record
from appliance.judgement.case_sameness import joined, standing_matches
from appliance.judgement.copies import Recogniser
from appliance.judgement.declared import Declared
from appliance.judgement.policy import Policy, Switches, load_policy
from appliance.judgement.roster import AuditHost
from appliance.judgement.survey import AuditInputs
from appliance.ledger.model import Asset, FreeListEntry, Licence, Proof, ProofLevel
from appliance.model import Match
from appliance.recognition.matching import HostView, match_hosts
from config.clock import Clock
from config.message import Message
from config.problems import BadInput
from config.settings import Ledger
from scanner import facts as facts_json
from scanner.model import DeviceKind, HostFacts, Outcome


@dataclass(frozen=True, slots=True)
class Case:
    """A case, read: what to judge and what must come out."""

    file: CaseFile
    inputs: AuditInputs
    remarks: tuple[Message, ...] = ()  # names that nothing in the case bears


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

    def take(self, row: object) -> None:
        """A record of a ledger file."""
        if isinstance(row, Asset):
            self.assets.append(row)
        elif isinstance(row, Licence):
            self.licences.append(row)
        elif isinstance(row, FreeListEntry):
            self.free_list.append(row)


def read_case(folder: Path, catalogue: Recogniser, settings: Ledger, clock: Clock) -> Case:
    """Read a case folder. Raises BadInput ``case.*`` that names the file and the place in it."""
    try:
        return _case(folder, read_file(folder / FILE), catalogue, settings, clock)
    except BadInput as refused:
        raise located(refused, folder / FILE) from refused


def _case(folder: Path, file: CaseFile, catalogue: Recogniser, settings: Ledger, clock: Clock) -> Case:
    parts = _Parts()
    for row in ledger_records(folder, settings, clock):
        parts.take(row)
    parts.assets += [record(Asset, "assets", n, row) for n, row in enumerate(file.assets, 1)]
    parts.free_list += [record(FreeListEntry, "free_list", n, row) for n, row in enumerate(file.free_list, 1)]
    for n, row in enumerate(file.licences, 1):
        _licence(parts, n, row)
    parts.proofs += [record(Proof, "proofs", n, {"id": f"p{n}", **row}) for n, row in enumerate(file.proofs, 1)]
    for n, row in enumerate(file.computers, 1):
        _computer(parts, n, row, file.as_of)
    check_twice("assets asset_no", (asset.asset_no for asset in parts.assets))
    _check_places(parts)
    _facts_files(folder, parts)
    declared = declared_records(file.declared)
    remarks = _names_without_bearer(file, parts, catalogue)
    same = joined(parts.hosts, declared.same_computers)
    parts.hosts = [host for host in parts.hosts if host.id not in same.main]
    parts.matches = standing_matches(parts.matches, same)
    return Case(file, _inputs(folder, file, parts, catalogue, declared), remarks)


def _names_without_bearer(file: CaseFile, parts: _Parts, catalogue: Recogniser) -> tuple[Message, ...]:
    lists: dict[str, Sequence[Mapping[str, Any]]] = {**file.declared, "proofs": file.proofs}
    lists["expect"] = [{"host": one.host, "product": one.product} for one in file.expect]
    numbers = {row.software_no for row in (*parts.licences, *parts.free_list)}
    assets = {asset.asset_no for asset in parts.assets}
    return names_without_bearer(
        lists, Known({host.id for host in parts.hosts}, catalogue.products.keys(), numbers, assets)
    )


def _inputs(folder: Path, file: CaseFile, parts: _Parts, catalogue: Recogniser, declared: Declared) -> AuditInputs:
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
        declared=declared,
        unit_kind=file.unit_kind,
        window=file.window,
    )


def _with_switches(policy: Policy, changes: Table) -> Policy:
    """The campaign's own values of single switches."""
    try:
        switches = Switches.model_validate({**policy.switches.model_dump(), **changes})
    except ValidationError as error:
        raise bad_value("policy_switches", error) from error
    stated = {
        name: switch.model_copy(update={"value": changes[name], "source": FILE}) if name in changes else switch
        for name, switch in policy.stated.items()
    }
    return replace(policy, switches=switches, stated=stated)


def _licence(parts: _Parts, n: int, row: Table) -> None:
    """One 附件7 row; ``proof`` and ``paper`` in it stand for its 授权证明."""
    fields_of = {name: value for name, value in row.items() if name not in ("proof", "paper")}
    licence = record(Licence, "licences", n, fields_of)
    parts.licences.append(licence)
    if level := row.get("proof"):
        if level not in tuple(ProofLevel):
            raise wrong(f"licences[{n}] proof", "enum", expected="、".join(ProofLevel))
        paper = str(row.get("paper", ""))
        parts.proofs.append(Proof(f"case-{n}", licence.software_no, ProofLevel(level), kind=paper))


def _computer(parts: _Parts, n: int, row: Table, as_of: date) -> None:
    """One ``[[computers]]`` table: a host, what was read from it, and its asset row."""
    read = computer_facts(row, as_of, n)
    if read.host.id in {host.id for host in parts.hosts}:
        raise BadInput("case.twice", file=FILE, where=f"computers[{n}] host", value=read.host.id)
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
            raise unknown_id(f"computers[{n}] asset", match.asset, known)


def _facts_files(folder: Path, parts: _Parts) -> None:
    """``facts.jsonl`` and ``facts/*.json``: ``hezheng.facts/1``, brought to the asset rows by matching."""
    views: list[HostView] = []
    for where, line, text in _facts_texts(folder):
        facts = _facts_of(where, line, text)
        known = facts.identity
        host_id = (known and known.hostname) or facts.address or facts.id
        address = facts.address or host_id
        read = facts.id if facts.outcome is Outcome.READ or facts.installations else ""
        kind = DeviceKind.COMPUTER
        hostname = (known and known.hostname) or ""
        if host_id in {host.id for host in parts.hosts}:
            raise BadInput("case.twice", file=f"{where}:{line}", where="identity.hostname", value=host_id)
        parts.hosts.append(AuditHost(host_id, address, kind, hostname, True, facts.outcome, facts.reason, read))
        parts.facts += [facts] if read else []
        views.append(HostView(host_id, address, None, known))
    parts.matches += match_hosts(views, parts.assets)


def _facts_of(where: str, line: int, text: str) -> HostFacts:
    try:
        return facts_json.from_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise BadInput("case.bad_json", file=where, line=line + error.lineno - 1) from error
    except BadInput as refused:
        if "field" not in refused.message.params:
            raise BadInput("case.not_facts", file=where, line=line) from refused
        params = refused.message.params
        raise BadInput("case.bad_file", **{**params, "file": f"{where}:{line}", "where": params["field"]}) from refused


def _facts_texts(folder: Path) -> Iterable[tuple[str, int, str]]:
    """File, number of its first line, and one object's text."""
    lines = folder / "facts.jsonl"
    if lines.is_file():
        for number, line in enumerate(text_of(lines, lines.name).splitlines(), 1):
            if line.strip():
                yield lines.name, number, line
    for file in sorted((folder / "facts").glob("*.json")):
        shown = f"facts/{file.name}"
        yield shown, 1, text_of(file, shown)
