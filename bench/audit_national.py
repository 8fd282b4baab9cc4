"""151 inspections with 27,000 computers and 2.7 million installations: from stored facts to verdicts on disk.

Ours is the product's own way (``appliance.visits.auditing.run`` on each inspection's stored facts, ledgers and proofs),
in two processes. The peer is DuckDB doing the same joins with two threads on tables already flat and recognised:
installations × products × ledger rows × proofs, counted per licence and written out. It reads no facts, folds nothing,
gives no reason: it is a floor, not a rival. ``BENCH_COMPUTERS=27000 BENCH_INSPECTIONS=1`` is the stress case.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.ledger.model import Asset, LedgerKind, Licence, Proof, ProofLevel, RowRef
from appliance.store import hosts as host_store
from appliance.store import ledgers as ledger_store
from appliance.visits import auditing, inspections
from bench.peers import explained
from bench.peers.memory import peak_until_ended
from config.clock import SystemClock
from config.settings import load as load_settings
from scanner.model import (
    DeviceKind,
    FactsOrigin,
    Host,
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

COMPUTERS = int(os.environ.get("BENCH_COMPUTERS", "27000"))
INSPECTIONS = int(os.environ.get("BENCH_INSPECTIONS", "151"))
ENTRIES = 100
PROCESSES = 2
SAMPLES = Path(__file__).parents[1] / "tests" / "data" / "samples" / "windows_uninstall.csv"
BOUGHT = ("WPS Office", "Microsoft Office 专业增强版 2019", "AutoCAD 2020", "奇安信天擎", "中望CAD 2024")
OWN = (
    ("WPS Office (11.8.2.8361)", "11.8.2.8361", "Kingsoft Corp."),
    ("Microsoft Office 专业增强版 2019 - zh-cn", "16.0.10", "Microsoft Corporation"),
    ("奇安信天擎", "10.6", "奇安信"),
    ("AutoCAD 2020 - 简体中文 (Simplified Chinese)", "23.1", "Autodesk"),
    ("中望CAD 2024 专业版", "24", "ZWSOFT"),
    ("LibreOffice 7.5.3.2", "7.5.3.2", "The Document Foundation"),
)
MOMENT = "2026-07-01T09:00:00+08:00"


def main() -> dict[str, Any]:
    """Build the stored facts (not measured), audit them all, then let DuckDB do the joins."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        _run(["build", folder])  # in a process of its own: it keeps the custody logs open
        ids = sorted(path.name for path in (Path(folder) / "inspections").iterdir())
        ours, peak = run_ours(Path(folder), ids)
        counts = totals(Path(folder), ids)
        times = explanations(Path(folder), ids)
        peer = run_duckdb(Path(folder))
    return {
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "ratio": round(peer / ours, 2),
        "unit": "s",
        "how": f"{INSPECTIONS} inspections, {COMPUTERS} computers, {COMPUTERS * ENTRIES} installations, "
        f"{counts} verdicts; peak {peak} MB (PSS of all processes together, the audits' children included); "
        f"explanations in ms: {times}; peer: DuckDB, joins only",
    }


def _open(root: Path) -> Appliance:
    clock = SystemClock()
    return Appliance.open(DataFolder(root), load_settings(), clock)


