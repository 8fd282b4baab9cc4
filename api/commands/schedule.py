"""``hezheng schedule``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, follow, json_option, passphrase_option, put, tell, unlock
from api.commands.client import Client, connected
from config.message import Message
from config.problems import BadInput, Negative, Refused

V1 = "/api/v1"


@click.group(help="定期复查（回头看）与开机巡检的计划")
def schedule() -> None:
    pass


@schedule.command("add", help="新建计划：一次（--once）、每周（--weekly），或整改通知后若干天（--days-after-notice）。")
@click.argument("inspection_id")
@click.option(
    "--kind", type=click.Choice(["rescan", "presence"]), default="rescan", help="rescan 复查；presence 开机巡检。"
)
@click.option("--once", metavar="TIME", help="时间，如 2026-12-01T09:00+08:00。")
@click.option("--weekly", metavar="DAYS", help="星期，1 为星期一，如 1,3,5。")
@click.option("--days-after-notice", type=click.IntRange(0, 3660), help="整改通知后的天数，如 30。")
@click.option("--noticed-on", metavar="DATE", help="整改通知的日期，如 2026-11-02。")
@click.option("--at", "times", metavar="HH:MM", multiple=True, help="时刻；每周计划可写多次。缺省 09:00。")
@click.option("--zone", help="时区，如 Asia/Shanghai；缺省取设置。")
@click.option("--segment", help="只检测授权范围内的这一网段。")
@click.option("--canary", metavar="ADDRESS", help="试登计算机，见 scan start。")
@click.option("--accept-first-contact", is_flag=True, help="确认到时首次出现的 SSH 主机密钥。")
@data_option
@json_option
def schedule_add(
    inspection_id: str,
    kind: str,
    once: str | None,
    weekly: str | None,
    days_after_notice: int | None,
    noticed_on: str | None,
    times: tuple[str, ...],
    zone: str | None,
    segment: str | None,
    canary: str | None,
    accept_first_contact: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    body: dict[str, Any] = {"kind": kind, "once_at": once, "zone": zone}
    body["options"] = {"segment": segment, "canary": canary, "accept_first_contact": accept_first_contact}
    at = list(times) or ["09:00"]
    if weekly is not None:
        body["weekly"] = {"days": _days(weekly), "times": at}
    if days_after_notice is not None:
        if noticed_on is None:
            raise BadInput("schedule.notice_missing")
        body["after_notice"] = {"noticed_on": noticed_on, "days": days_after_notice, "time": at[0]}
    with connected(data) as client:
        added = client.send("POST", f"{V1}/inspections/{inspection_id}/schedules", body)
        tell("schedule.added", id=added["id"], next=added["next_due_at"])
        put(added, "schedule", as_json)


@schedule.command("list", help="全部计划、等待处理的到期任务和时钟状况。")
@data_option
@json_option
def schedule_list(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        _put_list(client.send("POST", f"{V1}/schedules/look"), as_json)


@schedule.command("show", help="一个计划及其历史。")
@click.argument("schedule_id")
@data_option
@json_option
def schedule_show(schedule_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/schedules/{schedule_id}"), "schedule", as_json)


@schedule.command("cancel", help="取消计划；已到期而未开始的一并作罢。")
@click.argument("schedule_id")
@data_option
@json_option
def schedule_cancel(schedule_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", f"{V1}/schedules/{schedule_id}/cancel"), "schedule", as_json)


@schedule.command("run-due", help="现在做到期的任务（缺省为最早的一项），先做同样的核对；不符的说明原因，不发送数据。")
@click.argument("run_id", required=False)
@passphrase_option
@data_option
@json_option
def schedule_run_due(run_id: str | None, passphrase_fd: int | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        run_id = run_id or _oldest(client)
        unlock(client, passphrase_fd)
        run = client.send("POST", f"{V1}/schedule-runs/{run_id}/start")
        if run["job"]:
            follow(client, client.get(f"{V1}/jobs/{run['job']}"))
        client.send("POST", f"{V1}/schedules/look")
        runs = client.get(f"{V1}/schedules/{run['schedule_id']}")["runs"]
        put(next(one for one in runs if one["id"] == run_id), "schedule_run", as_json)


@schedule.command("skip", help="注明理由，不做一项到期的任务。")
@click.argument("run_id")
@click.option("--reason", required=True, help="理由，记入操作日志。")
@data_option
@json_option
def schedule_skip(run_id: str, reason: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", f"{V1}/schedule-runs/{run_id}/skip", {"reason": reason}), "schedule_run", as_json)


@schedule.command("check", help="核对本机现在接入的是不是这个单位的网络；不发送任何数据。")
@click.argument("inspection_id")
@data_option
@json_option
def schedule_check(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        found = client.get(f"{V1}/inspections/{inspection_id}/network-place")
        put(found, "network_place", as_json)
        if not found["matches"]:
            reason = Message.from_json(found["reasons"][0])
            raise Negative(reason.code, **reason.params)


@schedule.command("confirm-clock", help="确认本机时钟正确；时钟被改动后，未确认之前任何计划都不开始。")
@data_option
@json_option
def schedule_confirm_clock(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        _put_list(client.send("POST", f"{V1}/schedules/clock-confirmation"), as_json)


def _put_list(listed: dict[str, Any], as_json: bool) -> None:
    put({name: listed[name] for name in ("clock", "asks", "items")}, "schedules", as_json)
    if listed["asks"]:
        tell("schedule.asks", count=len(listed["asks"]))


def _oldest(client: Client) -> str:
    listed = client.send("POST", f"{V1}/schedules/look")
    if listed["asks"]:
        return str(listed["asks"][0]["id"])
    if listed["clock"]:
        reason = Message.from_json(listed["clock"])
        raise Refused(reason.code, **reason.params)
    raise Negative("schedule.nothing_due")


def _days(text: str) -> list[int]:
    try:
        return [int(day) for day in text.replace("，", ",").split(",")]
    except ValueError:
        raise BadInput("schedule.no_days") from None
