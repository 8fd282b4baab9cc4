"""``make bench NAME=x``: run one measurement, or all, and print a JSON line each.

A line is ``{name, ours, peer, ratio, unit, how}``; ``ratio`` says how many times better we are than the peer (null
where there is none). Each ``bench/<name>.py`` has ``main() -> dict``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
HELPERS = {"__init__", "run", "common", "big_bundle"}


def names() -> list[str]:
    """All measurements, as they are named on the command line."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem not in HELPERS)


def main(arguments: list[str]) -> int:
    """Run what was named; 2 for a name that is not there."""
    sys.path.insert(0, str(FOLDER.parent))
    wanted = arguments or names()
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        print(f"没有名为 {unknown[0]} 的测量。可选：{'、'.join(names())}", file=sys.stderr)
        return 2
    for name in wanted:
        module = importlib.import_module(f"bench.{name.replace('-', '_')}")
        print(json.dumps({"name": name, **module.main()}, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
