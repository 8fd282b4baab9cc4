"""A sealed visit judged again from its raw answers, 100 times: hash seeds, time zones, every interpreter present.

Every run is a process of its own; its whole answer must be the same bytes, and say that they are the sealed ones.
``HEZHENG_PYTHONS`` names further interpreters (of environments in which the product is installed), separated by ``:``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.visits import sealing
from tests.appliance.evidence.laptop import visited

RUNS = 100
SEEDS = ("0", "20261121")
ZONES = ("UTC", "Asia/Shanghai")
MORE_PCS = 12
ROOT = Path(__file__).parents[1]
COMMAND = "import sys; from api.commands import main; main()"
SITE = sysconfig.get_paths()["purelib"]


def main() -> dict[str, Any]:
    """Runs that gave the sealed bytes, of RUNS."""
    with tempfile.TemporaryDirectory() as folder:
        bundle, signer = _sealed(Path(folder))
        pythons = list(_interpreters())
        answers: dict[str, int] = {}
        started = time.perf_counter()
        for (python, seed, zone), _ in zip(itertools.cycle(itertools.product(pythons, SEEDS, ZONES)), range(RUNS)):
            answer = _replayed(python, bundle, signer, {"PYTHONHASHSEED": seed, "TZ": zone})
            answers[answer] = answers.get(answer, 0) + 1
        seconds = (time.perf_counter() - started) / RUNS
    alike = max(answers.items(), key=lambda item: item[1])
    found = json.loads(alike[0])
    good = alike[1] if found["outcome"] == "identical" else 0
    names = "、".join(_version(python) for python in pythons)
    how = f"{found['verdicts']} verdicts, {found['facts']['derived']} hosts from raw answers; Python {names}; "
    how += f"{len(SEEDS)} hash seeds, {len(ZONES)} time zones; SHA-256 of the answer "
    how += f"{hashlib.sha256(alike[0].encode()).hexdigest()[:16]}; {seconds:.1f} s a run"
    return {"ours": good, "peer": None, "ratio": None, "unit": f"of {RUNS} byte-identical", "how": how}


def _sealed(folder: Path) -> tuple[Path, str]:
    made = visited(folder / "laptop")
    for number in range(MORE_PCS):
        made.read_pc(f"10.9.1.{number}", f"PC{number:02d}")
    made.audit()
    path = made.seal()
    return path, str(sealing.list_bundles(made.appliance, made.inspection)[0]["fingerprint"])


def _interpreters() -> Iterator[str]:
    """Those that can load the product: our own, the system's of the same kind, and what ``HEZHENG_PYTHONS`` names."""
    yield sys.executable
    same = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if Path(same).exists():
        yield same
    yield from filter(None, os.environ.get("HEZHENG_PYTHONS", "").split(":"))


def _replayed(python: str, bundle: Path, signer: str, environment: Mapping[str, str]) -> str:
    env = {**os.environ, **environment, "HEZHENG_DATA": "/nonexistent"}
    if python == sys.executable or python.startswith("/usr/bin/"):
        env["PYTHONPATH"] = f"{ROOT}:{SITE}"  # these sources, and for the system's interpreter our libraries
    argv = [python, "-c", COMMAND, "evidence", "replay", str(bundle), "--signer", signer, "--json"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, cwd="/")
    return done.stdout or json.dumps({"outcome": done.stderr[-400:], "verdicts": 0, "facts": {"derived": 0}})


def _version(python: str) -> str:
    argv = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout.strip()


if __name__ == "__main__":
    print(json.dumps({"name": "replay", **main()}, ensure_ascii=False))
