"""Use case: the custody logs are read whole at start and when asked, against the head that was kept elsewhere.

A chain shows every change in its middle, but not that its last lines are gone. So the head of each log is also kept in
the appliance's index, whenever it was shown, sealed or found intact; a shorter log than that is reported.
"""

from __future__ import annotations

from appliance.context import Appliance
from appliance.evidence import custody
from appliance.evidence.custody import Check, Head
from appliance.store import heads
from appliance.store import inspections as store
from appliance.store.database import Row
from config.clock import rfc3339
from config.message import Message
from config.problems import NotFound


def state(appliance: Appliance, inspection_id: str) -> Row:
    """``{seq, sha256, intact, torn, problems}`` of one inspection's log; an intact head is kept."""
    found = check(appliance, inspection_id)
    return {
        "seq": found.head.seq,
        "sha256": found.head.sha256,
        "intact": found.intact,
        "torn_lines": found.acknowledged + found.torn,
        "problems": [problem.to_json() for problem in found.problems],
    }


def check(appliance: Appliance, inspection_id: str) -> Check:
    """Read one log whole. Raises NotFound."""
    path = appliance.folder.inspection(inspection_id).custody
    with appliance.index() as index:
        kept = heads.read(index, inspection_id)
    found = custody.check(path, kept)
    if found.intact:
        keep(appliance, inspection_id, found.head)
    return found


def keep(appliance: Appliance, inspection_id: str, head: Head) -> None:
    """Remember the head of a log outside of its folder."""
    with appliance.index() as index:
        heads.save(index, inspection_id, head, rfc3339(appliance.clock.now()))


def check_all(appliance: Appliance) -> list[Message]:
    """One message for each inspection whose log was changed or cut, as at the start of the appliance."""
    with appliance.index() as index:
        rows = store.list_inspections(index, "", -1)
    return [problem for row in rows for problem in _first_problem(appliance, row)]


def _first_problem(appliance: Appliance, row: Row) -> list[Message]:
    try:
        found = check(appliance, row["id"])
    except NotFound:
        return []  # ended and removed
    if found.intact:
        return []
    first = found.problems[0]
    return [Message.of("custody.inspection_broken", unit=row["unit"], id=row["id"], line=first.params.get("line", 0))]
