"""The columns beside the documents of results, and how older inspections get them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.store import hosts
from appliance.store.database import Db, Schema, dumps, opened
from appliance.store.schema import INSPECTION, INSPECTION_STEPS
from config.message import Message
from scanner import facts as facts_json
from scanner.model import (
    FactsOrigin,
    Host,
    HostFacts,
    Identity,
    InstalledSoftware,
    OperatingSystem,
    Outcome,
    Platform,
    Scope,
)

NOW = "2026-11-02T09:00:00+08:00"
PC = HostFacts(
    id="f1",
    outcome=Outcome.READ,
    reason=None,
    origin=FactsOrigin.NETWORK,
    started_at=NOW,
    finished_at=NOW,
    address="10.0.0.1",
    identity=Identity(hostname="财务-01", chassis="3", macs=("00:11:22:33:44:55",), clock_offset_seconds=1.0),
    os=OperatingSystem(Platform.WINDOWS, "Windows 11", installation_type="Client"),
    installations=(
        InstalledSoftware("WPS Office", "k1", Scope.MACHINE),
        InstalledSoftware("7-Zip", "k2", Scope.MACHINE),
    ),
)
SILENT = replace(
    PC, id="f2", outcome=Outcome.TIMED_OUT, reason=Message.of("ssh.silent"), identity=None, os=None, installations=None
)


def _put(db: Db, address: str) -> str:
    return hosts.save_host(db, Host(address, NOW), f"h-{address}")


def _seen(db: Db) -> tuple[object, ...]:
    return (
        hosts.names(db),
        hosts.identities(db),
        hosts.kinds_of_machine(db),
        hosts.collected(db),
        hosts.latest_results(db),
        dict(hosts.stream_facts(db)),
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """An inspection with a computer that was read and one that was not."""
    path = tmp_path / "fresh.db"
    with opened(path, INSPECTION, create=True) as db:
        for number, facts in enumerate((PC, SILENT)):
            hosts.save_result(db, None, _put(db, f"10.0.0.{number + 1}"), facts, None)
    return path


def test_lists_and_counts_show_what_the_documents_say(fresh: Path) -> None:
    with opened(fresh, INSPECTION) as db:
        assert hosts.names(db)["h-10.0.0.1"] == {"hostname": "财务-01", "os": "Windows 11"}
        assert hosts.names(db)["h-10.0.0.2"] == {"hostname": None, "os": None}
        assert hosts.identities(db) == {"h-10.0.0.1": PC.identity, "h-10.0.0.2": None}
        assert hosts.kinds_of_machine(db)["h-10.0.0.1"] == {"chassis": "3", "installation": "Client"}
        assert hosts.collected(db) == (1, 2)


def test_an_older_inspection_shows_the_same_after_it_is_brought_up_to_date(tmp_path: Path, fresh: Path) -> None:
    older = Schema("inspection", [step for step in INSPECTION_STEPS if step[0] < "0007"])
    path = tmp_path / "older.db"
    with opened(path, older, create=True) as db:
        for number, facts in enumerate((PC, SILENT)):
            db.insert("results", _older_row(facts, _put(db, f"10.0.0.{number + 1}")))
    with opened(path, INSPECTION) as now, opened(fresh, INSPECTION) as new:
        assert _seen(now) == _seen(new)
        order = "SELECT * FROM results ORDER BY facts_id"
        assert now.rows(order) == new.rows(order)


def _older_row(facts: HostFacts, host_id: str) -> dict[str, object]:
    row = {"facts_id": facts.id, "scan_id": None, "host_id": host_id, "outcome": facts.outcome, "round": 1}
    row |= {"reason": dumps(facts.reason.to_json()) if facts.reason else None, "raw_file": None, "raw_digest": None}
    return {**row, "finished_at": "2026-11-02T01:00:00.000+00:00", "document": dumps(facts_json.to_json(facts))}


@pytest.mark.parametrize("facts", [PC, SILENT])
def test_the_fast_text_of_facts_is_the_text_of_their_json(facts: HostFacts) -> None:
    assert facts_json.to_text(facts) == dumps(facts_json.to_json(facts))
