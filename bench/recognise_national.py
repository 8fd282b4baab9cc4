"""Recognition of a country's distinct names: 210,000 (name, publisher, version) triples, 30 % of them unknown, cold.

There is no peer that recognises products of this domain, so ``peer`` and ``ratio`` are null; ``ours`` is seconds from
reading the catalogue's files to the last answer, in two processes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from appliance.recognition.catalogue import load
from scanner.model import Platform

TRIPLES = 210_000
UNKNOWN_SHARE = 30  # of a hundred
PROCESSES = 2
LIMIT_SECONDS = 20
VERSIONS = 3  # triples of one name
SYLLABLES = ("lo", "mi", "ka", "ter", "vun", "sel", "dra", "pho", "nix", "qua", "ber", "tol", "zen", "gra", "fi", "wex")
CHINESE = ("恒", "远", "科", "讯", "智", "云", "达", "博", "创", "联", "鑫", "瑞", "安", "信", "华", "通")
KINDS = ("Manager", "Studio", "助手", "管理系统", "Client", "Viewer", "平台", "Tools", "报表", "Explorer")
PARTS = ("Redistributable (x64) - {}", "Language Pack - {}", "驱动程序 {}", "Update (KB{})", "Runtime {}", "SDK {}")

Triple = tuple[str, str, str]


def triples() -> Iterator[Triple]:
    """Distinct triples: unknown names made of syllables; known ones made of every product's names; parts between."""
    products = list(load().products.values())
    names = [(name, product.vendor) for product in products for name in (product.name, *product.aliases)]
    for number in range(TRIPLES):
        serial, release = divmod(number, VERSIONS)
        yield (*_named(serial, names), f"{release}.{serial % 97}.{serial}")


def _named(serial: int, names: list[tuple[str, str]]) -> tuple[str, str]:
    if serial % 100 < UNKNOWN_SHARE:
        return _unknown(serial), f"{_word(serial // 7, SYLLABLES)} Co., Ltd."
    turn, at = divmod(serial, len(names))
    name, vendor = names[at]
    if serial % 5 == 0:
        return f"{name} {PARTS[turn % len(PARTS)].format(1_000_000 + serial)}", vendor
    return f"{name} {2000 + turn % 30} R{serial % 11}.{turn} ({serial % 8})", vendor


def _unknown(serial: int) -> str:
    letters = CHINESE if serial % 3 == 0 else SYLLABLES
    return f"{_word(serial * 7 + 1_000_003, letters).capitalize()} {KINDS[serial % len(KINDS)]} {serial % 13}.{serial}"


def _word(number: int, letters: tuple[str, ...]) -> str:
    word = ""
    while number:
        number, digit = divmod(number, len(letters))
        word += letters[digit]
    return word


def count(batch: list[Triple]) -> tuple[int, int, int]:
    """Products, noise and unknown names of a batch. The catalogue is read in the process that asks it."""
    catalogue = load()
    products = noise = 0
    for name, publisher, version in batch:
        found = catalogue.recognise(name, publisher, version, platform=Platform.WINDOWS)
        products += found.product is not None
        noise += found.noise
    return products, noise, len(batch) - products - noise


def main() -> dict[str, Any]:
    """Seconds for all triples; fails when the world is smaller than it has to be."""
    every = list(triples())
    distinct, names = len(set(every)), len({name for name, _, _ in every})
    assert distinct >= 200_000, distinct
    assert names >= 60_000, names
    batches = [every[start::PROCESSES] for start in range(PROCESSES)]
    started = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        counted = list(pool.map(count, batches))
    seconds = time.perf_counter() - started
    products, noise, unknown = (sum(one[kind] for one in counted) for kind in range(3))
    return {
        "name": "recognise-national",
        "ours": round(seconds, 2),
        "peer": None,
        "ratio": None,
        "unit": f"s for {distinct} triples, {names} names (limit {LIMIT_SECONDS})",
        "how": f"cold, {PROCESSES} processes, {UNKNOWN_SHARE} % made-up names; {products} products, {noise} noise, "
        f"{unknown} unknown",
    }


if __name__ == "__main__":
    import json

    print(json.dumps(main(), ensure_ascii=False))
