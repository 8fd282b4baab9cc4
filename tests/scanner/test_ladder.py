"""The ladder against a peer whose RemoteRegistry has a state: what is tried, what is changed, and that all is put back.

The peer speaks signed SMB 2.1; it was written from the public specification, so it shows what we do, not what every
Windows does.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from scanner.remote_registry import Access, Entry, restore
from scanner.service_state import IDLE_STOP_SECONDS, Line, Rung, ServiceView, StartType, State, Step, rungs, undo
from scanner.session import AccessDenied, Registry, SessionError, Unsupported, Untrusted, WindowsSession
from scanner.transports import lanes
from scanner.transports.smb import SmbLimits, SmbTarget, logged_on, open_windows
from tests.lab.services import AUTOMATIC, DISABLED, MANUAL, RUNNING, START_PENDING, STOPPED, Machine, serving
from tests.scanner.transports.windows_lan import relay

SECRET = "Not-a-real-1"  # of an account that exists in this peer alone
VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
LIMITS = SmbLimits(connect_seconds=10, answer_seconds=60, deadline_seconds=120, lanes=2)

Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real service needs a second to start; the peer needs none."""
    monkeypatch.setattr(lanes, "START_SECONDS", 0.02)


def target(port: int) -> SmbTarget:
    return SmbTarget(address="127.0.0.1", port=port, username="inspector", secret=SECRET)


@contextmanager
def climbing(
    machine: Machine, lines: Lines, *, permitted: bool = True, without_service: Registry | None = None
) -> Generator[WindowsSession]:
    """A session by the ladder; ``lines`` gets the journal."""
    instead = (lambda: without_service) if without_service else None
    with serving(machine, SECRET) as port:
        access = Access(permitted, lambda line: lines.append(dict(line)), instead)
        with open_windows(target(port), LIMITS, SystemClock(), access) as session:
            yield session


def at_rest(machine: Machine) -> tuple[int, int]:
    """State and start type once the service has stopped itself, or as they are after a minute."""
    deadline = time.monotonic() + 60
    while machine.found[0] != STOPPED and time.monotonic() < deadline:
        time.sleep(0.05)
    return machine.found


def steps(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(line["step"]) for line in lines]


def rung_of(session: WindowsSession) -> str:
    assert session.reached is not None
    return session.reached["rung"]


def test_a_running_service_is_read_and_nothing_is_journalled_or_changed() -> None:
    machine, lines = Machine(AUTOMATIC, RUNNING, process=77), Lines()
    with climbing(machine, lines) as session:
        assert session.registry.key(VERSION) is not None
        assert rung_of(session) == "pipe"
    assert (lines, machine.writes, machine.found) == ([], [], (RUNNING, AUTOMATIC))


def test_a_stopped_service_is_started_by_its_pipe_under_the_journal_and_stops_itself() -> None:
    machine, lines = Machine(MANUAL, idle_seconds=0.2), Lines()
    with climbing(machine, lines, permitted=False) as session:
        assert session.registry.key(VERSION) is not None
        assert rung_of(session) == "trigger"
    assert steps(lines) == ["intent", "closed"]
    assert lines[0]["before"] == {"state": STOPPED, "start_type": MANUAL, "process": 0}
    assert lines[1]["left"] == "stops_when_idle"
    assert machine.writes == []
    assert at_rest(machine) == (STOPPED, MANUAL)


def test_a_disabled_service_is_left_alone_without_permission_and_the_remedy_is_named() -> None:
    machine, lines = Machine(DISABLED), Lines()
    with pytest.raises(Unsupported) as ended, climbing(machine, lines, permitted=False):
        pass
    assert ended.value.reason.code == "ladder.service_disabled"
    assert (lines, machine.writes, machine.found) == ([], [], (STOPPED, DISABLED))


def test_a_stopped_service_without_trigger_is_left_alone_without_permission() -> None:
    machine, lines = Machine(MANUAL, triggers=False), Lines()
    with pytest.raises(Unsupported) as ended, climbing(machine, lines, permitted=False):
        pass
    assert ended.value.reason.code == "ladder.service_stopped"
    assert (steps(lines), machine.writes) == (["intent", "closed"], [])


def test_a_disabled_service_is_started_with_permission_and_found_as_it_was() -> None:
    machine, lines = Machine(DISABLED), Lines()
    with climbing(machine, lines) as session:
        assert session.registry.key(VERSION) is not None
        assert rung_of(session) == "enable"
        assert machine.found == (RUNNING, DISABLED)  # the start type was put back at once
    assert machine.found == (STOPPED, DISABLED)
    assert machine.writes == ["config:3", "start", "config:4", "stop"]
    assert steps(lines) == [
        "intent", "enabling", "enabled", "starting", "started", "restoring_type", "type_restored", "stopping",
        "stopped", "closed",
    ]  # fmt: skip


