"""A unit of 2,000 computers, audited in a process of its own: ``python -m … ORDER`` prints everything that comes out.

``ORDER`` names one of many orders of every input: computers, facts, entries of the ledgers, papers, decisions.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from appliance.judgement.audit import run_audit
from appliance.judgement.declared import (
    Allocation,
    Declared,
    DeskDecision,
    Ground,
    HostNote,
    InstallRow,
    Objection,
    OfficialResult,
    Purchase,
)
from appliance.judgement.documents import canonical, finding_document, position_document, rate_document
from appliance.model import Decision, SoftwareOrigin
from appliance.recognition.catalogue import load
from appliance.recognition.corrections import Corrected
from appliance.store.database import dumps
from scanner.model import InstalledSoftware, LicenceState, LicenceStatus, Outcome, Trace
from tests.appliance.judgement.world import Unit, entry, free_entry, ref

COMPUTERS = 2_000
ENTRIES = 12
SAMPLES = Path(__file__).parents[2] / "data" / "samples" / "windows_uninstall.csv"
BOUGHT = {
    "RJ1": ("WPS Office", 1500),
    "RJ2": ("Microsoft Office 专业增强版 2019", 300),
    "RJ3": ("AutoCAD 2020", 20),
    "RJ4": ("奇安信天擎", 2500),
    "RJ5": ("中望CAD 2024", None),
    "RJ6": ("无人认识的软件", 5),
}
OWN = (
    ("WPS Office (11.8.2.8361)", "11.8.2.8361"),
    ("Microsoft Office 专业增强版 2019 - zh-cn", "16.0.10"),
    ("奇安信天擎", "10.6"),
    ("AutoCAD 2020 - 简体中文 (Simplified Chinese)", "23.1"),
    ("中望CAD 2024 专业版", "24"),
    ("LibreOffice 7.5.3.2", "7.5.3.2"),
)
STATES = (
    LicenceState("wmi", "Windows", "windows", LicenceStatus.LICENSED, channel="OEM_DM", observation="o-win"),
    LicenceState("wmi", "Office19", "office", LicenceStatus.LICENSED, channel="VOLUME_KMSCLIENT", observation="o-kms"),
)
T = TypeVar("T")


def large_unit() -> tuple[Unit, Declared]:
    """The unit, and what is declared and decided beside its ledgers."""
    with SAMPLES.open(encoding="utf-8-sig", newline="") as file:
        names = [(row["display_name"], row["version"] or None) for row in csv.DictReader(file)]
    unit = Unit()
    for number in range(COMPUTERS):
        _add(unit, number, names)
    for software_no, (name, quantity) in BOUGHT.items():
        unit.buy(software_no, name, quantity, paper=software_no != "RJ4")
    unit.free_list.append(free_entry("M1", "LibreOffice", "部门 1", "部门 2"))
    unit.assets = [replace(row, computer_no=f"J-{row.asset_no}") for row in unit.assets]
    return unit, _declared(unit)


def _add(unit: Unit, number: int, names: list[tuple[str, str | None]]) -> None:
    host_id, department = f"h{number:05d}", f"部门 {number % 17}"
    if number % 50 == 49:
        unit.add_closed(host_id)
        return
    own = [OWN[k] for k in range(len(OWN)) if number % (k + 1) == 0]
    rest = [names[(number * 37 + k * 101) % len(names)] for k in range(ENTRIES - len(own))]
    software = [_entry(n, name, version) for n, (name, version) in enumerate((*own, *rest))]
    outcome = Outcome.TIMED_OUT if number % 41 == 40 else Outcome.READ
    states = STATES if number % 3 else None
    unit.add(
        host_id,
        *software,
        os="Windows 10 Pro",
        states=states,
        listed=number % 29 != 28,
        department=department,
        outcome=outcome,
    )
    if number % 100 == 7:
        traces = (Trace("service", "KMSELDI", observation="o-t1"), Trace("file", "keygen.exe", observation="o-t2"))
        unit.facts[-1] = replace(unit.facts[-1], traces=traces)


def _entry(n: int, name: str, version: str | None) -> InstalledSoftware:
    return entry(name, version, source=f"HKLM\\Uninstall\\{n}")


def _declared(unit: Unit) -> Declared:
    listed = [row.asset_no for row in unit.assets]
    return Declared(
        allocations=tuple(Allocation(ref(n), f"RJ{n % 4 + 1}", f"J-{a}") for n, a in enumerate(listed[:900])),
        install_log=tuple(InstallRow(ref(n), "RJ1", f"J-{a}") for n, a in enumerate(listed[:500])),
        purchases=tuple(Purchase(ref(n), f"软件 {n}", SoftwareOrigin.DOMESTIC, n + 1, 100 * n) for n in range(20)),
        decisions=tuple(
            DeskDecision(f"h{n:05d}", "autocad", Decision.LICENSED, "见合同", id=f"d{n}", entered_at=str(n))
            for n in range(0, 200, 4)
        ),
        objections=tuple(
            Objection(f"h{n:05d}", "wps-office", "借用", id=f"o{n}", entered_at=str(n)) for n in range(0, 90, 3)
        ),
        official=tuple(OfficialResult(a, True, "2026-07-01", {"WPS Office": "unlicensed"}) for a in listed[:60]),
        host_notes=tuple(HostNote(f"h{n:05d}", Ground.LEASED, "合同") for n in range(28, 600, 29)),
    )


def ordered(items: Iterable[T], order: str) -> tuple[T, ...]:
    """The items as ``order`` puts them; an empty one leaves them."""
    numbered = list(enumerate(items))
    if order:
        numbered.sort(key=lambda pair: hashlib.sha256(f"{order}:{pair[0]}".encode()).digest())
    return tuple(item for _, item in numbered)


def audited(order: str) -> str:
    """All lines of the verdicts by digest, and head, rates, positions, findings and 差异表 in full."""
    unit, declared = large_unit()
    parts = ("hosts", "matches", "assets", "licences", "free_list", "proofs")
    mixed: dict[str, Any] = {name: ordered(getattr(unit, name), order) for name in parts}
    said = Declared(**{field.name: ordered(getattr(declared, field.name), order) for field in fields(declared)})
    facts = ordered(unit.facts, order)
    run = run_audit(unit.inputs(**mixed, declared=said, catalogue=Corrected(load(), ()), facts=lambda: iter(facts)))
    lines = hashlib.sha256(b"".join(run.lines())).hexdigest()
    documents = [
        dict(run.head),
        {name: rate_document(rate) for name, rate in run.rates.items()},
        *map(position_document, run.positions),
        *map(finding_document, run.findings),
    ]
    differences = [repr(line) for line in run.differences]
    return "\n".join((lines, *(canonical(one).decode() for one in documents), dumps(differences)))


if __name__ == "__main__":
    sys.stdout.write(audited(sys.argv[1]))
