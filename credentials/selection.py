"""Which credential for which host, in what order, and when to stop. Pure: no clock, no network, no secret.

Rules (``docs`` call them the lock-out budget):

- An unproven credential is sent to one host at a time, and only one unproven login of any credential is under way.
- Kind ``domain``: the first refusal anywhere freezes it, because one controller counts for all hosts.
- Kind ``local``: a refusal by the first host (the canary) freezes it; afterwards each host gets one try and a refusal
  is that host's outcome; three refusals in a row freeze it.
- A locked, expired or disabled account, or one whose password must be changed first, freezes at once; once a ``local``
  one is proven, this is a refusal like others, for every host keeps its own list of accounts. Only a person who enters
  it again thaws it.
- A login that got no answer after the password was sent may have been counted. One controller counts for all hosts, so
  an unproven ``domain`` password freezes then, and a proven one at the third in a row; a ``local`` password is counted
  by that host alone, so it is that host's outcome and the next host is asked.
- Where a person chose the canary, an unproven credential that fits it is tried there first; if it is not proven there,
  it is tried nowhere else until it is entered again.
- A host whose channel failed its identity or signing check gets no further password over that protocol.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from config.message import Message
from credentials.canary import Canary
from credentials.model import Credential, CredentialKind, CredentialState, LoginProtocol
from credentials.ranges import covers

REFUSALS_TO_FREEZE = 3
PORTS: Mapping[LoginProtocol, int] = {LoginProtocol.SMB: 445, LoginProtocol.SSH: 22}


class LoginResult(StrEnum):
    """How one login ended, as the transport tells it."""

    ACCEPTED = "accepted"  # the login worked, whatever the account may read afterwards
    REFUSED = "refused"
    LOCKED = "locked"
    EXPIRED = "expired"
    DISABLED = "disabled"
    MUST_CHANGE = "must_change"  # the password is right or not, but too old to be used
    UNREACHABLE = "unreachable"  # no login took place
    UNTRUSTED = "untrusted"  # the channel failed its identity or signing check
    RESTRICTED = "restricted"  # the host's policy lets this account in nowhere; says nothing about the password
    UNANSWERED = "unanswered"  # the password was sent, and nobody said whether it was right


ACCOUNT_CODES: Mapping[LoginResult, str] = {
    LoginResult.LOCKED: "login.locked",
    LoginResult.EXPIRED: "login.expired",
    LoginResult.DISABLED: "login.disabled",
    LoginResult.MUST_CHANGE: "login.must_change",
}


SAYS_NOTHING = (LoginResult.UNREACHABLE, LoginResult.UNTRUSTED)
"""Unless the password was sent before it; then it may have been counted."""


@dataclass(frozen=True, slots=True)
class CredentialProgress:
    """What is known of one credential in one scan. ``tried``: hosts that said no and are not asked again with it.

    ``in_flight``: hosts where a login is under way; ``sent``: those among them that the password has gone to.
    """

    state: CredentialState = CredentialState.UNPROVEN
    in_flight: frozenset[str] = frozenset()
    sent: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    refusals_in_a_row: int = 0
    frozen_reason: Message | None = None
    untrusted: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """For the checkpoint, made before a login starts and after it ended."""
        return {
            "state": self.state.value,
            "in_flight": sorted(self.in_flight) if self.state is CredentialState.UNPROVEN else [],
            "tried": sorted(self.tried),
            "refusals_in_a_row": self.refusals_in_a_row,
            "frozen_reason": self.frozen_reason.to_json() if self.frozen_reason else None,
            "untrusted": sorted(self.untrusted),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CredentialProgress:
        """Inverse of :meth:`to_json`; :meth:`Selection.restored` settles the logins that a crash cut off."""
        reason = value.get("frozen_reason")
        return cls(
            state=CredentialState(value["state"]),
            in_flight=frozenset(value.get("in_flight", ())),
            tried=frozenset(value["tried"]),
            refusals_in_a_row=int(value["refusals_in_a_row"]),
            frozen_reason=Message.from_json(reason) if reason else None,
            untrusted=frozenset(value.get("untrusted", ())),
        )


@dataclass(frozen=True, slots=True)
class Use:
    """Log in with this credential now (call ``on_start`` first)."""

    credential_id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after the next login result."""


@dataclass(frozen=True, slots=True)
class NoneLeft:
    """This host is not logged in to (any more); ``reason`` is its outcome's reason."""

    reason: Message


Choice = Use | Wait | NoneLeft
Progress = Mapping[str, CredentialProgress]
"""Progress by credential id; an absent one is unproven and untried."""

FRESH = CredentialProgress()