def _run(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start this module in a process of its own, and wait for it unless it audits."""
    command = [sys.executable, "-m", "bench.audit_national", *arguments]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], start_new_session=True)
    if arguments[0] == "build" and process.wait():
        raise RuntimeError("the facts could not be built")
    return process


def build(root: Path) -> None:
    """Fill a data folder."""
    appliance, samples = _open(root), _samples()
    start = 0
    for number in range(INSPECTIONS):
        size = COMPUTERS // INSPECTIONS + (number < COMPUTERS % INSPECTIONS)
        unit = inspections.create_unit(appliance, f"单位 {number}", "市级机关")
        made = inspections.create(appliance, unit["id"], "initial", date(2026, 7, 1))
        _fill(appliance, made["id"], range(start, start + size), samples)
        start += size


def _samples() -> list[tuple[str, str | None, str | None]]:
    with SAMPLES.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["display_name"], row["version"] or None, row["publisher"] or None) for row in rows]


def _fill(
    appliance: Appliance, inspection_id: str, numbers: range, samples: list[tuple[str, str | None, str | None]]
) -> None:
    with appliance.open_inspection(inspection_id) as (db, _), db.atomic():
        for number in numbers:
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            host_id = host_store.save_host(db, Host(address, MOMENT, kind=DeviceKind.COMPUTER), f"h{number:025d}")
            host_store.save_result(db, None, host_id, _facts(number, address, samples), None)
        _declare(db, appliance, LedgerKind.ASSETS, [_asset(number) for number in numbers])
        size = len(numbers)
        _declare(db, appliance, LedgerKind.LICENCES, [_licence(n, size) for n in range(len(BOUGHT))])
        for n in range(len(BOUGHT)):
            ledger_store.save_proof(db, Proof(f"p{n}", f"RJ{n:03d}", ProofLevel.P1, "合同"))


def _declare(db: Any, appliance: Appliance, kind: LedgerKind, records: list[Any]) -> None:
    file_id = appliance.ids.new()
    row = {"id": file_id, "kind": kind, "name": kind, "sha256": "", "received_at": MOMENT, "filled_on": None}
    placed = [replace(record, ref=RowRef(file_id, "表", n)) for n, record in enumerate(records, 1)]
    ledger_store.save_file(db, {**row, "counts": {}, "mapping": {}, "headers": []}, kind, placed, ())
    ledger_store.accept_file(db, file_id, kind)


def _asset(number: int) -> Asset:
    ref = RowRef("", "", 1)
    return Asset(ref, f"ZC{number}", serials=(f"PF{number:08d}",), department=f"部门 {number % 40}")


def _licence(n: int, size: int) -> Licence:
    quantity = size if n == 0 else size // (n + 1)
    return Licence(RowRef("", "", 1), f"RJ{n:03d}", BOUGHT[n], quantity=quantity, perpetual=True)


def _facts(number: int, address: str, samples: list[tuple[str, str | None, str | None]]) -> HostFacts:
    return HostFacts(
        id=f"f{number:025d}",
        outcome=Outcome.READ,
        origin=FactsOrigin.NETWORK,
        started_at=MOMENT,
        finished_at=MOMENT,
        address=address,
        platform=Platform.WINDOWS,
        identity=Identity(hostname=f"PC{number}", serial=f"PF{number:08d}", maker="LENOVO"),
        os=OperatingSystem(
            Platform.WINDOWS, "Windows 10 Pro", version="10.0", build="19045", edition="Professional", observation="os"
        ),
        installations=tuple(_entries(number, samples)),
        licence_states=(
            LicenceState(
                "wmi", "Windows", "windows", LicenceStatus.LICENSED, channel="OEM_DM", delivered_edition="Professional"
            ),
            LicenceState("wmi", "Office19ProPlus2019VL", "office", LicenceStatus.LICENSED, channel="VOLUME_MAK"),
        ),
    )


def _entries(number: int, samples: list[tuple[str, str | None, str | None]]) -> Iterator[InstalledSoftware]:
    for k in range(ENTRIES):
        name, version, publisher = _entry(number, k, samples)
        key = rf"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{{{number:08d}-{k:04d}}}"
        yield InstalledSoftware(name, key, Scope.MACHINE, version, publisher, observation=f"o{k:05d}")


def _entry(
    number: int, k: int, samples: list[tuple[str, str | None, str | None]]
) -> tuple[str, str | None, str | None]:
    """The first entries are the software that is judged, on every computer or on each n-th; the rest is the sample."""
    if k < len(OWN) and number % (k + 1) == 0:
        return OWN[k]
    name, version, publisher = samples[(number * 37 + k * 101) % len(samples)]
    return name, f"{version}.{number % 5}" if version else None, publisher


def run_ours(root: Path, ids: list[str]) -> tuple[float, int]:
    """Seconds until all audits are on disk, and the peak memory in MB of the processes and their children together."""
    started = time.perf_counter()
    shares = [ids[n::PROCESSES] for n in range(PROCESSES)]
    workers = [_run(["audit", str(root), *share]) for share in shares if share]
    peak, _ = peak_until_ended(workers)
    if any(worker.wait() for worker in workers):
        raise RuntimeError("a worker failed")
    return time.perf_counter() - started, peak // 1024


def audit_share(root: Path, ids: list[str]) -> None:
    """One process's share."""
    appliance = _open(root)
    for inspection_id in ids:
        with appliance.open_inspection(inspection_id) as (db, _):
            auditing.run(appliance, inspection_id, db, Job("j", "audit", "verdicts", inspection_id))


def totals(root: Path, ids: list[str]) -> int:
    """How many verdicts are stored."""
    appliance, count = _open(root), 0
    for inspection_id in ids:
        with appliance.inspection(inspection_id) as (db, _):
            count += int(db.value("SELECT COUNT(*) FROM verdicts"))
    return count


def explanations(root: Path, ids: list[str]) -> str:
    """What explaining verdicts and numbers took, in words; the inspections with most computers first."""
    return "; ".join(
        f"{name} {took['count']}: 95 % {took['p95']}, slowest {took['max']}, over {explained.LIMIT_MS}: {took['over']}"
        for name, took in explained.measure(root, ids).items()
    )


def run_duckdb(root: Path) -> float:
    """Seconds of the same joins in DuckDB on flat tables; filling them is not measured."""
    import duckdb  # pyright: ignore[reportMissingImports]  # an extra of the bench alone

    samples = _samples()
    from appliance.recognition.catalogue import load

    catalogue = load()
    flat = root / "installations.csv"
    with flat.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for number in range(COMPUTERS):
            for k in range(ENTRIES):
                writer.writerow([number * INSPECTIONS // COMPUTERS, number, *_entry(number, k, samples)])
    distinct = {_entry(number, k, samples) for number in range(min(COMPUTERS, 6000)) for k in range(ENTRIES)}
    recognised = [
        (name, version or "", publisher or "", found.product.id, found.product.category.value)
        for name, version, publisher in distinct
        if (found := catalogue.recognise(name, publisher, version, platform=Platform.WINDOWS)).product
    ]
    products = {number: catalogue.find(name) for number, name in enumerate(BOUGHT)}
    with duckdb.connect() as db:
        db.execute("SET threads = 2")
        db.execute(
            "CREATE TABLE installations AS SELECT column0 AS unit, column1 AS host, column2 AS name, "
            "coalesce(column3::VARCHAR, '') AS version, coalesce(column4, '') AS publisher "
            f"FROM read_csv('{flat}', header=false, all_varchar=true)"
        )
        db.execute("CREATE TABLE recognised (name TEXT, version TEXT, publisher TEXT, product TEXT, category TEXT)")
        db.executemany("INSERT INTO recognised VALUES (?, ?, ?, ?, ?)", recognised)
        db.execute("CREATE TABLE licences (unit TEXT, no TEXT, product TEXT, quantity INTEGER, proof TEXT)")
        size = COMPUTERS // INSPECTIONS
        rows = [
            (str(unit), f"RJ{n:03d}", found.id, size if n == 0 else size // (n + 1), "P1")
            for unit in range(INSPECTIONS)
            for n, found in products.items()
            if found
        ]
        db.executemany("INSERT INTO licences VALUES (?, ?, ?, ?, ?)", rows)
        started = time.perf_counter()
        db.execute(
            f"""COPY (
              WITH copies AS (SELECT DISTINCT i.unit, i.host, r.product, r.category
                              FROM installations i JOIN recognised r USING (name, version, publisher)),
                   seated AS (SELECT *, row_number() OVER (PARTITION BY unit, product ORDER BY host) AS seat
                              FROM copies)
              SELECT s.unit, s.host, s.product, s.category, l.no,
                     CASE WHEN l.no IS NULL THEN 'to_verify' WHEN l.proof = 'P0' THEN 'to_verify'
                          WHEN s.seat <= l.quantity THEN 'licensed' ELSE 'unlicensed' END AS decision
              FROM seated s LEFT JOIN licences l ON l.unit = s.unit AND l.product = s.product
              ORDER BY s.unit, s.host, s.product
            ) TO '{root / "verdicts.jsonl"}' (FORMAT json)"""
        )
        return time.perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        build(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["audit"]:
        audit_share(Path(sys.argv[2]), sys.argv[3:])
    else:
        print(json.dumps(main(), ensure_ascii=False))
