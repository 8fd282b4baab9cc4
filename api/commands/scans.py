"""``hezheng scan``, ``host``, ``facts``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, follow, json_option, passphrase_option, put, unlock
from api.commands.client import Client, connected
from config.problems import BadInput, Negative

ONE = "/api/v1/inspections"


@click.group(help="网络技术检测")
def scan() -> None:
    pass


@scan.command("start", help="发现主机并采集；需要有效的检测授权。")
@click.argument("inspection_id")
@click.option("--segment", help="只检测授权范围内的这一网段。")
@click.option("--discover-only", is_flag=True, help="只发现主机，不登录。")
@click.option("--accept-first-contact", is_flag=True, help="由操作员确认本批所有首次出现的 SSH 主机密钥。")
@click.option("--only-missing", is_flag=True, help="只采集本次督查尚未采集成功的主机。")
@click.option("--rounds", type=click.IntRange(1, 48), default=1, help="轮数：每轮再次寻找先前关机的主机。")
@click.option("--round-minutes", type=click.IntRange(1, 1440), default=30, help="两轮之间相隔的分钟数。")
@click.option("--canary", metavar="ADDRESS", help="试登计算机：未验证的账号先在这一台验证，通过之前不在其他主机使用。")
@passphrase_option
@data_option
@json_option
def scan_start(
    inspection_id: str,
    segment: str | None,
    discover_only: bool,
    accept_first_contact: bool,
    only_missing: bool,
    rounds: int,
    round_minutes: int,
    canary: str | None,
    passphrase_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"segment": segment, "discover_only": discover_only, "accept_first_contact": accept_first_contact}
    body |= {"only_missing": only_missing, "rounds": rounds, "round_minutes": round_minutes, "canary": canary}
    with connected(data) as client:
        unlock(client, passphrase_fd, inspection_id)
        _follow_scan(
            client, inspection_id, client.send("POST", f"{ONE}/{inspection_id}/scans", body), discover_only, as_json
        )


@scan.command("resume", help="继续暂停、停止或中断的检测；已保存的主机不再读取。")
@click.argument("inspection_id")
@click.argument("scan_id")
@passphrase_option
@data_option
@json_option
def scan_resume(inspection_id: str, scan_id: str, passphrase_fd: int | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        unlock(client, passphrase_fd, inspection_id)
        job = client.send("POST", f"{ONE}/{inspection_id}/scans/{scan_id}/resume")
        _follow_scan(client, inspection_id, job, False, as_json)


def _follow_scan(client: Client, inspection_id: str, job: dict[str, Any], discover_only: bool, as_json: bool) -> None:
    result = follow(client, job)["result"]
    put(result, "scan", as_json)
    if not discover_only and result["state"] == "done" and not result["collected"]:
        raise Negative("scan.no_results", inspection=inspection_id)


@scan.command("status", help="各次检测的状态。")
@click.argument("inspection_id")
@data_option
@json_option
def scan_status(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.get(f"{ONE}/{inspection_id}/scans")["items"]
        jobs = client.get("/api/v1/status")["jobs"]
        put({"items": items, "jobs": jobs}, "scans", as_json)


def _control(verb: str, text: str) -> click.Command:
    @click.command(verb, help=text)
    @click.argument("inspection_id")
    @click.argument("scan_id")
    @data_option
    @json_option
    def command(inspection_id: str, scan_id: str, data: Path | None, as_json: bool) -> None:
        with connected(data) as client:
            put(client.send("POST", f"{ONE}/{inspection_id}/scans/{scan_id}/{verb}"), "job", as_json)

    return command


for control in (
    _control("pause", "暂停：不再开始新的主机，正在读取的主机读完为止。"),
    _control("continue", "结束暂停。"),
    _control("cancel", "立即停止；之后可以继续。"),
):
    scan.add_command(control)


@scan.command("presence", help="各地址何时在线：首次、最近一次和次数。")
@click.argument("inspection_id")
@data_option
@json_option
def scan_presence(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.all(f"{ONE}/{inspection_id}/presence")}, "presence", as_json)


@click.group(help="主机")
def host() -> None:
    pass


@host.command("list", help="列出发现的主机。")
@click.argument("inspection_id")
@data_option
@json_option
def host_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.all(f"{ONE}/{inspection_id}/hosts")}, "hosts", as_json)


@host.command("keys", help="列出 SSH 主机密钥及其状态。")
@click.argument("inspection_id")
@data_option
@json_option
def host_keys(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/host-keys")["items"]}, "host_keys", as_json)


@host.command("confirm-keys", help="确认核对过的 SSH 主机密钥指纹。")
@click.argument("inspection_id")
@click.argument("fingerprints", nargs=-1, required=True)
@data_option
@json_option
def host_confirm_keys(inspection_id: str, fingerprints: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        body = {"fingerprints": list(fingerprints)}
        put(client.send("POST", f"{ONE}/{inspection_id}/host-keys/confirmation", body), "host_keys", as_json)


@click.group(help="采集事实")
def facts() -> None:
    pass


@facts.command("import", help="导入单机采集器写出的文件夹，或采集事实文件（hezheng.facts/1）。")
@click.argument("inspection_id")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--again", is_flag=True, help="这台计算机已导入过，以这次的采集结果为准。")
@passphrase_option
@data_option
@json_option
def facts_import(
    inspection_id: str, file: Path, again: bool, passphrase_fd: int | None, data: Path | None, as_json: bool
) -> None:
    if file.is_dir():
        files = {path.name: path.read_bytes() for path in sorted(file.iterdir()) if path.is_file()}
        if not files:
            raise BadInput("collector.folder_empty", folder=file.name)
        with connected(data) as client:
            unlock(client, passphrase_fd)
            fields = {"again": "true"} if again else {}
            put(client.upload_all(f"{ONE}/{inspection_id}/offline-readings", files, fields), "facts", as_json)
        return
    document = _document(file)
    with connected(data) as client:
        put(client.send("POST", f"{ONE}/{inspection_id}/facts", document), "facts", as_json)


@facts.command("enter", help="手工登记一台计算机：登记内容（JSON 文件），附激活界面照片和使用人签字页。")
@click.argument("inspection_id")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--photo", "photos", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--signature", "signatures", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
@json_option
def facts_enter(
    inspection_id: str,
    file: Path,
    photos: tuple[Path, ...],
    signatures: tuple[Path, ...],
    data: Path | None,
    as_json: bool,
) -> None:
    body = _document(file)
    if not isinstance(body, dict):
        raise BadInput("facts.not_json", file=file.name, detail="{…}")
    papers = [{"kind": "photo", "base64": _base64(path)} for path in photos]
    papers += [{"kind": "signature", "base64": _base64(path)} for path in signatures]
    with connected(data) as client:
        body = {**body, "papers": papers}
        put(client.send("POST", f"{ONE}/{inspection_id}/manual-readings", body), "facts", as_json)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput("facts.not_json", file=file.name, detail=str(error)) from error


@facts.command("show", help="一台主机的采集事实。")
@click.argument("inspection_id")
@click.argument("host_id")
@data_option
@json_option
def facts_show(inspection_id: str, host_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        document = client.get(f"{ONE}/{inspection_id}/hosts/{host_id}/facts")
        put({"facts": document}, "facts_of_host", as_json)