@dataclass(frozen=True, slots=True)
class Selection:
    """The credentials of one scan and their progress; every event gives a new one."""

    credentials: tuple[Credential, ...]
    progress: Progress = field(default_factory=dict[str, CredentialProgress])
    canary: Canary | None = None

    @classmethod
    def restored(cls, credentials: Sequence[Credential], stored: Mapping[str, CredentialProgress]) -> Selection:
        """Go on after a stop. Nobody knows whether a login that a crash cut off was counted.

        A proven password was right a moment before, and a local one is counted by that host alone.
        """
        selection = cls(tuple(credentials), {c.id: stored[c.id] for c in credentials if c.id in stored})
        for credential in credentials:
            mine = selection.of(credential.id)
            careful = credential.kind is CredentialKind.DOMAIN and mine.state is CredentialState.UNPROVEN
            result = LoginResult.UNANSWERED if careful else LoginResult.UNREACHABLE
            for host in sorted(mine.in_flight):
                selection = selection.on_login(credential.id, host, result)
        return selection

    def for_new_scan(self) -> Selection:
        """What outlives a scan: a frozen credential stays frozen, every other one is unproven again."""
        frozen = {name: p for name, p in self.progress.items() if p.state is CredentialState.FROZEN}
        return replace(
            self, progress={n: CredentialProgress(p.state, frozen_reason=p.frozen_reason) for n, p in frozen.items()}
        )

    def choose(self, host_address: str, open_ports: Collection[int]) -> Choice:
        """See :func:`choose`."""
        return choose(host_address, open_ports, self.credentials, self.progress, self.canary)

    def proving_at(self, address: str, open_ports: Collection[int]) -> Selection:
        """Prove every credential that is still unproven and fits this host there and nowhere else."""
        fitting = (c.id for c in self.credentials if PORTS[c.protocol] in open_ports and covers(c.scope, address))
        waiting = frozenset(name for name in fitting if self.of(name).state is CredentialState.UNPROVEN)
        return replace(self, canary=Canary(address, waiting))

    def on_canary_gone(self) -> Selection:
        """The chosen canary will not be logged in to any more: it is off, or no longer permitted."""
        return replace(self, canary=self.canary.gone() if self.canary else None)

    def on_start(self, credential_id: str, host: str) -> Selection:
        """A login with this credential starts at ``host``."""
        credential = self._credential(credential_id)
        return self._with(credential_id, on_start(self.of(credential_id), credential, host))

    def on_sent(self, credential_id: str, host: str) -> Selection:
        """The password goes out to ``host`` now."""
        mine = self.of(credential_id)
        return self._with(credential_id, replace(mine, sent=mine.sent | {host}))

    def on_login(self, credential_id: str, host: str, result: LoginResult) -> Selection:
        """That login ended with ``result``."""
        credential = self._credential(credential_id)
        landed = self._with(credential_id, on_login(self.of(credential_id), credential, host, result))
        if self.canary is None or host != self.canary.address or result is LoginResult.UNREACHABLE:
            return landed
        return replace(landed, canary=self.canary.settled(credential_id, proven=result is LoginResult.ACCEPTED))

    def on_reentered(self, credential_id: str) -> Selection:
        """A person entered the secret again: it is unproven and untried, whatever it was."""
        fresh = self._with(credential_id, FRESH)
        return replace(fresh, canary=self.canary.without(credential_id)) if self.canary else fresh

    def of(self, credential_id: str) -> CredentialProgress:
        """Progress of one credential."""
        return self.progress.get(credential_id, FRESH)

    def _credential(self, credential_id: str) -> Credential:
        return next(c for c in self.credentials if c.id == credential_id)

    def _with(self, credential_id: str, progress: CredentialProgress) -> Selection:
        return replace(self, progress={**self.progress, credential_id: progress})


def choose(
    host_address: str,
    open_ports: Collection[int],
    credentials: Sequence[Credential],
    progress: Progress,
    canary: Canary | None = None,
) -> Choice:
    """Say what to do with one host now. Ask again after ``refused``; after any other result the host's turn is over."""
    fitting = [c for c in credentials if PORTS[c.protocol] in open_ports and covers(c.scope, host_address)]
    able = [c for c in fitting if _usable(c, host_address, credentials, progress)]
    usable = [c for c in able if canary is None or c.id not in canary.undecided]
    if not usable and able and canary:
        accounts = ", ".join(map(account_name, able))
        return NoneLeft(Message.of("selection.canary_undecided", address=canary.address, accounts=accounts))
    if not usable:
        return NoneLeft(_why_none(host_address, open_ports, fitting, progress))
    if any(host_address in p.in_flight for p in progress.values()):
        return Wait()
    for credential in sorted(usable, key=lambda c: _rank(c, _of(progress, c))):
        barred = canary is not None and canary.bars(credential.id, host_address)
        if not barred and _may_start(_of(progress, credential), progress):
            return Use(credential.id)
    return Wait()


def on_start(progress: CredentialProgress, cred: Credential, host: str) -> CredentialProgress:
    """A login with ``cred`` starts at ``host``."""
    assert progress.state is not CredentialState.FROZEN, f"frozen credential {cred.id} started at {host}"
    return replace(progress, in_flight=progress.in_flight | {host})


