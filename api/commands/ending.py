"""``hezheng inspection end``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, put, tell
from api.commands.client import connected
from api.commands.inspections import inspection

V1 = "/api/v1"


@inspection.command("end", help="结束督查：核对留存副本，销毁账号和密钥，删除本机上的全部数据；不能撤销。")
@click.argument("inspection_id")
@click.option(
    "--copy", "copy_path", required=True, type=click.Path(path_type=Path), help="留存的证据包，或它所在的文件夹。"
)
@click.option("--same-medium", default="", metavar="理由", help="副本只能与本机数据同盘存放的理由，记入操作日志。")
@click.option("--yes", is_flag=True, help="不再询问。")
@data_option
@json_option
def inspection_end(
    inspection_id: str, copy_path: Path, same_medium: str, yes: bool, data: Path | None, as_json: bool
) -> None:
    if not yes:
        click.confirm("将从本机删除本次督查的全部数据，不能撤销。确定吗？", abort=True, err=True)
    body = {"copy_path": str(copy_path.absolute()), "same_medium_reason": same_medium}
    with connected(data) as client:
        job = client.send("POST", f"{V1}/inspections/{inspection_id}/ending", body)
        proof = follow(client, job)["result"]
    if proof["backups"]:
        tell("ending.backups_left", count=len(proof["backups"]))
    put(proof, "ending", as_json)


@inspection.command("ending", help="查看已结束督查的销毁记录。")
@click.argument("inspection_id")
@data_option
@json_option
def inspection_ending(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put(client.get(f"{V1}/inspections/{inspection_id}/ending"), "ending", as_json)
