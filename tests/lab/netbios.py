"""NetBIOS names of a lab host: ``nmbd`` beside its ``smbd``, with the same configuration.

References:
    - https://www.samba.org/samba/docs/current/man-html/nmbd.8.html
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.lab.netns import LabError, clean_environment
from tests.lab.peer import Peer

READY_SECONDS = 60


def start(peer: Peer) -> None:
    """Start nmbd on a running Windows host and wait until it listens; it ends with the host."""
    assert peer.process is not None
    first = Path(f"/proc/{peer.process.pid}/task/{peer.process.pid}/children").read_text().split()[0]
    peer.run(["mkdir", "-p", "/run/samba"])
    inside = ["nsenter", "-t", first, "-m", "-u", "-n", "-p", "--"]
    command = ["nmbd", "-D", "-s", str(peer.folder / "smb.conf")]
    done = subprocess.run([*inside, *command], capture_output=True, text=True, env=clean_environment())
    if done.returncode:
        raise LabError(f"{peer.name}: nmbd: {done.stdout}{done.stderr}")
    deadline = time.monotonic() + READY_SECONDS
    while f"{peer.address}:137" not in peer.run(["ss", "-Hlun"]).stdout:
        if time.monotonic() > deadline:
            raise LabError(f"{peer.name}: nmbd does not listen")
        time.sleep(0.05)
