"""Schedules, their runs and the last trusted reading of the clock in the index; known places in an inspection's file.

Times are UTC in one form, so that text order is order in time and one due moment has one text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from appliance.schedule.decide import ACTIVE, FOLLOWED, Plan, Run, RunState, Schedule
from appliance.schedule.reliable_clock import Reading
from appliance.schedule.rules import ScheduleKind, rule_from_json, rule_to_json
from appliance.store.database import Db, Row, dumps, loads
from config.clock import parse_rfc3339
from config.ids import Ids
from config.message import Message
from scanner.network_place import Place

INDEX_TABLES = """
CREATE TABLE schedules (id TEXT PRIMARY KEY, inspection_id TEXT NOT NULL REFERENCES inspections(id),
  kind TEXT NOT NULL, rule TEXT NOT NULL, options TEXT NOT NULL, since TEXT NOT NULL, created_by TEXT NOT NULL,
  cancelled_at TEXT, cancelled_by TEXT);
CREATE TABLE schedule_runs (id TEXT PRIMARY KEY, schedule_id TEXT NOT NULL REFERENCES schedules(id),
  due_at TEXT NOT NULL, state TEXT NOT NULL, scan_id TEXT, reasons TEXT NOT NULL DEFAULT '[]', probed_at TEXT,
  started_at TEXT, started_by TEXT, ended_at TEXT, note TEXT, UNIQUE (schedule_id, due_at));
CREATE INDEX schedule_runs_by_state ON schedule_runs (state, due_at);
CREATE TABLE schedule_clock (one INTEGER PRIMARY KEY CHECK (one = 1), wall TEXT NOT NULL, boottime REAL NOT NULL,
  boot TEXT NOT NULL, doubt TEXT)
"""

PLACE_TABLES = """
CREATE TABLE places (network TEXT NOT NULL, gateway TEXT NOT NULL, gateway_mac TEXT NOT NULL, document TEXT NOT NULL,
  recorded_at TEXT NOT NULL, scan_id TEXT NOT NULL, PRIMARY KEY (network, gateway, gateway_mac))
"""

_PLACE = TypeAdapter(Place)
RUNS = """SELECT r.*, s.inspection_id, s.kind FROM schedule_runs r JOIN schedules s ON s.id = r.schedule_id"""


def create_index_tables(db: Db) -> None:
    """Migration step of the index."""
    db.script(INDEX_TABLES)


def create_place_tables(db: Db) -> None:
    """Migration step of an inspection."""
    db.script(PLACE_TABLES)


def instant(moment: datetime) -> str:
    """A time in UTC and one form."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


# Schedules


def save(db: Db, schedule: Schedule, options: Mapping[str, Any], created_by: str) -> None:
    """Insert a schedule. ``options``: those of its scans."""
    row: Row = {"id": schedule.id, "inspection_id": schedule.inspection_id, "kind": schedule.kind}
    row |= {"rule": dumps(rule_to_json(schedule.rule)), "options": dumps(dict(options))}
    db.insert("schedules", {**row, "since": instant(schedule.since), "created_by": created_by})


def get(db: Db, schedule_id: str) -> Row | None:
    """A schedule's row with ``rule`` and ``options`` as objects, or None."""
    row = db.first("SELECT * FROM schedules WHERE id = ?", [schedule_id])
    return _opened(row) if row else None


def list_all(db: Db) -> list[Row]:
    """All schedules, oldest first, the cancelled ones too."""
    return [_opened(row) for row in db.rows("SELECT * FROM schedules ORDER BY id")]


def in_force(db: Db) -> list[Schedule]:
    """Schedules that are not cancelled."""
    rows = db.rows("SELECT * FROM schedules WHERE cancelled_at IS NULL ORDER BY id")
    return [
        Schedule(
            row["id"],
            row["inspection_id"],
            ScheduleKind(row["kind"]),
            rule_from_json(loads(row["rule"])),
            parse_rfc3339(row["since"]),
        )
        for row in rows
    ]


