"""``hezheng decision``, ``objection``, ``record``, ``explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected
from config.problems import BadInput

ONE = "/api/v1/inspections"
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
DECISIONS = click.Choice(["licensed", "unlicensed", "to_verify", "excluded"])


@click.group(help="上机复核")
def decision() -> None:
    pass


@decision.command("record", help="登记对一条判定的上机复核结论，下一次 audit 起生效。")
@click.argument("inspection_id")
@click.argument("verdict_id")
@click.argument("decided", type=DECISIONS)
@click.option("--reason", required=True, help="复核所见。")
@click.option("--paper", "papers", multiple=True, help="照片或书面材料的编号，可多次给出。")
@click.option(
    "--attach", "files", multiple=True, type=FILE, help="随同保存并封存的照片或材料（JPEG、PNG、PDF 等），可多次给出。"
)
@data_option
@json_option
def decision_record(
    inspection_id: str,
    verdict_id: str,
    decided: str,
    reason: str,
    papers: tuple[str, ...],
    files: tuple[Path, ...],
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"decision": decided, "reason": reason, "papers": list(papers)}
    _send_with(data, inspection_id, f"verdicts/{verdict_id}/decision", body, files, "decision", as_json)


@decision.command("list", help="列出上机复核结论。")
@click.argument("inspection_id")
@data_option
@json_option
def decision_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    _list(data, f"{ONE}/{inspection_id}/decisions", "decisions", as_json)


@click.group(help="异议")
def objection() -> None:
    pass


@objection.command("record", help="登记单位对一条判定的异议。")
@click.argument("inspection_id")
@click.argument("verdict_id")
@click.option("--reason", required=True, help="异议理由。")
@click.option("--paper", "papers", multiple=True, help="材料编号，可多次给出。")
@click.option(
    "--attach", "files", multiple=True, type=FILE, help="随同保存并封存的照片或材料（JPEG、PNG、PDF 等），可多次给出。"
)
@data_option
@json_option
def objection_record(
    inspection_id: str,
    verdict_id: str,
    reason: str,
    papers: tuple[str, ...],
    files: tuple[Path, ...],
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"reason": reason, "papers": list(papers)}
    _send_with(data, inspection_id, f"verdicts/{verdict_id}/objections", body, files, "objection", as_json)


@objection.command("answer", help="答复异议：upheld 成立（须给 --decision），rejected 不成立。")
@click.argument("inspection_id")
@click.argument("objection_id")
@click.argument("said", type=click.Choice(["upheld", "rejected"]))
@click.option("--text", required=True, help="答复意见。")
@click.option("--decision", "decided", type=DECISIONS)
@data_option
@json_option
def objection_answer(
    inspection_id: str, objection_id: str, said: str, text: str, decided: str | None, data: Path | None, as_json: bool
) -> None:
    body = {"answer": said, "text": text, "decision": decided}
    _send(data, f"{ONE}/{inspection_id}/objections/{objection_id}/answer", body, "objection", as_json)


@objection.command("list", help="列出异议和答复。")
@click.argument("inspection_id")
@data_option
@json_option
def objection_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    _list(data, f"{ONE}/{inspection_id}/objections", "objections", as_json)


@click.group(help="其他记录：处置手续、维修单、KMS 主机、授权服务器、场地授权范围、租赁说明等")
def record() -> None:
    pass


@record.command(
    "add", help='登记一条记录，如：record add 督查号 disposals \'{"asset_no": "ZC1", "paper": "批复 3 号"}\''
)
@click.argument("inspection_id")
@click.argument("kind")
@click.argument("fields")
@data_option
@json_option
def record_add(inspection_id: str, kind: str, fields: str, data: Path | None, as_json: bool) -> None:
    try:
        document = json.loads(fields)
    except json.JSONDecodeError as error:
        raise BadInput("record.bad_field", kind=kind, field="fields", detail="json_invalid") from error
    _send(data, f"{ONE}/{inspection_id}/records", {"kind": kind, "fields": document}, "record", as_json)


@record.command("list", help="列出手工登记的记录。")
@click.argument("inspection_id")
@click.option("--kind")
@data_option
@json_option
def record_list(inspection_id: str, kind: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        query = {"kind": kind} if kind else {}
        put({"items": client.get(f"{ONE}/{inspection_id}/records", **query)["items"]}, "records", as_json)


@click.command(help="说明一条判定的依据；用 --rate 说明指标的某个数由什么组成；用 --position 说明许可缺口、闲置。")
@click.argument("inspection_id")
@click.argument("verdict_id", required=False)
@click.option("--rate", "rate_name", help="指标名，如 legal_rate.office。")
@click.option("--position", "software_no", help="软件编号：说明它的许可缺口或闲置。")
@click.option("--number", type=click.Choice(["n", "d", "excluded", "lower", "upper"]), default="n", show_default=True)
@click.option(
    "--by", type=click.Choice(["department", "kind", "xinchuang"]), help="只看一组：按部门、计算机类别或信创。"
)
@click.option("--group", default="", help="组名，如 财务科、notebook、yes；空为未登记。")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@data_option
@json_option
def explain(
    inspection_id: str,
    verdict_id: str | None,
    rate_name: str | None,
    software_no: str | None,
    number: str,
    by: str | None,
    group: str,
    limit: int,
    data: Path | None,
    as_json: bool,
) -> None:
    if [verdict_id, rate_name, software_no].count(None) != 2:
        raise click.UsageError("给出判定编号，或用 --rate 给出指标名，或用 --position 给出软件编号，三者取一。")
    with connected(data) as client:
        if verdict_id is not None:
            found = client.get(f"{ONE}/{inspection_id}/verdicts/{verdict_id}/explain")
        elif software_no is not None:
            query = {"software_no": software_no, "limit": limit}
            found = client.get(f"{ONE}/{inspection_id}/positions/explain", **query)
        else:
            part = {"dimension": by, "group": group} if by else {}
            found = client.get(f"{ONE}/{inspection_id}/rates/{rate_name}/explain", number=number, limit=limit, **part)
        put(found, "explanation", as_json)


def _send(data: Path | None, path: str, body: dict[str, Any], schema: str, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", path, body), schema, as_json)


def _send_with(
    data: Path | None,
    inspection_id: str,
    place: str,
    body: dict[str, Any],
    files: tuple[Path, ...],
    schema: str,
    as_json: bool,
) -> None:
    """Attach the files first; what is entered names them among its papers."""
    one = f"{ONE}/{inspection_id}"
    with connected(data) as client:
        attached = [client.upload(f"{one}/attachments", file, {})["paper"] for file in files]
        put(client.send("POST", f"{one}/{place}", {**body, "papers": [*body["papers"], *attached]}), schema, as_json)


def _list(data: Path | None, path: str, schema: str, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(path)["items"]}, schema, as_json)
