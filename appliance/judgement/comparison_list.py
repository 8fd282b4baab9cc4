"""Last year's list of findings as a baseline: its rows brought to computers and products of this visit. Pure.

A row is known by 部门+使用人+计算机编号+软件. 计算机编号 (or 资产编号) that fits one computer is sure when its 部门 and
使用人 do not contradict the row. Anything less is weak: it is shown with what fits and waits for a person's word, and
until then the row counts as not rechecked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.judgement.comparison import ABSENT, MOVABLE, OF_CARRIERS, Item
from appliance.judgement.comparison_computers import SeenComputer
from appliance.judgement.findings import UNIT
from appliance.ledger.model import EarlierFinding
from appliance.ledger.text import key as folded
from appliance.recognition import identity
from config.message import Message

WORDS = Path(__file__).parents[2] / "config" / "finding_words.toml"
SURE = frozenset({"computer_no", "asset_no"})


@dataclass(frozen=True, slots=True)
class ListedFinding:
    """One row and what it was brought to. ``host_id`` is empty while nobody knows; ``doubt`` says why it waits."""

    row: EarlierFinding
    place: str
    kind: str
    product_id: str
    host_id: str = ""
    basis: tuple[str, ...] = ()
    doubt: Message | None = None

    @property
    def number(self) -> str:
        """What the row is called: its place in the file."""
        return self.row.ref.text()

    def item(self, seq: int) -> Item:
        """As it is compared."""
        return Item(self.place, self.product_id, self.kind, seq, f"row:{self.number}", folded(self.row.department))


@cache
def kind_words(file: Path = WORDS) -> tuple[tuple[str, str], ...]:
    """``(word, kind of finding)``, longest words first."""
    table: Mapping[str, list[str]] = tomllib.loads(file.read_text("utf-8"))
    pairs = [(folded(word), kind) for kind, words in table.items() for word in words]
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))


def kind_of(row: EarlierFinding) -> str:
    """The kind that a row speaks of; a row that names software and no known kind speaks of a copy that is 非正版."""
    for text in (row.kind, row.detail):
        for word, kind in kind_words():
            if word in folded(text):
                return kind
    return MOVABLE if row.software else ""


def listed_findings(
    rows: Iterable[EarlierFinding],
    computers: Iterable[SeenComputer],
    find_product: Callable[[str], str],
    confirmed: Mapping[str, str],
) -> list[ListedFinding]:
    """Every row, in order. ``confirmed``: row → host id, or ``""`` when a person said that it is none of them."""
    index = _Index(tuple(computers))
    return [_listed(row, index, find_product, confirmed) for row in rows]


def _listed(
    row: EarlierFinding, index: _Index, find_product: Callable[[str], str], confirmed: Mapping[str, str]
) -> ListedFinding:
    kind, product, number = kind_of(row), find_product(row.software) if row.software else "", row.ref.text()
    if kind in OF_CARRIERS and product:
        return ListedFinding(row, UNIT, kind, product)
    if kind == "asset_not_found" and row.computer:
        return ListedFinding(row, f"asset:{row.computer}", kind, "")
    host, basis, doubt = _host_of(row, index, confirmed.get(number))
    if not product and (row.software or kind in ("", MOVABLE)):
        doubt = doubt or Message.of("follow_up.software_unknown", software=row.software or row.detail or row.kind)
    place = host if host and doubt is None else f"{ABSENT}{number}"
    return ListedFinding(row, place, kind, product, host, basis, doubt)


def _host_of(row: EarlierFinding, index: _Index, said: str | None) -> tuple[str, tuple[str, ...], Message | None]:
    if said is not None:
        doubt = None if said else Message.of("follow_up.confirmed_absent")
        return said, ("decided",), doubt
    host, basis = index.best(row)
    if not host:
        return "", (), Message.of("follow_up.computer_unknown")
    if SURE & set(basis) and not index.contradicts(host, row):
        return host, basis, None
    return host, basis, Message.of("follow_up.needs_confirmation", host=index.name(host), basis="、".join(basis))


class _Index:
    """This visit's computers by what a list may call them."""

    def __init__(self, computers: tuple[SeenComputer, ...]) -> None:
        self._by_id = {one.host_id: one for one in computers}
        self._names: dict[tuple[str, str], list[str]] = {}
        for one in computers:
            for kind, value in _called(one):
                self._names.setdefault((kind, value), []).append(one.host_id)

    def best(self, row: EarlierFinding) -> tuple[str, tuple[str, ...]]:
        """The computer that fits alone, and by what; the most official name first."""
        for kind in ("computer_no", "asset_no", "hostname", "address"):
            found = self._names.get((kind, _value(kind, row.computer)), []) if row.computer else []
            if len(found) == 1:
                return found[0], (kind, *self._people(found[0], row))
        place = (folded(row.department), folded(row.user))
        found = self._names.get(("people", "\n".join(place)), []) if all(place) else []
        return (found[0], ("department", "user")) if len(found) == 1 else ("", ())

    def contradicts(self, host: str, row: EarlierFinding) -> bool:
        """Whether 部门 or 使用人 of row and ledger differ where both are known."""
        one = self._by_id[host]
        pairs = ((row.department, one.department), (row.user, one.user))
        return any(said and known and folded(said) != folded(known) for said, known in pairs)

    def name(self, host: str) -> str:
        """How a person knows the computer."""
        one = self._by_id[host]
        return " ".join(part for part in (one.address, one.hostname, one.asset_no) if part)

    def _people(self, host: str, row: EarlierFinding) -> tuple[str, ...]:
        one = self._by_id[host]
        pairs = (("department", row.department, one.department), ("user", row.user, one.user))
        return tuple(name for name, said, known in pairs if said and folded(said) == folded(known))


def _called(one: SeenComputer) -> Iterable[tuple[str, str]]:
    for kind, value in (
        ("computer_no", one.computer_no),
        ("asset_no", one.asset_no),
        ("hostname", one.hostname),
        ("address", one.address),
    ):
        if value:
            yield kind, _value(kind, value)
    if one.department and one.user:
        yield "people", f"{folded(one.department)}\n{folded(one.user)}"


def _value(kind: str, text: str) -> str:
    return identity.hostname(text) if kind == "hostname" else folded(text)