def cancel(db: Db, schedule_id: str, at: datetime, by: str) -> None:
    """End a schedule; what of it is open is skipped."""
    with db.atomic():
        db.execute(
            "UPDATE schedules SET cancelled_at = ?, cancelled_by = ? WHERE id = ?", [instant(at), by, schedule_id]
        )
        db.execute(
            "UPDATE schedule_runs SET state = ?, ended_at = ? WHERE schedule_id = ? AND state = ?",
            [RunState.SKIPPED, instant(at), schedule_id, RunState.OPEN],
        )


def _opened(row: Row) -> Row:
    return {**row, "rule": loads(row["rule"]), "options": loads(row["options"])}


# Runs


def recorded(db: Db) -> Mapping[str, frozenset[datetime]]:
    """Schedule id → due moments that have a run."""
    found: dict[str, set[datetime]] = {}
    for row in db.rows("SELECT schedule_id, due_at FROM schedule_runs"):
        found.setdefault(row["schedule_id"], set()).add(parse_rfc3339(row["due_at"]))
    return {schedule: frozenset(moments) for schedule, moments in found.items()}


def apply(db: Db, plan: Plan, ids: Ids, at: datetime) -> None:
    """Record what a tick found, all or nothing."""
    with db.atomic():
        for run_id in plan.superseded:
            _end(db, run_id, RunState.MISSED, at)
        for new in plan.new:
            state, ended = (RunState.MISSED, instant(at)) if new.missed else (RunState.OPEN, None)
            row: Row = {"id": ids.new(), "schedule_id": new.schedule_id, "due_at": instant(new.due_at)}
            db.insert("schedule_runs", {**row, "state": state, "ended_at": ended})


def runs_in(db: Db, states: Sequence[RunState]) -> list[Run]:
    """Runs in any of these states, the longest due first."""
    marks = ", ".join("?" for _ in states)
    return [_run(row) for row in db.rows(f"{RUNS} WHERE r.state IN ({marks}) ORDER BY r.due_at, r.id", list(states))]


def get_run(db: Db, run_id: str) -> Run | None:
    """One run, or None."""
    row = db.first(f"{RUNS} WHERE r.id = ?", [run_id])
    return _run(row) if row else None


def history(db: Db, schedule_id: str | None, limit: int) -> list[Row]:
    """Rows of runs, newest first, ``reasons`` as objects; of one schedule or of all."""
    where, values = ("WHERE r.schedule_id = ?", [schedule_id]) if schedule_id else ("", [])
    rows = db.rows(f"{RUNS} {where} ORDER BY r.due_at DESC, r.id DESC LIMIT ?", [*values, limit])
    return [{**row, "reasons": loads(row["reasons"])} for row in rows]


def explain(db: Db, run_id: str, reasons: Iterable[Message]) -> None:
    """Keep why an open run does not start."""
    text = dumps([reason.to_json() for reason in reasons])
    db.execute(
        "UPDATE schedule_runs SET reasons = ? WHERE id = ? AND state = ? AND reasons <> ?",
        [text, run_id, RunState.OPEN, text],
    )


def probed(db: Db, run_id: str, at: datetime) -> None:
    """Note that known hosts are about to be looked for."""
    db.execute("UPDATE schedule_runs SET probed_at = ? WHERE id = ?", [instant(at), run_id])


def claim(db: Db, run_id: str, scan_id: str, at: datetime, by: str) -> bool:
    """Take an open run for the scan ``scan_id``, which does not exist yet; False when it, or another run, is taken.

    One statement decides: whoever else asks at the same moment, one run at most is at work.
    """
    marks = ", ".join("?" for _ in ACTIVE)
    changed = db.execute(
        f"""UPDATE schedule_runs SET state = ?, scan_id = ?, started_at = ?, started_by = ?, reasons = '[]'
            WHERE id = ? AND state = ?
            AND NOT EXISTS (SELECT 1 FROM schedule_runs WHERE state IN ({marks}))""",  # noqa: S608  only marks
        [RunState.CLAIMED, scan_id, instant(at), by, run_id, RunState.OPEN, *ACTIVE],
    )
    return changed == 1