def test_every_change_the_peer_saw_was_announced_in_the_journal_before() -> None:
    """The peer's own list of calls, and what stood in the journal when each arrived."""
    machine, lines = Machine(DISABLED), Lines()
    with climbing(machine, lines):
        pass
    announced = {"config:3": "enabling", "start": "starting", "config:4": "restoring_type", "stop": "stopping"}
    wanted = [announced[call] for call in machine.writes]
    assert [step for step in steps(lines) if step in announced.values()] == wanted


def test_wmi_comes_before_any_change_of_a_service() -> None:
    class Elsewhere:
        """A registry that needs no service."""

        def names(self, path: str) -> tuple[str, ...]:
            return (path,)

        def key(self, path: str) -> None:
            return None

        def subkeys(self, path: str) -> Any:
            return iter(())

    machine, lines = Machine(DISABLED), Lines()
    with climbing(machine, lines, without_service=Elsewhere()) as session:
        assert session.registry.names("HKU") == ("HKU",)
        assert rung_of(session) == "wmi"
    assert (lines, machine.writes) == ([], [])


def test_where_the_service_is_off_and_wmi_behind_a_firewall_both_remedies_are_named() -> None:
    def blocked() -> Registry:
        raise Unsupported("ladder.wmi_port_blocked", address="127.0.0.1", port=49152)

    machine = Machine(DISABLED)
    access = Access(False, lambda line: pytest.fail(str(line)), blocked)
    with (
        serving(machine, SECRET) as port,
        pytest.raises(Unsupported) as ended,
        open_windows(target(port), LIMITS, SystemClock(), access),
    ):
        pass
    assert (ended.value.reason.code, ended.value.reason.params) == ("ladder.service_off_wmi_blocked", {"port": 49152})
    assert (machine.writes, machine.found) == ([], (STOPPED, DISABLED))


def test_a_service_started_without_a_trigger_is_stopped_again() -> None:
    machine, lines = Machine(MANUAL, triggers=False), Lines()
    with climbing(machine, lines) as session:
        assert rung_of(session) == "start"
    assert (machine.found, machine.writes) == ((STOPPED, MANUAL), ["start", "stop"])
    assert steps(lines)[:2] == ["intent", "closed"]  # the trigger, tried first, is an entry of its own


def test_a_service_in_motion_is_waited_for_and_never_touched() -> None:
    machine, lines = Machine(MANUAL, STOPPED, pending_seconds=0.4), Lines()
    machine.begin()
    assert machine.state == START_PENDING
    with climbing(machine, lines) as session:
        assert rung_of(session) == "pipe"
    assert (lines, machine.writes, machine.state) == ([], [], RUNNING)


def test_a_slow_service_is_waited_for_before_its_type_is_put_back() -> None:
    machine, lines = Machine(DISABLED, pending_seconds=0.3), Lines()
    with climbing(machine, lines) as session:
        assert session.registry.key(VERSION) is not None
    assert machine.found == (STOPPED, DISABLED)


def test_a_service_that_somebody_else_started_meanwhile_is_never_stopped() -> None:
    machine, lines = Machine(DISABLED), Lines()

    def write(line: Mapping[str, Any]) -> None:
        lines.append(dict(line))
        if line["step"] == Step.STARTING:
            machine.begin()  # between our look and our start

    with (
        serving(machine, SECRET) as port,
        open_windows(target(port), LIMITS, SystemClock(), Access(True, write)) as session,
    ):
        assert rung_of(session) == "enable"
    assert machine.found == (RUNNING, DISABLED)
    assert "stop" not in machine.writes
    assert "not_ours" in steps(lines)


def test_a_service_that_was_restarted_by_somebody_else_is_never_stopped() -> None:
    machine, lines = Machine(MANUAL, triggers=False), Lines()
    with climbing(machine, lines):
        machine.end()
        machine.begin()
    assert machine.found == (RUNNING, MANUAL)
    assert lines[-1]["left"] == "running_not_ours"
    assert machine.writes == ["start"]


