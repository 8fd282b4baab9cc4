"""``hezheng collector``: the kit for computers without the network."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected
from config.problems import BadInput

ONE = "/api/v1/inspections"


@click.group(help="单机采集器：不能联网采集的计算机")
def collector() -> None:
    pass


@collector.command("make", help="把本次督查的单机采集器写入一个空文件夹（优盘）。")
@click.argument("inspection_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@data_option
@json_option
def collector_make(inspection_id: str, folder: Path, data: Path | None, as_json: bool) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise BadInput("collector.folder_exists", folder=str(folder))
    with connected(data) as client:
        packed = client.post_for_file(f"{ONE}/{inspection_id}/collector")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        archive.extractall(folder)
    put({"folder": str(folder), "files": names}, "collector", as_json)


@collector.command("list", help="已导入的单机采集和手工登记。")
@click.argument("inspection_id")
@data_option
@json_option
def collector_list(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(f"{ONE}/{inspection_id}/offline-readings")["items"]}, "offline_readings", as_json)
