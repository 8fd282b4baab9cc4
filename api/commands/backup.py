"""``hezheng backup`` and ``hezheng restore``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, put, tell
from api.commands.client import CHECKOUT, connected


@click.group(help="备份本机全部数据（不含口令库和签名密钥），并演练恢复")
def backup() -> None:
    pass


@backup.command("create", help="备份到一个新文件，或到文件夹中按时间命名的文件；检测进行中也可以备份。")
@click.argument("target", type=click.Path(path_type=Path))
@data_option
@json_option
def backup_create(target: Path, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        result = follow(client, client.send("POST", "/api/v1/backups", {"path": str(target.absolute())}))["result"]
    tell("backup.no_vault")
    if result["same_medium"]:
        tell("backup.same_medium")
    put(result, "backup", as_json)


@backup.command("check", help="演练恢复：在数据目录的临时文件夹中恢复，逐项核对数量和摘要，再删除；不改动现有数据。")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@json_option
def backup_check(file: Path, data: Path | None, as_json: bool) -> None:
    from appliance.folder import DataFolder, locate
    from appliance.visits.restoring import check

    folder = DataFolder(locate(data, os.environ, CHECKOUT))
    put(check(file, folder.run), "backup_check", as_json)


@click.command(help="把备份恢复到一个空的数据目录（--data），逐项核对后才启用；口令库须重新设置。")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@json_option
def restore(file: Path, data: Path | None, as_json: bool) -> None:
    from appliance.folder import DataFolder, locate
    from appliance.visits.restoring import restore as restore_to

    put(restore_to(file, DataFolder(locate(data, os.environ, CHECKOUT))), "restored", as_json)
    tell("backup.no_vault")
