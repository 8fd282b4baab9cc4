"""Schedules over the API and on the page: made, listed, refused in words, skipped with a reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from appliance.store import schedules as store
from config.clock import SystemClock, rfc3339
from tests.api.conftest import Api, hezheng

V1 = "/api/v1"


def soon(days: float = 1) -> str:
    return rfc3339(SystemClock().now() + timedelta(days=days))


def make_due(api: Api, one: str) -> str:
    """A run that has been due for three hours; returns its id."""
    schedule = api.post(f"{one}/schedules", {"once_at": soon()})["id"]
    past = api.built.appliance.clock.now() - timedelta(hours=3)
    with api.built.appliance.index() as db:
        rule = f'{{"type":"once","at":"{rfc3339(past)}"}}'
        db.execute(
            "UPDATE schedules SET rule = ?, since = ? WHERE id = ?",
            [rule, store.instant(past - timedelta(hours=1)), schedule],
        )
    (run,) = api.post(f"{V1}/schedules/look")["asks"]
    return str(run["id"])


def test_a_schedule_says_when_it_is_due_next(api: Api) -> None:
    one = api.new_inspection()
    weekly = {"days": [1, 3], "times": ["09:30"]}
    made = api.post(f"{one}/schedules", {"kind": "presence", "weekly": weekly})
    assert made["next_due_at"]
    (listed,) = api.get(f"{V1}/schedules")["items"]
    assert (listed["id"], listed["unit"], listed["rule"]["zone"]) == (made["id"], "测试单位", "Asia/Shanghai")
    assert api.post(f"{V1}/schedules/{made['id']}/cancel")["cancelled_at"]
    assert api.call("POST", f"{V1}/schedules/{made['id']}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "schedule.one_rule"),
        ({"once_at": "2020-01-01T09:00:00+08:00"}, "schedule.in_past"),
        ({"once_at": "2030-01-01T09:00:00"}, "schedule.without_offset"),
        ({"once_at": "0001-01-01T00:00:00+14:00"}, "schedule.bad_year"),
        ({"after_notice": {"noticed_on": "9999-12-31", "days": 30}}, "schedule.bad_year"),
        ({"weekly": {"days": [1], "times": ["25:00"]}}, "schedule.bad_time"),
        ({"weekly": {"days": [1], "times": ["09:00"]}, "zone": "Moon/Base"}, "schedule.bad_zone"),
    ],
)
def test_a_bad_schedule_is_refused_and_named(api: Api, body: dict[str, object], code: str) -> None:
    answer = api.call("POST", f"{api.new_inspection()}/schedules", body)
    assert (answer.status_code, answer.json["code"] if answer.json else "") == (422, code)


def test_what_is_late_waits_for_a_person_who_is_told_why_it_may_not_start(api: Api) -> None:
    run = make_due(api, api.new_inspection())
    (asking,) = api.get(f"{V1}/schedules")["asks"]
    assert [reason["code"] for reason in asking["reasons"]] == ["schedule.late"]
    refused = api.call("POST", f"{V1}/schedule-runs/{run}/start")
    assert refused.status_code == 403
    assert refused.json is not None
    assert refused.json["code"] == "scope.no_authorisation"
    assert api.post(f"{V1}/schedule-runs/{run}/skip", {"reason": "单位改期"})["state"] == "skipped"
    assert api.call("POST", f"{V1}/schedule-runs/{run}/start").status_code == 409


def test_a_clock_that_jumped_is_asked_about_and_confirmed(api: Api) -> None:
    api.post(f"{api.new_inspection()}/schedules", {"once_at": soon()})
    with api.built.appliance.index() as db:
        db.execute("UPDATE schedule_clock SET boottime = boottime - 86400")
    assert api.post(f"{V1}/schedules/look")["clock"]["code"] == "schedule.clock_jumped"
    assert api.post(f"{V1}/schedules/clock-confirmation")["clock"] is None


def test_the_commands_plan_list_and_answer(data: Path) -> None:
    hezheng(data, "unit", "create", "甲单位")
    inspection = hezheng(data, "inspection", "create", "甲单位", "--json").json["id"]
    added = hezheng(data, "schedule", "add", inspection, "--once", soon(), "--json")
    assert added.exit == 0, added.err
    assert hezheng(data, "schedule", "show", added.json["id"], "--json").json["runs"] == []
    assert len(hezheng(data, "schedule", "list", "--json").json["items"]) == 1
    assert hezheng(data, "schedule", "run-due").exit == 1  # nothing is due
    assert hezheng(data, "schedule", "check", inspection).exit == 4  # no authorisation
    assert hezheng(data, "schedule", "add", inspection, "--days-after-notice", "30").exit == 3
    assert hezheng(data, "schedule", "cancel", added.json["id"], "--json").json["cancelled_at"]
