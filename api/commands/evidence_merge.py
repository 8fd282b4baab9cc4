"""``hezheng evidence merge``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from api.commands.base import data_option, follow, json_option, put, tell
from api.commands.client import connected
from api.commands.evidence_papers import evidence
from config.problems import BadInput, Exit

MERGES = "/api/v1/merges"


@evidence.command(
    "merge",
    help="把多台电脑对同一次督查的分段采集（均已封存并在本机）合并为一次督查并判定。"
    "有冲突时列出冲突和选项，退出码为 1，用 --choose 逐项选定后再运行。",
)
@click.argument("inspection_ids", nargs=-1, required=True)
@click.option("--choose", "chosen", multiple=True, metavar="冲突=选项", help="决定一处冲突；可多次给出。")
@data_option
@json_option
@click.pass_context
def evidence_merge(
    context: click.Context, inspection_ids: tuple[str, ...], chosen: tuple[str, ...], data: Path | None, as_json: bool
) -> None:
    choices = dict(_pairs(chosen))
    with connected(data) as client:
        body = {"inspections": list(inspection_ids)}
        found = client.send("POST", f"{MERGES}/conflicts", body)["items"]
        left = [conflict for conflict in found if conflict["key"] not in choices]
        if left:
            put({"items": left}, "conflicts", as_json)
            tell("merge.undecided", count=len(left), keys="、".join(conflict["key"] for conflict in left))
            context.exit(int(Exit.NO))
        job = client.send("POST", MERGES, {**body, "choices": choices})
        put(follow(client, job)["result"], "merge", as_json)


def _pairs(chosen: Iterable[str]) -> Iterable[tuple[str, str]]:
    """``conflict=choice``; a key may itself hold ``=``, a choice never does."""
    for text in chosen:
        key, sign, choice = text.rpartition("=")
        if not sign:
            raise BadInput("merge.unknown_choice", key=text, choice="")
        yield key, choice
