"""Both sides of a follow-up put together for :mod:`appliance.judgement.comparison`, and its lines made documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from appliance.judgement.comparison import ABSENT, OF_CARRIERS, Compared, Followed, Item, Known, Now
from appliance.judgement.comparison_computers import Links, SeenComputer
from appliance.judgement.comparison_list import ListedFinding
from appliance.ledger.model import LedgerKind
from appliance.model import Decision, Product
from appliance.recognition.catalogue import Catalogue
from appliance.recognition.corrections import Corrected
from appliance.store.database import Row, dumps, loads
from appliance.visits.baselines import FoundRow, Visit
from config.message import Message

Products = Mapping[str, Product]
SHOWN = ("host_id", "address", "hostname", "asset_no", "department", "user")


@dataclass(slots=True)
class Side:
    """One visit's findings as they are compared, and what is shown of them. ``places``: host id → place."""

    items: list[Item] = field(default_factory=list[Item])
    documents: dict[int, str] = field(default_factory=dict[int, str])
    computers: dict[str, SeenComputer] = field(default_factory=dict[str, SeenComputer])
    listed: list[ListedFinding] = field(default_factory=list[ListedFinding])

    def shown(self, item: Item | None) -> Row | None:
        """A finding with its computer, or a row of the list."""
        if item is None:
            return None
        if self.listed:
            return _listed_document(self.listed[item.seq])
        found = loads(self.documents[item.seq])
        computer = self.computers.get(found["subject"])
        own = {name: getattr(computer, name) for name in SHOWN} if computer else {}
        told = {name: found[name] for name in ("key", "subject", "details", "verdicts")}
        return {"sequence": item.seq, **told, **own}


def _listed_document(one: ListedFinding) -> Row:
    row = asdict(one.row)
    names = ("kind", "computer", "department", "user", "software", "detail", "remark", "closed")
    doubt = one.doubt.to_json() if one.doubt else None
    found_on = one.row.found_on.isoformat() if one.row.found_on else None
    own = {"row": one.number, "host_id": one.host_id, "basis": list(one.basis), "doubt": doubt, "found_on": found_on}
    return {**own, "key": f"row:{one.number}", **{name: row[name] for name in names}}


def side_of(visit: Visit, computers: Iterable[SeenComputer], places: Mapping[str, str], products: Products) -> Side:
    """A visit's findings in order. ``places``: host id of that visit → place."""
    side = Side(computers={one.host_id: one for one in computers})
    for found in visit.findings():
        side.documents[found.seq] = found.document
        side.items.append(_item(found, side.computers, places, products))
    side.items.sort()
    return side


def _item(
    found: FoundRow, computers: Mapping[str, SeenComputer], places: Mapping[str, str], products: Products
) -> Item:
    product = lasting(found.product_id, products)
    computer = computers.get(found.subject)
    if computer is not None:
        return Item(places[found.subject], product, found.kind, found.seq, found.key, computer.department)
    return Item(_place_in_unit(found), product, found.kind, found.seq, found.key)


def _place_in_unit(found: FoundRow) -> str:
    """A ledger row is known by the name in it: its number and place change when the ledger is imported again."""
    if found.kind == "licence_unrecognised" and (details := loads(found.document)["details"]):
        return f"row:{details[0]['params'].get('name', found.subject)}"
    known_as = found.key.partition("|")[0]
    # A host that the audit no longer lists keeps a place of its own, never one of the unit.
    return known_as if known_as.startswith(("unit", "asset:", "row:")) else f"{ABSENT}{known_as}"


def lasting(product_id: str, products: Products) -> str:
    """The id that a product has now: a catalogue id that was replaced leads to its successor."""
    seen = {product_id}
    while (product := products.get(product_id)) and product.replaced_by and product.replaced_by not in seen:
        product_id = product.replaced_by
        seen.add(product_id)
    return product_id


def places_before(computers: Iterable[SeenComputer], links: Links) -> dict[str, str]:
    """Host id of the earlier visit → place."""
    return {one.host_id: links.to.get(one.host_id, f"{ABSENT}{one.host_id}") for one in computers}


