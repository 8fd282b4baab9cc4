"""Pass 1 over all hosts: what stays in memory of their facts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from appliance.judgement.copies import Folded, Recogniser, remembering
from appliance.judgement.declared import NOTHING, Declared, UnitKind
from appliance.judgement.findings import not_collected, of_computer, strong_identity
from appliance.judgement.host_signs import HostSign
from appliance.judgement.places import place_of
from appliance.judgement.policy import Policy, Switches
from appliance.judgement.reads import Read, read_facts
from appliance.judgement.roster import AuditHost, Roster
from appliance.judgement.traces import KnownTraces, known_traces
from appliance.ledger.model import Asset, FreeListEntry, Licence, Proof
from appliance.model import Finding, Match, Phase, Product
from appliance.recognition.identity import serial as serial_of
from appliance.rules.model import Computer, Copy
from config.message import Message
from config.problems import BadInput
from scanner.model import HostFacts


@dataclass(frozen=True, slots=True)
class AuditInputs:
    """Everything a verdict depends on. ``facts`` yields the facts that ``hosts`` name, in any order; called once."""

    inspection_id: str
    unit: str
    as_of: date
    phase: Phase
    policy: Policy
    catalogue: Recogniser
    hosts: tuple[AuditHost, ...]
    matches: tuple[Match, ...]
    assets: tuple[Asset, ...]
    licences: tuple[Licence, ...]
    free_list: tuple[FreeListEntry, ...]
    proofs: tuple[Proof, ...]
    facts: Callable[[], Iterator[HostFacts]]
    declared: Declared = NOTHING  # 附件5, 8, 9 and what people decided
    unit_kind: UnitKind = UnitKind.GOVERNMENT
    known: KnownTraces = field(default_factory=known_traces)
    unrestored: Mapping[str, Message] = field(default_factory=dict[str, Message])  # by host: a change not put back
    signs: tuple[HostSign, ...] = ()  # what the network shows beside the facts and somebody must explain
    window: tuple[date, date] | None = None  # the days of the visit, for 开机率; None = the as-of day
    reads: Callable[[], Iterator[Read]] | None = None  # ``facts`` already folded elsewhere; called once in their place


@dataclass(slots=True)
class Survey:
    """What pass 1 leaves in memory."""

    copies: list[tuple[Copy, ...]] = field(default_factory=list[tuple[Copy, ...]])  # host by host, in order of ids
    recognised: set[str] = field(default_factory=set[str])  # ids of all products seen, judged or not
    computers: dict[str, Computer] = field(default_factory=dict[str, Computer])
    findings: list[Finding] = field(default_factory=list[Finding])
    identities: dict[str, str] = field(default_factory=dict[str, str])
    other_free: dict[str, int] = field(default_factory=dict[str, int])
    products: dict[str, Product] = field(default_factory=dict[str, Product])
    clients: list[str] = field(default_factory=list[str])  # ids of hosts with the official check client
    facts_lines: list[bytes] = field(default_factory=list[bytes])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def collected(self) -> list[str]:
        """Ids of the fully collected hosts."""
        return [host_id for host_id, computer in self.computers.items() if computer.collected]


def survey_hosts(inputs: AuditInputs, roster: Roster) -> Survey:
    """Fold every host's facts. Raises BadInput ``verdict.facts_missing``."""
    survey = Survey()
    wanted = {host.facts_id: host for host in roster.hosts if host.facts_id}
    repaired = frozenset(repair.asset_no for repair in inputs.declared.repairs)
    by_host: dict[str, Folded] = {}
    for read in _reads(inputs):
        host = wanted.pop(read.facts_id, None)
        if host is None:
            continue
        survey.facts_lines.append(read.digest)
        identity = survey.identities[host.id] = strong_identity(read.identity, host.address, host.mac)
        if not read.collected:
            survey.findings.append(not_collected(host, identity, read))
        if read.folded:
            computer = survey.computers[host.id] = _computer(host, read, identity, roster, repaired)
            copies = tuple([copy._replace(computer=computer) for copy in read.folded.copies])
            by_host[host.id] = read.folded._replace(copies=copies)
    if wanted:
        raise BadInput("verdict.facts_missing", hosts="、".join(sorted(host.address for host in wanted.values())))
    for host in roster.hosts:
        _note_host(survey, host, by_host.get(host.id), inputs.policy.switches)
    return survey


def _reads(inputs: AuditInputs) -> Iterator[Read]:
    if inputs.reads is not None:
        yield from inputs.reads()
        return
    recognise, switches = remembering(inputs.catalogue), inputs.policy.switches
    for facts in inputs.facts():
        yield read_facts(facts, inputs.catalogue, recognise, switches, inputs.known)


def _computer(host: AuditHost, read: Read, identity: str, roster: Roster, repaired: frozenset[str]) -> Computer:
    asset = roster.asset_of(host.id)
    known = read.identity
    return Computer(
        host_id=host.id,
        facts_id=read.facts_id,
        identity=identity,
        maker=(known and known.maker) or "",
        department=asset.department if asset else "",
        official=asset is not None,
        collected=read.collected,
        asset_no=asset.asset_no if asset else "",
        computer_no=asset.computer_no if asset else "",
        serial=(known and known.serial) or "",
        brand=asset.brand if asset else "",
        repaired=asset is not None and asset.asset_no in repaired,
        ledger_serial=_other_serial(asset, (known and known.serial) or "") if asset else "",
        place=place_of(asset, known and known.chassis),
    )


def _other_serial(asset: Asset, own: str) -> str:
    """The serial number that a card of one computer declares, where this computer has another one."""
    declared = [text for text in asset.serials if serial_of(text)]
    known = serial_of(own)
    differs = asset.quantity == 1 and known and known not in map(serial_of, declared)
    return declared[0] if differs and declared else ""


def _note_host(survey: Survey, host: AuditHost, folded: Folded | None, switches: Switches) -> None:
    """Add one host to the survey, in order of ids."""
    if not host.facts_id:
        survey.identities[host.id] = strong_identity(None, host.address, host.mac)
        survey.findings.append(not_collected(host, survey.identities[host.id], None))
    if folded is None:
        return
    survey.copies.append(folded.copies)
    survey.recognised |= folded.recognised
    if not folded.recognised.isdisjoint(switches.check_clients):
        survey.clients.append(host.id)
    for product in folded.others:
        survey.products[product.id] = product
        survey.other_free[product.id] = survey.other_free.get(product.id, 0) + 1
    for name in ("entries", "noise", "residue", "unknown"):
        survey.counts[name] = survey.counts.get(name, 0) + getattr(folded, name)
    identity = survey.identities[host.id]
    if survey.computers[host.id].collected and not folded.has_antivirus:
        survey.findings.append(of_computer(host, identity, "antivirus_missing", *_no_antivirus(host, folded)))
    if folded.loose:
        signs = (Message.of("finding.activator_present", name=t.name, source=t.source) for t in folded.loose)
        survey.findings.append(of_computer(host, identity, "activator_present", *signs))
    if folded.os_unrecognised:
        unknown = Message.of("finding.os_unrecognised", name=folded.os_unrecognised)
        survey.findings.append(of_computer(host, identity, "os_unrecognised", unknown))


def _no_antivirus(host: AuditHost, folded: Folded) -> tuple[Message, ...]:
    missing = Message.of("finding.antivirus_missing", address=host.address, hostname=host.hostname or None)
    return (missing, Message.of("finding.antivirus_inbox_only")) if folded.has_inbox_antivirus else (missing,)
