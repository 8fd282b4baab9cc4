"""What a follow-up is compared with: an inspection here, a verified bundle read in place, or last year's list.

``Visit`` is what a comparison asks of either side; :class:`LiveVisit` answers out of an inspection's database,
:class:`BundleVisit` out of a bundle (``appliance.evidence.reading``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from appliance.context import Appliance
from appliance.evidence.reading import BundleReader, opened_bundle
from appliance.judgement.comparison_computers import SeenComputer
from appliance.judgement.comparison_software import NOTHING_READ, Software, software_of
from appliance.ledger.model import LedgerKind
from appliance.store import comparisons as store
from appliance.store import inspections as inspection_store
from appliance.store import ledgers as ledger_store
from appliance.store.database import Db, Row, dumps, loads
from appliance.store.installed import load_installed
from appliance.visits import ledgers_in_force, strangers, unpacking
from appliance.visits.audit_reader import require_intact
from appliance.visits.auditing import latest
from appliance.visits.sealing import known_signers
from config.clock import rfc3339
from config.problems import BadInput, Conflict, NotFound

KINDS = ("inspection", "bundle", "list")


class FoundRow(NamedTuple):
    """One finding of a visit. ``document`` is the text of the API's JSON: there may be many of them."""

    seq: int
    key: str
    kind: str
    subject: str
    product_id: str
    document: str


class Visit(Protocol):
    """One audited visit, read-only."""

    inspection: Row

    def computers(self) -> list[SeenComputer]: ...
    def findings(self) -> Iterator[FoundRow]: ...
    def software(self, computers: Sequence[SeenComputer]) -> Iterator[Software]:
        """The software of each, in their order."""
        ...

    def copies(self) -> Iterator[tuple[str, str, str]]:
        """``(host id, product id, decision)`` of every copy on a computer."""
        ...

    def ledger(self, kind: LedgerKind) -> list[Row]:
        """The rows in force, as JSON objects."""
        ...

    def closed(self) -> Iterator[Row]:
        """What this visit and those before it closed: place (by host id of this visit), product_id, kind, key, at."""
        ...


