"""Memory of all our processes together while 100 computers are collected."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.fleet_lan import SAMPLE_SECONDS, WORKERS, main_dict, measure


def main() -> dict[str, Any]:
    """The highest sum of proportional set sizes; the limit is 600."""
    samples = measure().watch.pss_kib
    how = (
        f"PSS of appliance, forkserver and {WORKERS} workers, {len(samples)} samples {SAMPLE_SECONDS} s apart; "
        "highest; limit 600"
    )
    return {
        "name": "fleet-memory",
        **main_dict(ours=max(samples) / 1024),
        "peer": None,
        "ratio": None,
        "unit": "MiB",
        "how": how,
    }


if __name__ == "__main__":
    print(json.dumps(main()))
