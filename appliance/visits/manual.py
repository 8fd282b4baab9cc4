"""手工登记: what a person read off a computer that neither the network nor a stick may reach, with photo and signature.

It is a source of its own (``FactsOrigin.MANUAL``): facts, raw record and list of readings all say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from appliance.context import Appliance
from appliance.store import single_machine as store
from appliance.store.database import Row, dumps
from appliance.store.single_machine import Reading
from appliance.visits import collector
from appliance.visits.collector import Brought
from appliance.visits.keeping import KEEPING
from config.clock import rfc3339
from config.durable import replace_file
from config.problems import BadInput, Conflict
from scanner.model import (
    CollectorResult,
    FactsOrigin,
    HostFacts,
    Identity,
    InstalledSoftware,
    LicenceState,
    LicenceStatus,
    OperatingSystem,
    Outcome,
    Platform,
    Scope,
)
from scanner.raw import RawRecord

MANUAL = "manual"
COLLECTOR = "manual.entered"
OBSERVATION = "o00001"
PHOTO, SIGNATURE = "photo", "signature"
SIGNATURES: Mapping[str, tuple[bytes, ...]] = {
    ".jpg": (b"\xff\xd8\xff",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".pdf": (b"%PDF-",),
}
"""How the files begin that are taken: by content, whatever their names say."""
LARGEST_PAPER_MB = 20


@dataclass(frozen=True, slots=True)
class Program:
    """One program as the person saw it listed."""

    name: str
    version: str | None = None
    publisher: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What was read off the screen and the case. ``activation_text``: the words on the activation screen."""

    asset_no: str
    department: str
    person: str
    platform: Platform
    os_name: str
    activation: LicenceStatus | None
    activation_text: str
    signed_by: str
    hostname: str | None = None
    os_version: str | None = None
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    software: tuple[Program, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A photo of the activation screen, or the scan of the sheet with the user's signature."""

    kind: str
    data: bytes


def enter(appliance: Appliance, inspection_id: str, entry: Entry, papers: Sequence[Paper]) -> Row:
    """Take a 手工登记 over as the facts of a computer of its own; the answer is that of an imported folder.

    Raises BadInput ``manual.paper_missing``, ``manual.bad_paper``; Conflict ``collector.asset_taken``.
    """
    suffixes = [suffix_of(paper) for paper in papers]
    for kind in (PHOTO, SIGNATURE):
        if kind not in {paper.kind for paper in papers}:
            raise BadInput("manual.paper_missing", paper=kind)
    with KEEPING, appliance.open_inspection(inspection_id) as (db, folder):
        _asset_free(store.list_readings(db), entry)
        facts_id, now = appliance.ids.new(), rfc3339(appliance.clock.now())
        digests = [hashlib.sha256(paper.data).hexdigest() for paper in papers]
        names = [
            f"{facts_id}-{at}-{paper.kind}{suffix}"
            for at, (paper, suffix) in enumerate(zip(papers, suffixes, strict=True), 1)
        ]
        for name, paper in zip(names, papers, strict=True):
            replace_file(folder.attachments / name, paper.data)
        raw = raw_record(entry, dict(zip(names, digests, strict=True)), now, appliance.operator)
        line = dumps(raw.to_json()).encode() + b"\n"
        reading = Reading(
            facts_id=facts_id,
            host_id=appliance.ids.new(),
            source=MANUAL,
            digest=hashlib.sha256(line).hexdigest(),
            nonce="",
            asset_no=entry.asset_no,
            department=entry.department,
            person=entry.person,
            entered_at=now,
            entered_by=appliance.operator,
        )
        facts = collector.keep(
            appliance,
            inspection_id,
            db,
            folder,
            reading,
            Brought(facts_of(entry, facts_id, now, appliance.operator), line),
        )
        known = collector.link_asset(appliance, db, reading, facts)
        return {**collector.summary(facts, reading), "asset_known": known, "papers": names}


def _asset_free(readings: Sequence[Reading], entry: Entry) -> None:
    for reading in readings:
        if reading.asset_no == entry.asset_no:
            raise Conflict(
                "collector.asset_taken", asset=reading.asset_no, at=reading.entered_at, person=reading.person
            )


def suffix_of(paper: Paper) -> str:
    """What kind of file a paper is. Raises BadInput ``manual.bad_paper``."""
    if len(paper.data) <= LARGEST_PAPER_MB << 20 and paper.kind in (PHOTO, SIGNATURE):
        for suffix, starts in SIGNATURES.items():
            if paper.data.startswith(starts):
                return suffix
    raise BadInput("manual.bad_paper", paper=paper.kind[:20], limit_mb=LARGEST_PAPER_MB)


def raw_record(entry: Entry, papers: Mapping[str, str], now: str, operator: str) -> RawRecord:
    """What was entered as it was entered, with the digests of the papers by name: the evidence of these facts."""
    answer: dict[str, Any] = {**asdict(entry), "papers": dict(papers), "entered_by": operator}
    return RawRecord(OBSERVATION, COLLECTOR, now, MANUAL, {"op": COLLECTOR}, answer)


def facts_of(entry: Entry, facts_id: str, now: str, operator: str) -> HostFacts:
    """The facts; the activation is what the screen said and has no channel, which nobody can see there. Pure."""
    installations = tuple(
        InstalledSoftware(
            name=program.name,
            source=f"{MANUAL}:{at}",
            scope=Scope.MACHINE,
            version=program.version,
            publisher=program.publisher,
            observation=OBSERVATION,
        )
        for at, program in enumerate(entry.software, 1)
    )
    state = LicenceState(
        source=MANUAL,
        name=entry.os_name,
        application=application(entry),
        status=entry.activation,
        status_reason=entry.activation_text or None,
        observation=OBSERVATION,
    )
    return HostFacts(
        id=facts_id,
        outcome=Outcome.READ,
        origin=FactsOrigin.MANUAL,
        started_at=now,
        finished_at=now,
        platform=entry.platform,
        channel=MANUAL,
        account=operator,
        collectors=(CollectorResult(COLLECTOR, 1, Outcome.READ, None, 2 + len(installations)),),
        identity=Identity(
            hostname=entry.hostname,
            serial=entry.serial,
            maker=entry.maker,
            model=entry.model,
            observation=OBSERVATION,
        ),
        os=OperatingSystem(entry.platform, entry.os_name, entry.os_version, observation=OBSERVATION),
        installations=installations,
        licence_states=(state,) if entry.activation else None,
    )


def application(entry: Entry) -> str:
    """``windows``, ``kylin``, ``uos`` or ``other``, by the system's name."""
    if entry.platform is Platform.WINDOWS:
        return "windows"
    folded = entry.os_name.casefold()
    if "麒麟" in folded or "kylin" in folded:
        return "kylin"
    return "uos" if "uos" in folded or "统信" in folded else "other"
