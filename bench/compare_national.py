"""Two inspections of 27,000 computers, 2.7 million installations and at least 50,000 findings each, compared.

The two are written in the stored format (hosts, results with their lines of software, audits, verdicts, findings,
ledgers), which is not measured. Then the product's own comparison runs in a process of its own, from two inspections
on disk to its lines on disk. Between the visits a tenth of the computers changed: names, addresses, versions, copies
removed, moved, new; a hundredth is off. ``BENCH_COMPUTERS=2700`` is a tenth of the size. No peer compares findings.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.judgement.comparison_software import SEPARATOR
from appliance.judgement.findings import key_of
from appliance.ledger.model import Asset, LedgerKind, Licence, RowRef
from appliance.store import ledgers as ledger_store
from appliance.store.database import Db, Row, dumps
from appliance.visits import baselines, follow_up_run, inspections
from config.clock import SystemClock
from config.settings import load as load_settings

COMPUTERS = int(os.environ.get("BENCH_COMPUTERS", "27000"))
ENTRIES = 100
MOMENT = ("2026-03-01T09:00:00+08:00", "2026-09-01T09:00:00+08:00")
PRODUCTS = ("windows", "microsoft-office", "autocad", "solidworks", "microsoft-visio")
NAMES = (
    ("WPS Office", "Kingsoft Corp.", "11.8.2"),
    ("Microsoft Office 专业增强版 2019 - zh-cn", "Microsoft Corporation", "16.0.10"),
    ("AutoCAD 2020 - 简体中文 (Simplified Chinese)", "Autodesk", "23.1"),
    ("SOLIDWORKS 2025 SP0", "Dassault Systèmes SolidWorks Corp.", "33.0"),
    ("腾讯QQ", "腾讯科技(深圳)有限公司", "9.6"),
    ("Google Chrome", "Google LLC", "95.0"),
)


def main() -> dict[str, Any]:
    """Build both inspections, compare them, check what came out."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        _run("build", folder)
        result = json.loads(_run("compare", folder))
    counts, size = result["outcomes"], result["findings"]
    assert all(counts.values()), counts
    assert min(size) >= COMPUTERS * 50_000 / 27_000, size
    return {
        "ours": result["seconds"],
        "peer": None,
        "ratio": None,
        "unit": "s",
        "how": f"{COMPUTERS} computers, {COMPUTERS * ENTRIES} installations and {size[0]} + {size[1]} findings; "
        f"{result['cpu']} s of one processor; peak {result['peak_mb']} MB; load {os.getloadavg()[0]:.1f}; {counts}; "
        f"{result['changes']} changes",
    }


def _run(what: str, folder: str) -> bytes:
    command = [sys.executable, "-m", "bench.compare_national", what, folder]
    return subprocess.run(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], check=True).stdout


def _open(root: Path) -> Appliance:
    return Appliance.open(DataFolder(root), load_settings(), SystemClock())


def build(root: Path) -> None:
    """Two judged inspections of one unit; the second names the first as its baseline."""
    appliance = _open(root)
    unit = inspections.create_unit(appliance, "全国样本单位", "市级机关")
    ids: list[str] = []
    for visit, kind in enumerate(("initial", "follow_up")):
        ids.append(inspections.create(appliance, unit["id"], kind)["id"])
        with appliance.open_inspection(ids[visit]) as (db, _), db.atomic():
            _fill(db, appliance, visit)
    baselines.choose(appliance, ids[1], "inspection", ids[0])


def _fill(db: Db, appliance: Appliance, visit: int) -> None:
    numbers = [n for n in range(COMPUTERS) if not (visit and n % 100 == 7)]  # one in a hundred is off
    db.insert_many("hosts", (_host(n, visit) for n in numbers))
    db.insert_many("results", (_result(n, visit) for n in numbers))
    db.insert_many("installed", (_installed(n, visit) for n in numbers))
    head = {"id": f"audit{visit}", "created_at": MOMENT[visit], "head": "{}", "rates": "{}", "positions": "[]"}
    db.insert("audits", {**head, "digest": ""})
    db.insert_many("audit_hosts", (_audit_host(n, visit) for n in numbers))
    found = [copy for n in numbers for copy in _copies(n, visit)]
    db.insert_many("verdicts", (_verdict(seq, visit, *copy) for seq, copy in enumerate(found)))
    db.insert_many("findings", (_finding(seq, visit, *f) for seq, f in enumerate(_findings(numbers, visit))))
    _declare(db, appliance, LedgerKind.ASSETS, [_asset(n, visit) for n in range(COMPUTERS)])
    _declare(db, appliance, LedgerKind.LICENCES, [Licence(RowRef("", "", 1), "RJ001", "WPS Office", perpetual=True)])


