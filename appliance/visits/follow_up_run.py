"""One comparison of a follow-up inspection with its baseline, from stored audits to stored lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from appliance.context import Appliance
from appliance.jobs import Job
from appliance.judgement.base_rates import rectification_rate
from appliance.judgement.comparison import Compared, Followed, Item, Known, Now, compare
from appliance.judgement.comparison_computers import Links, SeenComputer, link_computers
from appliance.judgement.comparison_list import ListedFinding, listed_findings
from appliance.judgement.comparison_records import (
    RecordChange,
    asset_changes,
    computer_changes,
    licence_changes,
)
from appliance.judgement.comparison_software import Changed, Entry, changes, just_before
from appliance.judgement.declared import Rectification, RectificationState
from appliance.judgement.documents import rate_document
from appliance.ledger.model import LedgerKind
from appliance.model import Product
from appliance.recognition.corrections import Corrected
from appliance.store import comparisons as store
from appliance.store import inspections as inspection_store
from appliance.store import records as record_store
from appliance.store.database import Db, Row, dumps
from appliance.visits import baselines, comparing, ledgers_in_force, recognising, rectification
from appliance.visits.auditing import no_looking_for_cycles
from appliance.visits.baselines import LiveVisit, Visit
from appliance.visits.comparing import Side
from config.clock import rfc3339
from config.message import Message
from config.problems import NotFound
from scanner.model import InstalledSoftware, Platform, Scope

SHORTLY_BEFORE_HOURS = 72
"""What was installed, changed or removed within so many hours before a computer was read is pointed out."""


@dataclass(slots=True)
class _Work:
    """What grows while the lines pass by."""

    id: str
    at: str
    baseline: Row
    links: Links
    changes: list[RecordChange] = field(default_factory=list[RecordChange])
    signs: dict[str, list[tuple[str, Message]]] = field(default_factory=dict[str, list[tuple[str, Message]]])
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((one.value for one in Followed), 0))
    states: dict[str, RectificationState] = field(default_factory=dict[str, RectificationState])
    closed: list[Row] = field(default_factory=list[Row])
    carried: list[Row] = field(default_factory=list[Row])  # closed before, in places of this visit
    found: set[Known] = field(default_factory=set[Known])  # what was closed and is there again


def run(appliance: Appliance, inspection_id: str, db: Db, baseline: Row, job: Job) -> dict[str, Any]:
    """Compare the newest audit with the baseline and store what came out in one transaction; returns the head."""
    with no_looking_for_cycles():
        return _run(appliance, inspection_id, db, baseline, job)


def _run(appliance: Appliance, inspection_id: str, db: Db, baseline: Row, job: Job) -> dict[str, Any]:
    appliance.log(inspection_id, "comparison.started", baseline=baseline["id"])
    catalogue = recognising.corrected(appliance, appliance.folder.inspection(inspection_id))
    now = LiveVisit(db)
    computers = now.computers()
    with ExitStack() as stack:
        earlier = stack.enter_context(baselines.opened_baseline(appliance, baseline))
        old = earlier.computers() if earlier else []
        links = link_computers(old, computers)
        work = _Work(appliance.ids.new(), rfc3339(appliance.clock.now()), baseline, links)
        products = catalogue.products
        after = comparing.side_of(now, computers, {one.host_id: one.host_id for one in computers}, products)
        if earlier is None:
            before, known = _list_side(db, computers, catalogue, after)
        else:
            before, known = _visit_sides(appliance, db, earlier, now, old, after, work, products)
            _compare_records(work, earlier, now, old, computers)
            _compare_software(work, earlier, now, old, computers, catalogue)
        lines = _lines(work, before, after, known, products, job)
        head = {"id": work.id, "created_at": work.at, "audit_id": now.audit_id}
        done = _head(appliance, work, db, old, computers)
        store.save_comparison(db, head, lines, map(_change_row, work.changes), _closings(work), done)
    appliance.log(inspection_id, "comparison.done", comparison=work.id, **work.counts)
    return shown(store.latest_comparison(db))


def _visit_sides(
    appliance: Appliance,
    db: Db,
    earlier: Visit,
    now: LiveVisit,
    old: list[SeenComputer],
    after: Side,
    work: _Work,
    products: Mapping[str, Product],
) -> tuple[Side, Now]:
    places = comparing.places_before(old, work.links)
    before = comparing.side_of(earlier, old, places, products)
    # What the earlier visit itself found again is open there, whatever was closed before it.
    there = {item[:3] for item in before.items}
    moved = (comparing.carried(row, places, products) for row in earlier.closed())
    work.carried = [row for row in moved if (row["place"], row["product_id"], row["kind"]) not in there]
    closed: dict[Known, Message] = {}
    keys: dict[str, Message] = {}
    for row in work.carried:
        how = Message.of("follow_up.closed_by_visit", at=row["closed_at"][:10])
        closed[row["place"], row["product_id"], row["kind"]] = keys[row["key"]] = how
    keys |= rectification.accepted(appliance, work.baseline["inspection"])
    carriers = comparing.carriers_of(earlier, before.items, places, products)
    known = comparing.what_is_now(now, after, before.items, carriers, closed, keys, products, _disposed(db))
    return before, known


def _disposed(db: Db) -> frozenset[str]:
    return frozenset(one.asset_no for one in record_store.load(db).get("disposals", ()))


def _list_side(db: Db, computers: list[SeenComputer], catalogue: Corrected, after: Side) -> tuple[Side, Now]:
    found = listed(db, computers, catalogue)
    before = Side(items=sorted(one.item(n) for n, one in enumerate(found)), listed=found)
    closed = {
        f"row:{one.number}": Message.of("follow_up.closed_in_list", row=one.row.ref.row)
        for one in found
        if one.row.closed
    }
    known = comparing.what_is_now(LiveVisit(db), after, before.items, {}, {}, closed, catalogue.products, _disposed(db))
    doubts = {one.place: one.doubt for one in found if one.doubt}
    unsure = {**known.seen, **dict.fromkeys(doubts, False)}
    return before, replace(known, seen=unsure, why=doubts)


def listed(db: Db, computers: list[SeenComputer], catalogue: Corrected) -> list[ListedFinding]:
    """The rows of last year's list in force, brought to computers and products of this visit."""
    rows = ledgers_in_force.earlier_findings(db)
    return listed_findings(rows, computers, comparing.product_finder(catalogue), store.said_rows(db))