def test_two_scanners_at_once_never_stop_each_others_service() -> None:
    for _ in range(10):
        machine, journals = Machine(DISABLED, pending_seconds=0.02), (Lines(), Lines())
        with serving(machine, SECRET) as port:
            threads = [threading.Thread(target=_scan, args=(port, lines)) for lines in journals]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        stops = [number for number, what in machine.calls if what == "stop"]
        starts = [line["process"] for lines in journals for line in lines if line["step"] == Step.STARTED]
        assert len(stops) <= len(starts)
        for lines in journals:
            if Step.STOPPING in steps(lines):
                assert Step.STARTED in steps(lines)
        assert machine.found == (STOPPED, DISABLED)
        assert all(steps(lines)[-1:] in ([], ["closed"]) for lines in journals)


def _scan(port: int, lines: Lines) -> None:
    access = Access(True, lambda line: lines.append(dict(line)))
    try:
        with open_windows(target(port), LIMITS, SystemClock(), access) as session:
            session.registry.key(VERSION)
    except SessionError as error:
        lines_of_error = error.reason.code
        assert lines_of_error in ALLOWED_ENDS, lines_of_error


ALLOWED_ENDS = {"winreg.service_stopped", "winreg.pipe_broken", "ladder.start_failed", "ladder.service_pending"}
"""The other scanner's service may stop under us: then this host is read again later."""


def test_a_journal_that_cannot_be_written_stops_the_change() -> None:
    def refuse(_: Mapping[str, Any]) -> None:
        raise SessionError("change.not_written")

    machine = Machine(DISABLED)
    with (
        serving(machine, SECRET) as port,
        pytest.raises(SessionError) as ended,
        open_windows(target(port), LIMITS, SystemClock(), Access(True, refuse)),
    ):
        pass
    assert ended.value.reason.code == "change.not_written"
    assert (machine.writes, machine.found) == ([], (STOPPED, DISABLED))


@pytest.mark.parametrize(("start_type", "permitted"), [(DISABLED, True), (MANUAL, False)])
def test_a_local_account_that_may_not_see_services_is_told_of_remote_uac(start_type: int, permitted: bool) -> None:
    machine, lines = Machine(start_type, manager_denied=True, triggers=False), Lines()
    with pytest.raises(AccessDenied) as denied, climbing(machine, lines, permitted=permitted):
        pass
    assert denied.value.reason.code == "ladder.remote_uac"
    assert machine.writes == []


@pytest.mark.lab
@pytest.mark.parametrize("number", range(4, 24))
def test_a_forged_answer_about_the_service_is_refused_and_nothing_unannounced_is_done(number: int) -> None:
    """Each answer of the ladder in turn, from the tree connection on, with one bit changed on its way."""
    machine, lines, address = Machine(DISABLED), Lines(), "127.0.9.8"

    def flip(index: int, packet: bytes) -> list[bytes]:
        return [packet if index != number else packet[:-1] + bytes((packet[-1] ^ 1,))]

    access = Access(True, lambda line: lines.append(dict(line)))
    with (
        serving(machine, SECRET, address, 445),
        relay(address, flip) as middle,
        pytest.raises(Untrusted),
        open_windows(target(middle.port), LIMITS, SystemClock(), access) as session,
    ):
        session.registry.key(VERSION)
    announced = {"config:3": "enabling", "start": "starting", "config:4": "restoring_type", "stop": "stopping"}
    assert all(announced[call] in steps(lines) for call in machine.writes)
    entry = Entry(lambda line: lines.append(dict(line)), [Line(line["step"], line) for line in lines])
    if lines and lines[-1]["step"] != Step.CLOSED:  # what was begun stays open, and recovering ends it
        with (
            serving(machine, SECRET) as port,
            logged_on(target(port), LIMITS, SystemClock()) as doors,
            doors.service(changes=True) as service,
        ):
            restore(service, entry, 0)
    assert machine.found == (STOPPED, DISABLED)


# --- kill -9 ---


class Killed:
    """A journal in a file that ends its process at one moment: just before or just after a line is durable."""

    def __init__(self, path: Path, line: int, after: bool) -> None:
        self.path, self.line, self.after = path, line, after
        self.count = 0

    def __call__(self, line: Mapping[str, Any]) -> None:
        self.count += 1
        if self.count == self.line and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(line)) + "\n")
        if self.count == self.line:
            os.kill(os.getpid(), signal.SIGKILL)


def journal_of(path: Path) -> list[Line]:
    """The lines of the newest entry."""
    found: list[Line] = []
    for text in path.read_text("utf-8").splitlines():
        line = json.loads(text)
        found = [] if line["step"] == Step.INTENT else found
        found.append(Line(line["step"], line))
    return found


def killed(path: Path, port: int, line: int, after: bool, recovering: bool) -> None:
    """Run the ladder, or its undoing, in a process that ends itself by SIGKILL at that line."""
    pid = os.fork()
    if pid == 0:
        write = Killed(path, line, after)
        try:
            recover(path, port, write) if recovering else climb(port, write)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def climb(port: int, write: Any) -> None:
    with open_windows(target(port), LIMITS, SystemClock(), Access(True, write)) as session:
        session.registry.key(VERSION)


