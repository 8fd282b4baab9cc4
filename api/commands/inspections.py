"""``hezheng unit``, ``inspection``, ``authorisation``, ``segment``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from api.commands.base import data_option, json_option, put, tell
from api.commands.client import connected
from config.clock import SystemClock

V1 = "/api/v1"


@click.group(help="单位")
def unit() -> None:
    pass


@unit.command("create", help="登记单位。")
@click.argument("name")
@click.option("--system", default="", help="所属系统，如 市级机关、教育、卫健。")
@click.option("--region", default="", help="地区。")
@data_option
@json_option
def unit_create(name: str, system: str, region: str, data: Path | None, as_json: bool) -> None:
    with connected(data, create=True) as client:
        put(client.send("POST", f"{V1}/units", {"name": name, "system": system, "region": region}), "unit", as_json)


@unit.command("list", help="列出单位。")
@data_option
@json_option
def unit_list(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/units")["items"]}, "units", as_json)


@click.group(help="督查")
def inspection() -> None:
    pass


@inspection.command("create", help="对单位（名称或编号）新建一次督查。")
@click.argument("unit_name")
@click.option("--kind", type=click.Choice(["initial", "follow_up", "self_check"]), default="initial")
@click.option("--policy", help="政策口径，缺省取设置。")
@data_option
@json_option
def inspection_create(unit_name: str, kind: str, policy: str | None, data: Path | None, as_json: bool) -> None:
    body = {"unit": unit_name, "kind": kind, "policy": policy}
    with connected(data) as client:
        put(client.send("POST", f"{V1}/inspections", body), "inspection", as_json)


@inspection.command("list", help="列出督查。")
@data_option
@json_option
def inspection_list(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.all(f"{V1}/inspections")}, "inspections", as_json)


@inspection.command("show", help="一次督查目前的结果。")
@click.argument("inspection_id")
@data_option
@json_option
def inspection_show(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/inspections/{inspection_id}/summary"), "summary", as_json)


@inspection.command("phase", help="进入另一阶段：on_site 现场、after_proof 补证后、final 定稿。")
@click.argument("inspection_id")
@click.argument("phase", type=click.Choice(["on_site", "after_proof", "final"]))
@data_option
@json_option
def inspection_phase(inspection_id: str, phase: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.send("PATCH", f"{V1}/inspections/{inspection_id}", {"phase": phase}), "inspection", as_json)


@inspection.command("reopen", help="定稿后重新打开，写明理由；阶段回到补证后，须重新判定。")
@click.argument("inspection_id")
@click.option("--reason", required=True, help="重新打开的理由，记入证据链。")
@data_option
@json_option
def inspection_reopen(inspection_id: str, reason: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(
            client.send("POST", f"{V1}/inspections/{inspection_id}/reopenings", {"reason": reason}),
            "reopening",
            as_json,
        )


@click.group(help="检测授权")
def authorisation() -> None:
    pass


MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])


@authorisation.command("record", help="登记已签署的检测授权；没有授权和不涉密声明不会发送任何数据。")
@click.argument("inspection_id")
@click.option("--range", "ranges", multiple=True, required=True, help="授权网段，可多次；如 192.168.1.0/24。")
@click.option("--exclude", "exclusions", multiple=True, help="排除的地址或网段，可多次。")
@click.option("--from", "not_before", type=MOMENT, required=True, help="时段开始（本机时间）。")
@click.option("--until", "not_after", type=MOMENT, required=True, help="时段结束（本机时间）。")
@click.option("--document-no", required=True, help="授权书文号。")
@click.option("--signer", required=True, help="签署人。")
@click.option("--signed-on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="签署日期。")
@click.option("--no-classified", is_flag=True, help="单位已书面声明所列网段内没有涉密网络和涉密计算机。")
@click.option("--permits-service-start", is_flag=True, help="授权书写明可临时启动 Remote Registry 服务。")
@click.option("--public-confirmed", is_flag=True, help="授权书已写明所列公网地址。")
@data_option
@json_option
def authorisation_record(
    inspection_id: str,
    ranges: tuple[str, ...],
    exclusions: tuple[str, ...],
    not_before: datetime,
    not_after: datetime,
    document_no: str,
    signer: str,
    signed_on: datetime,
    no_classified: bool,
    permits_service_start: bool,
    public_confirmed: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {
        "ranges": list(ranges),
        "exclusions": list(exclusions),
        "not_before": not_before.astimezone().isoformat(),
        "not_after": not_after.astimezone().isoformat(),
        "document_no": document_no,
        "signer": signer,
        "signed_on": signed_on.date().isoformat(),
        "no_classified": no_classified,
        "permits_service_start": permits_service_start,
        "public_confirmed": public_confirmed,
    }
    with connected(data) as client:
        put(client.send("POST", f"{V1}/inspections/{inspection_id}/authorisations", body), "authorisation", as_json)
    _remark_on_window(not_before.astimezone(), not_after.astimezone(), SystemClock().now())


def _remark_on_window(opens: datetime, closes: datetime, now: datetime) -> None:
    """A window in the past is a slip of the pen more often than not: the scan would refuse later what is said now."""
    if closes <= now:
        tell("scope.window_closed", closed=closes.isoformat(), at=now.isoformat())
    elif opens > now:
        tell("scope.window_not_open", opens=opens.isoformat(), at=now.isoformat())


@authorisation.command("list", help="列出检测授权，最后一份有效。")
@click.argument("inspection_id")
@data_option
@json_option
def authorisation_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.get(f"{V1}/inspections/{inspection_id}/authorisations")["items"]
        put({"items": items}, "authorisations", as_json)


@click.group(help="网段")
def segment() -> None:
    pass


@segment.command("add", help="登记一个网段（楼宇、VLAN、接入点）。")
@click.argument("inspection_id")
@click.argument("address_range")
@click.option("--label", default="")
@data_option
@json_option
def segment_add(inspection_id: str, address_range: str, label: str, data: Path | None, as_json: bool) -> None:
    body = {"range": address_range, "label": label}
    with connected(data) as client:
        put(client.send("POST", f"{V1}/inspections/{inspection_id}/segments", body), "segment", as_json)


@segment.command("list", help="列出网段。")
@click.argument("inspection_id")
@data_option
@json_option
def segment_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{V1}/inspections/{inspection_id}/segments")["items"]}, "segments", as_json)
