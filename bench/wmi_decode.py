"""300 rows of a licence query as they arrive, decoded by us and by impacket; the values must be the same."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from impacket.dcerpc.v5.dcom import wmi as impacket_wmi

from scanner.transports.wmio import Decoder
from tests.lab.dcom import machines
from tests.lab.dcom.wmio import CimValue, instance

ROWS = 300
OUR_RUNS, PEER_RUNS = 15, 3
FLAGS = {"True": True, "False": False}  # impacket writes flags as words
NULL_FAULTS = "impacket reads a NULL flag or number whose slot holds ones as True or the largest number"


def units() -> list[bytes]:
    """Rows with every column filled, so that impacket's faults with NULL do not come into it."""
    filled: dict[str, CimValue] = {
        "GenuineStatus": 1,
        "LicenseIsAddon": False,
        "DiscoveredKeyManagementServiceMachineName": "kms.unit.example",
        "DiscoveredKeyManagementServiceMachinePort": 1688,
        "DiscoveredKeyManagementServiceMachineIpAddress": "10.1.1.5",
    }
    rows = [{**machines.windows_product(ID=f"{number:036}", Name=f"产品 {number}"), **filled} for number in range(ROWS)]
    return [instance(machines.PRODUCT, row, "BGS-0427", "ROOT\\CIMV2") for row in rows]


def by_us(rows: list[bytes]) -> list[dict[str, Any]]:
    """As one host's connection does: a new decoder, then row by row."""
    decoder = Decoder()
    return [dict(decoder.instance(row)[1]) for row in rows]


def by_impacket(rows: list[bytes]) -> list[dict[str, Any]]:
    """What ``IWbemClassObject.getProperties`` is made from."""
    found: list[dict[str, Any]] = []
    for row in rows:
        block = impacket_wmi.ENCODING_UNIT(row)["ObjectBlock"]
        block.parseObject()
        found.append(
            {name: FLAGS.get(item["value"], item["value"]) for name, item in block.ctCurrent["properties"].items()}
        )
    return found


def main() -> dict[str, Any]:
    """Median milliseconds for all rows."""
    rows = units()
    assert by_us(rows) == by_impacket(rows), "the two decoders disagree"
    ours = _milliseconds(by_us, rows, OUR_RUNS)
    peer = _milliseconds(by_impacket, rows, PEER_RUNS)
    how = (
        f"{ROWS} rows of {len(machines.PRODUCT.props)} columns, encoded by the test peer; medians of {OUR_RUNS} and "
        f"{PEER_RUNS} runs against impacket's decoder; all values equal ({NULL_FAULTS}: such slots are tested apart)"
    )
    return {"ours": round(ours, 2), "peer": round(peer, 1), "ratio": round(peer / ours, 1), "unit": "ms", "how": how}


def _milliseconds(decode: Callable[[list[bytes]], object], rows: list[bytes], runs: int) -> float:
    taken: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        decode(rows)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
