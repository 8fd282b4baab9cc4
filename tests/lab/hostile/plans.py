"""Scripted hosts as part of a LAN: one namespace with an address for each script."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import lan, netns
from tests.lab.peer import Boot
from tests.lab.plans import HostPlan

CHECKOUT = Path(__file__).parents[3]
SMB_PORT, SSH_PORT = 445, 22


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedHosts(HostPlan):
    """Hosts ``(address, port, script)`` behind one network card; ``password`` is the one they take for right."""

    password: str
    hosts: tuple[tuple[str, int, str], ...]


def prepare(plan: ScriptedHosts, folder: Path) -> Boot:
    """Write the plan; the addresses come with the namespace."""
    (folder / "plan.json").write_text(json.dumps({"secret": plan.password, "hosts": plan.hosts}), "utf-8")
    command = [sys.executable, "-m", "tests.lab.hostile.serve", str(folder / "plan.json")]
    lines = [f"ip addr add {address}/32 dev {netns.NIC}" for address, _, _ in plan.hosts if address != plan.address]
    script = "\n".join([*dict.fromkeys(lines), f"cd {shlex.quote(str(CHECKOUT))}", f"exec {shlex.join(command)}"])
    return Boot(script + "\n", tuple({port for _, port, _ in plan.hosts}))


def addressed(scripts: Sequence[str], network: str, first: int) -> dict[str, str]:
    """Script → address, counting up from ``network.first``."""
    return {script: f"{network}.{number}" for number, script in enumerate(scripts, first)}


lan.BOOTS[ScriptedHosts] = prepare
