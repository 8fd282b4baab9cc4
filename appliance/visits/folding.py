"""Pass 1 of an audit over what is stored: here, or for a large inspection in several processes over ranges of hosts.

The order of hosts, not the number of processes, decides what comes out: the same bytes either way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from appliance.folder import InspectionFolder
from appliance.judgement.copies import Recogniser, remembering
from appliance.judgement.policy import Switches
from appliance.judgement.reads import Read, from_wire, read_facts, to_wire
from appliance.judgement.traces import known_traces
from appliance.recognition import corrections
from appliance.recognition.catalogue import load
from appliance.recognition.corrections import Corrected
from appliance.store import hosts as host_store
from appliance.store.database import Db, opened
from appliance.store.schema import INSPECTION
from config.clock import Clock
from config.message import Message
from config.problems import BadInput, EnvironmentProblem
from scanner import process
from scanner.process import Child, ChildEnded, Job, Limits, Upwards

MOST_PROCESSES = 2
HOSTS_FOR_A_PROCESS = 1500
"""A process costs about a second to start; below twice this number of hosts one is as quick."""
BATCH = 100
LIMITS = Limits(wall_seconds=1800, cpu_seconds=1800, memory_mb=2048, total_bytes=2048 * process.MIB)


def processes_for(hosts: int) -> int:
    """How many processes fold so many hosts; 1 = this one."""
    return max(1, min(MOST_PROCESSES, os.cpu_count() or 1, hosts // HOSTS_FOR_A_PROCESS))


def fold_here(
    db: Db, catalogue: Recogniser, switches: Switches, first: str = "", last: str = "~"
) -> Iterator[tuple[str, Read]]:
    """``(host id, read)`` of the best facts of each host, in order of host id."""
    recognise, known = remembering(catalogue), known_traces()
    for host_id, facts in host_store.stream_facts(db, first, last):
        yield host_id, read_facts(facts, catalogue, recognise, switches, known)


def fold_in_processes(
    folder: InspectionFolder,
    source: Path,
    catalogue: Recogniser,
    switches: Switches,
    host_ids: Sequence[str],
    processes: int,
    clock: Clock,
) -> dict[str, Read]:
    """The same by host id, made by child processes; ``source``: the folder that ``catalogue`` was read from.

    Raises BadInput for facts that cannot be read, EnvironmentProblem ``audit.child_ended`` when a process dies.
    """
    common = {"database": str(folder.database), "catalogue": str(source), "switches": switches.model_dump(mode="json")}
    common["corrections"] = str(folder.root / "recognition.json")
    parts = ranges(sorted(host_ids), processes)
    children = [process.start(fold_range, {**common, "first": a, "last": b}, LIMITS, clock) for a, b in parts]
    found: dict[str, Read] = {}
    try:
        for message in _all_of(children):
            found |= {host_id: from_wire(wire, catalogue.products) for host_id, wire in message["reads"]}
    except ChildEnded as ended:
        raise EnvironmentProblem("audit.child_ended", detail=str(ended)[:200]) from ended
    finally:
        for child in children:
            child.kill()
    return {host_id: found[host_id] for host_id in sorted(found)}


def ranges(host_ids: Sequence[str], number: int) -> list[tuple[str, str]]:
    """First and last id of each of ``number`` parts of sorted ids."""
    size = -(-len(host_ids) // number)
    parts = [host_ids[start : start + size] for start in range(0, len(host_ids), size)]
    return [(part[0], part[-1]) for part in parts]


def _all_of(children: Sequence[Child]) -> Iterator[Mapping[str, Any]]:
    """What the children send, as it comes."""
    waiting = {child.connection: child for child in children}
    while waiting:
        for ready in wait(list(waiting), timeout=min(child.seconds_left for child in waiting.values())) or list(
            waiting
        ):
            message = waiting[ready].receive()  # pyright: ignore[reportArgumentType]
            if message is None:
                del waiting[ready]  # pyright: ignore[reportArgumentType]
            elif "problem" in message:
                problem = Message.from_json(message["problem"])
                raise BadInput(problem.code, **problem.params)
            else:
                yield message


def fold_range(job: Job, emit: Upwards) -> None:
    """Target of :func:`scanner.process.start`: sends ``{"reads": [[host id, wire], …]}`` in batches."""
    corrected = Path(job["corrections"])
    said = corrections.parse(corrected.read_text("utf-8")) if corrected.exists() else ()
    try:
        catalogue = Corrected(load(Path(job["catalogue"])), said)
        with opened(Path(job["database"]), INSPECTION) as db:
            batch: list[Any] = []
            for host_id, read in fold_here(
                db, catalogue, Switches.model_validate(job["switches"]), job["first"], job["last"]
            ):
                batch.append([host_id, to_wire(read)])
                if len(batch) >= BATCH:
                    emit({"reads": batch})
                    batch = []
            emit({"reads": batch})
    except BadInput as problem:
        emit({"problem": problem.message.to_json()})
