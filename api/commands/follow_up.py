"""``hezheng follow-up``: 回头看."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, follow, json_option, put
from api.commands.client import connected

ONE = "/api/v1/inspections"
OUTCOMES = click.Choice(["rectified", "open", "reappeared", "moved", "new", "not_rechecked"])


@click.group("follow-up", help="回头看：与上次检查逐项比对")
def follow_up() -> None:
    pass


@follow_up.command(
    "baseline",
    help="指定比对基准：上次督查的编号（--inspection）、证据包文件（--bundle）或已导入的上次问题清单（--list）。",
)
@click.argument("inspection_id")
@click.option("--inspection", "earlier")
@click.option("--bundle", type=click.Path(exists=True, path_type=Path))
@click.option("--list", "from_list", is_flag=True)
@click.option("--signer", help="证据包签名人的指纹；本机未封存过的证据包须给出。")
@data_option
@json_option
def baseline(
    inspection_id: str,
    earlier: str | None,
    bundle: Path | None,
    from_list: bool,
    signer: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    if [earlier is not None, bundle is not None, from_list].count(True) != 1:
        raise click.UsageError("--inspection、--bundle、--list 三者取一。")
    kind, source = ("list", "") if from_list else ("inspection", earlier) if earlier else ("bundle", str(bundle))
    if kind == "bundle":
        source = str(Path(source or "").absolute())
    _send(
        data, f"{ONE}/{inspection_id}/baseline", {"kind": kind, "source": source, "signer": signer}, "baseline", as_json
    )


@follow_up.command("compare", help="把最近一次判定与基准比对，列出各结论的数量和整改率。")
@click.argument("inspection_id")
@data_option
@json_option
def compare(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(follow(client, client.send("POST", f"{ONE}/{inspection_id}/comparisons"))["result"], "comparison", as_json)


@follow_up.command("list", help="逐项列出比对结论及两次检查的依据。")
@click.argument("inspection_id")
@click.option("--outcome", type=OUTCOMES)
@click.option("--kind", help="问题种类。")
@data_option
@json_option
def lines(inspection_id: str, outcome: str | None, kind: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.all(f"{ONE}/{inspection_id}/comparison/lines", outcome=outcome, kind=kind)
        put({"items": items}, "comparison-lines", as_json)


@follow_up.command("show", help="一项比对结论，连同两次检查的判定。")
@click.argument("inspection_id")
@click.argument("sequence", type=int)
@data_option
@json_option
def show(inspection_id: str, sequence: int, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{ONE}/{inspection_id}/comparison/lines/{sequence}"), "comparison-line", as_json)


@follow_up.command("changes", help="列出固定资产、软件台账、计算机和软件的变化。")
@click.argument("inspection_id")
@click.option("--area", type=click.Choice(["asset", "licence", "computer", "software"]))
@data_option
@json_option
def changes(inspection_id: str, area: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.all(f"{ONE}/{inspection_id}/comparison/changes", area=area)
        put({"items": items}, "comparison-changes", as_json)


@follow_up.command("doubts", help="列出上次问题清单中须人工确认的行。")
@click.argument("inspection_id")
@data_option
@json_option
def doubts(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/baseline/doubts")["items"]}, "doubts", as_json)


@follow_up.command("confirm", help="确认清单中的一行指的是哪台计算机；不给出主机编号表示都不是。")
@click.argument("inspection_id")
@click.argument("row")
@click.argument("host_id", required=False, default="")
@data_option
@json_option
def confirm(inspection_id: str, row: str, host_id: str, data: Path | None, as_json: bool) -> None:
    _send(data, f"{ONE}/{inspection_id}/baseline/rows", {"row": row, "host_id": host_id}, "baseline-row", as_json)


def _send(data: Path | None, path: str, body: dict[str, Any], schema: str, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("POST", path, body), schema, as_json)
