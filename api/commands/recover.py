"""``hezheng recover``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, passphrase_option, put, tell, unlock
from api.commands.client import connected
from config.problems import Exit


@click.command(help="把中断的检测在被检测主机上作过的更改恢复原状；仍有未恢复的主机时退出码为 1。")
@click.option(
    "--by-hand",
    nargs=3,
    metavar="督查编号 记录编号 说明",
    help="不再联系主机，按说明结清一条记录：单位已自行恢复，或该机已无法联系。",
)
@passphrase_option
@data_option
@json_option
@click.pass_context
def recover(
    context: click.Context,
    by_hand: tuple[str, str, str] | None,
    passphrase_fd: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    with connected(data) as client:
        if by_hand:
            inspection, entry, note = by_hand
            path = f"/api/v1/inspections/{inspection}/changes/{entry}/settlement"
            put(client.send("POST", path, {"note": note}), "change", as_json)
            return
        if client.get("/api/v1/status")["open_changes"]:
            unlock(client, passphrase_fd)
        found = follow(client, client.send("POST", "/api/v1/recovery"))["result"]
        if not found["items"]:
            tell("change.nothing_open")
        put(found, "recovery", as_json)
    context.exit(int(Exit.NO if found["open"] else Exit.DONE))