def _compare_records(
    work: _Work, earlier: Visit, now: Visit, old: list[SeenComputer], computers: list[SeenComputer]
) -> None:
    for kind, differ in ((LedgerKind.ASSETS, asset_changes), (LedgerKind.LICENCES, licence_changes)):
        rows = now.ledger(kind)
        work.changes += differ(earlier.ledger(kind), rows) if rows else ()
    work.changes += computer_changes(old, computers, work.links)


def _compare_software(
    work: _Work,
    earlier: Visit,
    now: Visit,
    old: list[SeenComputer],
    computers: list[SeenComputer],
    catalogue: Corrected,
) -> None:
    recognise = _recognising(catalogue)
    new = {one.host_id: one for one in computers}
    pairs = [(one, new[work.links.to[one.host_id]]) for one in old if one.host_id in work.links.to]
    pairs = [pair for pair in pairs if all(one.facts_id for one in pair)]
    sides = earlier.software([was for was, _ in pairs]), now.software([became for _, became in pairs])
    for (_, became), first, second in zip(pairs, *sides, strict=True):
        found = changes(first, second, recognise)
        work.changes += (_software_change(became.host_id, one) for one in found if one.kind != "touched")
        if signs := list(just_before(found, first, second, SHORTLY_BEFORE_HOURS)):
            work.signs[became.host_id] = signs


