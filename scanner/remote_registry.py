"""The ladder to a computer's registry: the service's state first, then the gentlest way in, and everything put back.

Read the state of RemoteRegistry; where it runs, open the pipe. Where it is stopped: open the pipe all the same (that
may start it), else StdRegProv, else, where the authorisation allows it, start it under the journal of
:mod:`scanner.service_state`. Another scanner's service is never stopped, a service in motion never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import Any, Protocol

from config.message import Message
from scanner.service_state import (
    ALREADY_RUNNING,
    NOT_ACTIVE,
    RUN_BY_HAND,
    Line,
    Rung,
    ServiceView,
    StartType,
    State,
    Step,
    rungs,
    undo,
)
from scanner.session import AccessDenied, Registry, SessionError, TimedOut, Unsupported

LOOK_SECONDS = 0.1
LOOKS = 150  # a service that starts or stops is looked at for fifteen seconds
ACCESS_DENIED = 5
WMI_BLOCKED = frozenset({"ladder.wmi_blocked", "ladder.wmi_port_blocked"})


class Service(Protocol):
    """The service RemoteRegistry of one host; codes are Win32 errors, 0 is success."""

    def view(self) -> ServiceView: ...
    def set_start_type(self, start_type: int) -> int: ...
    def start(self) -> int: ...
    def stop(self) -> int: ...


class Doors(Protocol):
    """One logged-on host."""

    def service(self, *, changes: bool) -> AbstractContextManager[Service]:
        """The service, with rights to change it only when ``changes``. Raises SessionError."""
        ...

    def pipes(self) -> Registry:
        """The registry over its pipe; opening it may start the service. Raises SessionError."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the connection can still carry a call."""
        ...


Write = Callable[[Mapping[str, Any]], None]
"""Make one journal line ``{"step", …}`` durable before returning; raises SessionError when it may not be."""


@dataclass
class Entry:
    """One entry of the journal: the lines of one change to one host; an intent begins a new one."""

    write: Write
    lines: list[Line] = field(default_factory=list[Line])

    def add(self, step: Step, **details: Any) -> None:
        """Returns when the line is durable. Raises SessionError; then nothing may be done."""
        self.write({"step": step, **details})
        if step is Step.INTENT:
            self.lines.clear()
        self.lines.append(Line(step, details))

    @property
    def open(self) -> bool:
        """Whether something was announced and is not closed."""
        return bool(self.lines) and self.lines[-1].step != Step.CLOSED


@dataclass(frozen=True, slots=True)
class Access:
    """What the authorisation allows on this host, and where changes are written down.

    ``without_service`` opens the registry through StdRegProv; None where WMI is not to be tried.
    """

    permitted: bool
    write: Write
    without_service: Callable[[], Registry] | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """A registry, the rung that led to it, the service as it was found, and the rungs tried in vain."""

    registry: Registry
    rung: Rung
    seen: ServiceView | None
    tried: tuple[tuple[Rung, Message], ...]

    def to_json(self) -> dict[str, Any]:
        """As it is recorded with the host's raw answers."""
        tried = [{"rung": rung, "reason": reason.to_json()} for rung, reason in self.tried]
        return {"rung": self.rung, "service": self.seen.to_json() if self.seen else None, "tried": tried}


@contextmanager
def reach(doors: Doors, access: Access) -> Generator[Reached]:
    """Climb the ladder; what was changed is put back when the caller is done, however it ends.

    Raises AccessDenied, Unsupported, SessionError. What cannot be put back stays an open entry of the journal.
    """
    entry = Entry(access.write)
    try:
        yield _climb(doors, access, entry)
    finally:
        if entry.open:
            _put_back(doors, entry)


def _climb(doors: Doors, access: Access, entry: Entry) -> Reached:
    seen, refusal = look(doors)
    tried: list[tuple[Rung, Message]] = []
    for rung in rungs(seen, permitted=access.permitted):
        try:
            registry = _step(rung, doors, access, entry, seen)
        except (AccessDenied, Unsupported) as error:
            if not doors.usable:
                raise
            tried.append((rung, error.reason))
            refusal = refusal or (error if isinstance(error, AccessDenied) else None)
            if entry.open:
                _put_back(doors, entry)
        else:
            return Reached(registry, rung, seen, tuple(tried))
    raise refusal or nothing_left(seen, tried, permitted=access.permitted)


def look(doors: Doors) -> tuple[ServiceView | None, AccessDenied | None]:
    """The service once it is settled, or None where the host does not tell, and a refusal if that is why."""
    try:
        with doors.service(changes=False) as service:
            return settled(service), None
    except (AccessDenied, Unsupported) as error:
        if not doors.usable:
            raise
        return None, error if isinstance(error, AccessDenied) else None