def settle(db: Db, run: Run, state: RunState, at: datetime) -> None:
    """Follow a run's scan: ``open`` gives the run back, as its scan never came to be."""
    if state is RunState.OPEN:
        db.execute(
            "UPDATE schedule_runs SET state = ?, scan_id = NULL, started_at = NULL, started_by = NULL "
            "WHERE id = ? AND state = ?",
            [state, run.id, RunState.CLAIMED],
        )
        return
    ended = None if state in ACTIVE else instant(at)
    db.execute("UPDATE schedule_runs SET state = ?, ended_at = ? WHERE id = ?", [state, ended, run.id])


def skip(db: Db, run_id: str, at: datetime, note: str) -> bool:
    """End an open run without a scan, on a person's word; False when it is not open."""
    changed = db.execute(
        "UPDATE schedule_runs SET state = ?, ended_at = ?, note = ? WHERE id = ? AND state = ?",
        [RunState.SKIPPED, instant(at), note, run_id, RunState.OPEN],
    )
    return changed == 1


def forget_future(db: Db, now: datetime) -> None:
    """A person says that the clock was ahead: what became due by it and was not acted on becomes due again in time."""
    db.execute(
        "DELETE FROM schedule_runs WHERE due_at > ? AND state IN (?, ?)",
        [instant(now), RunState.OPEN, RunState.MISSED],
    )


def followed(db: Db) -> list[Run]:
    """Runs whose scan may still go on."""
    return runs_in(db, FOLLOWED)


def _end(db: Db, run_id: str, state: RunState, at: datetime) -> None:
    db.execute(
        "UPDATE schedule_runs SET state = ?, ended_at = ? WHERE id = ? AND state = ?",
        [state, instant(at), run_id, RunState.OPEN],
    )


def _run(row: Row) -> Run:
    return Run(
        row["id"],
        row["schedule_id"],
        row["inspection_id"],
        ScheduleKind(row["kind"]),
        parse_rfc3339(row["due_at"]),
        RunState(row["state"]),
        row["scan_id"],
        tuple(Message.from_json(reason) for reason in loads(row["reasons"])),
        parse_rfc3339(row["probed_at"]) if row["probed_at"] else None,
    )


# The clock


def last_reading(db: Db) -> Reading | None:
    """The last reading that was believed, or None."""
    row = db.first("SELECT * FROM schedule_clock")
    return Reading(parse_rfc3339(row["wall"]), row["boottime"], row["boot"]) if row else None


def believe(db: Db, reading: Reading) -> None:
    """Keep a reading as believed; a doubt ends."""
    row: Row = {"one": 1, "wall": reading.wall.isoformat(), "boottime": reading.boottime, "boot": reading.boot}
    db.replace("schedule_clock", {**row, "doubt": None})


def doubt(db: Db, message: Message) -> None:
    """Keep why the clock is not believed."""
    db.execute("UPDATE schedule_clock SET doubt = ?", [dumps(message.to_json())])


def doubted(db: Db) -> Message | None:
    """Why the clock is not believed, or None."""
    text = db.value("SELECT doubt FROM schedule_clock")
    return Message.from_json(loads(text)) if text else None


# Places


def save_place(db: Db, place: Place, at: datetime, scan_id: str) -> None:
    """Keep the fingerprint of a segment. Once its router's card is known, a fingerprint without it is gone."""
    key = [place.network, place.gateway]
    with db.atomic():
        if place.gateway_mac:
            db.execute("DELETE FROM places WHERE network = ? AND gateway = ? AND gateway_mac = ''", key)
        elif db.first("SELECT 1 AS one FROM places WHERE network = ? AND gateway = ?", key):
            return
        row: Row = {"network": place.network, "gateway": place.gateway, "gateway_mac": place.gateway_mac}
        row |= {"document": dumps(_PLACE.dump_python(place)), "recorded_at": instant(at), "scan_id": scan_id}
        db.replace("places", row)


def list_places(db: Db) -> list[Place]:
    """Known places, oldest first."""
    rows = db.rows("SELECT document FROM places ORDER BY recorded_at, network")
    return [_PLACE.validate_json(row["document"]) for row in rows]
