"""``hezheng host show``: one computer complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from api.commands.base import data_option, json_option, put
from api.commands.client import connected
from api.commands.human import label_of, title
from api.commands.scans import host
from api.commands.tables import EMPTY
from api.present import clean
from config.messages import local_time

ONE = "/api/v1/inspections"


@host.command("show", help="一台计算机的全部：读到了什么、没读到什么和原因、每个值来自哪条原始记录。")
@click.argument("inspection_id")
@click.argument("host_id")
@data_option
@json_option
def host_show(inspection_id: str, host_id: str, data: Path | None, as_json: bool) -> None:
    with connected(data) as client:
        view: dict[str, Any] = client.get(f"{ONE}/{inspection_id}/hosts/{host_id}/complete")
    if as_json:
        put(view, "host", as_json)
        return
    for line in lines(view):
        click.echo(clean(line))


def lines(view: Mapping[str, Any]) -> Iterator[str]:
    """The view as a person reads it, one value a line, its record behind it."""
    of = view["host"]
    yield f"{of['address']}  {of['hostname'] or '—'}  {of['os'] or '—'}  {_word('outcome', of['outcome'])}"
    if of["reading"]:
        reading = of["reading"]
        source = _word("facts_source", of["source"])
        yield f"  {source}：{reading['asset_no']}  {reading['department']}  {reading['person']}"
    for reading in view["readings"]:
        why = f"  {reading['reason']['text']}" if reading["reason"] else ""
        mark, outcome = "*" if reading["counts"] else " ", _word("outcome", reading["outcome"])
        yield f"  {mark} {local_time(reading['finished_at'])}  {outcome}{why}"
    yield from (f"  {v['group']}.{v['field']} = {v['value']}{_from(v['from'])}" for v in view["values"])
    for name, entries in view["groups"].items():
        yield f"  {_word('facts_group', name)}：{'—' if entries is None else len(entries)}"
        for entry in entries or ():
            shown = [str(entry[key]) for key in ("name", "version", "status", "kind", "value", "product", "server")
                     if entry.get(key) is not None]  # fmt: skip
            yield f"    {'  '.join(shown)}{_from(entry['from'])}"
    yield f"  {title('not_read')}：{len(view['not_read'])}"
    yield from (f"    {item['what']}: {item['reason']['text'] if item['reason'] else ''}" for item in view["not_read"])


def _word(group: str, code: str | None) -> str:
    return label_of(group, code) if code else EMPTY


def _from(record: Mapping[str, str] | None) -> str:
    if record is None:
        return ""
    return f"  ← {record['record']} {record['op']} {record['target']} [{record['channel']}, {local_time(record['at'])}]"
