"""Every verdict of the demo, as its explanation reads to the unit, held against the text that people have read.

After a change that is meant: ``HEZHENG_KEEP_TEXT=1 pytest tests/visit/test_explanations.py``, and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from config.messages import catalogue
from tests.lab.demo_unit import DATA
from tests.visit.conftest import Visited

pytestmark = pytest.mark.lab
FILE = DATA / "explanations.txt"


def explanations(visited: Visited) -> Iterator[str]:
    """One paragraph a verdict, without ids and times, in order of computer and product."""
    found = [visited.get(f"verdicts/{verdict['id']}/explain") for verdict in visited.all("verdicts")]
    today = visited.get("summary")["inspection"]["as_of"]
    for document in sorted(found, key=lambda one: (_host(one), one["verdict"]["product_name"])):
        yield "\n".join(_lines(document)).replace(today, "YYYY-MM-DD")


def _host(document: dict[str, Any]) -> str:
    host = document["host"]
    return f"{host['hostname']}（{host['address']}）" if host else "全单位"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    verdict = document["verdict"]
    installed = " ".join(text for text in (verdict["product_name"], verdict["edition"], verdict["version"]) if text)
    yield f"【{_host(document)}】{installed}：{_word('decision', verdict['decision'])}"
    yield f"  规则 {document['rule']['text']}"
    yield from (f"  理由 {message['text']}" for message in verdict["reasons"])
    yield from (f"  提示 {message['text']}" for message in verdict["remarks"])
    if verdict["settles"]:
        yield f"  了结 {verdict['settles']['text']}"
    yield f"  依据 {document['policy']['text']}"
    for row in document["ledger"]:
        record = row["record"]
        bought = f"{record['software_no']} {record['name']} {record.get('version', '')}".rstrip()
        yield f"  台账 {row['file']} 第 {row['number']} 行：{bought}"
    for proof in document["proofs"]:
        yield f"  证明 {proof['software_no']} {_word('proof', proof['level'])} {proof['kind']}".rstrip()
    for seen in document["observed"]:
        values = seen["values"]
        yield f"  采集 {seen['group']} {values.get('name', '')}（{values.get('source', 'os')}）"


def _word(group: str, value: str) -> str:
    return catalogue()[f"label.{group}.{value}"]


def test_the_explanations_of_the_demo_read_as_people_have_read_them(visited: Visited) -> None:
    text = "\n\n".join(explanations(visited)) + "\n"
    if os.environ.get("HEZHENG_KEEP_TEXT"):
        FILE.write_text(text, "utf-8")
    assert text == FILE.read_text("utf-8")


def test_no_explanation_shows_an_unknown_or_missing_word(visited: Visited) -> None:
    text = "\n".join(explanations(visited))
    assert "（未知）" not in text
    assert "verdict." not in text
    assert "settle." not in text
