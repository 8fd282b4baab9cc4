"""Use cases of the 单机采集器: write its kit for a stick, and take over the folders that come back."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.ledger.model import ComputerLink, RowRef
from appliance.recognition import identity
from appliance.store import hosts as host_store
from appliance.store import ledgers as ledger_store
from appliance.store import single_machine as store
from appliance.store.database import Db, Row, dumps
from appliance.store.single_machine import Reading
from appliance.visits.keeping import KEEPING
from appliance.visits.ledgers_in_force import assets_in_force
from appliance.visits.links import BY_HAND
from appliance.visits.scan_run import redaction_key
from config.clock import rfc3339
from config.durable import replace_file
from config.message import Message
from config.problems import BadInput, Conflict
from config.windows_marks import windows_marks
from scanner import facts as facts_json
from scanner import process
from scanner.errands import READ_FOLDER
from scanner.model import DeviceKind, Host, HostFacts, Identity
from scanner.process import ChildEnded, Limits
from scanner.single_machine import kit
from scanner.single_machine.folder import Envelope, opened

OFFLINE = "offline:"
"""Begins the address of a computer that has none."""
SINGLE_MACHINE = "single_machine"
NONCE_BYTES = 10
READ_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Brought:
    """What came out of a folder: facts, and its raw records as JSON lines."""

    facts: HostFacts
    raw: bytes


def make(appliance: Appliance, inspection_id: str) -> dict[str, bytes]:
    """The files of a stick for this inspection, by path; its nonce is remembered first. Raises Refused once sealed."""
    nonce = secrets.token_hex(NONCE_BYTES)
    made = kit.files(inspection_id, nonce, windows_marks())
    digest = hashlib.sha256(b"".join(made[name] for name in sorted(made))).hexdigest()
    with appliance.open_inspection(inspection_id) as (db, _):
        appliance.log(inspection_id, "collector.made", nonce=nonce, sha256=digest)
        store.save_kit(db, nonce, rfc3339(appliance.clock.now()), appliance.operator)
    return made


def import_folder(appliance: Appliance, inspection_id: str, files: Mapping[str, bytes], again: bool = False) -> Row:
    """Take over one folder: ``{"host_id", "facts_id", "digest", "asset_no", "asset_known", …}``.

    ``again``: a second reading of a computer that was read before, which then counts in place of the first. Raises
    BadInput (not a folder, unfinished, tampered), Conflict (another inspection's, unknown nonce, taken over before, the
    computer or its 资产编号 read before).
    """
    envelope = opened(files)
    with appliance.open_inspection(inspection_id) as (db, folder):
        since = _known_kit(db, inspection_id, envelope)
        _not_yet(store.list_readings(db), envelope)
        brought = _read(appliance, inspection_id, files, appliance.ids.new(), since)
        with KEEPING:
            return _taken_over(appliance, inspection_id, db, folder, envelope, brought, again)


def _taken_over(
    appliance: Appliance,
    inspection_id: str,
    db: Db,
    folder: InspectionFolder,
    envelope: Envelope,
    brought: Brought,
    again: bool,
) -> Row:
    """Store what was read, unless the computer or its 资产编号 was read before, also while this one was being read."""
    readings = store.list_readings(db)
    _not_yet(readings, envelope)
    earlier = _same_computer(db, readings, brought.facts)
    if earlier and not again:
        raise Conflict("collector.computer_read", asset=earlier.asset_no, at=earlier.entered_at, person=earlier.person)
    _asset_free(readings, envelope, earlier)
    reading = Reading(
        facts_id=brought.facts.id,
        host_id=earlier.host_id if earlier else appliance.ids.new(),
        source=SINGLE_MACHINE,
        digest=envelope.digest,
        nonce=envelope.nonce,
        asset_no=envelope.asset_no,
        department=envelope.department,
        person=envelope.person,
        entered_at=rfc3339(appliance.clock.now()),
        entered_by=appliance.operator,
    )
    facts = keep(appliance, inspection_id, db, folder, reading, brought)
    return {**summary(facts, reading), "asset_known": link_asset(appliance, db, reading, facts)}


def _known_kit(db: Db, inspection_id: str, envelope: Envelope) -> str:
    if envelope.inspection != inspection_id:
        raise Conflict("collector.other_inspection", other=envelope.inspection[:40], this=inspection_id)
    since = store.kit_made_at(db, envelope.nonce)
    if since is None:
        raise Conflict("collector.unknown_nonce", nonce=envelope.nonce[:40])
    return since


def _not_yet(readings: list[Reading], envelope: Envelope) -> None:
    for reading in readings:
        if reading.digest == envelope.digest:
            raise Conflict("collector.folder_taken", asset=reading.asset_no, at=reading.entered_at)


def _same_computer(db: Db, readings: list[Reading], facts: HostFacts) -> Reading | None:
    """The last reading of the same computer: same installation and name, where no hardware number contradicts."""
    known = host_store.identities(db)
    for reading in reversed(readings):
        if _is_one(known.get(reading.host_id), facts.identity):
            return reading
    return None


def _is_one(one: Identity | None, other: Identity | None) -> bool:
    if one is None or other is None:
        return False
    pairs = [
        (identity.serial(getattr(one, name)), identity.serial(getattr(other, name)))
        for name in ("machine_id", "smbios_uuid", "serial", "board_serial")
    ]
    known = [(first, second) for first, second in pairs if first and second]
    same_name = identity.hostname(one.hostname) == identity.hostname(other.hostname)
    return bool(known) and same_name and all(first == second for first, second in known)


def _asset_free(readings: list[Reading], envelope: Envelope, earlier: Reading | None) -> None:
    """One 资产编号 names one computer: a second one under it is a slip of whoever typed it."""
    for reading in readings:
        same_asset = reading.asset_no and reading.asset_no == envelope.asset_no
        if same_asset and (earlier is None or reading.host_id != earlier.host_id):
            raise Conflict(
                "collector.asset_taken", asset=reading.asset_no, at=reading.entered_at, person=reading.person
            )


def _read(appliance: Appliance, inspection_id: str, files: Mapping[str, bytes], facts_id: str, since: str) -> Brought:
    """Read a folder in a limited child: its content is a stranger's. Raises BadInput."""
    settings = appliance.settings.scan
    job = {
        "files": {name: base64.b64encode(data).decode("ascii") for name, data in files.items()},
        "facts_id": facts_id,
        "address": OFFLINE,
        "since": since,
        "redaction_key": _masking_key(appliance, inspection_id).hex(),
        "marks": windows_marks().to_json(),
    }
    limits = Limits(READ_SECONDS * 2, READ_SECONDS, settings.worker_memory_mb)
    raw: list[bytes] = []
    facts: HostFacts | None = None
    try:
        for message in process.run(READ_FOLDER, job, limits, appliance.clock):
            if "problem" in message:
                problem = Message.from_json(message["problem"])
                raise BadInput(problem.code, **problem.params)
            if "raw" in message:
                raw.append(dumps(message["raw"]).encode() + b"\n")
            elif "facts" in message:
                facts = facts_json.from_text(message["facts"])
    except ChildEnded as ended:
        raise BadInput("collector.unreadable", detail=type(ended).__name__) from ended
    if facts is None:
        raise BadInput("collector.unreadable", detail="-")
    return Brought(facts, b"".join(raw))


