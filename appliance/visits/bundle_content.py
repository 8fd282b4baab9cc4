"""What a bundle holds: the payload of an inspection in the layout of ``docs/bundle.md``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from appliance.context import Appliance
from appliance.evidence import own_wheel, sbom
from appliance.evidence.bundle import BundleFile
from appliance.evidence.custody import entries
from appliance.evidence.manifest import portable_name
from appliance.evidence.merging import PARTS
from appliance.folder import InspectionFolder
from appliance.ledger import columns
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.store import ledgers as ledger_store
from appliance.store import probes as probe_store
from appliance.store import records as record_store
from appliance.store.database import Db, Row, dumps
from appliance.version import VERSION
from appliance.visits import recognising
from appliance.visits.changes import FILE as CHANGES
from config.clock import Clock, parse_rfc3339, rfc3339

COVERAGE_COLUMNS = ("host_id", "address", "mac", "kind", "outcome", "reason", "facts_id")
FORMULA_STARTS = "=+-@\t\r＝＋－＠"
TABLES = (
    "authorisations", "segments", "hosts", "host_keys", "scans", "scan_chunks", "ledger_files", "proofs",
    "computer_links", "records", "reopenings", "sightings",
    "collector_kits", "offline_readings",
    "baselines", "baseline_rows", "comparisons", "comparison_lines", "comparison_changes", "comparison_closed",
)  # fmt: skip
"""Tables that go into ``data/tables`` row by row: what was discovered and entered, beyond the files of their own."""
JUDGED_TABLES = ("audit_hosts", "audit_assets")
"""Computers and assets as the sealed audit saw them."""
RESULTS = """SELECT facts_id, scan_id, round, host_id, outcome, reason, finished_at, raw_file, raw_digest
             FROM results ORDER BY facts_id"""


def bundle_files(
    appliance: Appliance, inspection_id: str, db: Db, folder: InspectionFolder, audit: Row
) -> Iterator[BundleFile]:
    """The payload. The custody log is taken as it stands now; what is logged later belongs to the second seal."""
    yield from _visit_files(appliance, db)
    yield from _host_files(db, folder)
    yield BundleFile("data/coverage.csv", _coverage(db))
    yield from _table_files(db, audit)
    yield from _ledger_files(db, folder)
    yield from _judged_files(db, audit)
    for kind in ("decisions", "objections"):
        yield BundleFile(f"data/{kind}.jsonl", b"".join(map(_line, record_store.documents(db, [kind]))))
    changes = folder.root / CHANGES
    yield BundleFile(f"data/{CHANGES}", changes if changes.exists() else b"")
    yield BundleFile("data/custody/log.jsonl", folder.custody.read_bytes())
    yield from _part_files(folder)
    yield json_file("data/team.json", _team(appliance, folder))
    yield from _tool_files(appliance, db, folder)


def _visit_files(appliance: Appliance, db: Db) -> Iterator[BundleFile]:
    row = store.read(db)
    yield json_file("data/inspection.json", row)
    with appliance.index() as index:
        yield json_file("data/unit.json", store.find_unit(index, row["unit_id"]) or {})
    yield json_file("data/authorisation/authorisations.json", store.list_authorisations(db))


def _host_files(db: Db, folder: InspectionFolder) -> Iterator[BundleFile]:
    for host_id in host_store.latest_results(db):
        yield BundleFile(f"data/hosts/{host_id}/facts.json", _facts(db, host_id))
    for row in host_store.raw_files(db):
        yield BundleFile(f"data/hosts/{row['host_id']}/raw/{row['raw_file']}", folder.raw / row["raw_file"])


def _facts(db: Db, host_id: str) -> Iterator[bytes]:
    """Read when their turn comes: the facts of all hosts together may be larger than the memory."""
    yield _pretty(host_store.facts_document(db, host_id))


def _coverage(db: Db) -> bytes:
    results = host_store.latest_results(db)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COVERAGE_COLUMNS)
    for stored in host_store.list_hosts(db):
        facts_id, outcome, reason = results.get(stored.id, ("", "", None))
        row = (stored.id, stored.host.address, stored.host.mac or "", stored.host.kind, outcome)
        writer.writerow([csv_cell(str(cell)) for cell in (*row, reason.code if reason else "", facts_id)])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] and text[0] in FORMULA_STARTS else text


def _table_files(db: Db, audit: Row) -> Iterator[BundleFile]:
    """Rows as they are stored; a column that holds JSON is a string there. Facts are under ``data/hosts``."""
    queries = {name: f"SELECT * FROM {name} ORDER BY rowid" for name in TABLES}  # noqa: S608  tables of ours
    for name, sql in {**queries, "results": RESULTS}.items():
        yield BundleFile(f"data/tables/{name}.jsonl", (_line(row) for row in db.stream(sql)))
    for name in JUDGED_TABLES:
        of_audit = f"SELECT * FROM {name} WHERE audit_id = ? ORDER BY rowid"  # noqa: S608  tables of ours
        rows = db.rows(of_audit, [audit["id"]])
        yield BundleFile(f"data/tables/{name}.jsonl", b"".join(map(_line, rows)))


def _ledger_files(db: Db, folder: InspectionFolder) -> Iterator[BundleFile]:
    files = ledger_store.list_files(db)
    yield json_file("data/ledgers/files.json", files)
    ours = {row["id"] for row in files}
    for row in files:
        yield json_file(f"data/ledgers/parsed/{row['id']}.json", ledger_store.file_records(db, row["id"]))
        yield json_file(f"data/ledgers/problems/{row['id']}.json", ledger_store.file_problems(db, row["id"]))
    for path in sorted(folder.attachments.iterdir()):
        place = "ledgers/handed-over" if path.stem in ours else "attachments"
        yield BundleFile(f"data/{place}/{portable_name(path.name)}", path)
    yield json_file("data/ledgers/proofs.json", ledger_store.proof_rows(ledger_store.list_proofs(db)))


def _judged_files(db: Db, audit: Row) -> Iterator[BundleFile]:
    yield BundleFile("data/verdicts.jsonl", (_line(v) for v in audit_store.stream_verdicts(db, audit["id"])))
    findings = (f for _, f in audit_store.list_findings(db, audit["id"], -1, -1, {}))
    yield BundleFile("data/findings.jsonl", (_line(f) for f in findings))
    names = ("id", "created_at", "head", "rates", "positions", "digest")
    yield json_file("data/rates.json", {name: audit[name] for name in names})


def _part_files(folder: InspectionFolder) -> Iterator[BundleFile]:
    """Of a merged inspection: the custody log and the signed digests of every part, and how conflicts were decided."""
    for path in sorted((folder.root / PARTS).rglob("*")):
        if path.is_file():
            yield BundleFile(f"data/{path.relative_to(folder.root).as_posix()}", path)


def _team(appliance: Appliance, folder: InspectionFolder) -> Row:
    """Who acted, as the custody log has it, and who seals."""
    acted = sorted({entry.operator for entry in entries(folder.custody)})
    return {"operators": acted, "sealed_by": appliance.operator}


def _tool_files(appliance: Appliance, db: Db, folder: InspectionFolder) -> Iterator[BundleFile]:
    yield json_file("data/tool/versions.json", sbom.versions())
    yield json_file("data/tool/sbom.cdx.json", sbom.bill_of_materials())
    yield BundleFile(f"data/tool/{own_wheel.NAME}", own_wheel.built())
    name = store.read(db)["policy"]
    yield json_file("data/tool/policy.json", appliance.policy(name).to_json())
    yield json_file("data/tool/rules.json", {"hezheng": VERSION, "policy": name, "wheel": own_wheel.NAME})
    yield json_file("data/tool/settings.json", appliance.settings.model_dump(mode="json"))
    yield json_file("data/tool/clock.json", _clock(appliance.clock, db, folder))
    for file in sorted(appliance.loaded_catalogue.source.glob("*.toml")):
        yield BundleFile(f"data/tool/catalogue/{file.name}", file)
    for file in sorted(appliance.loaded_policies.source.glob("*.toml")):
        yield BundleFile(f"data/tool/policies/{file.name}", file)
    if (own := appliance.folder.policies / f"{name}.toml").is_file():
        yield BundleFile(f"data/tool/policies/{own.name}", own)
    yield BundleFile(f"data/tool/{columns.FILE.name}", appliance.loaded_columns.source)
    if corrections := recognising.sealed_file(folder):
        yield BundleFile("data/tool/recognition.json", corrections)


def _clock(clock: Clock, db: Db, folder: InspectionFolder) -> Row:
    """Our clock now, over the span of the log, and beside the clocks of hosts that tell theirs without a login."""
    now = clock.now()
    times = [parse_rfc3339(entry.at) for entry in entries(folder.custody)]
    return {
        "now": rfc3339(now),
        "zone": str(now.tzinfo),
        "boottime": clock.boottime(),
        "log": {"first": rfc3339(times[0]), "last": rfc3339(times[-1])} if times else {},
        "set_back": sum(later < earlier for earlier, later in pairwise(times)),
        "hosts": [row for seen in probe_store.all_documents(db).items() for row in _offsets(*seen)],
    }


def _offsets(host_id: str, seen: Iterable[Row]) -> Iterator[Row]:
    """Seconds that a host's clock is ahead of ours; unauthenticated, but many hosts together are evidence."""
    for answer in seen:
        if (offset := answer.get("clock_offset_seconds")) is not None:
            yield {"host_id": host_id, "source": answer["source"], "at": answer["at"], "ahead_seconds": offset}


def json_file(path: str, document: Any) -> BundleFile:
    """A payload file with one JSON document, keys sorted."""
    return BundleFile(path, _pretty(document))


def _pretty(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _line(document: Any) -> bytes:
    return dumps(document).encode() + b"\n"
