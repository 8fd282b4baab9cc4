"""What a schedule may ask of a scan."""

from __future__ import annotations

from appliance.schedule.rules import ScheduleKind
from appliance.visits.scan_run import ScanOptions
from appliance.visits.schedule_site import options_of


def test_a_scheduled_scan_has_one_round_because_the_laptop_may_be_elsewhere_for_the_next() -> None:
    asked = ScanOptions(segment="10.0.0.0/24", rounds=12, canary="10.0.0.9").to_json()
    options = options_of(ScheduleKind.RESCAN, asked)
    assert (options.rounds, options.segment, options.canary) == (1, "10.0.0.0/24", "10.0.0.9")


def test_a_presence_sweep_logs_in_nowhere() -> None:
    options = options_of(ScheduleKind.PRESENCE, ScanOptions(rounds=3, canary="10.0.0.9").to_json())
    assert options == ScanOptions(discover_only=True, presence=True)
