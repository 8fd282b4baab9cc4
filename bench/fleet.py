"""100 collections of 200 keys × 10 values through the whole product, against a pool of ``reg.py query -s``."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.fleet_lan import LINUX, LINUX_ADDRESSES_EACH, PEER_SAMPLE, WORKERS, main_dict, measure, per_minute


def main() -> dict[str, Any]:
    """Hosts a minute; ``linux_ratio`` is the same against a pool of ``ssh dpkg-query``."""
    found = measure()
    ours, peer = per_minute(found.windows), per_minute(found.windows_peer)
    linux, linux_peer = per_minute(found.linux), per_minute(found.linux_peer)
    how = (
        f"20 Samba computers with firmware of their own at 5 addresses each, {WORKERS} workers, each result committed; "
        f"the whole collection against only those keys by {WORKERS} reg.py at once (first {PEER_SAMPLE} hosts); Linux: "
        f"{LINUX * LINUX_ADDRESSES_EACH} collections of 850 packages against {WORKERS} ssh dpkg-query at once"
    )
    figures = main_dict(ours=ours, peer=peer, ratio=ours / peer, unit="hosts/min")
    return {
        "name": "fleet",
        **figures,
        **main_dict(linux_ours=linux, linux_peer=linux_peer, linux_ratio=linux / linux_peer),
        "how": how,
    }


if __name__ == "__main__":
    print(json.dumps(main()))
