"""``hezheng rectify``: 整改."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected

V1 = "/api/v1"
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group(help="整改：通知、回复、延期、约谈、销号、催办和月报")
def rectify() -> None:
    pass


@rectify.command(
    "notice", help="下发整改通知（须给 --deadline），或登记现场整改（--on-site）。不给 --key 时包括全部待整改问题。"
)
@click.argument("inspection_id")
@click.option("--number", default="", help="文号。")
@click.option("--deadline", type=DAY, help="整改期限，如 2026-12-31。")
@click.option("--issued-on", type=DAY, help="下发日期；缺省为今天。")
@click.option("--on-site", is_flag=True, help="现场整改。")
@click.option("--key", "keys", multiple=True, help="问题编号，可多次给出。")
@click.option("--note", default="")
@data_option
@json_option
def notice(
    inspection_id: str,
    number: str,
    deadline: datetime | None,
    issued_on: datetime | None,
    on_site: bool,
    keys: tuple[str, ...],
    note: str,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"kind": "on_site" if on_site else "notice", "number": number, "keys": list(keys), "note": note}
    body |= {"deadline": _day(deadline), "issued_on": _day(issued_on)}
    _send(data, f"{V1}/inspections/{inspection_id}/notices", body, "notice", as_json)


@rectify.command("list", help="一次督查的整改通知及进展。")
@click.argument("inspection_id")
@data_option
@json_option
def listed(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/inspections/{inspection_id}/notices")["items"]}, "notices", as_json)


@rectify.command("rate", help="一次督查所发现问题的整改率（含后来回头看的结论）。")
@click.argument("inspection_id")
@data_option
@json_option
def rate(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/inspections/{inspection_id}/rectification"), "rectification", as_json)


@rectify.command("show", help="一份整改通知：问题、经过、材料。")
@click.argument("notice_id")
@data_option
@json_option
def show(notice_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/notices/{notice_id}"), "notice", as_json)


@rectify.command("reply", help="登记单位的整改回复，可附材料。")
@click.argument("notice_id")
@click.option("--text", required=True, help="回复内容。")
@click.option("--key", "keys", multiple=True, help="所涉问题；缺省为通知中的全部问题。")
@click.option("--paper", "papers", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--on", type=DAY, help="收到日期；缺省为今天。")
@data_option
@json_option
def reply(
    notice_id: str,
    text: str,
    keys: tuple[str, ...],
    papers: tuple[Path, ...],
    on: datetime | None,
    data: Path | None,
    as_json: bool,
) -> None:
    with connected(data) as client:
        for paper in papers:
            client.upload(f"{V1}/notices/{notice_id}/papers", paper, {})
        body = {"kind": "reply", "text": text, "keys": list(keys), "on": _day(on)}
        put(client.send("POST", f"{V1}/notices/{notice_id}/events", body), "notice", as_json)


@rectify.command("extend", help="延长整改期限。")
@click.argument("notice_id")
@click.argument("until", type=DAY)
@click.option("--text", required=True, help="理由。")
@data_option
@json_option
def extend(notice_id: str, until: datetime, text: str, data: Path | None, as_json: bool) -> None:
    _event(notice_id, {"kind": "extension", "until": _day(until), "text": text}, data, as_json)


@rectify.command("talk", help="登记约谈。")
@click.argument("notice_id")
@click.option("--person", required=True, help="被约谈人及职务。")
@click.option("--text", required=True, help="约谈情况。")
@click.option("--on", type=DAY, help="约谈日期；缺省为今天。")
@data_option
@json_option
def talk(notice_id: str, person: str, text: str, on: datetime | None, data: Path | None, as_json: bool) -> None:
    _event(notice_id, {"kind": "talk", "person": person, "text": text, "on": _day(on)}, data, as_json)


@rectify.command("remind", help="登记一次催办。")
@click.argument("notice_id")
@click.option("--text", default="")
@data_option
@json_option
def remind(notice_id: str, text: str, data: Path | None, as_json: bool) -> None:
    _event(notice_id, {"kind": "reminder", "text": text}, data, as_json)


@rectify.command("accept", help="认可整改，问题销号。")
@click.argument("notice_id")
@click.option("--key", "keys", multiple=True, help="所涉问题；缺省为通知中的全部问题。")
@click.option("--text", default="", help="意见。")
@click.option("--on", type=DAY, help="销号日期；缺省为今天。")
@data_option
@json_option
def accept(
    notice_id: str, keys: tuple[str, ...], text: str, on: datetime | None, data: Path | None, as_json: bool
) -> None:
    body = {"kind": "outcome", "accepted": True, "keys": list(keys), "text": text, "on": _day(on)}
    _event(notice_id, body, data, as_json)


@rectify.command("return", help="退回整改回复。")
@click.argument("notice_id")
@click.option("--key", "keys", multiple=True, help="所涉问题；缺省为通知中的全部问题。")
@click.option("--text", required=True, help="理由。")
@data_option
@json_option
def send_back(notice_id: str, keys: tuple[str, ...], text: str, data: Path | None, as_json: bool) -> None:
    _event(notice_id, {"kind": "outcome", "accepted": False, "keys": list(keys), "text": text}, data, as_json)


@rectify.command("due", help="催办清单：已逾期、即将到期和已回复待审的整改通知。")
@click.option("--within", type=click.IntRange(0, 3650), default=7, show_default=True, help="几天之内到期。")
@data_option
@json_option
def due(within: int, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/rectification/due", within=within)["items"]}, "due", as_json)


@rectify.command("month", help="月报数字：检查整改落实情况统计（各单位及合计）。")
@click.argument("month", type=click.DateTime(formats=["%Y-%m"]))
@data_option
@json_option
def monthly(month: datetime, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/rectification/months/{month.year}/{month.month}"), "rectification-month", as_json)


def _day(moment: datetime | None) -> str | None:
    return moment.date().isoformat() if moment else None


def _event(notice_id: str, body: dict[str, Any], data: Path | None, as_json: bool) -> None:
    _send(data, f"{V1}/notices/{notice_id}/events", body, "notice", as_json)


def _send(data: Path | None, path: str, body: dict[str, Any], schema: str, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", path, body), schema, as_json)
