"""The partial captures that are merged: their bundles, verified and read in place, and what is compared of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence import manifest, merging
from appliance.evidence.merging import Part
from appliance.evidence.reading import BundleReader, opened_bundle
from appliance.evidence.replaying import digest_of
from appliance.recognition.corrections import Correction
from appliance.recognition.sameness import Decided, Seen
from appliance.store.ledgers import ACCEPTED
from appliance.visits import sealing, unpacking
from appliance.visits.audit_reader import require_intact
from config.problems import BadInput, Refused
from scanner.model import Identity

CATALOGUE = "data/tool/catalogue/"


@dataclass(frozen=True, slots=True)
class Opened:
    """One part: its bundle, read in place, and what is compared of it."""

    reader: BundleReader
    part: Part
    digest: str
    fingerprint: str


def paths_of(appliance: Appliance, inspection_ids: Sequence[str]) -> dict[str, Path]:
    """Where the newest bundle of each inspection is. Raises BadInput ``merge.too_few``, ``merge.twice``, Refused
    ``merge.not_sealed``, NotFound.
    """
    if len(inspection_ids) < 2:
        raise BadInput("merge.too_few")
    for inspection_id in inspection_ids:
        if inspection_ids.count(inspection_id) > 1:
            raise BadInput("merge.twice", id=inspection_id)
    return {inspection_id: _path_of(appliance, inspection_id) for inspection_id in inspection_ids}


def _path_of(appliance: Appliance, inspection_id: str) -> Path:
    bundles = sealing.list_bundles(appliance, inspection_id)
    if not bundles:
        raise Refused("merge.not_sealed", id=inspection_id)
    return Path(bundles[-1]["path"])


def open_part(inspection_id: str, path: Path, known: Collection[str], stack: ExitStack) -> Opened:
    """One part, verified. Raises as a verification, BadInput for content that does not fit."""
    digest, fingerprint = require_intact(path, known)
    reader = stack.enter_context(opened_bundle(path))
    return Opened(reader, _part(reader, inspection_id), digest, fingerprint)


def require_one_visit(parts: Sequence[Part]) -> None:
    """Raises Refused ``merge.other_unit``, ``merge.other_kind``, ``merge.other_authorisation``."""
    units, kinds = ({getattr(part, name) for part in parts} for name in ("unit", "kind"))
    if len(units) > 1:
        raise Refused("merge.other_unit", units="、".join(sorted(units)))
    if len(kinds) > 1:
        raise Refused("merge.other_kind", kinds="、".join(sorted(kinds)))
    for part in parts:
        if part.authorisation != parts[0].authorisation:
            raise Refused("merge.other_authorisation", id=part.inspection)


def _part(reader: BundleReader, inspection_id: str) -> Part:
    """What is compared of one bundle. Raises BadInput."""
    row = reader.inspection
    try:
        authorisations = [json.loads(one["document"]) for one in reader.table("authorisations")]
        records = [(one["kind"], json.loads(one["document"])) for one in reader.table("records")]
        stated = [json.loads(one["document"]) for one in reader.table("computer_links")]
        return Part(
            inspection=inspection_id,
            unit=str(row["unit"]),
            kind=str(row["kind"]),
            authorisation=merging.authorisation_digest(authorisations[-1]) if authorisations else "",
            policy=str(row["policy"]),
            phase=str(row["phase"]),
            as_of=str(row["as_of"]),
            catalogue=_catalogue(reader),
            segments=tuple(str(one["range"]) for one in reader.table("segments") if one["visited_at"]),
            hosts=_hosts(reader),
            decided=tuple(
                Decided(said["host_id"], said["other_id"], said["same"])
                for kind, said in records
                if kind == "same_computers"
            ),
            ledgers=_ledgers(reader),
            links={said["computer_no"]: digest_of(said) for said in stated},
            corrections={one.id: digest_of(_meaning(one)) for one in unpacking.sealed_corrections(reader)},
            decisions={
                said["product_id"]: str(said["decision"])
                for kind, said in records
                if kind == "decisions" and not said["host_id"]
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise unpacking.bad(reader, "data/tables", error) from error


def _catalogue(reader: BundleReader) -> str:
    listed, _ = manifest.parse(manifest.MANIFEST, reader.small(manifest.MANIFEST))
    files = {path.rpartition("/")[2]: digest for path, digest in listed.items() if path.startswith(CATALOGUE)}
    return _catalogue_name(str(reader.audit["head"]["catalogue"]["version"]), files)


def own_catalogue(appliance: Appliance) -> str:
    """The catalogue that judges here, as parts name theirs."""
    files = {file.name: file.read_bytes() for file in appliance.loaded_catalogue.source.glob("*.toml")}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return _catalogue_name(appliance.catalogue.version, digests)


def _catalogue_name(version: str, files: Mapping[str, str]) -> str:
    """A catalogue's version and the first characters of a digest over its files."""
    return f"{version} {digest_of(dict(files))[:12]}"


def _hosts(reader: BundleReader) -> tuple[Seen, ...]:
    known = {host_id: facts.identity for host_id, facts in reader.facts()}
    rows = ((row["id"], json.loads(row["document"])) for row in reader.table("hosts"))
    return tuple(
        Seen(host_id, host["address"], host.get("mac"), known.get(host_id), _hostname(known.get(host_id)))
        for host_id, host in rows
    )


def _hostname(identity: Identity | None) -> str | None:
    return identity.hostname if identity else None


def _ledgers(reader: BundleReader) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in reader.table("ledger_files"):
        if row["state"] == ACCEPTED:
            found.setdefault(str(row["kind"]), set()).add(str(row["sha256"]))
    return {kind: frozenset(digests) for kind, digests in found.items()}


def _meaning(correction: Correction) -> dict[str, Any]:
    """What a correction says, without who said it and when."""
    own = asdict(correction.own) if correction.own else None
    return {"product_id": correction.product_id, "own": own, "noise": correction.noise}
