"""200 keys × 10 values over a sealed LAN connection: CPU seconds of the reading process, against impacket's helpers."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.registry import HOST, compare, one_pc, require_verification, result

LANES = 16


def main() -> dict[str, Any]:
    """Median of five, both sides in turn in one process."""
    with one_pc():
        require_verification(LANES)
        mine, peer = compare(HOST, 445, LANES)
    how = (
        f"Samba host, SMB 3.1.1 sealed, {LANES} pipes; user and system time of the client process from logged on to "
        "the last value; same content compared; a forged answer was refused in this run; median of 5"
    )
    return result("registry-cpu", [c.cpu for c in mine], [c.cpu for c in peer], "CPU s", how)


if __name__ == "__main__":
    print(json.dumps(main()))
