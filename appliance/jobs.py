"""Long work in threads of the one process: what runs, how far it is, how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Lock, RLock
from typing import Any

from config.durable import disk_problem
from config.ids import Ids
from config.message import Message
from config.problems import Conflict, NotFound, Problem

LOG = logging.getLogger("hezheng.jobs")
WORKERS = 4
SCAN = "scan:"
"""Begins the kind of a scan's job; its id follows. It may stand still for hours, so it keeps no other work waiting."""
SCANS = 4
KEPT = 200


@dataclass
class Job:
    """One piece of long work. The function that does it counts ``done`` up and looks at ``cancelled``."""

    id: str
    kind: str
    unit: str
    inspection_id: str
    done: int = 0
    total: int = 0
    stage: str = ""
    cancelled: Event = field(default_factory=Event, repr=False)
    paused: Event = field(default_factory=Event, repr=False)
    question: Message | None = None  # why it paused by itself; answered by continuing or cancelling
    reentered: SimpleQueue[str] = field(default_factory=SimpleQueue[str], repr=False)  # credentials entered again
    estimate: Callable[[], int | None] = field(default=lambda: None, repr=False)
    future: Future[Any] | None = field(default=None, repr=False)

    def progress(self, done: int, total: int, stage: str = "") -> None:
        """Say how far it is."""
        self.done, self.total, self.stage = done, total, stage

    @property
    def remaining_seconds(self) -> int | None:
        """Of its present stage; None while paused, or while too little has ended to say it."""
        return self.estimate() if self.state == "running" and not self.paused.is_set() else None

    @property
    def state(self) -> str:
        """``running``, ``done``, ``cancelled`` or ``failed``."""
        if self.future is None or not self.future.done():
            return "running"
        if self.future.exception() is not None:
            return "failed"
        return "cancelled" if self.cancelled.is_set() else "done"

    @property
    def problem(self) -> Problem | None:
        """Why it failed; an error that is not a Problem is one of ours and carries the job's id."""
        error = self.future.exception() if self.future and self.future.done() else None
        if error is None or isinstance(error, Problem):
            return error
        if isinstance(error, OSError) and (full := disk_problem(error)):
            return full
        return Problem("job.crashed", id=self.id, kind=type(error).__name__)

    @property
    def result(self) -> Any:
        """What the work returned, once it is done."""
        return self.future.result() if self.future and self.state in ("done", "cancelled") else None


class Jobs:
    """The jobs of this process, newest kept."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        self.ended = 0
        """How many have ended: whoever looks now and then sees by it that one came and went in between."""
        self.deciding = RLock()
        """Held from the look at what runs to the start of what may not run beside it: two clicks are two threads."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="job")
        self._scans = ThreadPoolExecutor(SCANS, thread_name_prefix="scan")

    def start(self, kind: str, unit: str, inspection_id: str, work: Callable[[Job], Any]) -> Job:
        """Run ``work(job)`` in a thread. ``unit`` names what is counted: hosts, addresses, verdicts."""
        job = Job(self._ids.new(), kind, unit, inspection_id)
        with self._lock:
            self._jobs[job.id] = job
            self._forget_old()
        job.future = (self._scans if kind.startswith(SCAN) else self._pool).submit(work, job)
        job.future.add_done_callback(lambda future: self._end(job, future))
        return job

    def get(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("job.not_found", id=job_id[:40]) from None

    def running(self, inspection_id: str | None = None) -> list[Job]:
        """Jobs that are not finished, of one inspection or of all."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [j for j in jobs if j.state == "running" and inspection_id in (None, j.inspection_id)]

    def require_none(self, inspection_id: str, kind: str = "") -> None:
        """Raises Conflict ``inspection.busy`` while something (of this kind) runs for this inspection.

        Hold :attr:`deciding` until the job is started that this was asked for.
        """
        for job in self.running(inspection_id):
            if job.kind.startswith(kind):
                raise Conflict("inspection.busy", kind=job.kind.partition(":")[0])

    def require_room_for_scan(self) -> None:
        """Raises Conflict ``scan.too_many`` while as many scans run, or are paused, as may at once; as above."""
        if sum(job.kind.startswith(SCAN) for job in self.running()) >= SCANS:
            raise Conflict("scan.too_many", count=SCANS)

    def stop(self) -> None:
        """Ask all jobs to stop and wait for them."""
        for job in self.running():
            job.cancelled.set()
        for pool in (self._scans, self._pool):
            pool.shutdown(wait=True)

    def _forget_old(self) -> None:
        finished = [job_id for job_id, job in self._jobs.items() if job.state != "running"]
        for job_id in finished[: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[job_id]

    def _end(self, job: Job, future: Future[Any]) -> None:
        with self._lock:
            self.ended += 1
        error = future.exception()
        if error is not None and not isinstance(error, Problem):
            LOG.error("job %s (%s) crashed", job.id, job.kind, exc_info=error)


def describe(job: Job) -> dict[str, Any]:
    """The contract's shape ``{id, state, done, total, unit, problem}`` and what kind of job it is."""
    problem = job.problem
    return {
        "id": job.id,
        "kind": job.kind,
        "inspection_id": job.inspection_id,
        "state": job.state,
        "stage": job.stage,
        "paused": job.paused.is_set(),
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "remaining_seconds": job.remaining_seconds,
        "question": job.question.to_json() if job.question else None,
        "problem": problem.message.to_json() if problem else None,
        "exit": int(problem.exit) if problem else 0,
        "result": job.result,
    }
