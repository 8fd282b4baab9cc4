"""Data rows → the declared records of 固定资产, S1c 附件7 and 附件6, or the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from appliance.ledger import cells, dates, identifiers
from appliance.ledger.cells import Count, Reading
from appliance.ledger.columns import Words
from appliance.ledger.computers import read_category, read_is_computer
from appliance.ledger.model import (
    Asset,
    AssetCategory,
    AssetState,
    CodeEdition,
    FreeListEntry,
    Licence,
    LicenceType,
    SoftwareType,
)
from appliance.ledger.rows import Rows, each
from appliance.ledger.text import Cell, folded, key, lost_digits
from config.message import Message

MARKS: Mapping[SoftwareType, str] = {
    SoftwareType.COMMERCIAL: "commercial_mark",
    SoftwareType.OEM: "oem_mark",
    SoftwareType.FREE: "free_mark",
}
"""The columns to tick of 软件类型."""


def read_assets(rows: Rows) -> list[Asset]:
    """Rows of 固定资产."""
    asset_nos = rows.identity("asset_no")
    serials = rows.join("serials", identifiers.read_serials)
    for column in rows.every("serials"):
        _note_lost_digits(rows, column)
    macs = rows.join("macs", identifiers.read_macs)
    hostnames, codes, names = rows.plain("hostname"), rows.plain("classification_code"), rows.text("name")
    brands, models = rows.text("brand"), rows.text("model")
    described = list(zip(codes, names, brands, models, map(_any, macs, hostnames), strict=True))
    found = zip(
        rows.refs,
        asset_nos,
        _computers_of_card(rows, serials),
        names,
        codes,
        brands,
        models,
        serials,
        macs,
        rows.join("addresses", identifiers.read_addresses),
        hostnames,
        rows.plain("computer_no"),
        rows.text("department"),
        rows.text("user"),
        [state or AssetState.IN_USE for state in rows.take("state", _read_state, AssetState.IN_USE)],
        rows.take("xinchuang", cells.read_yes_no, None),
        (computers := _are_computers(rows, described)),
        *_categories(rows, described, computers),
        strict=True,
    )
    return [Asset(*fields) for fields in found]


def _any(first: object, second: object) -> bool:
    return bool(first or second)


def _note_lost_digits(rows: Rows, column: list[Cell]) -> None:
    lost = {cell for cell in set(column) if lost_digits(cell)}
    for index, cell in enumerate(column) if lost else ():
        if cell in lost:
            rows.note(index, "serials", Message.of("ledger.digits_lost"))


Described = tuple[str, str, str, str, bool]
"""Code, name, brand, model, and whether the row has a network identity."""


def _are_computers(rows: Rows, described: Sequence[Described]) -> list[bool]:
    """Whether each row is a computer."""
    table = rows.columns.computers
    readings = each(described, lambda d: read_is_computer(d[0], d[1], f"{d[2]} {d[3]} {d[0]}", d[4], table))
    for index, reading in enumerate(readings):
        for note in reading.notes:
            code, name = described[index][:2]
            rows.note(index, "name", Message(note, {"name": name, "classification_code": code}))
    return [reading.value for reading in readings]


def _categories(
    rows: Rows, described: Sequence[Described], computers: Sequence[bool]
) -> tuple[list[AssetCategory], list[CodeEdition]]:
    """Kind of computer and edition of the code, a column each; both empty where the row is no computer."""
    table = rows.columns.computers
    nothing = Reading((AssetCategory.NONE, CodeEdition.UNKNOWN))
    pairs = list(zip(described, computers, strict=True))
    readings = each(
        pairs, lambda p: read_category(p[0][0], p[0][1], f"{p[0][2]} {p[0][3]}", table) if p[1] else nothing
    )
    for index, reading in enumerate(readings):
        for note in reading.notes:
            code, name = described[index][:2]
            rows.note(index, "classification_code", Message(note, {"name": name, "classification_code": code}))
    return [reading.value[0] for reading in readings], [reading.value[1] for reading in readings]


def _computers_of_card(rows: Rows, serials: Sequence[Sequence[str]]) -> list[int]:
    """数量: at least 1; a blank cell is one card of one computer. Blank or unreadable 状态 stays in the denominator."""
    counts = rows.take("quantity", cells.read_quantity, Count(1), must=True)
    stated = rows.has("quantity")
    for index, count in enumerate(counts):
        if count.site:
            value = folded(rows.cells("quantity")[index])
            rows.note(index, "quantity", Message.of("ledger.not_a_number", value=value), rejected=True)
        elif count.number is None and stated:
            rows.note(index, "quantity", Message.of("ledger.quantity_assumed"))
        if len(serials[index]) > (count.number or 1):
            params = {"serials": len(serials[index]), "quantity": count.number or 1}
            rows.note(index, "serials", Message("ledger.more_serials", params))
    return [count.number or 1 for count in counts]


def _read_state(cell: Cell, words: Words) -> Reading[AssetState | None]:
    return Reading(cells.read_word(cell, words.states, words))


def read_licences(rows: Rows) -> list[Licence]:
    """Rows of S1c 附件7. For OEM and free software S1c leaves quantity and term blank; they are not insisted on."""
    software_nos, names = rows.identity("software_no"), rows.required("name")
    types = read_types(rows)
    commercial = [kind is SoftwareType.COMMERCIAL for kind in types]
    purchased = rows.take("purchased_on", dates.read_date, None)
    terms = rows.take_with(
        "term", purchased, lambda cell, bought: dates.read_term(cell, rows.words, bought), dates.Term(), must=commercial
    )
    quantities = rows.take("quantity", cells.read_quantity, Count(), must=commercial)
    unit = "万元" if any("万" in text for text in rows.headers("amount")) else "元"
    found = zip(
        rows.refs,
        software_nos,
        names,
        rows.plain("version"),
        types,
        [span.first if span else None for span in purchased],
        rows.take("amount", lambda cell, words: cells.read_amount(cell, words, unit), None),
        _licence_types(rows, quantities, commercial),
        [count.number for count in quantities],
        each(rows.cells("usable_versions"), lambda cell: cells.read_list(cell, rows.words)),
        [term.valid_until for term in terms],
        [term.perpetual for term in terms],
        rows.take("serial", identifiers.read_key_tail, ""),
        [count.number for count in rows.take("installed_count", cells.read_count, Count())],
        rows.text("remark"),
        strict=True,
    )
    return [Licence(*fields) for fields in found]


def read_types(rows: Rows, assumed: bool = True) -> list[SoftwareType]:
    """软件类型, from one column or from three to tick. ``assumed``: a blank one is noted."""
    fields = {kind: field for kind, field in MARKS.items() if rows.has(field)}
    if fields:
        field = next(iter(fields.values()))
        ticks = list(zip(*(rows.cells(name) for name in fields.values()), strict=True))
        found = rows.take_with(
            field, ticks, lambda _, t: cells.read_marks(dict(zip(fields, t, strict=True)), rows.words), None, must=True
        )
    else:
        found = rows.take("software_type", cells.read_software_type, None, must=True)
    for index, kind in enumerate(found):
        if kind is None and assumed and index not in rows.rejected:
            rows.note(index, "software_type", Message.of("ledger.type_assumed"))
    return [kind or SoftwareType.COMMERCIAL for kind in found]


def _licence_types(rows: Rows, quantities: Sequence[Count], commercial: Sequence[bool]) -> list[LicenceType | None]:
    """许可类型; 场地 in the quantity says it too."""
    stated = rows.take("licence_type", cells.read_licence_type, None)
    found = [kind or (LicenceType.SITE if count.site else None) for kind, count in zip(stated, quantities, strict=True)]
    texts = rows.text("licence_type")
    for index, count in enumerate(quantities):
        if count.site and stated[index] not in (None, LicenceType.SITE):
            rows.note(index, "quantity", Message.of("ledger.site_conflict", value=texts[index]))
        silent = count == Count() and found[index] is not LicenceType.SITE
        if commercial[index] and silent and index not in rows.rejected:
            rows.note(index, "quantity", Message.of("ledger.quantity_not_stated"))
    return found


def read_free_list(rows: Rows) -> list[FreeListEntry]:
    """Rows of S1c 附件6."""
    found = zip(
        rows.refs,
        rows.plain("software_no"),
        rows.required("name"),
        rows.plain("version"),
        rows.text("source"),
        rows.text("vendor"),
        read_departments(rows),
        rows.text("reason"),
        strict=True,
    )
    return [FreeListEntry(*fields) for fields in found]


def read_departments(rows: Rows) -> list[tuple[str, ...]]:
    """使用部门; empty = the whole unit."""

    def read(cell: Cell) -> tuple[str, ...]:
        named = cells.read_list(cell, rows.words)
        return () if any(key(name) in rows.words.whole_unit for name in named) else named

    return each(rows.cells("departments"), read)


Reader = Callable[[Rows], Sequence[object]]
