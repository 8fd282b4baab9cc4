"""What is done in a process of its own, by name: the appliance does not load what only a child needs.

The forkserver has them loaded (:func:`scanner.process.preload`), so a child pays nothing for it either.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from scanner.process import Job, Upwards


@dataclass(frozen=True, slots=True)
class Errand:
    """A :data:`scanner.process.Target` by the name of its module and function."""

    module: str
    function: str

    def __call__(self, job: Job, emit: Upwards) -> None:
        """Run it, here."""
        getattr(import_module(self.module), self.function)(job, emit)


COLLECT_HOST = Errand("scanner.worker", "collect_host")
FETCH_KEY = Errand("scanner.worker", "fetch_key")
KNOCK = Errand("scanner.worker", "knock")
REPLAY_HOST = Errand("scanner.replaying", "replay_host")
REPLAY_HOSTS = Errand("scanner.replaying", "replay_hosts")
RESTORE_HOST = Errand("scanner.restoring", "restore_host")
PROBE_BATCH = Errand("scanner.probes", "probe_batch")
FIND_ORIGINS = Errand("scanner.provenance", "find_origins")
READ_FOLDER = Errand("scanner.single_machine.reading", "read_folder")