def carried(row: Row, places: Mapping[str, str], products: Products) -> Row:
    """What an earlier visit closed, in places of this one."""
    place = places.get(row["place"], row["place"])
    told = {name: row[name] for name in ("kind", "key", "closed_at")}
    return {"place": place, "product_id": lasting(row["product_id"], products), **told}


def what_is_now(
    visit: Visit,
    side: Side,
    before: list[Item],
    carriers: Mapping[str, frozenset[str]],
    closed: Mapping[Known, Message],
    closed_keys: Mapping[str, Message],
    products: Products,
    disposed: frozenset[str],
) -> Now:
    """What this visit knows beside its findings; copies only of products that the earlier visit spoke of."""
    wanted = {item.product_id for item in before} - {""}
    copies: dict[tuple[str, str], Decision] = {}
    for host_id, product_id, decision in visit.copies():
        product = lasting(product_id, products)
        if product in wanted:
            copies[host_id, product] = _worse(copies.get((host_id, product)), Decision(decision))
    assets = visit.ledger(LedgerKind.ASSETS)
    licences = bool(visit.ledger(LedgerKind.LICENCES))
    ledgers = [kind for kind, there in (("assets", bool(assets)), ("licences", licences)) if there]
    return Now(
        seen={one.host_id: one.collected for one in side.computers.values()},
        copies=copies,
        carriers=carriers,
        closed=closed,
        closed_keys=closed_keys,
        ledgers=frozenset(ledgers),
        assets=frozenset(str(row["asset_no"]) for row in assets),
        disposed=disposed,
    )


ORDER = (Decision.EXCLUDED, Decision.LICENSED, Decision.TO_VERIFY, Decision.UNLICENSED)


def _worse(one: Decision | None, other: Decision) -> Decision:
    return other if one is None else max(one, other, key=ORDER.index)


def carriers_of(visit: Visit, items: Iterable[Item], places: Mapping[str, str], products: Products) -> Any:
    """Product → places that carried it then, for products whose finding is about the whole unit."""
    wanted = {item.product_id for item in items if item.kind in OF_CARRIERS}
    found: dict[str, set[str]] = {}
    for host_id, product_id, _ in visit.copies():
        if (product := lasting(product_id, products)) in wanted and host_id in places:
            found.setdefault(product, set()).add(places[host_id])
    return {product: frozenset(hosts) for product, hosts in found.items()}


Signs = Mapping[str, list[tuple[str, Message]]]


def line_row(line: Compared, before: Side, after: Side, links: Links, signs: Signs, products: Products) -> Row:
    """One line as it is stored: columns to filter by, and its document with the evidence of both visits."""
    item = line.after or line.before
    assert item is not None, "a line has at least one side"
    old_place = line.before.place if line.before else ""
    host = item.place if item.place in after.computers else ""
    product = products.get(item.product_id)
    was = before.shown(line.before)
    document = {
        "outcome": line.followed,
        "kind": item.kind,
        "product_id": item.product_id,
        "product_name": product.name if product else item.product_id,
        "reasons": [reason.to_json() for reason in line.reasons],
        "signs": [sign.to_json() for sign in _signs(line, old_place, signs, products)],
        "joined_by": links.basis.get(was["host_id"], "") if was and was.get("host_id") else "",
        "before": was,
        "after": after.shown(line.after),
    }
    key = (line.before or item).key
    row = {"outcome": line.followed, "kind": item.kind, "product_id": item.product_id, "host_id": host, "key": key}
    return {**row, "document": dumps(document)}


def _signs(line: Compared, place: str, signs: Signs, products: Products) -> Iterator[Message]:
    """What was done just before the visit to the product, to others of its category, or to the system."""
    if line.before is None or line.followed in (Followed.OPEN, Followed.NEW):
        return
    own = products.get(line.before.product_id)
    for product_id, sign in signs.get(place, ()):
        other = products.get(product_id)
        alike = own is not None and other is not None and own.category == other.category
        if product_id in ("", line.before.product_id) or alike:
            yield sign


def product_finder(catalogue: Corrected | Catalogue) -> Any:
    """Declared name → product id or ``""``."""

    def find(name: str) -> str:
        product = catalogue.find(name)
        return lasting(product.id, catalogue.products) if product else ""

    return find
