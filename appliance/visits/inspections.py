"""Use cases before anything is sent: units, inspections, authorisations, segments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from appliance.context import Appliance
from appliance.model import Phase
from appliance.store import inspections as store
from appliance.store import scans as scan_store
from appliance.store.database import Db, Row, opened
from appliance.store.schema import INSPECTION
from appliance.visits import recognising
from config.clock import rfc3339
from config.problems import BadInput, Conflict, NotFound, Refused
from scanner.scope import Authorisation, Scope, check_authorisation

KINDS = ("initial", "follow_up", "self_check")
_AUTHORISATION = TypeAdapter(Authorisation)


def create_unit(
    appliance: Appliance, name: str, system: str = "", region: str = "", parent_id: str | None = None
) -> Row:
    """Record a unit. Raises Conflict when the name is taken, NotFound for an unknown parent."""
    name = name.strip()
    if not name:
        raise BadInput("unit.no_name")
    with appliance.index() as db:
        if store.find_unit(db, name):
            raise Conflict("unit.exists", name=name)
        if parent_id and not store.find_unit(db, parent_id):
            raise NotFound("unit.not_found", unit=parent_id)
        row: Row = {"id": appliance.ids.new(), "name": name, "system": system, "region": region}
        row |= {"parent_id": parent_id, "created_at": rfc3339(appliance.clock.now())}
        store.save_unit(db, row)
    return row


def list_units(appliance: Appliance) -> list[Row]:
    """All units."""
    with appliance.index() as db:
        return store.list_units(db)


def create(appliance: Appliance, unit: str, kind: str, as_of: date | None = None, policy: str | None = None) -> Row:
    """Open an inspection of a unit (id or name): its folder, database and custody log."""
    name = check_kind(appliance, kind, policy)
    now = rfc3339(appliance.clock.now())
    with appliance.index() as index:
        found = store.find_unit(index, unit)
        if not found:
            raise NotFound("unit.not_found", unit=unit)
        inspection_id = appliance.ids.new()
        row: Row = {"id": inspection_id, "unit_id": found["id"], "unit": found["name"], "kind": kind}
        row |= {"phase": Phase.ON_SITE, "policy": name, "created_at": now, "sealed_at": None}
        row |= {"as_of": (as_of or appliance.clock.now().date()).isoformat()}
        folder = appliance.folder.new_inspection(inspection_id)
        with opened(folder.database, INSPECTION, create=True) as db:
            store.create(db, row)
        recognising.recall(appliance, found["id"], folder)
        appliance.log(inspection_id, "inspection.created", unit=found["name"], kind=kind)
        store.index_inspection(index, {"id": inspection_id, "unit_id": found["id"], "kind": kind, "created_at": now})
    return row


def check_kind(appliance: Appliance, kind: str, policy: str | None) -> str:
    """The policy profile an inspection gets. Raises BadInput for an unknown kind or policy, before anything is made."""
    if kind not in KINDS:
        raise BadInput("inspection.bad_kind", kind=kind)
    name = policy or appliance.settings.policy.profile
    appliance.policy(name)
    return name


def list_all(appliance: Appliance, after: str = "", limit: int = 100) -> list[Row]:
    """Inspections of the index."""
    with appliance.index() as db:
        return store.list_inspections(db, after, limit)


def list_present(appliance: Appliance) -> list[Row]:
    """Inspections whose data is on this appliance; those that were ended are not."""
    return [row for row in list_all(appliance, limit=-1) if not row["ended"]]


def get(appliance: Appliance, inspection_id: str) -> Row:
    """One inspection's own row. Raises NotFound."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.read(db)


def change(appliance: Appliance, inspection_id: str, phase: Phase | None, as_of: date | None) -> Row:
    """Move to another phase or as-of date."""
    changes: Row = {}
    if phase:
        changes["phase"] = phase
    if as_of:
        changes["as_of"] = as_of.isoformat()
    with appliance.open_inspection(inspection_id) as (db, _):
        if changes:
            appliance.log(inspection_id, "inspection.changed", **changes)
            store.update(db, changes)
        return store.read(db)


def reopen(appliance: Appliance, inspection_id: str, reason: str) -> Row:
    """Take 定稿 back, with its reason on record: the phase is 补证后 again and the next audit 初步.

    Raises BadInput without a reason, Conflict when nothing is final, Refused once it is sealed.
    """
    if not reason.strip():
        raise BadInput("inspection.reopen_without_reason")
    with appliance.open_inspection(inspection_id, although_final=True) as (db, _):
        finalised_at = store.read(db)["finalised_at"]
        if not finalised_at:
            raise Conflict("inspection.not_final")
        appliance.log(inspection_id, "inspection.reopened", reason=reason, finalised_at=finalised_at)
        row: Row = {"id": appliance.ids.new(), "reopened_at": rfc3339(appliance.clock.now())}
        row |= {"reopened_by": appliance.operator, "finalised_at": finalised_at, "reason": reason.strip()}
        with db.atomic():
            store.save_reopening(db, row)
            store.update(db, {"finalised_at": None, "phase": Phase.AFTER_PROOF})
    return row


def list_reopenings(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All reopenings, oldest first."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_reopenings(db)


def authorise(appliance: Appliance, inspection_id: str, authorisation: Authorisation) -> Authorisation:
    """Record a written permission; it is checked first and replaces the one in force. Raises BadInput, Refused."""
    recorded = replace(authorisation, id=appliance.ids.new(), recorded_at=rfc3339(appliance.clock.now()))
    check_authorisation(recorded)
    if recorded.signed_on is None:
        raise Refused("scope.unsigned", document_no=recorded.document_no)
    if recorded.signed_on > appliance.clock.now().date():
        raise BadInput("scope.signed_in_future", signed_on=recorded.signed_on.isoformat())
    if not recorded.no_classified:
        raise Refused("scope.no_statement")
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(
            inspection_id,
            "authorisation.recorded",
            document_no=recorded.document_no,
            signer=recorded.signer,
            ranges=" ".join(recorded.ranges),
            exclusions=" ".join(recorded.exclusions),
        )
        document = _AUTHORISATION.dump_python(recorded, mode="json")
        store.save_authorisation(db, recorded.id, recorded.recorded_at, document)
    return recorded


def authorisation_in_force(db: Db) -> Authorisation:
    """The authorisation that counts. Raises Refused when there is none."""
    document = store.authorisation_in_force(db)
    if document is None:
        raise Refused("scope.no_authorisation")
    return _AUTHORISATION.validate_python(document)


def list_authorisations(appliance: Appliance, inspection_id: str) -> list[dict[str, Any]]:
    """All authorisations, oldest first; the last is in force."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_authorisations(db)


def add_segment(appliance: Appliance, inspection_id: str, address_range: str, label: str) -> Row:
    """Name one address range of the unit (VLAN, building, plug-in point) inside the authorisation."""
    with appliance.open_inspection(inspection_id) as (db, _):
        Scope.of(authorisation_in_force(db), address_range)
        row: Row = {"id": appliance.ids.new(), "range": address_range, "label": label, "visited_at": None}
        store.save_segment(db, row)
    return row


def list_segments(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All segments."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_segments(db)


def recover(appliance: Appliance) -> int:
    """After a start: scans that were cut off are marked so. Returns how many there were."""
    interrupted = 0
    for row in list_present(appliance):
        with appliance.inspection(row["id"]) as (db, _):
            interrupted += scan_store.mark_interrupted(db)
    return interrupted
