"""SSH host keys: fetched without logging in, shown as first contact, confirmed by a person for the batch."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, Protocol

from appliance.context import Appliance
from appliance.jobs import Job
from appliance.store import hosts as store
from appliance.store.database import Db
from appliance.store.hosts import HostKeyRow
from config.clock import rfc3339
from config.problems import BadInput
from credentials.selection import PORTS, LoginProtocol
from scanner import process
from scanner.errands import FETCH_KEY
from scanner.process import Child, Limits
from scanner.raw import error_from_json
from scanner.session import SessionError

CPU_SECONDS = 5
AT_ONCE = 16
POLL_SECONDS = 0.2
SHOWN_CHARACTERS = 200


class Log(Protocol):
    def __call__(self, action: str, **params: str) -> None: ...


def fetch_keys(
    appliance: Appliance, db: Db, job: Job, *, permits: Callable[[str], bool], confirm: bool, log: Log
) -> dict[str, SessionError]:
    """Fetch the key of every host with SSH that has none yet; with ``confirm`` the operator confirms the batch.

    Hosts of an earlier scan may lie outside what is authorised now: only permitted addresses are touched.

    Returns why, by address, of every host that showed no usable key: that is what its row must say.
    """
    refusals: dict[str, SessionError] = {}
    ssh = PORTS[LoginProtocol.SSH]
    known = {key.address for key in store.list_keys(db)}
    waiting = [
        stored.host.address
        for stored in store.list_hosts(db)
        if ssh in {service.port for service in stored.host.services}
        and stored.host.address not in known
        and permits(stored.host.address)
    ]
    for n in range(0, len(waiting), AT_ONCE):
        while job.paused.is_set() and not job.cancelled.wait(POLL_SECONDS):
            pass
        if job.cancelled.is_set():
            return refusals
        _fetch_batch(appliance, db, job, waiting[n : n + AT_ONCE], refusals)
    if confirm:
        fresh = [key.fingerprint for key in store.list_keys(db) if key.state == "first_contact"]
        if fresh:
            log("host_keys.confirmed", fingerprints=" ".join(fresh))
            store.confirm_keys(db, fresh, appliance.operator, rfc3339(appliance.clock.now()))
    return refusals


def _fetch_batch(
    appliance: Appliance, db: Db, job: Job, addresses: list[str], refusals: dict[str, SessionError]
) -> None:
    timeout = appliance.settings.scan.connect_timeout_seconds
    limits = Limits(timeout * 3, CPU_SECONDS, appliance.settings.scan.worker_memory_mb)
    children: dict[Any, tuple[str, Child]] = {}
    for address in addresses:
        errand = {"address": address, "port": PORTS[LoginProtocol.SSH], "timeout_seconds": timeout}
        child = process.start(FETCH_KEY, errand, limits, appliance.clock)
        children[child.connection] = (address, child)
    try:
        while children and not job.cancelled.is_set():
            wait(list(children), timeout=POLL_SECONDS)
            for connection, (address, child) in list(children.items()):
                if not connection.poll(0) and child.seconds_left:
                    continue
                if not _hear(appliance, db, address, child, refusals):
                    del children[connection]
    finally:
        for _, child in children.values():
            child.kill()


def _hear(appliance: Appliance, db: Db, address: str, child: Child, refusals: dict[str, SessionError]) -> bool:
    """Returns whether more may come."""
    try:
        message = child.receive()
    except process.ChildEnded:
        refusals[address] = SessionError("ssh.key_not_fetched", address=address)
        return False
    if message is None:
        return False
    if key := message.get("host_key"):
        seen_at = rfc3339(appliance.clock.now())
        row = HostKeyRow(address, key["type"], key["base64"], key["fingerprint"], "first_contact", seen_at)
        store.save_key(db, row)
    if refused := message.get("refused"):
        refusals[address] = error_from_json(refused)
    return True


def confirm_keys(appliance: Appliance, inspection_id: str, fingerprints: list[str]) -> int:
    """A person confirms first-seen keys. Raises BadInput for an empty list and for a fingerprint that nobody showed."""
    if not fingerprints:
        raise BadInput("host_key.none_named")
    with appliance.open_inspection(inspection_id) as (db, _):
        if unknown := set(fingerprints) - {key.fingerprint for key in store.list_keys(db)}:
            raise BadInput("host_key.unknown", fingerprints="、".join(sorted(unknown))[:SHOWN_CHARACTERS])
        appliance.log(inspection_id, "host_keys.confirmed", fingerprints=" ".join(fingerprints))
        return store.confirm_keys(db, fingerprints, appliance.operator, rfc3339(appliance.clock.now()))


def list_keys(appliance: Appliance, inspection_id: str) -> list[HostKeyRow]:
    """All keys with their state."""
    with appliance.inspection(inspection_id) as (db, _):
        return store.list_keys(db)