def _masking_key(appliance: Appliance, inspection_id: str) -> bytes:
    """The inspection's own key; where no vault was ever made, one for this folder alone: nothing can be compared then.

    Raises Refused while the vault is locked.
    """
    if not appliance.vault.exists():
        return secrets.token_bytes(32)
    return redaction_key(appliance, inspection_id)


def keep(
    appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, reading: Reading, brought: Brought
) -> HostFacts:
    """Store facts and raw records as one checkpoint; returns the facts with the host's address."""
    with KEEPING:
        hosts = {stored.id: stored.host.address for stored in host_store.list_hosts(db)}
        address = hosts.get(reading.host_id) or new_address(reading, brought.facts, set(hosts.values()))
        digest = hashlib.sha256(brought.raw).hexdigest() if brought.raw else None
        facts = replace(brought.facts, address=address, raw_digest=digest)
        appliance.log(
            inspection_id,
            "facts.imported",
            facts=facts.id,
            address=address,
            source=reading.source,
            folder_sha256=reading.digest,
            asset=reading.asset_no,
        )
        name = f"{facts.id}.jsonl" if brought.raw else None
        if name:
            replace_file(folder.raw / name, brought.raw)
        with db.atomic():
            if reading.host_id not in hosts:
                host = Host(address, reading.entered_at, kind=DeviceKind.COMPUTER)
                host_store.save_host(db, host, reading.host_id)
            host_store.save_result(db, None, reading.host_id, facts, name)
            store.save_reading(db, reading)
    return facts


def new_address(reading: Reading, facts: HostFacts, taken: set[str]) -> str:
    """``offline:ZC-0427``: what stands where other computers have their address; unlike every other."""
    hostname = facts.identity.hostname if facts.identity else None
    name = OFFLINE + (reading.asset_no or hostname or facts.id)
    number = 2
    address = name
    while address in taken:
        address, number = f"{name}#{number}", number + 1
    return address


def link_asset(appliance: Appliance, db: Db, reading: Reading, facts: HostFacts) -> bool:
    """Link the typed 资产编号 to the computer where nobody linked it before. Says whether the ledger has it."""
    asset = next((row for row in assets_in_force(db) if row.asset_no == reading.asset_no), None)
    if asset is None or not reading.asset_no:
        return False
    linked = {link.asset_no for link in ledger_store.list_links(db)}
    if reading.asset_no not in linked:
        hostname = (facts.identity and facts.identity.hostname) or ""
        number = asset.computer_no or asset.asset_no
        link = ComputerLink(RowRef(BY_HAND, "", 0), number, asset.asset_no, hostname, (facts.address or "",))
        ledger_store.save_link(db, link, reading.entered_at, reading.entered_by)
    return True


def summary(facts: HostFacts, reading: Reading) -> Row:
    """What a person is told of a reading that was taken over."""
    return {
        "host_id": reading.host_id,
        "facts_id": reading.facts_id,
        "address": facts.address,
        "source": reading.source,
        "digest": reading.digest,
        "asset_no": reading.asset_no,
        "department": reading.department,
        "person": reading.person,
        "hostname": facts.identity.hostname if facts.identity else None,
        "os": facts.os.name if facts.os else None,
        "outcome": facts.outcome,
        "reason": facts.reason.to_json() if facts.reason else None,
        "installations": None if facts.installations is None else len(facts.installations),
        "skipped": len(facts.skipped),
    }


def list_readings(appliance: Appliance, inspection_id: str) -> list[Row]:
    """All readings without the network, in order of entry."""
    with appliance.inspection(inspection_id) as (db, _):
        return [
            {
                "facts_id": reading.facts_id,
                "host_id": reading.host_id,
                "source": reading.source,
                "asset_no": reading.asset_no,
                "department": reading.department,
                "person": reading.person,
                "digest": reading.digest,
                "entered_at": reading.entered_at,
                "entered_by": reading.entered_by,
            }
            for reading in store.list_readings(db)
        ]
