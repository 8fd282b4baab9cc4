"""How long explanations take on a large set: of verdicts and of numbers, in the use cases and over the API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from werkzeug.test import Client as WsgiClient

from api.built import Built, build
from appliance.context import Appliance
from appliance.folder import DataFolder, writing
from appliance.store import audits as audit_store
from appliance.visits import auditing, explaining
from config.clock import SystemClock

SAMPLES = 240
"""So many verdicts, and at least as many numbers."""
NUMBERS = ("n", "d", "excluded", "lower", "upper")
PAGE = 100
LIMIT_MS = 200


def measure(root: Path, ids: list[str]) -> dict[str, Any]:
    """Milliseconds by what was asked: ``{count, p95, max, over}``; ``over``: how many took longer than the limit."""
    folder, clock = DataFolder(root), SystemClock()
    with writing(folder, ""):
        built = build(folder, clock)
        assert built.appliance.reference_problems == ()  # the service reads its reference data when it starts
        measured = {
            "verdicts": [_timed(ask) for ask in _verdicts(built.appliance, ids)],
            "numbers": [_timed(ask) for ask in _numbers(built.appliance, ids)],
            "api": [_timed(ask) for ask in _over_the_api(built, ids[0])],
        }
        built.appliance.jobs.stop()
    return {name: _summary(times) for name, times in measured.items()}


def _timed(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - started)


def _summary(times: list[float]) -> dict[str, int]:
    slow = sorted(times)
    over = sum(found > LIMIT_MS for found in slow)
    return {"count": len(slow), "p95": round(slow[int(len(slow) * 0.95)]), "max": round(slow[-1]), "over": over}


def _verdicts(appliance: Appliance, ids: list[str]) -> Iterator[Callable[[], Any]]:
    """Spread over the inspections and over each one's verdicts; those at product level, which rest on most, first."""
    share = max(1, SAMPLES // len(ids))
    for inspection_id in ids[:SAMPLES]:
        for verdict_id in _some(appliance, inspection_id, share):
            yield lambda i=inspection_id, v=verdict_id: explaining.verdict(appliance, i, v)


def _some(appliance: Appliance, inspection_id: str, share: int) -> list[str]:
    with appliance.inspection(inspection_id) as (db, _):
        audit_id = auditing.latest(db)["id"]
        count = int(db.value("SELECT COUNT(*) FROM verdicts WHERE audit_id = ?", [audit_id]))
        places = [*range(min(share // 4, count)), *range(0, count, max(1, count // share))][: share + share // 4]
        return [audit_store.list_verdicts(db, audit_id, place - 1, 1, {})[0][1]["id"] for place in places]


def _numbers(appliance: Appliance, ids: list[str]) -> Iterator[Callable[[], Any]]:
    """Every number of every rate, of the unit and of the largest part in each dimension: first page and the next."""
    for inspection_id in ids[:3]:
        audit = auditing.rates(appliance, inspection_id)
        places = [(name, number, None) for name in sorted(audit["rates"]) for number in NUMBERS]
        places += [(name, number, part) for part, names in _largest(audit) for name in names for number in NUMBERS]
        for name, number, part in places:
            first = explaining.rate(appliance, inspection_id, name, number, part, -1, PAGE)
            for after in (-1, first["next"]):
                if after is not None:
                    yield lambda a=(inspection_id, name, number, part, after): explaining.rate(appliance, *a, PAGE)


def _largest(audit: dict[str, Any]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    for dimension, groups in audit["head"]["breakdowns"].items():
        group = max(groups, key=lambda name: groups[name].get("legal_rate", {"d": 0})["d"])
        yield (dimension, group), sorted(groups[group])


def _over_the_api(built: Built, inspection_id: str) -> Iterator[Callable[[], Any]]:
    """The first page of every number, asked as a program does, answer read."""
    client, one = WsgiClient(built.app), f"/api/v1/inspections/{inspection_id}"
    headers = {"Authorization": f"Bearer {built.gate.api_token}", "X-Hezheng": "1"}
    for name in sorted(auditing.rates(built.appliance, inspection_id)["rates"]):
        for number in NUMBERS:
            path = f"{one}/rates/{name}/explain?number={number}&limit={PAGE}"
            yield lambda p=path: _read(client, p, headers)


def _read(client: WsgiClient, path: str, headers: dict[str, str]) -> None:
    response = client.open(path, headers=headers, base_url="http://127.0.0.1:8600")
    if response.status_code != 200 or not response.data:
        raise RuntimeError(f"{path}: {response.status_code}")
