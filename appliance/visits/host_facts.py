"""Use cases of facts: what was read from a host, and facts that come from a file instead of the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.context import Appliance
from appliance.store import hosts as store
from appliance.store import probes as probe_store
from appliance.store import single_machine as offline_store
from appliance.store.database import Db, Row, loads
from appliance.store.hosts import HostKeyRow, StoredHost
from appliance.visits import one_computer
from appliance.visits.known_hosts import KnownHosts
from appliance.visits.probing import suspected_nat
from config.clock import parse_rfc3339, rfc3339
from config.problems import BadInput, NotFound
from scanner import facts as facts_json
from scanner.model import DeviceKind, FactsOrigin, Host, HostFacts, Outcome
from scanner.ranges import parse_address

FACTS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NAME_LIMIT = 255
CLOCK_SLACK = timedelta(days=1)
"""How far ahead of this laptop a collected computer's clock may be."""


def list_hosts(appliance: Appliance, inspection_id: str, after: str, limit: int) -> list[Row]:
    """Hosts with the outcome of their best result."""
    with appliance.inspection(inspection_id) as (db, _):
        results, names, known = store.latest_results(db), store.names(db), KnownHosts.of(db)
        beside = _beside(db, known)
        rest = [stored for stored in known.hosts if stored.id > after]
        hosts = rest if limit < 0 else rest[:limit]
        return [_row(stored, results.get(stored.id), names.get(stored.id)) | beside(stored) for stored in hosts]


def get_host(appliance: Appliance, inspection_id: str, host_id: str) -> Row:
    """One host. Raises NotFound."""
    with appliance.inspection(inspection_id) as (db, _):
        stored = store.get_host(db, host_id)
        if stored is None:
            raise NotFound("facts.no_host", id=host_id[:40])
        return _row(stored, store.latest_results(db).get(host_id), store.names(db).get(host_id)) | _beside(
            db, KnownHosts.of(db)
        )(stored)


def _beside(db: Db, known: KnownHosts) -> Callable[[StoredHost], Row]:
    """By host: what it told without a login, whether it hides others, and which other hosts are the same computer;
    ``source`` and ``reading`` where its facts came on a stick or by hand.

    ``same_as`` is the host that stands for its computer, None where it stands for itself; ``also_at`` its other hosts.
    """
    seen, nat, same = probe_store.all_documents(db), suspected_nat(known), one_computer.sameness(db, known)
    keys = {key.address: [_ssh_key(key)] for key in store.list_keys(db)}
    offline = {reading.host_id: reading for reading in offline_store.list_readings(db)}

    def beside(stored: StoredHost) -> Row:
        host_id = stored.id
        because = same.because.get(host_id)
        reading = offline.get(host_id)
        return {
            "source": reading.source if reading else "network",
            "reading": _reading(reading) if reading else None,
            "sightings": [*seen.get(host_id, []), *keys.get(stored.host.address, [])],
            "suspected_nat": [message.to_json() for message in nat.get(host_id, ())],
            "same_as": same.main.get(host_id),
            "same_because": because.to_json() if because else None,
            "also_at": list(same.others(host_id)),
            "identity_questions": [message.to_json() for message in same.questions.get(host_id, ())],
        }

    return beside


def _reading(reading: offline_store.Reading) -> Row:
    names = ("asset_no", "department", "person", "entered_at", "entered_by", "digest")
    return {name: getattr(reading, name) for name in names}


def _ssh_key(key: HostKeyRow) -> Row:
    return {
        "source": "ssh_key",
        "type": key.type,
        "fingerprint": key.fingerprint,
        "state": key.state,
        "at": key.seen_at,
    }


def _row(stored: StoredHost, result: Any, names: Row | None) -> Row:
    facts_id, outcome, reason = result or (None, None, None)
    row: Row = {"id": stored.id, **store.host_document(stored.host), **(names or {"hostname": None, "os": None})}
    return row | {"facts_id": facts_id, "outcome": outcome, "reason": reason.to_json() if reason else None}


def get_facts(appliance: Appliance, inspection_id: str, host_id: str) -> dict[str, Any]:
    """The best facts of one host, as stored. Raises NotFound."""
    with appliance.inspection(inspection_id) as (db, _):
        document = store.facts_document(db, host_id)
    if document is None:
        raise NotFound("facts.none_yet", id=host_id[:40])
    return document


def list_facts(appliance: Appliance, inspection_id: str, after: str, limit: int) -> list[Row]:
    """``{"host_id", "facts"}`` of the best result of each host, in order of host id."""
    with appliance.inspection(inspection_id) as (db, _):
        rows = db.rows(f"{store.LATEST} WHERE r.host_id > ? ORDER BY r.host_id LIMIT ?", [after, limit])
        return [{"host_id": row["host_id"], "facts": loads(row["document"])} for row in rows]


def import_facts(appliance: Appliance, inspection_id: str, document: object) -> Row:
    """Take over ``hezheng.facts/1`` from a single-machine collector or another appliance.

    The host is the one at the facts' address, else a new one. Raises BadInput for a document that does not fit.
    """
    facts = checked(facts_json.from_json(document), appliance.clock.now())
    address = facts.address or ""
    with appliance.open_inspection(inspection_id) as (db, _):
        if db.value("SELECT COUNT(*) FROM results WHERE facts_id = ?", [facts.id]):
            raise BadInput("facts.already_imported", id=facts.id)
        appliance.log(inspection_id, "facts.imported", facts=facts.id, address=address)
        with db.atomic():
            host_id = _host_at(address, store.list_hosts(db))
            if host_id is None:
                host = Host(address, rfc3339(appliance.clock.now()), kind=DeviceKind.COMPUTER)
                host_id = store.save_host(db, host, appliance.ids.new())
            store.save_result(db, None, host_id, facts, None)
    return {"host_id": host_id, "facts_id": facts.id}


def checked(facts: HostFacts, now: datetime) -> HostFacts:
    """Facts that came in a file, with a canonical address and an honest origin. Raises BadInput by name; pure."""
    address = parse_address((facts.address or "").strip())
    if address is None:
        raise BadInput("facts.no_address")
    if not FACTS_ID.fullmatch(facts.id):
        raise BadInput("facts.bad_field", field="id", detail=facts.id[:40])
    if len((facts.identity and facts.identity.hostname) or "") > NAME_LIMIT:
        raise BadInput("facts.bad_field", field="identity.hostname", detail=f"> {NAME_LIMIT}")
    _check_times(facts, now)
    if facts.outcome is Outcome.READ and facts.installations is None:
        raise BadInput("facts.read_without_list")
    origin = FactsOrigin.COLLECTOR if facts.origin is FactsOrigin.NETWORK else facts.origin
    return replace(facts, address=str(address), origin=origin)


def _check_times(facts: HostFacts, now: datetime) -> None:
    try:
        started, finished = (parse_rfc3339(at).astimezone(UTC) for at in (facts.started_at, facts.finished_at))
    except (ValueError, OverflowError) as error:  # a day before the first one, in UTC
        raise BadInput("facts.bad_time", started=facts.started_at[:40], finished=facts.finished_at[:40]) from error
    if finished < started or finished > now + CLOCK_SLACK:
        raise BadInput("facts.bad_time", started=facts.started_at, finished=facts.finished_at)


def _host_at(address: str, hosts: list[StoredHost]) -> str | None:
    return next((stored.id for stored in hosts if stored.host.address == address), None)
