"""A /24 with 60 live hosts: our sweep against nmap's default timing."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.discovery_lan import compare


def main() -> dict[str, Any]:
    """Seconds."""
    return compare("discovery-24", "10.90.0.0/24", 60, 5)


if __name__ == "__main__":
    print(json.dumps(main()))
