"""Data rows → allocations (附件8), install log (附件9), leaders (附件1), sub-units (S0 附件2), proofs, servers, links,
the official client's export, and earlier findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from appliance.ledger import cells, dates, identifiers
from appliance.ledger.cells import Count, Reading, Unreadable
from appliance.ledger.columns import Words
from appliance.ledger.model import (
    Allocation,
    ClientRow,
    ComputerLink,
    DeclaredProof,
    DeclaredServer,
    EarlierFinding,
    InstallAction,
    InstallLogEntry,
    Leader,
    ProofLevel,
    ServerKind,
    SoftwareType,
    Standing,
    Subunit,
)
from appliance.ledger.records import MARKS, read_types
from appliance.ledger.rows import Rows, each
from appliance.ledger.text import Cell, folded, key
from config.message import Message

T = TypeVar("T")
PORTS = range(1, 65_536)


def read_allocations(rows: Rows) -> list[Allocation]:
    """Rows of S1c 附件8. A row without 软件编号 is kept and noted: the rule that asks for one is a form finding."""
    stated = rows.has("software_type") or any(rows.has(mark) for mark in MARKS.values())
    types: list[SoftwareType | None] = [*read_types(rows, assumed=False)] if stated else [None] * len(rows)
    installed = rows.take("installed_on", dates.read_date, None)
    terms = rows.take_with(
        "term", installed, lambda cell, day: dates.read_term(cell, rows.words, day), dates.Term(), must=False
    )
    found = zip(
        rows.refs,
        rows.identity("computer_no"),
        rows.plain("software_no"),
        rows.required("software_name"),
        rows.plain("version"),
        rows.text("department"),
        rows.text("user"),
        rows.text("brand"),
        types,
        [term.valid_until for term in terms],
        [term.perpetual for term in terms],
        [span.first if span else None for span in installed],
        strict=True,
    )
    return [Allocation(*fields) for fields in found]


def read_install_log(rows: Rows) -> list[InstallLogEntry]:
    """Rows of S1c 附件9; 软件编号 and 软件名称 stand above the table of each sheet, or in columns of a running list."""
    names = rows.text("software_name")
    numbers = rows.plain("software_no")
    for index, (number, name) in enumerate(zip(numbers, names, strict=True)):
        if not number and not name:
            rows.note(index, "software_no", Message.of("ledger.no_software"), rejected=True)
    found = zip(
        rows.refs,
        numbers,
        names,
        _actions(rows),
        rows.identity("computer_no"),
        rows.plain("version"),
        rows.text("brand"),
        rows.text("user"),
        rows.text("department"),
        _days(rows, "done_on", must=True),
        [count.number or 1 for count in rows.take("quantity", cells.read_quantity, Count(1))],
        strict=True,
    )
    return [InstallLogEntry(*fields) for fields in found]


def _actions(rows: Rows) -> list[InstallAction]:
    """One ticked box of two columns, or a word."""
    if rows.has("install_mark") or rows.has("uninstall_mark"):
        installs = [_is_ticked(cell, rows.words) for cell in rows.cells("install_mark")]
        removals = [_is_ticked(cell, rows.words) for cell in rows.cells("uninstall_mark")]
        for index, (install, removal) in enumerate(zip(installs, removals, strict=True)):
            if install == removal:
                code = "ledger.both_actions" if install else "ledger.no_action"
                rows.note(index, "install_mark", Message(code, {}), rejected=True)
        return [InstallAction.UNINSTALL if removal else InstallAction.INSTALL for removal in removals]
    found = rows.take("action", _word(lambda words: words.actions), InstallAction.INSTALL, must=True)
    for index, action in enumerate(found):
        if action is None:
            rows.note(index, "action", Message.of("ledger.no_action"), rejected=True)
    return [action or InstallAction.INSTALL for action in found]


def _is_ticked(cell: Cell, words: Words) -> bool:
    text = key(folded(cell))
    return words.yes_no.get(text) is True or text in words.actions


def _word(table: Callable[[Words], Mapping[str, T]]) -> Callable[[Cell, Words], Reading[T | None]]:
    """A reader of one of the words of a table; None when blank."""
    return lambda cell, words: Reading(cells.read_word(cell, table(words), words))


def _days(rows: Rows, field: str, *, must: bool = False) -> list[date | None]:
    return [span.first if span else None for span in rows.take(field, dates.read_date, None, must=must)]


def read_leaders(rows: Rows) -> list[Leader]:
    """Rows of S1c 附件1."""
    texts = [rows.text(field) for field in ("department", "post", "phone", "fax", "remark")]
    return [Leader(*fields) for fields in zip(rows.refs, rows.text("role"), rows.required("name"), *texts, strict=True)]


def read_subunits(rows: Rows) -> list[Subunit]:
    """Rows of S0 附件2, or of a list of units with their superior units."""
    found = zip(
        rows.refs,
        rows.required("name"),
        rows.text("parent"),
        rows.text("system"),
        rows.text("region"),
        _numbers(rows, "xinchuang_computers"),
        _numbers(rows, "other_computers"),
        _numbers(rows, "clients_deployed"),
        rows.text("contact"),
        rows.text("phone"),
        strict=True,
    )
    units = [Subunit(*fields) for fields in found]
    known = {unit.name for unit in units}
    for index, unit in enumerate(units):
        if unit.parent == unit.name:
            rows.note(index, "parent", Message.of("ledger.own_parent", name=unit.name), rejected=True)
        elif unit.parent and unit.parent not in known:
            rows.note(index, "parent", Message.of("ledger.unknown_parent", name=unit.parent))
    return units


def _numbers(rows: Rows, field: str) -> list[int | None]:
    return [count.number for count in rows.take(field, cells.read_count, Count())]


def read_proofs(rows: Rows) -> list[DeclaredProof]:
    """Rows of a list of papers; what a paper proves is stated, or follows from its kind."""
    kinds = rows.required("kind")
    pairs = list(zip(rows.text("level"), kinds, strict=True))
    levels = each(pairs, lambda pair: _proof_level(pair[0] or pair[1], rows.words))
    for index, level in enumerate(levels):
        if level is None and index not in rows.rejected:
            rows.note(index, "kind", Message.of("ledger.unknown_proof", value=kinds[index]))
    unit = "万元" if any("万" in text for text in rows.headers("amount")) else "元"
    found = zip(
        rows.refs,
        rows.identity("software_no"),
        [level or ProofLevel.P0 for level in levels],
        kinds,
        rows.plain("number"),
        _days(rows, "issued_on"),
        _numbers(rows, "quantity"),
        rows.take("amount", lambda cell, words: cells.read_amount(cell, words, unit), None),
        rows.text("remark"),
        strict=True,
    )
    return [DeclaredProof(*fields) for fields in found]


def _proof_level(text: str, words: Words) -> ProofLevel | None:
    plain = key(text)
    return next((level for level, names in words.proof_levels if any(name in plain for name in names)), None)


def read_servers(rows: Rows) -> list[DeclaredServer]:
    """Rows of the declared KMS hosts and licence servers."""
    kinds = rows.take("kind", _word(lambda words: words.server_kinds), None, must=True)
    for index, kind in enumerate(kinds):
        if kind is None and index not in rows.rejected:
            rows.note(index, "kind", Message.of("ledger.missing_value"), rejected=True)
    endpoints = rows.take("address", _read_endpoint, ("", None), must=True)
    ports = rows.take("port", _read_port, None)
    found = zip(
        rows.refs,
        [kind or ServerKind.KMS for kind in kinds],
        [address for address, _ in endpoints],
        [port or own for port, (_, own) in zip(ports, endpoints, strict=True)],
        rows.plain("software_no"),
        rows.text("software"),
        _numbers(rows, "seats"),
        _numbers(rows, "peak"),
        rows.text("remark"),
        strict=True,
    )
    return [DeclaredServer(*fields) for fields in found]


def _read_endpoint(cell: Cell, words: Words) -> Reading[tuple[str, int | None]]:
    """``10.0.0.5``, ``kms.example.gov.cn`` or either with ``:1688``."""
    if cells.is_blank(cell, words):
        raise Unreadable("ledger.missing_value")
    text = key(folded(cell))
    name, colon, port = text.rpartition(":")
    if not colon or ":" in name:  # no port, or an IPv6 address
        name, port = text, ""
    if not identifiers.is_host(name):
        raise Unreadable("ledger.not_a_host", value=folded(cell))
    return Reading((name, _read_port(port or None, words).value))


def _read_port(cell: Cell, words: Words) -> Reading[int | None]:
    number = cells.read_count(cell, words).value.number
    if number is not None and number not in PORTS:
        raise Unreadable("ledger.number_out_of_range", value=folded(cell), most=PORTS[-1])
    return Reading(number)


def read_links(rows: Rows) -> list[ComputerLink]:
    """Rows that link 计算机编号 with 资产编号 or host; a row that links nothing is rejected."""
    found = zip(
        rows.refs,
        rows.identity("computer_no"),
        rows.plain("asset_no"),
        rows.plain("hostname"),
        rows.join("addresses", identifiers.read_addresses),
        strict=True,
    )
    links = [ComputerLink(*fields) for fields in found]
    for index, link in enumerate(links):
        if not (link.asset_no or link.hostname or link.addresses):
            rows.note(index, "asset_no", Message.of("ledger.links_nothing"), rejected=True)
    return links


def read_client_export(rows: Rows) -> list[ClientRow]:
    """Rows of the official client's export, by mapped columns."""
    standings = rows.take("standing", _word(lambda words: words.standings), None)
    found = zip(
        rows.refs,
        rows.identity("hostname"),
        rows.join("addresses", identifiers.read_addresses),
        rows.join("macs", identifiers.read_macs),
        rows.text("department"),
        rows.text("user"),
        rows.required("product"),
        rows.plain("version"),
        rows.text("publisher"),
        rows.text("category"),
        [standing or Standing.UNKNOWN for standing in standings],
        _days(rows, "seen_on"),
        strict=True,
    )
    return [ClientRow(*fields) for fields in found]


def read_baseline(rows: Rows) -> list[EarlierFinding]:
    """Rows of an earlier inspection's list of findings; a row that names no problem, software or detail is rejected."""
    found = zip(
        rows.refs,
        rows.text("kind"),
        rows.plain("computer"),
        rows.text("department"),
        rows.text("software"),
        rows.text("detail"),
        _days(rows, "found_on"),
        rows.take("closed", _word(lambda words: words.closed), None),
        rows.text("remark"),
        rows.text("user"),
        strict=True,
    )
    findings = [EarlierFinding(*fields) for fields in found]
    for index, finding in enumerate(findings):
        if not (finding.kind or finding.software or finding.detail):
            rows.note(index, "software", Message.of("ledger.no_finding"), rejected=True)
    return findings