def _declare(db: Db, appliance: Appliance, kind: LedgerKind, records: list[Any]) -> None:
    row: Row = {"id": appliance.ids.new(), "kind": kind, "name": kind, "sha256": "", "received_at": MOMENT[0]}
    row |= {"filled_on": None, "counts": {}, "mapping": {}, "headers": []}
    ledger_store.save_file(db, row, kind, records, ())
    ledger_store.accept_file(db, row["id"])


def _asset(n: int, visit: int) -> Asset:
    moved = visit and n % 200 == 11
    place = RowRef("", "表", n + 1)
    return Asset(place, f"ZC{n:05}", serials=(f"PF{n:08}",), department="财务处" if moved else f"部门 {n % 40}")


def _host_id(n: int, visit: int) -> str:
    return f"{'AB'[visit]}{(n * 7919) % 100_003:025}"  # another id and another order at each visit


def _address(n: int, visit: int) -> str:
    shift = 40 if visit and n % 10 == 3 else 0
    return f"10.{(n >> 16) + shift}.{n >> 8 & 255}.{n & 255}"


def _name(n: int, visit: int) -> str:
    return f"NEW{n:05}" if visit and n % 20 == 5 else f"PC{n:05}"


def _host(n: int, visit: int) -> Row:
    mac = f"10:c5:95:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
    document = dumps({"address": _address(n, visit), "mac": mac, "seen_at": MOMENT[visit], "kind": "computer"})
    row = {"id": _host_id(n, visit), "address": _address(n, visit), "kind": "computer", "document": document}
    return {**row, "first_seen_at": MOMENT[visit], "seen_at": MOMENT[visit]}


def _result(n: int, visit: int) -> Row:
    identity = {"hostname": _name(n, visit), "serial": f"PF{n:08}", "smbios_uuid": f"8c2f5a10-6b1d-11ed-8f3c-{n:012}"}
    row = {"facts_id": f"F{visit}{n:024}", "scan_id": None, "round": 1, "host_id": _host_id(n, visit)}
    row |= {"outcome": "READ", "reason": None, "finished_at": MOMENT[visit], "raw_file": None, "raw_digest": None}
    row |= {"hostname": _name(n, visit), "os": "Windows 10", "installation_type": "Client", "installations": ENTRIES}
    return {**row, "identity": dumps(identity), "document": "{}"}


def _installed(n: int, visit: int) -> Row:
    lines = "\n".join(sorted(_lines(n, visit)))
    row = {"facts_id": f"F{visit}{n:024}", "lines": lines, "os_installed_at": "2024-01-01T00:00:00+08:00"}
    return {**row, "read_at": MOMENT[visit], "platform": "windows"}


def _lines(n: int, visit: int) -> Iterator[str]:
    """A hundred entries, as long as real ones; a tenth of the computers has some of them in another version."""
    for k in range(ENTRIES):
        name, publisher, version = (
            NAMES[k] if k < len(NAMES) else (f"程序 {(n * 37 + k * 101) % 3000} x64", "某厂商", "1.0")
        )
        changed = visit and n % 10 == k % 10 and k < 30
        written = f"{'2026-08-31' if changed else '2024-05-02'}T10:{k % 60:02}:00.000+00:00"
        yield SEPARATOR.join((name, publisher, f"{version}.{int(bool(changed))}", written, "", "1", "2024-05-02", ""))


def _audit_host(n: int, visit: int) -> Row:
    row = {"audit_id": f"audit{visit}", "host_id": _host_id(n, visit), "address": _address(n, visit)}
    row |= {"hostname": _name(n, visit), "asset_no": f"ZC{n:05}", "facts_id": f"F{visit}{n:024}"}
    return {**row, "collected": int(not (visit and n % 150 == 9)), "client": 0}


