"""``hezheng audit``, ``verdict``, ``finding``, ``rate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, follow, json_option, put, say, tell
from api.commands.client import Client, connected
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput, Exit

ONE, CASE_FILE = "/api/v1/inspections", "case.toml"


@click.command(
    help="对一次督查已有的采集事实和台账作出判定；也可给出一个案例文件夹（格式见 docs/cases.md），不需要数据目录。"
)
@click.argument("inspection_or_folder")
@data_option
@json_option
def audit(inspection_or_folder: str, data: Path | None, as_json: bool) -> int:
    folder = Path(inspection_or_folder)
    if folder.is_dir() or folder.name == CASE_FILE:
        return _audit_case(folder.parent if folder.name == CASE_FILE else folder, as_json)
    if len(folder.parts) > 1:  # no inspection's number has one
        raise BadInput("case.no_folder", folder=inspection_or_folder)
    with connected(data) as client:
        put(follow(client, client.send("POST", f"{ONE}/{inspection_or_folder}/audits"))["result"], "audit", as_json)
    return int(Exit.DONE)


def _audit_case(folder: Path, as_json: bool) -> int:
    """Run one case folder; 1 when it expects something else than what came out."""
    from appliance.judgement.case_check import run_case
    from appliance.judgement.cases import read_case
    from appliance.recognition.catalogue import load as load_catalogue
    from config.settings import load as load_settings

    case = read_case(folder, load_catalogue(), load_settings().ledger, SystemClock())
    result = run_case(case)
    put(result, "case-result", as_json)
    for remark in case.remarks:
        say(render(remark))
    expects = case.file.expect or case.file.expect_rates or case.file.expect_findings or case.file.expect_positions
    if result["unmet"]:
        tell("case.unmet", title=case.file.title, count=len(result["unmet"]))
    elif expects:
        tell("case.met", title=case.file.title)
    return int(Exit.NO if result["unmet"] else Exit.DONE)


@click.group(help="判定")
def verdict() -> None:
    pass


@verdict.command("list", help="列出判定及理由。")
@click.argument("inspection_id")
@click.option("--decision", type=click.Choice(["licensed", "unlicensed", "to_verify", "excluded"]))
@click.option("--rule", help="规则号，如 R14。")
@data_option
@json_option
def verdict_list(inspection_id: str, decision: str | None, rule: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.all(f"{ONE}/{inspection_id}/verdicts", decision=decision, rule=rule)
        put({"items": items if as_json else _with_addresses(client, inspection_id, items)}, "verdicts", as_json)


def _with_addresses(client: Client, inspection_id: str, verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """People know a computer by its address; a verdict holds the host's id."""
    known = {host["id"]: host["address"] for host in client.all(f"{ONE}/{inspection_id}/hosts")}
    return [{**verdict, "address": known.get(verdict["host_id"])} for verdict in verdicts]


@click.group(help="问题")
def finding() -> None:
    pass


@finding.command("list", help="列出问题。")
@click.argument("inspection_id")
@click.option("--kind")
@data_option
@json_option
def finding_list(inspection_id: str, kind: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.all(f"{ONE}/{inspection_id}/findings", kind=kind)}, "findings", as_json)


@click.group(help="指标")
def rate() -> None:
    pass


@rate.command("show", help="正版率、国产化率、覆盖率、账实相符率与许可缺口。")
@click.argument("inspection_id")
@data_option
@json_option
def rate_show(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{ONE}/{inspection_id}/rates"), "rates", as_json)
