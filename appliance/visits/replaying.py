"""Use case: replay a bundle — raw answers become facts, facts verdicts and rates, and all of it is compared.

The rules that judge are those of this software: a bundle of another version is not judged, but names the version to
install. Catalogue, policy and corrections are the sealed ones, read as data by the loaders of every start. Raw answers
are a stranger's: facts are derived from them in a limited child, as on the day of the visit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter

from appliance.context import Appliance
from appliance.evidence import own_wheel, replaying
from appliance.evidence.manifest import is_portable
from appliance.evidence.reading import BundleReader
from appliance.evidence.replaying import Differences, NoVerdictError
from appliance.folder import DataFolder, InspectionFolder
from appliance.jobs import Job
from appliance.judgement.audit import AuditRun, run_audit
from appliance.judgement.policy import Policy, load_policy
from appliance.model import Finding, Rate
from appliance.recognition.catalogue import Catalogue
from appliance.recognition.catalogue import load as load_catalogue
from appliance.reference import Loaded
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.store.database import Db, dumps, opened
from appliance.store.schema import INSPECTION
from appliance.version import VERSION
from appliance.visits import auditing, sealing, unpacking
from appliance.visits.audit_reader import bundled_audit
from appliance.visits.deriving import Deriver
from config.clock import SystemClock
from config.durable import private_folder
from config.ids import is_ulid
from config.problems import BadInput, OtherVersion
from config.settings import load as load_settings
from scanner import facts as facts_json
from scanner.model import FactsOrigin, HostFacts

CATALOGUE, POLICIES = "data/tool/catalogue", "data/tool/policies"
SHAPES = {"head": dict, "rates": dict, "positions": list}
FINDING, RATE = TypeAdapter(Finding), TypeAdapter(Rate)


class SealedRules(Appliance):
    """An appliance whose catalogue and policies are those of a bundle, unpacked to ``rules`` in its folder."""

    @cached_property
    def loaded_catalogue(self) -> Loaded[Catalogue]:
        source = self.folder.root / "rules" / "catalogue"
        return Loaded(load_catalogue(source), source)

    @cached_property
    def loaded_policies(self) -> Loaded[tuple[Policy, ...]]:
        source = self.folder.root / "rules" / "policies"
        return Loaded(tuple(load_policy(file.stem, source) for file in sorted(source.glob("*.toml"))), source)


@dataclass
class Replay:
    """What came out. ``facts``: how many were derived from raw answers, and how many had none (carried in a file)."""

    digest: str
    fingerprint: str
    same_program: bool
    derived: int
    given: int
    verdicts: int
    digests: dict[str, str]
    differences: Differences
    addresses: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """``outcome`` (``identical`` or ``different``), the digests of everything derived, the first differences."""
        return {
            "outcome": "different" if self.differences.count else "identical",
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "version": VERSION,
            "same_program": self.same_program,
            "facts": {"derived": self.derived, "given": self.given},
            "verdicts": self.verdicts,
            "digests": self.digests,
            "differences": self.differences.count,
            "first": [
                {**one.to_json(), "address": self.addresses.get(one.host_id, "")} for one in self.differences.shown
            ],
        }


def replay_bundle(path: Path, known_signers: Collection[str], signer: str | None, work: Path | None) -> Replay:
    """Verify, derive, judge and compare. ``work``: where the temporary folder goes; None is the system's.

    Raises as :func:`appliance.visits.audit_reader.bundled_audit`; OtherVersion when other rules judged; BadInput for
    content that our loaders refuse.
    """
    with bundled_audit(path, known_signers, signer) as reader:
        _require_version(reader)
        with TemporaryDirectory(prefix="hezheng-replay-", dir=work) as folder:
            return _replay(reader, Path(folder))


def _require_version(reader: BundleReader) -> None:
    if reader.version != VERSION:
        raise OtherVersion("replay.other_version", name=reader.name, sealed=reader.version or "?", running=VERSION)


def _replay(reader: BundleReader, root: Path) -> Replay:
    for place in (CATALOGUE, POLICIES):
        _unpack_rules(reader, place, private_folder(root / "rules" / place.rpartition("/")[2]))
    appliance = SealedRules.open(DataFolder(root), load_settings(environment={}), SystemClock())
    inspection_id = str(reader.inspection.get("id"))
    folder = _new_folder(appliance, reader, inspection_id)
    differences = Differences()
    with opened(folder.database, INSPECTION, create=True) as db:
        unpacking.fill_inspection(reader, db, reader.inspection)
        unpacking.fill_tables(reader, db)
        unpacking.write_files(reader, folder)
        with Deriver(reader, appliance.settings.scan, appliance.clock) as deriver:
            facts, given = _fill_facts(reader, db, differences, deriver)
        unpacking.check_filled(reader, db)
        audit = run_audit(auditing.inputs(appliance, inspection_id, db))
        digests = _judged(reader, audit, differences)
        addresses = {stored.id: stored.host.address for stored in host_store.list_hosts(db)}
    return Replay(
        digest=reader.bundle_digest,
        fingerprint=reader.fingerprint,
        same_program=_same_program(reader),
        derived=len(facts),
        given=given,
        verdicts=int(audit.head["verdicts"]["count"]),
        digests={"facts": replaying.digest_of(facts), **digests},
        differences=differences,
        addresses=addresses,
    )


def _unpack_rules(reader: BundleReader, place: str, target: Path) -> None:
    for name in sorted(reader.names):
        folder, _, last = name.rpartition("/")
        if folder == place and last.endswith(".toml") and is_portable(last):
            unpacking.copy(reader, name, target / last)


def _new_folder(appliance: Appliance, reader: BundleReader, inspection_id: str) -> InspectionFolder:
    """The folders of the inspection, and its unit in the index."""
    if not is_ulid(inspection_id):
        raise BadInput("imports.bad_content", name=reader.name, path="data/inspection.json", detail="id")
    with appliance.index() as index:
        store.save_unit(index, unpacking.unit_of(reader))
    return appliance.folder.new_inspection(inspection_id)


def _fill_facts(reader: BundleReader, db: Db, differences: Differences, deriver: Deriver) -> tuple[dict[str, str], int]:
    """Store the facts that the raw answers give. Digest by facts id, and the number of facts without raw answers."""
    digests: dict[str, str] = {}
    given = 0
    with db.atomic():
        for result in unpacking.results(reader):
            facts = _derived(deriver, result)
            if facts is None:
                given += 1
            else:
                digests[facts.id] = hashlib.sha256(facts_json.to_text(facts).encode()).hexdigest()
                differences.add(replaying.facts_differences(result.row["host_id"], result.facts, facts))
            unpacking.save_result(reader, db, result, facts or result.facts)
    return digests, given


def _derived(deriver: Deriver, result: unpacking.Result) -> HostFacts | None:
    """None for facts that came in a file or were entered by hand, and for a host that gave nothing."""
    by_hand = result.facts.origin is FactsOrigin.MANUAL
    if by_hand or unpacking.raw_name(result.row) is None or result.facts.platform is None:
        return None
    return deriver.derive(result.facts, unpacking.raw_path(result.row))


def _judged(reader: BundleReader, audit: AuditRun, differences: Differences) -> dict[str, str]:
    """Compare verdicts, findings, rates, positions and head; digests of what was derived."""
    said = _sealed_audit(reader)
    running = hashlib.sha256()
    sealed = hashlib.sha256()
    try:
        differences.add(
            replaying.verdict_differences(
                _hashed(reader.raw_lines("data/verdicts.jsonl"), sealed),
                _hashed((line.rstrip(b"\n") for line in audit.lines()), running),
            )
        )
    except NoVerdictError as error:
        raise unpacking.bad(reader, "data/verdicts.jsonl", error) from error
    head = _plain(dict(audit.head))
    rates = _plain({name: RATE.dump_python(rate, mode="json") for name, rate in audit.rates.items()})
    findings = [_plain(FINDING.dump_python(finding, mode="json")) for finding in audit.findings]
    positions = [_plain(asdict(position)) for position in audit.positions]
    differences.add(replaying.list_differences("finding", reader.findings(), findings))
    differences.add(replaying.list_differences("position", said["positions"], positions))
    differences.add(replaying.document_differences("rate", said["rates"], rates))
    differences.add(replaying.document_differences("head", said["head"], head))
    names = {"verdicts": running.hexdigest(), "sealed_verdicts": sealed.hexdigest()}
    documents = {"findings": findings, "positions": positions, "rates": rates, "head": head}
    return {**names, **{name: replaying.digest_of(document) for name, document in documents.items()}}


def _sealed_audit(reader: BundleReader) -> Mapping[str, Any]:
    """``rates``, ``head`` and ``positions`` as they were sealed. Raises BadInput for other shapes."""
    said = reader.audit
    whole = all(isinstance(said.get(name), kind) for name, kind in SHAPES.items())
    if not whole or not all(isinstance(one, dict) for one in said["positions"]):
        raise unpacking.bad(reader, "data/rates.json", ValueError(", ".join(SHAPES)))
    return said


def _hashed(lines: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for line in lines:
        digest.update(line + b"\n")
        yield line


def _plain(document: Any) -> Any:
    """As it reads after it was stored."""
    return json.loads(dumps(document))


def _same_program(reader: BundleReader) -> bool:
    """Whether the wheel in the bundle is the program that runs, byte for byte."""
    name = f"data/tool/{own_wheel.NAME}"
    if name not in reader.names:
        return False
    return hashlib.sha256(reader.small(name)).digest() == hashlib.sha256(own_wheel.built()).digest()


def start(appliance: Appliance, inspection_id: str, bundle_id: str) -> Job:
    """Replay a bundle of this appliance as a job. Raises NotFound."""
    path = sealing.bundle_path(appliance, inspection_id, bundle_id)

    def work(_job: Job) -> dict[str, Any]:
        known = sealing.known_signers(appliance)
        return replay_bundle(path, known, None, appliance.folder.run).to_json()

    return appliance.jobs.start("replay", "hosts", inspection_id, work)
