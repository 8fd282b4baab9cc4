"""One data row → one declared record, or the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from appliance.ledger import cells, dates, identifiers
from appliance.ledger.cells import Count, Reading, Unreadable
from appliance.ledger.columns import Columns, Words
from appliance.ledger.computers import read_is_computer
from appliance.ledger.headers import Header
from appliance.ledger.model import (
    Asset,
    AssetState,
    DeclaredRecord,
    FreeListEntry,
    LedgerKind,
    Licence,
    LicenceType,
    RowProblem,
    RowRef,
    SoftwareType,
)
from appliance.ledger.text import Cell, clean, folded, key, lost_digits
from config.message import Message

T = TypeVar("T")


class Record:
    """One data row being read: fields are taken by name, and what is wrong with them is collected."""

    def __init__(self, ref: RowRef, cells: tuple[Cell, ...], header: Header, columns: Columns) -> None:
        self.ref = ref
        self.words: Words = columns.words
        self.columns = columns
        self.problems: list[RowProblem] = []
        self._cells = cells
        self._header = header

    @property
    def rejected(self) -> bool:
        """Whether a problem found so far rejects the row."""
        return any(problem.rejected for problem in self.problems)

    def has(self, field: str) -> bool:
        """Whether the ledger has this column."""
        return field in self._header.columns

    def headers(self, field: str) -> tuple[str, ...]:
        """The headers of the field as they stand in the file."""
        return self._header.texts(field)

    def all(self, field: str) -> tuple[Cell, ...]:
        """The cells of every column of the field."""
        places = self._header.columns.get(field, ())
        return tuple(self._cells[place] for place in places if place < len(self._cells))

    def cell(self, field: str) -> Cell:
        """The first cell of the field that says something."""
        for place in self._header.columns.get(field, ()):
            if place < len(self._cells) and not cells.is_blank(self._cells[place], self.words):
                return self._cells[place]
        return None

    def text(self, field: str) -> str:
        """The field as people wrote it."""
        return clean(self.cell(field))

    def plain(self, field: str) -> str:
        """The field with full-width forms made plain: for codes, numbers and versions."""
        return folded(self.cell(field))

    def note(self, field: str, reason: Message, rejected: bool = False) -> None:
        """Record what is odd, or why the row is rejected."""
        column = "、".join(self._header.texts(field))
        self.problems.append(RowProblem(self.ref, column, reason, rejected))

    def identity(self, field: str) -> str:
        """A number that names the row: it must be there, and whole."""
        cell = self.cell(field)
        if cell is None:
            self.note(field, Message.of("ledger.missing_value"), rejected=True)
        elif lost_digits(cell):
            self.note(field, Message.of("ledger.digits_lost"), rejected=True)
        return folded(cell)

    def take(self, field: str, read: Callable[[Cell, Words], Reading[T]], default: T, *, must: bool = False) -> T:
        """Read the field; when it cannot be read, ``must`` rejects the row, otherwise a note is left."""
        return self._taken(field, self.cell(field), read, default, must)

    def join(self, field: str, read: Callable[[Cell, Words], Reading[tuple[T, ...]]]) -> tuple[T, ...]:
        """Read every column of the field and put the values together, without repeats."""
        found = [self._taken(field, cell, read, (), must=False) for cell in self.all(field)]
        return found[0] if len(found) == 1 else tuple(dict.fromkeys(value for values in found for value in values))

    def _taken(self, field: str, cell: Cell, read: Callable[[Cell, Words], Reading[T]], default: T, must: bool) -> T:
        try:
            reading = read(cell, self.words)
        except Unreadable as unreadable:
            self.note(field, unreadable.reason, rejected=must)
            return default
        for code in reading.notes:
            self.note(field, Message(code, {"value": folded(cell)}))
        return reading.value


def read_asset(row: Record) -> Asset:
    """A 固定资产 row."""
    serials = row.join("serials", identifiers.read_serials)
    if any(lost_digits(cell) for cell in row.all("serials")):
        row.note("serials", Message.of("ledger.digits_lost"))
    macs = row.join("macs", identifiers.read_macs)
    hostname, code, name = row.plain("hostname"), row.plain("classification_code"), row.text("name")
    brand, model = row.text("brand"), row.text("model")
    is_computer = read_is_computer(code, name, f"{brand} {model} {code}", bool(macs or hostname), row.columns.computers)
    for note in is_computer.notes:
        row.note("name", Message(note, {"name": name, "classification_code": code}))
    return Asset(
        ref=row.ref,
        asset_no=row.identity("asset_no"),
        quantity=_computers_of_card(row, len(serials)),
        name=name,
        classification_code=code,
        brand=brand,
        model=model,
        serials=serials,
        macs=macs,
        addresses=row.join("addresses", identifiers.read_addresses),
        hostname=hostname,
        computer_no=row.plain("computer_no"),
        department=row.text("department"),
        user=row.text("user"),
        state=_state(row),
        xinchuang=row.take("xinchuang", cells.read_yes_no, None),
        is_computer=is_computer.value,
    )


def _computers_of_card(row: Record, serials: int) -> int:
    """数量: at least 1; a blank cell is one card of one computer."""
    count = row.take("quantity", cells.read_quantity, Count(1), must=True)
    if count.site:
        row.note("quantity", Message.of("ledger.not_a_number", value=row.plain("quantity")), rejected=True)
    if count.number is None and row.has("quantity") and not count.site:
        row.note("quantity", Message.of("ledger.quantity_assumed"))
    quantity = count.number or 1
    if serials > quantity:
        row.note("serials", Message.of("ledger.more_serials", serials=serials, quantity=quantity))
    return quantity


def _state(row: Record) -> AssetState:
    """状态; blank or unknown counts as in use, so that it stays in the denominator."""
    state = row.take("state", _read_state, AssetState.IN_USE)
    return state or AssetState.IN_USE


def _read_state(cell: Cell, words: Words) -> Reading[AssetState | None]:
    return Reading(cells.read_word(cell, words.states, words))


def read_licence(row: Record) -> Licence:
    """A row of S1c 附件7. For OEM and free software S1c leaves quantity and term blank; they are not insisted on."""
    software_type = _software_type(row)
    commercial = software_type is SoftwareType.COMMERCIAL
    purchased = row.take("purchased_on", dates.read_date, None)
    term = row.take("term", lambda cell, words: dates.read_term(cell, words, purchased), dates.Term(), must=commercial)
    quantity = row.take("quantity", cells.read_quantity, Count(), must=commercial)
    return Licence(
        ref=row.ref,
        software_no=row.identity("software_no"),
        name=_required_text(row, "name"),
        version=row.plain("version"),
        software_type=software_type,
        purchased_on=purchased.first if purchased else None,
        amount_fen=row.take("amount", lambda cell, words: cells.read_amount(cell, words, _unit(row)), None),
        licence_type=_licence_type(row, quantity, commercial),
        quantity=quantity.number,
        usable_versions=cells.read_list(row.cell("usable_versions"), row.words),
        valid_until=term.valid_until,
        perpetual=term.perpetual,
        serial_tail=row.take("serial", identifiers.read_key_tail, ""),
        installed_count=row.take("installed_count", cells.read_count, Count()).number,
        remark=row.text("remark"),
    )


def _software_type(row: Record) -> SoftwareType:
    marks: Mapping[SoftwareType, str] = {
        SoftwareType.COMMERCIAL: "commercial_mark",
        SoftwareType.OEM: "oem_mark",
        SoftwareType.FREE: "free_mark",
    }
    ticked = {kind: row.cell(field) for kind, field in marks.items() if row.has(field)}
    if ticked:
        field = next(marks[kind] for kind in ticked)
        found = row.take(field, lambda _, words: cells.read_marks(ticked, words), None, must=True)
    else:
        found = row.take("software_type", cells.read_software_type, None, must=True)
    if found is None and not row.rejected:
        row.note("software_type", Message.of("ledger.type_assumed"))
    return found or SoftwareType.COMMERCIAL


def _licence_type(row: Record, quantity: Count, commercial: bool) -> LicenceType | None:
    """许可类型; 场地 in the quantity says it too."""
    stated = row.take("licence_type", cells.read_licence_type, None)
    if quantity.site and stated not in (None, LicenceType.SITE):
        row.note("quantity", Message.of("ledger.site_conflict", value=row.text("licence_type")))
    found = stated or (LicenceType.SITE if quantity.site else None)
    if commercial and quantity == Count() and found is not LicenceType.SITE and not row.rejected:
        row.note("quantity", Message.of("ledger.quantity_not_stated"))
    return found


def _unit(row: Record) -> str:
    """The unit written in the header: ``采购金额(万元)``."""
    return "万元" if any("万" in text for text in row.headers("amount")) else "元"


def _required_text(row: Record, field: str) -> str:
    text = row.text(field)
    if not text:
        row.note(field, Message.of("ledger.missing_value"), rejected=True)
    return text


def read_free(row: Record) -> FreeListEntry:
    """A row of S1c 附件6."""
    departments = cells.read_list(row.cell("departments"), row.words)
    return FreeListEntry(
        ref=row.ref,
        software_no=row.plain("software_no"),
        name=_required_text(row, "name"),
        version=row.plain("version"),
        source=row.text("source"),
        vendor=row.text("vendor"),
        departments=() if any(key(name) in row.words.whole_unit for name in departments) else departments,
        reason=row.text("reason"),
    )


READERS: Mapping[LedgerKind, Callable[[Record], DeclaredRecord]] = {
    LedgerKind.ASSETS: read_asset,
    LedgerKind.LICENCES: read_licence,
    LedgerKind.FREE_LIST: read_free,
}


def identity_of(record: DeclaredRecord) -> tuple[str, ...]:
    """What may stand only once in a ledger: 资产编号; 软件编号; the whole entry of the free list."""
    match record:
        case Asset():
            return (key(record.asset_no),)
        case Licence():
            return (key(record.software_no),)
        case FreeListEntry():
            return (key(record.software_no), key(record.name), key(record.version), *record.departments)