def recover(path: Path, port: int, write: Any) -> None:
    lines = journal_of(path)
    if lines and lines[-1].step != Step.CLOSED:
        with logged_on(target(port), LIMITS, SystemClock()) as doors, doors.service(changes=True) as service:
            restore(service, Entry(write, lines), 0)


PLANS = [(DISABLED, True, 10), (MANUAL, False, 8), (MANUAL, True, 2)]
MOMENTS = [
    (start_type, triggers, line, after)
    for start_type, triggers, count in PLANS
    for line in range(1, count + 1)
    for after in (False, True)
]


@pytest.mark.parametrize(("start_type", "triggers", "line", "after"), MOMENTS)
def test_a_scan_killed_between_any_two_steps_is_undone_by_recovering(
    tmp_path: Path, start_type: int, triggers: bool, line: int, after: bool
) -> None:
    machine = Machine(start_type, triggers=triggers, idle_seconds=0.2 if triggers else 0)
    path = tmp_path / "journal"
    path.touch()
    with serving(machine, SECRET) as port:
        killed(path, port, line, after, recovering=False)
        killed(path, port, 1 + line % 3, after, recovering=True)  # recovering is cut off as well
        recover(path, port, Killed(path, 0, after=False))
        # What its pipe started stops itself.
        assert (at_rest(machine) if triggers and start_type == MANUAL else machine.found) == (STOPPED, start_type)
    assert not journal_of(path) or journal_of(path)[-1].step == Step.CLOSED


# --- pure decisions ---

SEEN_STOPPED = ServiceView(State.STOPPED, StartType.DISABLED)
STARTED_HERE = [
    Line(Step.INTENT, {"rung": Rung.ENABLE, "before": SEEN_STOPPED.to_json()}),
    Line(Step.ENABLING, {}),
    Line(Step.ENABLED, {}),
    Line(Step.STARTING, {}),
    Line(Step.STARTED, {"process": 7}),
]


@pytest.mark.parametrize(
    ("seen", "permitted", "ways"),
    [
        (ServiceView(State.RUNNING, StartType.AUTOMATIC), True, "pipe wmi"),
        (ServiceView(State.STOPPED, StartType.MANUAL), False, "trigger wmi"),
        (ServiceView(State.STOPPED, StartType.MANUAL), True, "trigger wmi start"),
        (SEEN_STOPPED, False, "wmi"),
        (SEEN_STOPPED, True, "wmi enable"),
        (ServiceView(State.START_PENDING, StartType.MANUAL), True, "wmi"),
        (ServiceView(State.STOP_PENDING, StartType.AUTOMATIC), True, "wmi"),
        (None, True, "trigger wmi"),
    ],
)
def test_the_gentlest_way_comes_first_and_changes_need_permission(
    seen: ServiceView | None, permitted: bool, ways: str
) -> None:
    assert " ".join(rungs(seen, permitted=permitted)) == ways


def test_only_what_still_stands_as_we_set_it_is_put_back() -> None:
    ours = ServiceView(State.RUNNING, StartType.MANUAL, 7)
    assert undo(STARTED_HERE, ours, 0) == undo(STARTED_HERE, ours, 10 * IDLE_STOP_SECONDS)
    assert undo(STARTED_HERE, ours, 0).start_type == StartType.DISABLED
    assert undo(STARTED_HERE, ours, 0).stop
    administrator = ServiceView(State.RUNNING, StartType.AUTOMATIC, 8)
    assert undo(STARTED_HERE, administrator, 0).start_type is None
    assert not undo(STARTED_HERE, administrator, 0).stop


def test_a_start_without_an_answer_is_ours_only_until_it_would_have_stopped_itself() -> None:
    cut = STARTED_HERE[:4]
    running = ServiceView(State.RUNNING, StartType.MANUAL, 9)
    assert undo(cut, running, 5).stop
    late = undo(cut, running, IDLE_STOP_SECONDS + 1)
    assert (late.stop, late.start_type, late.left) == (False, StartType.DISABLED, "running_not_ours")


def test_without_the_line_that_announces_a_start_nothing_is_ever_stopped() -> None:
    running = ServiceView(State.RUNNING, StartType.MANUAL, 9)
    assert not undo(STARTED_HERE[:3], running, 0).stop
    assert not undo([*STARTED_HERE[:4], Line(Step.NOT_OURS, {})], running, 0).stop
