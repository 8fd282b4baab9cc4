"""A canary that a person chose: accounts are proven there or nowhere, and no strange host can freeze them first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.model import Credential, CredentialState
from credentials.selection import LoginResult, NoneLeft, Selection
from tests.credentials.test_selection import DOMAIN, HOSTS, LOCAL, SSH, Peer, Scan, always, credential

CANARY = HOSTS[120]
SMB_OPEN = frozenset({445})


class CanaryScan(Scan):
    """As the fleet does: when all wait and nobody logs in, the canary will not come any more."""

    def _start_one(self, waiting: list[str]) -> bool:
        started = super()._start_one(waiting)
        if not started and waiting and not self.flying:
            self.selection = self.selection.on_canary_gone()
            return super()._start_one(waiting) or not waiting
        return started


def scan(credentials: tuple[Credential, ...], peer: Peer, hosts: tuple[str, ...] = HOSTS) -> CanaryScan:
    ran = CanaryScan(Selection(credentials).proving_at(CANARY, SMB_OPEN), peer)
    ran.run(hosts)
    return ran


def reasons(ran: Scan) -> set[str]:
    return {end.reason.code for end in ran.ended.values() if isinstance(end, NoneLeft)}


def lying_beside_an_honest_canary(host: str, _: Credential) -> LoginResult:
    return LoginResult.ACCEPTED if host == CANARY else LoginResult.REFUSED


@pytest.mark.parametrize("cred", [DOMAIN, LOCAL])
def test_a_right_password_is_proven_at_the_canary_and_then_opens_every_host(cred: Credential) -> None:
    ran = scan((cred,), always(LoginResult.ACCEPTED))
    assert ran.attempts[0] == (cred.id, CANARY)
    assert set(ran.ended.values()) == {LoginResult.ACCEPTED}


def test_a_lying_host_is_not_the_first_to_be_asked() -> None:
    ran = scan((LOCAL,), lying_beside_an_honest_canary)
    assert ran.attempts[0][1] == CANARY
    assert ran.ended[CANARY] is LoginResult.ACCEPTED


@pytest.mark.parametrize(
    ("result", "attempts", "reason"),
    [
        (LoginResult.REFUSED, 1, "selection.all_frozen"),
        (LoginResult.MUST_CHANGE, 1, "selection.all_frozen"),
        (LoginResult.UNTRUSTED, 1, "selection.canary_undecided"),
        (LoginResult.RESTRICTED, 1, "selection.canary_undecided"),
        (LoginResult.UNREACHABLE, 1, "selection.canary_undecided"),
    ],
)
def test_a_canary_that_does_not_prove_the_account_keeps_it_from_all_other_hosts(
    result: LoginResult, attempts: int, reason: str
) -> None:
    ran = scan((DOMAIN,), always(result))
    assert len(ran.attempts) == attempts
    assert reason in reasons(ran)
    assert all(host == CANARY for _, host in ran.attempts)


def test_a_canary_that_is_off_keeps_the_account_from_all_hosts() -> None:
    ran = scan((DOMAIN,), always(LoginResult.ACCEPTED), HOSTS[:20])
    assert (ran.attempts, reasons(ran)) == ([], {"selection.canary_undecided"})
    assert ran.selection.of(DOMAIN.id).state is CredentialState.UNPROVEN


def test_an_account_that_does_not_fit_the_canary_follows_the_common_rule() -> None:
    elsewhere = credential("E", DOMAIN.kind, DOMAIN.protocol, "10.0.0.1-10.0.0.20")
    ran = scan((elsewhere,), always(LoginResult.ACCEPTED), HOSTS[:20])
    assert len(ran.attempts) == 20
    selection = Selection((credential("S", protocol=SSH),)).proving_at(CANARY, SMB_OPEN)
    assert selection.canary is not None
    assert selection.canary.waiting == frozenset()


def test_an_account_that_was_proven_before_does_not_wait_for_the_canary() -> None:
    proven = Selection((DOMAIN,)).on_login(DOMAIN.id, HOSTS[0], LoginResult.ACCEPTED)
    ran = CanaryScan(proven.proving_at(CANARY, SMB_OPEN), always(LoginResult.ACCEPTED))
    ran.run(HOSTS[:20])
    assert len(ran.attempts) == 20


def test_an_account_entered_again_follows_the_common_rule() -> None:
    frozen = scan((DOMAIN,), always(LoginResult.REFUSED)).selection
    ran = CanaryScan(frozen.on_reentered(DOMAIN.id), always(LoginResult.ACCEPTED))
    ran.run(HOSTS[:20])
    assert len(ran.attempts) == 20


def test_a_stop_before_the_password_was_sent_leaves_the_canary_to_be_asked() -> None:
    begun = Selection((DOMAIN,)).proving_at(CANARY, SMB_OPEN).on_start(DOMAIN.id, CANARY)
    stopped = begun.on_login(DOMAIN.id, CANARY, LoginResult.UNREACHABLE)
    ran = CanaryScan(stopped, always(LoginResult.ACCEPTED))
    ran.run(HOSTS)
    assert ran.attempts[0] == (DOMAIN.id, CANARY)
    assert len(ran.attempts) == 200


@given(
    st.lists(st.sampled_from(list(LoginResult)), min_size=40, max_size=40),
    st.booleans(),
    st.permutations(list(HOSTS[100:140])),
)
def test_whatever_hosts_say_nothing_goes_elsewhere_before_the_canary_proved_it(
    said: list[LoginResult], also_local: bool, hosts: list[str]
) -> None:
    answers = dict(zip(HOSTS[100:140], said, strict=True))
    ran = scan((DOMAIN, LOCAL) if also_local else (DOMAIN,), lambda host, _: answers[host], tuple(hosts))
    asked = [host for _, host in ran.attempts]
    assert asked[0] == CANARY
    if answers[CANARY] is not LoginResult.ACCEPTED:
        assert set(asked) == {CANARY}
