"""Tables of an inspection and of the index. Steps are only ever added at the end."""

from __future__ import annotations

from appliance.store.comparisons import create_comparisons
from appliance.store.database import Db, Schema
from appliance.store.heads import create_heads
from appliance.store.imports import create_imports
from appliance.store.installed import create_installed
from appliance.store.marks import fill_marks
from appliance.store.schedules import create_index_tables, create_place_tables
from appliance.store.single_machine import create_offline_readings, part_from_results

INSPECTION_TABLES = """
CREATE TABLE inspection (id TEXT PRIMARY KEY, unit_id TEXT NOT NULL, unit TEXT NOT NULL, kind TEXT NOT NULL,
  phase TEXT NOT NULL, policy TEXT NOT NULL, as_of TEXT NOT NULL, created_at TEXT NOT NULL, sealed_at TEXT);
CREATE TABLE authorisations (id TEXT PRIMARY KEY, recorded_at TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE segments (id TEXT PRIMARY KEY, range TEXT NOT NULL, label TEXT NOT NULL, visited_at TEXT);
CREATE TABLE hosts (id TEXT PRIMARY KEY, address TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, first_seen_at TEXT NOT NULL,
  seen_at TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE host_keys (address TEXT PRIMARY KEY, type TEXT NOT NULL, base64 TEXT NOT NULL, fingerprint TEXT NOT NULL,
  state TEXT NOT NULL, seen_at TEXT NOT NULL, confirmed_by TEXT, confirmed_at TEXT);
CREATE TABLE scans (id TEXT PRIMARY KEY, state TEXT NOT NULL, stage TEXT NOT NULL, started_at TEXT NOT NULL,
  finished_at TEXT, authorisation_id TEXT NOT NULL REFERENCES authorisations(id), mode TEXT, options TEXT NOT NULL,
  problem TEXT);
CREATE TABLE scan_chunks (scan_id TEXT NOT NULL REFERENCES scans(id), idx INTEGER NOT NULL, addresses TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT, PRIMARY KEY (scan_id, idx));
CREATE TABLE results (facts_id TEXT PRIMARY KEY, scan_id TEXT, host_id TEXT NOT NULL REFERENCES hosts(id),
  outcome TEXT NOT NULL, reason TEXT, finished_at TEXT NOT NULL, raw_file TEXT, raw_digest TEXT,
  document TEXT NOT NULL);
CREATE UNIQUE INDEX results_once ON results (scan_id, host_id) WHERE scan_id IS NOT NULL;
CREATE INDEX results_by_host ON results (host_id);
CREATE TABLE ledger_files (id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
  received_at TEXT NOT NULL, state TEXT NOT NULL, counts TEXT NOT NULL, mapping TEXT NOT NULL);
CREATE TABLE declared (file_id TEXT NOT NULL REFERENCES ledger_files(id), seq INTEGER NOT NULL, sheet TEXT NOT NULL,
  row INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (file_id, seq));
CREATE TABLE row_problems (file_id TEXT NOT NULL REFERENCES ledger_files(id), seq INTEGER NOT NULL, sheet TEXT NOT NULL,
  row INTEGER NOT NULL, column TEXT NOT NULL, rejected INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (file_id, seq));
CREATE TABLE proofs (id TEXT PRIMARY KEY, software_no TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE audits (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, head TEXT NOT NULL, rates TEXT NOT NULL,
  positions TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE verdicts (audit_id TEXT NOT NULL REFERENCES audits(id), seq INTEGER NOT NULL, id TEXT NOT NULL,
  host_id TEXT NOT NULL, product_id TEXT NOT NULL, category TEXT NOT NULL, decision TEXT NOT NULL, rule TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (audit_id, seq));
CREATE INDEX verdicts_by_id ON verdicts (id);
CREATE TABLE findings (audit_id TEXT NOT NULL REFERENCES audits(id), seq INTEGER NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL, subject TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (audit_id, seq));
CREATE TABLE bundles (id TEXT PRIMARY KEY, audit_id TEXT NOT NULL, sealed_at TEXT NOT NULL, file TEXT NOT NULL,
  digest TEXT NOT NULL, fingerprint TEXT NOT NULL);
"""

INDEX_TABLES = """
CREATE TABLE units (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, system TEXT NOT NULL, region TEXT NOT NULL,
  parent_id TEXT REFERENCES units(id), created_at TEXT NOT NULL);
CREATE TABLE inspections (id TEXT PRIMARY KEY, unit_id TEXT NOT NULL REFERENCES units(id), kind TEXT NOT NULL,
  created_at TEXT NOT NULL, sealed_at TEXT, bundle_digest TEXT, rates TEXT, findings TEXT);
"""

