"""What the desk of the schedule sees of the laptop, of an inspection and of the network, and the scans it starts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from appliance.context import Appliance
from appliance.schedule.decide import Run
from appliance.schedule.reliable_clock import Reading
from appliance.schedule.rules import ScheduleKind
from appliance.store import inspections as inspection_store
from appliance.store import scans as scan_store
from appliance.store import schedules as store
from appliance.store.database import Db, Row
from appliance.visits import network_check, scanning
from appliance.visits.inspections import authorisation_in_force
from appliance.visits.logins import list_all as list_credentials
from appliance.visits.scan_run import ScanOptions
from appliance.visits.schedule_desk import Desk
from config.clock import Clock, boot_id, rfc3339
from config.message import Message
from config.problems import NotFound, Problem
from credentials.model import CredentialState
from scanner.scope import require


@dataclass(frozen=True, slots=True)
class Site:
    """The world as it is."""

    appliance: Appliance

    def reading(self) -> Reading:
        """Of the laptop's own clock."""
        clock = self.appliance.clock
        return Reading(clock.now(), clock.boottime(), boot_id())

    def busy(self) -> bool:
        """Whether a scan runs, whoever started it."""
        return any(job.kind.startswith("scan:") for job in self.appliance.jobs.running())

    def conditions(self, run: Run) -> tuple[Message, ...]:
        """Everything against it that needs no look at the network."""
        try:
            with self.appliance.inspection(run.inspection_id) as (db, _):
                row = inspection_store.read(db)
                ended = _ended(row)
                permission = _not_permitted(db, self.appliance.clock)
        except Problem as problem:
            return (problem.message,)
        found = (ended, permission, self._logins(run))
        return tuple(message for message in found if message is not None)

    def _logins(self, run: Run) -> Message | None:
        """Why nobody could log in: sealing destroyed the credentials, so the unit's staff enters them again."""
        if run.kind is ScheduleKind.PRESENCE:
            return None
        credentials = list_credentials(self.appliance, run.inspection_id)
        if not credentials:
            return Message.of("schedule.no_credentials")
        if self.appliance.vault.locked:
            return Message.of("schedule.vault_locked")
        if all(credential["state"] == CredentialState.FROZEN for credential in credentials):
            return Message.of("schedule.frozen_credentials")
        return None

    def place(self, run: Run) -> tuple[Message, ...]:
        """Stage 1. What kept us from looking stands against the run too: nobody knows then where the laptop is."""
        try:
            return network_check.place_objections(self.appliance, run.inspection_id)
        except Problem as problem:
            return (problem.message,)

    def known_hosts(self, run: Run) -> tuple[Message, ...]:
        """Stage 2. What stops it stands against this run alone: the next one is looked at all the same."""
        try:
            return network_check.host_objections(self.appliance, run.inspection_id)
        except Problem as problem:
            return (problem.message,)

    def start(self, run: Run, scan_id: str, by: str) -> None:
        """Start the scan under the id that the claim chose."""
        with self.appliance.index() as db:
            schedule = store.get(db, run.schedule_id)
        assert schedule is not None
        about = {"scan": scan_id, "schedule": run.schedule_id, "due_at": rfc3339(run.due_at), "by": by}
        self.appliance.log(run.inspection_id, "schedule.started", **about)
        scanning.start(self.appliance, run.inspection_id, options_of(run.kind, schedule["options"]), scan_id)

    def scan_state(self, run: Run) -> str | None:
        """The state of the run's scan, or None when there is no such scan."""
        with suppress(NotFound), self.appliance.inspection(run.inspection_id) as (db, _):
            scan = scan_store.get(db, run.scan_id or "")
            return scan["state"] if scan else None
        return None


def options_of(kind: ScheduleKind, options: Mapping[str, Any]) -> ScanOptions:
    """A presence sweep looks who is on and asks nobody anything.

    One round each: the network was recognised for now, and later rounds would send in whatever network that is then.
    """
    if kind is ScheduleKind.PRESENCE:
        return ScanOptions(segment=options.get("segment"), discover_only=True, presence=True)
    return replace(ScanOptions(**options), rounds=1)


def desk(appliance: Appliance) -> Desk:
    """The desk of an appliance."""
    within = timedelta(minutes=appliance.settings.schedule.start_within_minutes)
    return Desk(appliance.index, appliance.ids, Site(appliance), within)


def _ended(row: Row) -> Message | None:
    if row["sealed_at"]:
        return Message.of("schedule.sealed", at=row["sealed_at"])
    return Message.of("schedule.final", at=row["finalised_at"]) if row["finalised_at"] else None


def _not_permitted(db: Db, clock: Clock) -> Message | None:
    try:
        require(authorisation_in_force(db), clock.now())
    except Problem as problem:
        return problem.message
    return None