class LiveVisit:
    """The newest audit of an inspection here. Raises NotFound ``audit.none_yet``."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self.inspection = inspection_store.read(db)
        self.audit_id = str(latest(db)["id"])
        self._ledgers: dict[LedgerKind, list[Row]] = {}

    def computers(self) -> list[SeenComputer]:
        assets = {asset.asset_no: asset for asset in ledgers_in_force.assets_in_force(self._db)}
        sql = """SELECT a.*, r.identity AS identity, json_extract(h.document, '$.mac') AS mac FROM audit_hosts a
                 LEFT JOIN results r ON r.facts_id = a.facts_id LEFT JOIN hosts h ON h.id = a.host_id
                 WHERE a.audit_id = ? ORDER BY a.host_id"""
        found: list[SeenComputer] = []
        for row in self._db.stream(sql, [self.audit_id]):
            one = _computer(row, loads(row["identity"] or "null") or {}, row["mac"] or "")
            asset = assets.get(one.asset_no)
            # A card of many computers names one user at most, so it says nothing of this one's.
            if asset is not None:
                user = asset.user if asset.quantity == 1 else ""
                one = replace(one, computer_no=asset.computer_no, department=asset.department, user=user)
            found.append(one)
        return found

    def findings(self) -> Iterator[FoundRow]:
        for row in store.stream_findings(self._db, self.audit_id):
            yield FoundRow(**row)

    def software(self, computers: Sequence[SeenComputer]) -> Iterator[Software]:
        return load_installed(self._db, [one.facts_id for one in computers])

    def copies(self) -> Iterator[tuple[str, str, str]]:
        return ((r["host_id"], r["product_id"], r["decision"]) for r in store.copies(self._db, self.audit_id))

    def ledger(self, kind: LedgerKind) -> list[Row]:
        if kind not in self._ledgers:
            self._ledgers[kind] = ledger_store.documents_in_force(self._db, kind)
        return self._ledgers[kind]

    def closed(self) -> Iterator[Row]:
        newest = store.latest_comparison(self._db)
        return store.closed_findings(self._db, newest["id"]) if newest else iter(())


class BundleVisit:
    """The audit of a bundle, in place."""

    def __init__(self, reader: BundleReader) -> None:
        self._reader = reader
        self.inspection = reader.inspection
        self._software: dict[str, Software] = {}

    def computers(self) -> list[SeenComputer]:
        macs = {row["id"]: loads(row["document"]).get("mac") or "" for row in self._reader.table("hosts")}
        known: dict[str, Mapping[str, Any]] = {}
        for host_id, facts in self._reader.facts():
            self._software[host_id] = software_of(facts)
            if facts.identity:
                names = ("hostname", "serial", "smbios_uuid", "machine_id", "macs")
                known[host_id] = {name: getattr(facts.identity, name) for name in names}
        rows = sorted(self._reader.hosts(), key=lambda row: row["host_id"])
        return [_computer(row, known.get(row["host_id"], {}), macs.get(row["host_id"], "")) for row in rows]

    def findings(self) -> Iterator[FoundRow]:
        for seq, found in enumerate(self._reader.findings()):
            told = {name: str(found[name]) for name in ("key", "kind", "subject", "product_id")}
            yield FoundRow(seq=seq, document=dumps(found), **told)

    def software(self, computers: Sequence[SeenComputer]) -> Iterator[Software]:
        return (self._software.get(one.host_id, NOTHING_READ) for one in computers)

    def copies(self) -> Iterator[tuple[str, str, str]]:
        found = (row for row in self._reader.verdicts() if row["host_id"])
        return ((row["host_id"], row["product_id"], row["decision"]) for row in found)

    def ledger(self, kind: LedgerKind) -> list[Row]:
        files = [f for f in self._reader.table("ledger_files") if f["kind"] == kind and f["state"] == "accepted"]
        names = [f"data/ledgers/parsed/{file['id']}.json" for file in files]
        return [row for name in names if name in self._reader.names for row in self._reader.array(name)]

    def closed(self) -> Iterator[Row]:
        newest = max((str(row["id"]) for row in self._reader.table("comparisons")), default="")
        return (row for row in self._reader.table("comparison_closed") if row["comparison_id"] == newest)


def read_through(path: Path, known: Collection[str], signer: str | None) -> Row:
    """Read in a child all that a comparison will read of a bundle: what passes its limits may be read here later.

    Returns ``digest, fingerprint, inspection, unit, as_of``. Raises as a verification, BadInput for what does not fit.
    """
    digest, fingerprint = require_intact(path, known, signer)
    with opened_bundle(path) as reader:
        visit = BundleVisit(reader)
        try:
            computers = visit.computers()
            for rows in (visit.findings(), visit.software(computers), visit.copies(), visit.closed()):
                deque(rows, maxlen=0)
            for kind in LedgerKind:
                visit.ledger(kind)
            return {"digest": digest, "fingerprint": fingerprint, **_described(visit)}
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise unpacking.bad(reader, "data", error) from error


def _computer(row: Row, known: Mapping[str, Any], mac: str) -> SeenComputer:
    return SeenComputer(
        host_id=row["host_id"],
        address=row["address"],
        hostname=row["hostname"] or known.get("hostname") or "",
        asset_no=row["asset_no"],
        collected=bool(row["collected"]),
        serial=known.get("serial") or "",
        uuid=known.get("smbios_uuid") or "",
        machine_id=known.get("machine_id") or "",
        macs=tuple(one for one in (*(known.get("macs") or ()), mac) if one),
        facts_id=row["facts_id"],
    )


def choose(appliance: Appliance, inspection_id: str, kind: str, source: str, signer: str | None = None) -> Row:
    """Name what a follow-up is compared with. ``source``: an inspection's id, a bundle's path, nothing for the list.

    Raises Conflict for an inspection that is no follow-up, for another unit or an unjudged baseline; Negative or
    Refused for a bundle that is broken or by nobody known, BadInput for one that does not fit or costs too much.
    """
    with appliance.open_inspection(inspection_id) as (db, _):
        own = inspection_store.read(db)
        if own["kind"] != "follow_up":
            raise Conflict("follow_up.not_a_follow_up")
        document = FOUND[kind](appliance, db, own, source, signer)
        now = rfc3339(appliance.clock.now())
        appliance.log(inspection_id, "baseline.chosen", kind=kind, source=str(document.get("source", "")))
        row = {"id": appliance.ids.new(), "kind": kind, "set_at": now, "set_by": appliance.operator}
        store.save_baseline(db, {**row, "document": document})
        return {**row, **document}


def _of_inspection(appliance: Appliance, db: Db, own: Row, source: str, signer: str | None) -> Row:
    if source == own["id"]:
        raise Conflict("follow_up.own_baseline")
    with appliance.inspection(source) as (other, _):
        try:
            visit = LiveVisit(other)
        except NotFound as error:
            raise Conflict("follow_up.baseline_not_judged") from error
        _check_unit(own, visit.inspection)
        return {"source": source, **_described(visit)}


def _of_bundle(appliance: Appliance, db: Db, own: Row, source: str, signer: str | None) -> Row:
    path = Path(source).absolute()
    asked = {"path": str(path), "known": sorted(known_signers(appliance)), "signer": signer}
    found = strangers.ask(appliance, strangers.READ, [path], asked)
    _check_unit(own, found)
    return {"source": str(path), **found}


def _of_list(appliance: Appliance, db: Db, own: Row, source: str, signer: str | None) -> Row:
    rows = ledgers_in_force.earlier_findings(db)
    if not rows:
        raise Conflict("follow_up.nothing_in_list")
    days = sorted(row.found_on.isoformat() for row in rows if row.found_on)
    return {"source": "", "inspection": "", "unit": own["unit"], "as_of": days[-1] if days else "", "rows": len(rows)}


FOUND = {"inspection": _of_inspection, "bundle": _of_bundle, "list": _of_list}


def _described(visit: Visit) -> Row:
    row = visit.inspection
    return {"inspection": row["id"], "unit": row["unit"], "as_of": row["as_of"]}


def _check_unit(own: Row, other: Row) -> None:
    if own["unit"] != other["unit"]:
        raise Conflict("follow_up.other_unit", unit=own["unit"], other=other["unit"])


@contextmanager
def opened_baseline(appliance: Appliance, baseline: Row) -> Generator[Visit | None]:
    """The baseline's side of a comparison; None for the list, which lies in the follow-up itself.

    A bundle is verified again: it must still be the one that was chosen. Raises BadInput ``follow_up.bundle_changed``.
    """
    if baseline["kind"] == "list":
        yield None
    elif baseline["kind"] == "inspection":
        with appliance.inspection(baseline["source"]) as (db, _):
            yield LiveVisit(db)
    else:
        path = Path(baseline["source"])
        digest, _ = require_intact(path, [baseline["fingerprint"]])
        if digest != baseline["digest"]:
            raise BadInput("follow_up.bundle_changed", name=path.name)
        with opened_bundle(path) as reader:
            yield BundleVisit(reader)


def current(appliance: Appliance, inspection_id: str) -> Row:
    """The baseline that counts. Raises NotFound before one is chosen."""
    with appliance.inspection(inspection_id) as (db, _):
        found = store.latest_baseline(db)
    if found is None:
        raise NotFound("follow_up.no_baseline")
    return found