FLEET_TABLES = """
CREATE TABLE credential_progress (credential_id TEXT PRIMARY KEY, scan_id TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE sightings (address TEXT NOT NULL, seen_at TEXT NOT NULL, scan_id TEXT, mac TEXT, source TEXT NOT NULL,
  PRIMARY KEY (address, seen_at, source));
CREATE INDEX sightings_by_time ON sightings (seen_at);
ALTER TABLE scans ADD COLUMN round INTEGER NOT NULL DEFAULT 1;
ALTER TABLE scan_chunks ADD COLUMN segment_id TEXT;
ALTER TABLE results ADD COLUMN round INTEGER NOT NULL DEFAULT 1;
DROP INDEX results_once;
CREATE UNIQUE INDEX results_once ON results (scan_id, host_id, round) WHERE scan_id IS NOT NULL
"""

LEDGER_TABLES = """
ALTER TABLE ledger_files ADD COLUMN filled_on TEXT;
CREATE TABLE computer_links (computer_no TEXT PRIMARY KEY, document TEXT NOT NULL, entered_at TEXT NOT NULL,
  entered_by TEXT NOT NULL)
"""

MAPPING_TABLES = """
CREATE TABLE ledger_mappings (unit_id TEXT NOT NULL REFERENCES units(id), kind TEXT NOT NULL, header TEXT NOT NULL,
  field TEXT NOT NULL, PRIMARY KEY (unit_id, kind, header))
"""

RECORD_TABLES = """
CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT NOT NULL, entered_at TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX records_by_kind ON records (kind, id);
ALTER TABLE verdicts ADD COLUMN official INTEGER NOT NULL DEFAULT 1;
ALTER TABLE verdicts ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX verdicts_by_number ON verdicts (audit_id, category, decision, official, origin, seq);
CREATE INDEX verdicts_by_host ON verdicts (audit_id, host_id);
CREATE TABLE audit_hosts (audit_id TEXT NOT NULL REFERENCES audits(id), host_id TEXT NOT NULL, address TEXT NOT NULL,
  hostname TEXT NOT NULL, asset_no TEXT NOT NULL, facts_id TEXT NOT NULL, collected INTEGER NOT NULL,
  client INTEGER NOT NULL, PRIMARY KEY (audit_id, host_id));
CREATE TABLE audit_assets (audit_id TEXT NOT NULL REFERENCES audits(id), asset_no TEXT NOT NULL,
  quantity INTEGER NOT NULL, department TEXT NOT NULL, "row" TEXT NOT NULL, PRIMARY KEY (audit_id, asset_no))
"""

NUMBER_INDEX = """
DROP INDEX verdicts_by_number;
CREATE INDEX verdicts_by_number ON verdicts (audit_id, category, decision, official, origin, host_id)
"""

HEADING_TABLES = """
ALTER TABLE ledger_files ADD COLUMN headers TEXT NOT NULL DEFAULT '[]'
"""

# A document takes a hundred pages and more; columns that stand after it are reached only by walking through them all.
RESULT_TABLES = """
CREATE TABLE results_new (facts_id TEXT PRIMARY KEY, scan_id TEXT, round INTEGER NOT NULL DEFAULT 1,
  host_id TEXT NOT NULL REFERENCES hosts(id), outcome TEXT NOT NULL, reason TEXT, finished_at TEXT NOT NULL,
  raw_file TEXT, raw_digest TEXT, hostname TEXT, os TEXT, installation_type TEXT, installations INTEGER, identity TEXT,
  document TEXT NOT NULL);
INSERT INTO results_new SELECT facts_id, scan_id, round, host_id, outcome, reason, finished_at, raw_file, raw_digest,
  json_extract(document, '$.identity.hostname'), json_extract(document, '$.os.name'),
  json_extract(document, '$.os.installation_type'), json_array_length(document, '$.installations'),
  json_extract(document, '$.identity'), document FROM results;
DROP TABLE results;
ALTER TABLE results_new RENAME TO results;
CREATE UNIQUE INDEX results_once ON results (scan_id, host_id, round) WHERE scan_id IS NOT NULL;
CREATE INDEX results_by_host ON results (host_id, outcome, finished_at, facts_id)
"""


FINALITY_TABLES = """
ALTER TABLE inspection ADD COLUMN finalised_at TEXT;
CREATE TABLE reopenings (id TEXT PRIMARY KEY, reopened_at TEXT NOT NULL, reopened_by TEXT NOT NULL,
  finalised_at TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX verdicts_by_product ON verdicts (audit_id, product_id, seq)
"""

