"""``hezheng catalogue``: recognise names or a table of names, list and check the catalogue, correct it for a unit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected
from config.problems import BadInput

ONE = "/api/v1/inspections"
PLATFORMS = click.Choice(["windows", "linux"])


@click.group(help="产品目录与软件识别")
def catalogue() -> None:
    pass


@catalogue.command("recognise", help="识别软件名称，或识别 CSV 表中的全部名称（列：display_name 或 package 等）。")
@click.argument("name")
@click.option("--publisher", default="", help="发布者。")
@click.option("--version", default="", help="版本。")
@click.option("--platform", type=PLATFORMS, default="windows", help="Windows 程序名还是 Linux 软件包名。")
@click.option("--system", is_flag=True, help="这是操作系统的名称，不是软件。")
@json_option
def recognise(name: str, publisher: str, version: str, platform: str, system: bool, as_json: bool) -> None:
    from appliance.recognition.catalogue import load
    from appliance.visits import recognising
    from scanner.model import Platform

    known = load()
    if name.lower().endswith(".csv"):
        items = list(recognising.recognise_rows(known, _rows(Path(name))))
    elif system:
        items = [{"name": name, **recognising.recognise_system(known, name, version, Platform(platform))}]
    else:
        items = [{"name": name, **recognising.recognise(known, name, publisher, version, Platform(platform))}]
    _put_items(items, "recognition", as_json)


@catalogue.command("list", help="列出目录中的产品；来源为空即为未确认。")
@click.option("--category", help="类别：operating_system、office、antivirus、industrial、database、other。")
@json_option
def list_products(category: str | None, as_json: bool) -> None:
    from appliance.model import Category
    from appliance.recognition.catalogue import load
    from appliance.visits import recognising

    if category and category not in set(Category):
        raise click.BadParameter(category, param_hint="--category")
    _put_items(list(recognising.list_products(load(), category)), "catalogue", as_json)


@catalogue.command("check", help="检查目录文件；有误时指出文件、行号和键。")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@json_option
def check(folder: Path | None, as_json: bool) -> None:
    from appliance.recognition.catalogue import FOLDER, load
    from appliance.visits import recognising

    put(recognising.check(load(folder or FOLDER)), "catalogue-check", as_json)


@catalogue.command("names", help="列出一次督查中发现的全部软件名称及识别结果。")
@click.argument("inspection_id")
@click.option("--state", type=click.Choice(["product", "noise", "unknown", "corrected"]))
@data_option
@json_option
def names(inspection_id: str, state: str | None, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        _put_items(client.all(f"{ONE}/{inspection_id}/recognition", state=state), "recognition", as_json)


@catalogue.command("correct", help="纠正一个名称的识别（本单位今后沿用）：指定产品编号，或标为组件。")
@click.argument("inspection_id")
@click.argument("name")
@click.option("--publisher", default="", help="只对这个发布者；缺省为任意发布者。")
@click.option("--product", default="", help="产品编号（见 catalogue list）。")
@click.option("--noise", is_flag=True, help="这是组件、驱动或更新，不是软件产品。")
@click.option("--note", default="", help="理由。")
@data_option
@json_option
def correct(
    inspection_id: str,
    name: str,
    publisher: str,
    product: str,
    noise: bool,
    note: str,
    data: Path | None,
    as_json: bool,
) -> None:
    body = {"name": name, "publisher": publisher, "product_id": product, "noise": noise, "note": note}
    with connected(data) as client:
        put(client.send("PUT", f"{ONE}/{inspection_id}/recognition/corrections", body), "correction", as_json)


@catalogue.command("corrections", help="列出一次督查中的识别纠正。")
@click.argument("inspection_id")
@data_option
@json_option
def corrections(inspection_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        items = client.get(f"{ONE}/{inspection_id}/recognition/corrections")["items"]
        put({"items": items}, "corrections", as_json)


@catalogue.command("withdraw", help="撤销一条识别纠正。")
@click.argument("inspection_id")
@click.argument("correction_id")
@data_option
@json_option
def withdraw(inspection_id: str, correction_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        client.send("DELETE", f"{ONE}/{inspection_id}/recognition/corrections/{correction_id}")
        put({"removed": correction_id}, "correction", as_json)


def _rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file in UTF-8, with or without a mark. Raises BadInput ``catalogue.bad_table``."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return [{str(key): value or "" for key, value in row.items() if key} for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput("catalogue.bad_table", file=file.name, detail=str(error)) from error


def _put_items(items: list[dict[str, Any]], schema: str, as_json: bool) -> None:
    """A long list: as one JSON object, or a line each. Text is passed through as it came in."""
    if as_json:
        click.echo(json.dumps({"schema": f"hezheng.{schema}/1", "items": items}, ensure_ascii=False))
        return
    for item in items:
        shown = {key: value for key, value in item.items() if value not in ("", [], None)}
        click.echo(json.dumps(shown, ensure_ascii=False))
