"""``hezheng policy``."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected
from config.problems import BadInput

POLICIES = "/api/v1/policies"


@click.group(help="判定口径")
def policy() -> None:
    pass


@policy.command("list", help="列出可选的判定口径。")
@data_option
@json_option
def policy_list(data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        put({"items": client.get(POLICIES)["items"]}, "policies", as_json)


@policy.command("add", help="登记本次行动自己的判定口径（TOML 文件，写法见操作手册）；登记后不能更改。")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@json_option
def policy_add(file: Path, data: Path | None, as_json: bool) -> None:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("policy.unreadable", file=str(file)) from error
    with connected(data) as client:
        put(client.send("POST", POLICIES, {"text": text}), "policy", as_json)