def _copies(n: int, visit: int) -> Iterator[tuple[int, str, str]]:
    """Four copies a computer, judged; at the second visit some are gone, moved, licensed or doubtful."""
    yield n, "windows", "unlicensed" if not visit or n % 3 else "licensed"
    yield n, "microsoft-office", "to_verify" if visit and n % 30 == 4 else "unlicensed"
    cad = (n % 50 == 21) if visit else (n % 50 == 20)  # moved to the next computer
    yield n, "autocad" if cad else "wps-office", "unlicensed" if cad else "licensed"
    if visit and n % 25 == 1:
        yield n, "solidworks", "unlicensed"  # new


def _verdict(seq: int, visit: int, n: int, product: str, decision: str) -> Row:
    row = {"audit_id": f"audit{visit}", "seq": seq, "id": f"v{visit}{seq:08}", "host_id": _host_id(n, visit)}
    row |= {"product_id": product, "category": "office", "decision": decision, "rule": "R29", "official": 1}
    observed = [f"F{visit}{n:024}/o00001", "#HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\x"]
    document = {**row, "reasons": [{"code": "verdict.no_record", "params": {"product": product}}]}
    return {**row, "origin": "foreign", "document": dumps({**document, "observations": observed, "remarks": []})}


def _findings(numbers: list[int], visit: int) -> Iterator[tuple[str, str, str, str]]:
    for n in numbers:
        for _, product, decision in _copies(n, visit):
            if decision == "unlicensed" and not (visit and n % 150 == 9):
                known_as = f"uuid:8c2f5a10-6b1d-11ed-8f3c-{n:012}"
                yield "unlicensed_copy", _host_id(n, visit), product, key_of(known_as, product, "unlicensed_copy")
        if n % (3 if visit else 2) == 0:
            known_as = f"uuid:8c2f5a10-6b1d-11ed-8f3c-{n:012}"
            yield "antivirus_missing", _host_id(n, visit), "", key_of(known_as, "", "antivirus_missing")


def _finding(seq: int, visit: int, kind: str, subject: str, product: str, key: str) -> Row:
    reason = {"code": "verdict.no_record", "params": {"product": product}}
    document = {"key": key, "kind": kind, "subject": subject, "product_id": product, "details": [reason]}
    row = {"audit_id": f"audit{visit}", "seq": seq, "key": key, "kind": kind, "subject": subject}
    return {**row, "document": dumps({**document, "verdicts": [f"v{visit}{seq:08}"]})}


def compare(root: Path) -> dict[str, Any]:
    """Compare as the product does; one fact in a thousand was closed before, so that 反弹 occurs."""
    appliance = _open(root)
    first, second = (row["id"] for row in inspections.list_all(appliance))
    _close_some(appliance, first)
    baseline = baselines.current(appliance, second)
    started, cpu = time.perf_counter(), time.process_time()
    with appliance.open_inspection(second) as (db, _):
        head = follow_up_run.run(appliance, second, db, baseline, Job("j", "compare", "findings", second))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        own = int(db.value("SELECT COUNT(*) FROM findings"))
    with appliance.inspection(first) as (db, _):
        earlier = int(db.value("SELECT COUNT(*) FROM findings"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {name: head[name] for name in ("outcomes", "computers")}
    changes = sum(head["changes"].values())
    spent = {"seconds": round(seconds, 2), "cpu": round(cpu, 2), "peak_mb": peak}
    return {**told, **spent, "changes": changes, "findings": [earlier, own]}


def _close_some(appliance: Appliance, first: str) -> None:
    """What an earlier follow-up had closed, as its comparison would have left it."""
    with appliance.open_inspection(first) as (db, _), db.atomic():
        db.insert("comparisons", {"id": "c0", "created_at": MOMENT[0], "audit_id": "audit0", "head": "{}"})
        rows = ((n, _host_id(n, 0)) for n in range(1, COMPUTERS, 250))
        names = {"product_id": "solidworks", "kind": "unlicensed_copy", "closed_at": MOMENT[0], "comparison_id": "c0"}
        db.insert_many("comparison_closed", ({**names, "seq": n, "place": place, "key": f"k{n}"} for n, place in rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        build(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["compare"]:
        print(json.dumps(compare(Path(sys.argv[2])), ensure_ascii=False))
    else:
        print(json.dumps(main(), ensure_ascii=False))
