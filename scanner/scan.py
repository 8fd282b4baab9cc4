"""Hosts × workers: who is collected next, with which credential, and what became of each.

One thread runs :meth:`Fleet.run`: it starts limited processes, listens to all of them at once and hands every finished
host to the keeper, whose commit is the checkpoint. Nothing here touches the network or the disk itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from config.clock import Clock, rfc3339
from config.message import Message
from config.settings import Scan
from config.windows_marks import windows_marks
from credentials.model import CredentialState, LoginProtocol, UnlockedCredential
from credentials.selection import PORTS, LoginResult, NoneLeft, Selection, Use
from scanner import facts, process
from scanner.endings import FINAL_RESULTS, REASONS, cause_of, cut_short, login_result
from scanner.errands import COLLECT_HOST, REPLAY_HOST, RESTORE_HOST
from scanner.facts import Attempt
from scanner.host_limits import MIB, smb_limits, ssh_limits
from scanner.login_step import LoginStep
from scanner.model import HostFacts, Outcome, Platform
from scanner.process import Child, Limits
from scanner.session import SessionError
from scanner.silence import Breaker, Knocks

POLL_SECONDS = 0.2  # how late a person's stop may be heard when no host says anything
GENTLE_WORKERS = 2
WMI_PORT = 135
MOST_WAITING = 256  # hosts looked at in one turn while they wait for the first login of a credential
SILENT = (Outcome.UNREACHABLE, Outcome.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class HostTask:
    """One host to collect. ``host_key`` is the confirmed SSH key, ``"type base64"``, or empty.

    ``keyless`` says why a host with SSH showed no usable key.
    """

    host_id: str
    address: str
    ports: frozenset[int]
    host_key: str = ""
    keyless: SessionError | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """What a person may do meanwhile, and whether the authorisation still permits an address.

    ``reentered`` hands over the credentials entered again since it was last called; ``ask`` pauses and puts a question.
    """

    cancelled: Callable[[], bool]
    paused: Callable[[], bool]
    permits: Callable[[str], bool]
    reentered: Callable[[], Sequence[str]]
    ask: Callable[[Message], None]
    permits_service_start: bool = False


class Keeper(Protocol):
    """Keeps what comes in. Every call is durable before it returns where the contract says so."""

    def new_facts_id(self) -> str: ...
    def started(self, task: HostTask, facts_id: str, credential: UnlockedCredential) -> None:
        """Called, and logged durably, before the login."""
        ...

    def progress(self, credential_id: str, selection: Selection) -> None:
        """Keep what is known of a credential: before a login that proves it, and after every login."""
        ...

    def login(self, task: HostTask, credential_id: str, result: LoginResult, selection: Selection) -> None: ...
    def raw(self, facts_id: str, record: Mapping[str, Any]) -> None: ...
    def raw_records(self, facts_id: str) -> list[dict[str, Any]]: ...
    def dropped(self, facts_id: str) -> None:
        """The reading was given up and will start anew: forget its raw records."""
        ...

    def change(self, task: HostTask, facts_id: str, credential_id: str, line: Mapping[str, Any]) -> dict[str, Any]:
        """Make one line of the journal of changes durable; the answer for the worker, which acts only then."""
        ...

    def unfinished(self, facts_id: str) -> dict[str, Any] | None:
        """What a worker had begun to change and not put back: ``lines`` and ``age_seconds`` of ``restore_host``."""
        ...

    def commit(self, task: HostTask, facts: HostFacts) -> None:
        """Store facts, raw records and log line in one transaction: the checkpoint."""
        ...


@dataclass
class _Running:
    task: HostTask
    child: Child
    facts_id: str
    credential: UnlockedCredential
    started_at: str
    channel: str = ""
    landed: bool = False  # the selection knows how the login ended
    requeued: bool = False
    committed: bool = False
    restoring: bool = False  # the worker has ended and left its host changed: another child puts it back
    cause: tuple[Outcome, Message] | None = None  # of a worker's death
    ending: tuple[Outcome, Message] | None = None  # set while replaying what a dead worker had sent


@dataclass
class Fleet:
    """Collects tasks with a bounded number of workers."""

    settings: Scan
    clock: Clock
    keeper: Keeper
    control: Control
    selection: Selection
    reveal: Callable[[str], UnlockedCredential]
    redaction_key: bytes = field(repr=False)
    _queue: deque[HostTask] = field(default_factory=deque[HostTask])
    _running: dict[Connection, _Running] = field(default_factory=dict[Connection, _Running])
    _refusals: dict[str, tuple[Outcome, Message]] = field(default_factory=dict[str, tuple[Outcome, Message]])
    _thawing: set[str] = field(default_factory=set[str])
    _knocks: Knocks = field(init=False)

    def run(self, tasks: Iterable[HostTask]) -> bool:
        """Collect all tasks in their order. Returns False when it was cancelled; no worker is left running then."""
        self._queue.extend(tasks)
        self._knocks = Knocks(Breaker(len(self._queue)), self.clock)
        try:
            while self._queue or self._running or self._knocks.waiting:
                if self.control.cancelled():
                    return False
                self._thaw()
                if not self.control.paused():
                    self._start_some()
                self._listen()
        finally:
            self._halt()
        return True

    @property
    def workers(self) -> int:
        """How many hosts are collected at once."""
        return GENTLE_WORKERS if self.settings.gentle else self.settings.workers

    def _halt(self) -> None:
        """End every worker now; their hosts wait again."""
        self._knocks.stop()
        for running in self._running.values():  # all fall silent before the first is listened to
            running.child.silence()
        words = [(running, running.child.last_words()) for running in self._running.values()]
        self._running.clear()
        for running, unheard in words:
            self._settle_login(running, unheard)
            if not running.committed:
                self.keeper.dropped(running.facts_id)
                self._queue.appendleft(running.task)

    def _settle_login(self, running: _Running, unheard: Sequence[Mapping[str, Any]]) -> None:
        """The worker may have sent the password, or even heard the answer, just before it was ended."""
        for message in unheard:
            if "step" in message:
                self._handle(running, message)
        self._landed(running, LoginResult.UNREACHABLE)

    def _thaw(self) -> None:
        """A person entered a password again: the credential starts anew once its last login has ended."""
        self._thawing.update(self.control.reentered())
        for credential_id in sorted(self._thawing):
            if not self.selection.of(credential_id).in_flight:
                self._thawing.discard(credential_id)
                self.selection = self.selection.on_reentered(credential_id)
                self.keeper.progress(credential_id, self.selection)

    def _start_some(self) -> None:
        waiting: deque[HostTask] = deque()
        while self._queue and len(self._running) < self.workers and len(waiting) < MOST_WAITING:
            task = self._queue.popleft()
            if not self._start(task):
                waiting.append(task)
        self._queue.extendleft(reversed(waiting))
        if waiting and not self._running:  # for a canary that is off, or not permitted any more
            self.selection = self.selection.on_canary_gone()

    def _start(self, task: HostTask) -> bool:
        if not self.control.permits(task.address):
            self._settle(task, Outcome.FAILED, Message.of("scan.no_longer_permitted", address=task.address))
            return True
        ports = task.ports if task.host_key else task.ports - {PORTS[LoginProtocol.SSH]}
        choice = self.selection.choose(task.address, ports)
        if isinstance(choice, Use):
            self._log_in(task, choice.credential_id)
            return True
        if isinstance(choice, NoneLeft):
            self._settle(task, *self._why(task, ports, choice.reason))
            return True
        return False

    def _why(self, task: HostTask, ports: frozenset[int], reason: Message) -> tuple[Outcome, Message]:
        if task.host_id in self._refusals:
            return self._refusals.pop(task.host_id)
        if ports != task.ports and reason.code == "selection.no_login_port":
            if task.keyless:
                return task.keyless.outcome, task.keyless.reason
            reason = Message.of("scan.host_key_unconfirmed", address=task.address)
        return REASONS.get(reason.code, Outcome.DENIED), reason

    def _log_in(self, task: HostTask, credential_id: str) -> None:
        facts_id = self.keeper.new_facts_id()
        unlocked = self.reveal(credential_id)
        self.keeper.started(task, facts_id, unlocked)
        self.selection = self.selection.on_start(credential_id, task.address)
        if self.selection.of(credential_id).state is CredentialState.UNPROVEN:
            self.keeper.progress(credential_id, self.selection)
        job = self._job(task, facts_id, unlocked)
        child = process.start(COLLECT_HOST, job, self._limits(), self.clock)
        started_at = rfc3339(self.clock.now())
        self._running[child.connection] = _Running(task, child, facts_id, unlocked, started_at)

    def _job(self, task: HostTask, facts_id: str, unlocked: UnlockedCredential) -> dict[str, Any]:
        credential = unlocked.credential
        smb = credential.protocol is LoginProtocol.SMB
        return {
            "facts_id": facts_id,
            "address": task.address,
            "protocol": str(credential.protocol),
            "port": PORTS[credential.protocol],
            "username": credential.username,
            "domain": credential.domain,
            "secret": unlocked.secret,
            "host_key": task.host_key,
            "redaction_key": self.redaction_key.hex(),
            "limits": smb_limits(self.settings) if smb else ssh_limits(self.settings),
            "permits_service_start": self.control.permits_service_start,
            "wmi": smb and WMI_PORT in task.ports,
            "marks": windows_marks().to_json() if smb else {},
            "sudo": credential.sudo and not smb,
        }

    def _limits(self) -> Limits:
        s = self.settings
        bytes_limit = s.host_bytes_limit_mb * MIB
        wall = s.host_deadline_seconds
        return Limits(wall, s.worker_cpu_seconds, s.worker_memory_mb, s.line_limit_mb * MIB, bytes_limit)

    def _listen(self) -> None:
        soonest = min((r.child.seconds_left for r in self._running.values()), default=POLL_SECONDS)
        ready = wait([*self._running, *self._knocks.connections], timeout=min(POLL_SECONDS, soonest))
        for connection, running in list(self._running.items()):
            if connection in ready or running.child.seconds_left == 0:
                self._hear(connection, running)
        if (question := self._knocks.hear(ready)) is not None:
            self._halt()
            self.control.ask(question)

    def _hear(self, connection: Connection, running: _Running) -> None:
        try:
            message = running.child.receive()
        except process.ChildEnded as ended:
            del self._running[connection]
            self._bury(running, *cause_of(ended, self.settings.host_deadline_seconds))
            return
        if message is None:
            del self._running[connection]
            self._finished(running)
        else:
            self._handle(running, message)

    def _finished(self, running: _Running) -> None:
        if running.restoring:
            self._restored(running)
        elif not self._put_back(running) and running.requeued:
            self._queue.appendleft(running.task)

    def _handle(self, running: _Running, message: Mapping[str, Any]) -> None:
        if message.get("step") == LoginStep.SENDING:
            self.selection = self.selection.on_sent(running.credential.credential.id, running.task.address)
        elif message.get("step") == LoginStep.ACCEPTED:
            self._landed(running, LoginResult.ACCEPTED)
        elif "login" in message:
            running.channel = message["channel"]
            self._landed(running, LoginResult.ACCEPTED)
        elif "raw" in message:
            self.keeper.raw(running.facts_id, message["raw"])
        elif "refused" in message:
            if not running.restoring:  # what could not be put back now is tried once more when the scan ends
                self._handle_refusal(running, message["refused"])
        elif "facts" in message:
            self._commit(running, facts.from_text(message["facts"]))
        elif "change" in message:
            credential_id = running.credential.credential.id
            line = message["change"]
            running.child.answer(self.keeper.change(running.task, running.facts_id, credential_id, line))

    def _handle_refusal(self, running: _Running, refused: Mapping[str, Any]) -> None:
        reason = Message.from_json(refused["reason"])
        result = login_result(refused["kind"], reason.code)
        accepted_before = running.landed
        self._landed(running, result)
        if result in FINAL_RESULTS or accepted_before:
            self._commit(running, facts.failed(self._attempt(running), Outcome(refused["outcome"]), reason))
        else:
            self._refusals[running.task.host_id] = Outcome(refused["outcome"]), reason
            running.requeued = True

    def _landed(self, running: _Running, result: LoginResult) -> None:
        if running.landed:
            return
        running.landed = True
        credential_id = running.credential.credential.id
        if result is LoginResult.UNREACHABLE and running.task.address in self.selection.of(credential_id).sent:
            result = LoginResult.UNANSWERED
        self.selection = self.selection.on_login(credential_id, running.task.address, result)
        self.keeper.progress(credential_id, self.selection)
        self.keeper.login(running.task, credential_id, result, self.selection)

    def _bury(self, running: _Running, outcome: Outcome, reason: Message) -> None:
        """A worker died: put back what it had changed, then keep what it had sent."""
        self._landed(running, LoginResult.UNREACHABLE)
        running.cause = running.cause or (outcome, reason)
        if running.restoring:
            self._restored(running)
        elif not self._put_back(running):
            self._keep_sent(running)

    def _put_back(self, running: _Running) -> bool:
        """Whether a child is at work on what the worker left changed; its password was accepted before any change."""
        begun = self.keeper.unfinished(running.facts_id)
        if begun is None or running.ending or not self.control.permits(running.task.address):
            return False
        job = {**self._job(running.task, running.facts_id, running.credential), **begun}
        running.child, running.restoring = process.start(RESTORE_HOST, job, self._limits(), self.clock), True
        self._running[running.child.connection] = running
        return True

    def _restored(self, running: _Running) -> None:
        running.restoring = False
        if not running.committed:
            self._keep_sent(running)

    def _keep_sent(self, running: _Running) -> None:
        """Replay what a dead worker had sent in another limited process."""
        assert running.cause is not None, "only a worker that died ends without its own result"
        records = [] if running.ending else self.keeper.raw_records(running.facts_id)
        if not records:
            self._commit(running, facts.failed(self._attempt(running), *running.cause))
            return
        attempt = self._attempt(running)
        job = {"records": records, "attempt": {name: getattr(attempt, name) for name in Attempt.__slots__}}
        running.child = process.start(REPLAY_HOST, job, self._limits(), self.clock)
        running.ending = running.cause
        self._running[running.child.connection] = running

    def _commit(self, running: _Running, found: HostFacts) -> None:
        if running.ending:
            found = cut_short(found, *running.ending)
        running.committed = True
        self._refusals.pop(running.task.host_id, None)
        self.keeper.commit(running.task, found)
        if found.outcome in SILENT and self.control.permits(running.task.address):
            self._knocks.suspect(running.task.address, PORTS[running.credential.credential.protocol])

    def _settle(self, task: HostTask, outcome: Outcome, reason: Message) -> None:
        now = rfc3339(self.clock.now())
        attempt = Attempt(self.keeper.new_facts_id(), task.address, now, now)
        self.keeper.commit(task, facts.failed(attempt, outcome, reason))

    def _attempt(self, running: _Running) -> Attempt:
        credential = running.credential.credential
        platform = Platform.WINDOWS if credential.protocol is LoginProtocol.SMB else Platform.LINUX
        return Attempt(
            running.facts_id,
            running.task.address,
            running.started_at,
            rfc3339(self.clock.now()),
            platform,
            running.channel or None,
            credential.username,
        )