ENDING_TABLES = """
CREATE TABLE endings (inspection_id TEXT PRIMARY KEY REFERENCES inspections(id), stage TEXT NOT NULL,
  document TEXT NOT NULL)
"""

NUMBER_TABLES = """
DROP INDEX verdicts_by_number;
CREATE INDEX verdicts_by_number ON verdicts (audit_id, category, decision, official, origin, seq)
  WHERE host_id <> '';
CREATE TABLE audit_surplus (audit_id TEXT NOT NULL REFERENCES audits(id), seq INTEGER NOT NULL, category TEXT NOT NULL,
  product_id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (audit_id, seq));
INSERT INTO audit_surplus SELECT audit_id, seq, category, product_id, json_remove(document, '$.observations')
  FROM verdicts WHERE host_id = '';
ALTER TABLE audit_hosts ADD COLUMN marks TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_hosts_in_order ON audit_hosts (audit_id);
CREATE INDEX audit_assets_in_order ON audit_assets (audit_id);
CREATE INDEX declared_by_number ON declared (json_extract(document, '$.software_no'))
"""

SEAL_TABLES = """
ALTER TABLE bundles ADD COLUMN seal INTEGER NOT NULL DEFAULT 1;
ALTER TABLE bundles ADD COLUMN second_digest TEXT;
ALTER TABLE bundles ADD COLUMN encrypted TEXT;
ALTER TABLE bundles ADD COLUMN custody_seq INTEGER;
ALTER TABLE bundles ADD COLUMN custody_sha256 TEXT
"""

# Empty in audits from before: their numbers by department, kind and 信创 lead nowhere until the next audit.
PART_TABLES = """
ALTER TABLE audit_hosts ADD COLUMN department TEXT;
ALTER TABLE audit_hosts ADD COLUMN kind TEXT;
ALTER TABLE audit_hosts ADD COLUMN xinchuang TEXT;
ALTER TABLE audit_assets ADD COLUMN kind TEXT;
ALTER TABLE audit_assets ADD COLUMN xinchuang TEXT
"""

# A page of a part is found in the index alone: the documents lie between the rows.
PART_INDEX = """
CREATE INDEX verdicts_in_parts ON verdicts (audit_id, host_id, seq, category, decision, official, origin)
  WHERE host_id <> '';
CREATE INDEX audit_hosts_without_client ON audit_hosts (audit_id, asset_no) WHERE collected = 1 AND client = 0
"""


def _first_inspection(db: Db) -> None:
    db.script(INSPECTION_TABLES)


def _first_index(db: Db) -> None:
    db.script(INDEX_TABLES)


def _fleet(db: Db) -> None:
    db.script(FLEET_TABLES)


def _ledgers(db: Db) -> None:
    db.script(LEDGER_TABLES)


def _mappings(db: Db) -> None:
    db.script(MAPPING_TABLES)


def _records(db: Db) -> None:
    db.script(RECORD_TABLES)


def _numbers(db: Db) -> None:
    db.script(NUMBER_INDEX)


def _headings(db: Db) -> None:
    db.script(HEADING_TABLES)


def _results(db: Db) -> None:
    db.script(RESULT_TABLES)


def _finality(db: Db) -> None:
    db.script(FINALITY_TABLES)


def _endings(db: Db) -> None:
    db.script(ENDING_TABLES)


def _number_pages(db: Db) -> None:
    db.script(NUMBER_TABLES)
    fill_marks(db)


def _seals(db: Db) -> None:
    db.script(SEAL_TABLES)


def _parts(db: Db) -> None:
    db.script(PART_TABLES)


def _part_pages(db: Db) -> None:
    db.script(PART_INDEX)


INSPECTION_STEPS = (
    ("0001_first", _first_inspection),
    ("0002_fleet", _fleet),
    ("0003_ledgers", _ledgers),
    ("0004_records", _records),
    ("0005_numbers", _numbers),
    ("0006_headings", _headings),
    ("0007_results", _results),
    ("0008_finality", _finality),
    ("0009_number_pages", _number_pages),
    ("0010_places", create_place_tables),
    ("0011_installed", create_installed),
    ("0012_comparisons", create_comparisons),
    ("0013_seals", _seals),
    ("0014_offline_readings", create_offline_readings),
    ("0015_offline_readings_apart", part_from_results),
    ("0016_parts", _parts),
    ("0017_part_pages", _part_pages),
)
INSPECTION = Schema("inspection", INSPECTION_STEPS)
INDEX = Schema(
    "appliance",
    [
        ("0001_first", _first_index),
        ("0002_mappings", _mappings),
        ("0003_endings", _endings),
        ("0004_schedules", create_index_tables),
        ("0005_imports", create_imports),
        ("0005_custody_heads", create_heads),
    ],
)
