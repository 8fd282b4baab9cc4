"""How long API calls take while 100 computers are collected."""

from __future__ import annotations

import json
import statistics
from typing import Any

from bench.peers.fleet_lan import WORKERS, main_dict, measure


def main() -> dict[str, Any]:
    """The 95th percentile; the limit is 100."""
    kinds = measure().watch.api_seconds
    seconds = [one for of_kind in kinds.values() for one in of_kind]
    how = (
        f"{len(seconds)} calls of five kinds, one after the other, over HTTP with {WORKERS} workers collecting; 95th "
        "percentile; limit 100"
    )
    slow = statistics.quantiles(seconds, n=20)[-1] * 1000
    figures = main_dict(ours=slow, median=statistics.median(seconds) * 1000)
    each = {kind: round(statistics.quantiles(of_kind, n=20)[-1] * 1000) for kind, of_kind in kinds.items()}
    return {"name": "api-during-scan", **figures, "kinds": each, "peer": None, "ratio": None, "unit": "ms", "how": how}


if __name__ == "__main__":
    print(json.dumps(main()))