def _recognising(catalogue: Corrected) -> Callable[[Entry, str], str]:
    """Recognition that asks the catalogue once for each distinct entry."""
    known: dict[tuple[str, ...], str] = {}

    def recognise(entry: Entry, platform: str) -> str:
        key = (entry.name, entry.publisher, entry.version, entry.form, platform)
        found = known.get(key)
        if found is None:
            scope = Scope.PACKAGE if entry.form else Scope.MACHINE
            fields = (entry.name, "", scope, entry.version or None, entry.publisher or None)
            one = InstalledSoftware(*fields, package_format=entry.form or None)
            product = catalogue.recognise_entry(one, Platform(platform or Platform.WINDOWS)).product
            found = known[key] = comparing.lasting(product.id, catalogue.products) if product else ""
        return found

    return recognise


def _software_change(host_id: str, one: Changed) -> RecordChange:
    entry = one.new or one.old
    assert entry is not None, "a change has at least one side"
    versions = tuple(side.version if side else "" for side in (one.old, one.new))
    fields: dict[str, tuple[Any, Any]] = {"product": (one.product_id, one.product_id), "name": (entry.name, entry.name)}
    return RecordChange("software", one.kind, host_id, {**fields, "version": (versions[0], versions[1])})


def _change_row(change: RecordChange) -> Row:
    document = {"area": change.area, "change": change.change, "subject": change.subject, "fields": change.fields}
    return {"area": change.area, "change": change.change, "subject": change.subject, "document": dumps(document)}


def _lines(
    work: _Work, before: Side, after: Side, known: Now, products: Mapping[str, Product], job: Job
) -> Iterator[Row]:
    for n, line in enumerate(compare(before.items, after.items, known), 1):
        job.done = job.total = n
        _count(work, line)
        yield comparing.line_row(line, before, after, work.links, work.signs, products)


def _count(work: _Work, line: Compared) -> None:
    work.counts[line.followed] += 1
    item = line.before or line.after
    assert item is not None, "a line has at least one side"
    if state := store.STATES.get(line.followed):
        work.states[item.key] = state
    if line.followed is Followed.REAPPEARED:
        work.found.add(item[:3])
    if line.followed is Followed.RECTIFIED:
        work.closed.append(_closed_row(item, work.at))


def _closed_row(item: Item, at: str) -> Row:
    place = {"place": item.place, "product_id": item.product_id, "kind": item.kind}
    return {**place, "key": item.key, "closed_at": at}


def _closings(work: _Work) -> Iterator[Row]:
    """What is closed after this visit: what it closed itself, and what earlier ones had closed and stayed away."""
    yield from work.closed
    for row in work.carried:
        if (row["place"], row["product_id"], row["kind"]) not in work.found:
            yield row


def _head(
    appliance: Appliance, work: _Work, db: Db, old: list[SeenComputer], computers: list[SeenComputer]
) -> Iterator[Row]:
    """Read when all lines are stored: 整改率 and its records, counts, and how the computers were joined."""
    said = [Rectification(key, state, entered_at=work.at) for key, state in sorted(work.states.items())]
    if not inspection_store.read(db)["finalised_at"]:  # after 定稿 nothing that an audit reads may change
        store.save_rectifications(db, appliance.ids.new, work.at, appliance.operator, said)
    tally = sorted((one.area, one.change) for one in work.changes)
    joined = {"before": len(old), "after": len(computers), "same": len(work.links.to)}
    yield {
        "baseline": work.baseline,
        "outcomes": work.counts,
        "rate": rate_document(rectification_rate(said)),
        "computers": {**joined, "by": _tally(sorted(work.links.basis.values()))},
        "changes": {f"{area}.{change}": n for (area, change), n in _tally(tally).items()},
    }


def _tally(values: list[Any]) -> dict[Any, int]:
    return {value: len(list(same)) for value, same in groupby(values)}


def shown(found: Row | None) -> dict[str, Any]:
    """The head of a comparison. Raises NotFound before the first."""
    if found is None:
        raise NotFound("follow_up.none_yet")
    return {"id": found["id"], "created_at": found["created_at"], "audit": found["audit_id"], **found["head"]}