def on_login(progress: CredentialProgress, cred: Credential, host: str, result: LoginResult) -> CredentialProgress:
    """The login of ``cred`` at ``host`` ended. A frozen credential stays frozen whatever comes in late."""
    landed = replace(progress, in_flight=progress.in_flight - {host}, sent=progress.sent - {host})
    if result is LoginResult.ACCEPTED:
        return _accepted(landed)
    unanswered = result is LoginResult.UNANSWERED or (result in SAYS_NOTHING and host in progress.sent)
    if result is LoginResult.UNREACHABLE and not unanswered:
        return landed
    landed = replace(landed, tried=landed.tried | {host})
    if result is LoginResult.UNTRUSTED:
        landed = replace(landed, untrusted=landed.untrusted | {host})
    if unanswered:
        return _unanswered(landed, cred, host)
    if result in (LoginResult.UNTRUSTED, LoginResult.RESTRICTED):
        return landed
    return _refused(landed, cred, host, result)


def _accepted(progress: CredentialProgress) -> CredentialProgress:
    if progress.state is CredentialState.FROZEN:
        return progress
    return replace(progress, state=CredentialState.PROVEN, refusals_in_a_row=0)


def _unanswered(progress: CredentialProgress, cred: Credential, host: str) -> CredentialProgress:
    if cred.kind is not CredentialKind.DOMAIN or progress.state is CredentialState.FROZEN:
        return progress
    counted = replace(progress, refusals_in_a_row=progress.refusals_in_a_row + 1)
    if counted.state is CredentialState.PROVEN and counted.refusals_in_a_row < REFUSALS_TO_FREEZE:
        return counted
    reason = Message.of("selection.domain_unanswered", account=account_name(cred), address=host)
    return replace(counted, state=CredentialState.FROZEN, frozen_reason=reason)


def _refused(progress: CredentialProgress, cred: Credential, host: str, result: LoginResult) -> CredentialProgress:
    counted = replace(progress, refusals_in_a_row=progress.refusals_in_a_row + 1)
    if counted.state is CredentialState.FROZEN:
        return counted
    reason = _freezing_reason(counted, cred, host, result)
    return replace(counted, state=CredentialState.FROZEN, frozen_reason=reason) if reason else counted


def _freezing_reason(progress: CredentialProgress, cred: Credential, host: str, result: LoginResult) -> Message | None:
    account = account_name(cred)
    own_list = cred.kind is CredentialKind.LOCAL and progress.state is CredentialState.PROVEN
    if result in ACCOUNT_CODES and not own_list:
        return Message.of(ACCOUNT_CODES[result], account=account)
    if cred.kind is CredentialKind.DOMAIN:
        return Message.of("selection.domain_refused", account=account, address=host)
    if progress.state is CredentialState.UNPROVEN:
        return Message.of("selection.canary_refused", account=account, address=host)
    if progress.refusals_in_a_row >= REFUSALS_TO_FREEZE:
        return Message.of("selection.refused_in_a_row", account=account, count=progress.refusals_in_a_row)
    return None


def account_name(cred: Credential) -> str:
    """The account as people write it."""
    return f"{cred.domain}\\{cred.username}" if cred.domain else cred.username


def _of(progress: Progress, cred: Credential) -> CredentialProgress:
    return progress.get(cred.id, FRESH)


def _usable(cred: Credential, host: str, credentials: Sequence[Credential], progress: Progress) -> bool:
    mine = _of(progress, cred)
    distrusted = any(host in _of(progress, other).untrusted for other in credentials if other.protocol is cred.protocol)
    return mine.state is not CredentialState.FROZEN and host not in mine.tried and not distrusted


def _rank(cred: Credential, progress: CredentialProgress) -> tuple[bool, bool]:
    return progress.state is not CredentialState.PROVEN, cred.kind is not CredentialKind.DOMAIN


def _may_start(mine: CredentialProgress, progress: Progress) -> bool:
    if mine.state is CredentialState.PROVEN:
        # Once refusals have begun, no more logins are under way than the row still allows.
        return mine.refusals_in_a_row == 0 or mine.refusals_in_a_row + len(mine.in_flight) < REFUSALS_TO_FREEZE
    return not any(p.in_flight for p in progress.values() if p.state is not CredentialState.PROVEN)


def _why_none(host: str, open_ports: Collection[int], fitting: Sequence[Credential], progress: Progress) -> Message:
    if not set(PORTS.values()) & set(open_ports):
        return Message.of("selection.no_login_port", address=host)
    if not fitting:
        return Message.of("selection.no_credential", address=host)
    if any(host in _of(progress, c).untrusted for c in fitting):
        return Message.of("selection.untrusted", address=host)
    accounts = ", ".join(account_name(c) for c in fitting)
    if any(host in _of(progress, c).tried for c in fitting):
        return Message.of("selection.refused_here", address=host, accounts=accounts)
    return Message.of("selection.all_frozen", address=host, accounts=accounts)