def _step(rung: Rung, doors: Doors, access: Access, entry: Entry, seen: ServiceView | None) -> Registry:
    if rung is Rung.WMI:
        if access.without_service is None:
            raise Unsupported("ladder.wmi_not_tried")
        return access.without_service()
    if rung is Rung.TRIGGER:
        entry.add(Step.INTENT, rung=rung, before=seen.to_json() if seen else None)
    elif rung is not Rung.PIPE:
        assert seen is not None, "a service that was not seen is never started"
        with doors.service(changes=True) as service:
            start(service, entry, seen, rung)
    return doors.pipes()


def start(service: Service, entry: Entry, seen: ServiceView, rung: Rung) -> None:
    """Start the service as it was found stopped; a disabled one is enabled for that moment only.

    Raises AccessDenied, Unsupported, TimedOut; the entry is left open for :func:`restore` then.
    """
    entry.add(Step.INTENT, rung=rung, before=seen.to_json())
    if rung is Rung.ENABLE:
        entry.add(Step.ENABLING)
        _require(service.set_start_type(RUN_BY_HAND), entry)
        entry.add(Step.ENABLED)
    entry.add(Step.STARTING)
    code = service.start()
    if code == ALREADY_RUNNING:
        entry.add(Step.NOT_OURS)
    else:
        _require(code, entry)
        entry.add(Step.STARTED, process=_await(service, State.RUNNING).process)
    if rung is Rung.ENABLE:
        _restore_type(service, entry, seen)


def _require(code: int, entry: Entry) -> None:
    if code:
        entry.add(Step.FAILED, error=code)
        raise (
            AccessDenied("ladder.change_denied")
            if code == ACCESS_DENIED
            else Unsupported("ladder.start_failed", error=code)
        )


def _restore_type(service: Service, entry: Entry, before: ServiceView) -> None:
    """At once after the start: a running service stays running when it is set to disabled."""
    if service.view().start_type == RUN_BY_HAND:
        entry.add(Step.RESTORING_TYPE)
        if code := service.set_start_type(before.start_type):
            raise SessionError("ladder.restore_failed", error=code)
    entry.add(Step.TYPE_RESTORED)


def _put_back(doors: Doors, entry: Entry) -> None:
    if not doors.usable:
        return  # the open entry is what the next run, and the report, go by
    try:
        if entry.lines[0].details["rung"] == Rung.TRIGGER:
            seen, _ = look(doors)
            left = undo(entry.lines, seen, 0).left if seen else ""
            entry.add(Step.CLOSED, after=seen.to_json() if seen else None, left=left)
            return
        with doors.service(changes=True) as service:
            restore(service, entry, 0)
    except SessionError as error:
        if doors.usable:
            entry.add(Step.UNFINISHED, reason=error.reason.to_json())


def restore(service: Service, entry: Entry, age_seconds: float) -> ServiceView:
    """Put back what still stands as we set it, and close the entry; safe to repeat after any interruption.

    ``age_seconds``: since the last line. Raises SessionError (the service is in motion, the host refuses); the entry
    stays open.
    """
    now = settled(service)
    if now.pending:
        raise Unsupported("ladder.service_pending")
    todo = undo(entry.lines, now, age_seconds)
    if todo.start_type is not None:
        entry.add(Step.RESTORING_TYPE)
        if code := service.set_start_type(todo.start_type):
            raise SessionError("ladder.restore_failed", error=code)
        entry.add(Step.TYPE_RESTORED)
    if todo.stop:
        entry.add(Step.STOPPING)
        if (code := service.stop()) not in (0, NOT_ACTIVE):
            raise SessionError("ladder.restore_failed", error=code)
        _await(service, State.STOPPED)
        entry.add(Step.STOPPED)
    after = service.view()
    entry.add(Step.CLOSED, after=after.to_json(), left=todo.left)
    return after


def settled(service: Service) -> ServiceView:
    """The service when it no longer starts or stops, or as it is after fifteen seconds."""
    view = service.view()
    for _ in range(LOOKS):
        if not view.pending:
            break
        sleep(LOOK_SECONDS)
        view = service.view()
    return view


def _await(service: Service, wanted: State) -> ServiceView:
    for _ in range(LOOKS):
        if (view := service.view()).state == wanted:
            return view
        sleep(LOOK_SECONDS)
    raise TimedOut("ladder.service_slow")


def nothing_left(seen: ServiceView | None, tried: Sequence[tuple[Rung, Message]], *, permitted: bool) -> SessionError:
    """Why no rung led to the registry, and what the unit can do about it."""
    if seen is None:
        return SessionError(tried[0][1].code, **tried[0][1].params)
    if seen.pending:
        return Unsupported("ladder.service_pending")
    if permitted and tried and tried[-1][0] in (Rung.START, Rung.ENABLE):
        return Unsupported(tried[-1][1].code, **tried[-1][1].params)
    if seen.state != State.STOPPED:
        return Unsupported(tried[0][1].code, **tried[0][1].params)
    for rung, reason in tried:
        if rung is Rung.WMI and reason.code in WMI_BLOCKED:
            return Unsupported("ladder.service_off_wmi_blocked", port=reason.params.get("port"))
    return Unsupported("ladder.service_disabled" if seen.start_type == StartType.DISABLED else "ladder.service_stopped")
