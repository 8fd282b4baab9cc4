"""Findings: what is to be rectified, each with a key that stays the same across inspections.

=====================  ==========================================================  ==================  ===============
kind                   proved by                                                   subject             key's identity
=====================  ==========================================================  ==================  ===============
unlicensed_copy        a 非正版 verdict on one computer                              host id             the computer
over_licence           R14: installs beyond 许可数量                                  product id          ``unit``
unlisted_free          free software in use that 附件6 does not allow (R16, or any    product id          ``unit``
                       free 其他 software that is not on it): once a product
not_on_ledger          实有账无: a computer found that no asset row stands for         host id             the computer
asset_not_found        账有实无: fewer computers found than the row's 数量             asset_no            the asset
disposed_in_use        a computer whose asset has disposal papers is on the network    host id             the computer
activator_present      存在激活工具: signs of an activator that acts on no product     host id             the computer
                       that is judged here
unregistered_install   R20: 正版, and in no row of the 附件9 that was handed over      host id             the computer
bought_not_used        R21 未真装真用: a row is proven and a pirated copy is used       host id             the computer
asset_conflict         matched, but host and row contradict each other             host id             the computer
not_restored           a scan started a service on it and has not put it back yet  host id             the computer
not_collected          R27: a computer in scope that was not, or only partly, read  host id             the computer
antivirus_missing      未装杀毒: fully read, and no antivirus among what was read      host id             the computer
os_unrecognised        an operating system that the catalogue does not know        host id             the computer
licence_unrecognised   a ledger row whose software the catalogue does not know     software_no         the row's number
=====================  ==========================================================  ==================  ===============

The identity of a computer is its SMBIOS UUID, else serial, machine-id, MAC, address; junk values count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from appliance.judgement.positions import Surplus
from appliance.judgement.reads import Read
from appliance.judgement.roster import AuditHost, Roster, found_by_asset
from appliance.ledger.model import FreeListEntry, Licence
from appliance.model import Decision, Finding, Product, Verdict
from appliance.recognition import identity
from appliance.rules.model import Computer
from appliance.rules.not_collected import why
from config.message import Message
from scanner.model import Identity, Outcome

UNIT = "unit"


def strong_identity(known: Identity | None, address: str, mac: str = "") -> str:
    """The computer's identity as ``kind:value``. ``mac``: as discovery saw it, for a computer that was not read."""
    if known:
        for kind, value in (("uuid", known.smbios_uuid), ("serial", known.serial), ("machine-id", known.machine_id)):
            if identity.serial(value):
                return f"{kind}:{(value or '').strip().casefold()}"
    macs = identity.distinct(identity.mac(value) for value in (*(known.macs if known else ()), mac))
    return f"mac:{macs[0]}" if macs else f"address:{address}"


def key_of(known_as: str, product_id: str, kind: str) -> str:
    """The stable key of a finding."""
    return f"{known_as}|{product_id}|{kind}"


def unlicensed_copy(computer: Computer, verdict: Verdict) -> Finding:
    """A copy judged 非正版."""
    kind = "unlicensed_copy"
    key = key_of(computer.identity, verdict.product_id, kind)
    return Finding(key, kind, computer.host_id, verdict.product_id, verdict.reasons, (verdict.id,))


def of_verdict(computer: Computer, verdict: Verdict) -> Iterator[Finding]:
    """What one verdict on a computer proves: unlicensed_copy, unregistered_install, bought_not_used."""
    said = {message.code for message in (*verdict.reasons, *verdict.remarks)}
    if verdict.decision is Decision.UNLICENSED:
        yield unlicensed_copy(computer, verdict)
    for kind, code in (
        ("unregistered_install", "verdict.install_not_registered"),
        ("bought_not_used", "verdict.bought_not_used"),
    ):
        if code in said:
            detail = Message(f"finding.{kind}", {"product": verdict.product_name})
            key = key_of(computer.identity, verdict.product_id, kind)
            yield Finding(key, kind, computer.host_id, verdict.product_id, (detail,), (verdict.id,))


def over_licence(surplus: Surplus, reasons: tuple[Message, ...], verdicts: tuple[str, ...]) -> Finding:
    """超许可数量使用."""
    kind, product_id = "over_licence", surplus.product.id
    return Finding(key_of(UNIT, product_id, kind), kind, product_id, product_id, reasons, verdicts)


def unlisted_free(product: Product, installs: int, verdicts: tuple[str, ...] = ()) -> Finding:
    """清单未登记, once a product."""
    kind = "unlisted_free"
    detail = Message.of("finding.unlisted_free", product=product.name, installs=installs)
    return Finding(key_of(UNIT, product.id, kind), kind, product.id, product.id, (detail,), verdicts)


def of_computer(host: AuditHost, known_as: str, kind: str, *details: Message) -> Finding:
    """A finding about one computer as a whole."""
    return Finding(key_of(known_as, "", kind), kind, host.id, details=details)


def of_roster(roster: Roster, identities: dict[str, str]) -> Iterator[Finding]:
    """not_on_ledger, asset_conflict and asset_not_found."""
    for host in roster.hosts:
        shown = {"address": host.address, "hostname": host.hostname or None}
        number = roster.matches[host.id].asset if host.id in roster.matches else None
        if number is not None and number in roster.disposed:
            shown_disposal = {"asset": number, "paper": roster.disposed[number], "address": host.address}
            detail = Message("finding.disposed_in_use", shown_disposal)
            yield of_computer(host, identities[host.id], "disposed_in_use", detail)
        elif roster.asset_of(host.id) is None:
            yield of_computer(host, identities[host.id], "not_on_ledger", Message("finding.not_on_ledger", shown))
        if conflicts := roster.matches[host.id].conflicts if host.id in roster.matches else ():
            yield of_computer(host, identities[host.id], "asset_conflict", *conflicts)
    found = found_by_asset(roster, (host.id for host in roster.hosts))
    for number, asset in roster.base.items():
        if found[number] < asset.quantity:
            kind = "asset_not_found"
            detail = Message.of("finding.asset_not_found", asset=number, found=found[number], quantity=asset.quantity)
            yield Finding(key_of(f"asset:{number}", "", kind), kind, number, details=(detail,))


def not_collected(host: AuditHost, known_as: str, read: Read | None) -> Finding:
    """R27: no verdict, but the computer is named with what went wrong."""
    outcome: Outcome | None = read.outcome if read else host.outcome
    reason = (read.reason if read else None) or host.reason
    partly = read is not None and read.partly
    return of_computer(host, known_as, "not_collected", *why(outcome, reason, partly=partly))


def not_restored(roster: Roster, identities: dict[str, str], unrestored: Mapping[str, Message]) -> Iterator[Finding]:
    """What we changed on a computer and have not put back yet: ours to settle, and never a quiet log line."""
    for host in roster.hosts:
        if host.id in unrestored:
            yield of_computer(host, identities[host.id], "not_restored", unrestored[host.id])


def unrecognised_rows(rows: Iterable[Licence | FreeListEntry]) -> Iterator[Finding]:
    """Ledger rows that could not be brought to a product: nothing is dropped silently."""
    for row in rows:
        kind = "licence_unrecognised"
        detail = Message.of("finding.licence_unrecognised", name=row.name, row=row.ref.text())
        yield Finding(
            key_of(f"row:{row.software_no or row.ref.text()}", "", kind), kind, row.software_no, "", (detail,)
        )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Canonical order: kind, subject, key."""
    return tuple(sorted(findings, key=lambda finding: (finding.kind, finding.subject, finding.key)))
