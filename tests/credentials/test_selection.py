"""A wrong password costs one attempt, a right one opens every host it fits, and nothing runs in parallel early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.problems import BadInput
from credentials.model import Credential, CredentialKind, CredentialScope, CredentialState, LoginProtocol
from credentials.ranges import covers, parse_range
from credentials.selection import (
    Choice,
    CredentialProgress,
    LoginResult,
    NoneLeft,
    Selection,
    Use,
    Wait,
)

SMB, SSH = LoginProtocol.SMB, LoginProtocol.SSH
HOSTS = tuple(f"10.0.{n // 250}.{n % 250 + 1}" for n in range(200))


def credential(
    id: str, kind: CredentialKind = CredentialKind.LOCAL, protocol: LoginProtocol = SMB, *ranges: str
) -> Credential:
    return Credential(id, kind, protocol, "inspector", scope=CredentialScope(ranges))


DOMAIN = credential("D", CredentialKind.DOMAIN)
LOCAL = credential("L")

Peer = Callable[[str, Credential], LoginResult]


@dataclass
class Scan:
    """Drives a selection over hosts as a scan does, several workers at once; ``finish`` picks which login ends next."""

    selection: Selection
    peer: Peer
    workers: int = 8
    finish: Callable[[int], int] = lambda count: 0
    ports: frozenset[int] = frozenset({445})
    attempts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    flying: list[tuple[str, str, bool]] = field(default_factory=list[tuple[str, str, bool]])
    ended: dict[str, Choice | LoginResult] = field(default_factory=dict[str, Choice | LoginResult])

    def run(self, hosts: tuple[str, ...]) -> Scan:
        waiting = list(hosts)
        while waiting or self.flying:
            started = self._start_one(waiting) if len(self.flying) < self.workers else False
            assert started or self.flying or not waiting, "everybody waits and nobody logs in"
            if not started and self.flying:
                self._land(self.flying.pop(self.finish(len(self.flying))), waiting)
        return self

    def _start_one(self, waiting: list[str]) -> bool:
        for host in list(waiting):
            choice = self.selection.choose(host, self.ports)
            if isinstance(choice, Wait):
                continue
            waiting.remove(host)
            if isinstance(choice, NoneLeft):
                self.ended[host] = choice
                continue
            unproven = self.selection.of(choice.credential_id).state is CredentialState.UNPROVEN
            assert not (unproven and any(flight[2] for flight in self.flying)), "two unproven logins at once"
            self.selection = self.selection.on_start(choice.credential_id, host)
            self.flying.append((choice.credential_id, host, unproven))
            self.attempts.append((choice.credential_id, host))
            return True
        return False

    def _land(self, flight: tuple[str, str, bool], waiting: list[str]) -> None:
        credential_id, host, _ = flight
        used = next(c for c in self.selection.credentials if c.id == credential_id)
        result = self.peer(host, used)
        self.selection = self.selection.on_login(credential_id, host, result)
        self.ended[host] = result
        if result not in {LoginResult.ACCEPTED, LoginResult.UNREACHABLE}:
            waiting.append(host)


def always(result: LoginResult) -> Peer:
    return lambda _host, _credential: result


@pytest.mark.parametrize("cred", [DOMAIN, LOCAL])
@pytest.mark.parametrize("workers", [1, 8, 64])
def test_a_wrong_password_over_200_hosts_costs_one_attempt(cred: Credential, workers: int) -> None:
    scan = Scan(Selection((cred,)), always(LoginResult.REFUSED), workers).run(HOSTS)
    assert len(scan.attempts) == 1
    assert scan.selection.of(cred.id).state is CredentialState.FROZEN
    assert all(isinstance(end, NoneLeft) for end in scan.ended.values())


def test_a_right_password_opens_every_host_several_at_once_after_the_canary() -> None:
    scan = Scan(Selection((LOCAL,)), always(LoginResult.ACCEPTED)).run(HOSTS)
    assert len(scan.attempts) == 200
    assert set(scan.ended.values()) == {LoginResult.ACCEPTED}


def test_a_domain_password_that_turns_wrong_in_mid_scan_freezes_at_once() -> None:
    changed: Peer = lambda host, _: LoginResult.ACCEPTED if host in HOSTS[:50] else LoginResult.REFUSED  # noqa: E731
    scan = Scan(Selection((DOMAIN,)), changed, workers=1).run(HOSTS)
    assert len(scan.attempts) == 51
    reason = scan.selection.of("D").frozen_reason
    assert reason is not None
    assert reason.code == "selection.domain_refused"


def test_one_host_with_another_local_password_is_that_hosts_outcome_alone() -> None:
    odd: Peer = lambda host, _: LoginResult.REFUSED if host == HOSTS[7] else LoginResult.ACCEPTED  # noqa: E731
    scan = Scan(Selection((LOCAL,)), odd).run(HOSTS)
    end = scan.ended[HOSTS[7]]
    assert isinstance(end, NoneLeft)
    assert end.reason.code == "selection.refused_here"
    assert sum(end is LoginResult.ACCEPTED for end in scan.ended.values()) == 199


@pytest.mark.parametrize("workers", [1, 8])
def test_three_refusals_in_a_row_freeze_a_local_password(workers: int) -> None:
    mostly: Peer = lambda host, _: LoginResult.ACCEPTED if host == HOSTS[0] else LoginResult.REFUSED  # noqa: E731
    scan = Scan(Selection((LOCAL,)), mostly, workers).run(HOSTS)
    assert 4 <= len(scan.attempts) <= 1 + workers + 2
    reason = scan.selection.of("L").frozen_reason
    assert reason is not None
    assert reason.code == "selection.refused_in_a_row"


def test_two_refusals_with_a_success_between_freeze_nothing() -> None:
    every_third: Peer = lambda host, _: (  # noqa: E731
        LoginResult.ACCEPTED if HOSTS.index(host) % 3 == 0 else LoginResult.REFUSED
    )
    scan = Scan(Selection((LOCAL,)), every_third, workers=1).run(HOSTS)
    assert scan.selection.of("L").state is CredentialState.PROVEN
    assert len(scan.attempts) == 200


@pytest.mark.parametrize(
    "result", [LoginResult.LOCKED, LoginResult.EXPIRED, LoginResult.DISABLED, LoginResult.MUST_CHANGE]
)
@pytest.mark.parametrize(("cred", "proven"), [(DOMAIN, False), (DOMAIN, True), (LOCAL, False)])
def test_a_locked_expired_or_disabled_account_freezes_at_once(
    cred: Credential, result: LoginResult, proven: bool
) -> None:
    peer: Peer = lambda host, _: LoginResult.ACCEPTED if proven and host == HOSTS[0] else result  # noqa: E731
    scan = Scan(Selection((cred,)), peer, workers=1).run(HOSTS)
    assert len(scan.attempts) == 1 + proven
    reason = scan.selection.of(cred.id).frozen_reason
    assert reason is not None
    assert reason.code == f"login.{result}"


@pytest.mark.parametrize("claim", [LoginResult.LOCKED, LoginResult.DISABLED, LoginResult.MUST_CHANGE])
def test_one_host_that_calls_a_proven_local_account_locked_speaks_for_itself_alone(claim: LoginResult) -> None:
    peer: Peer = lambda host, _: claim if host == HOSTS[50] else LoginResult.ACCEPTED  # noqa: E731
    scan = Scan(Selection((LOCAL,)), peer).run(HOSTS)
    assert len(scan.attempts) == 200
    assert list(scan.ended.values()).count(LoginResult.ACCEPTED) == 199


def test_a_late_success_does_not_thaw_and_a_person_who_enters_it_again_does() -> None:
    selection = Selection((DOMAIN,)).on_start("D", "a").on_login("D", "a", LoginResult.ACCEPTED)
    selection = selection.on_start("D", "b").on_start("D", "c").on_login("D", "b", LoginResult.REFUSED)
    assert selection.on_login("D", "c", LoginResult.ACCEPTED).of("D").state is CredentialState.FROZEN
    thawed = selection.on_reentered("D")
    assert thawed.choose("10.0.0.1", {445}) == Use("D")


def test_an_unreachable_canary_proves_nothing_and_blames_nobody() -> None:
    off: Peer = lambda host, _: LoginResult.UNREACHABLE if host in HOSTS[:5] else LoginResult.ACCEPTED  # noqa: E731
    scan = Scan(Selection((DOMAIN,)), off).run(HOSTS)
    assert scan.selection.of("D").state is CredentialState.PROVEN
    assert len(scan.attempts) == 200


def test_a_host_that_failed_its_signing_check_gets_no_second_password_over_smb_but_may_over_ssh() -> None:
    root = credential("S", CredentialKind.LOCAL, SSH)
    selection = Selection((DOMAIN, LOCAL, root)).on_start("D", "10.0.0.1")
    selection = selection.on_login("D", "10.0.0.1", LoginResult.UNTRUSTED)
    assert selection.choose("10.0.0.1", {22, 445}) == Use("S")
    refused = selection.choose("10.0.0.1", {445})
    assert isinstance(refused, NoneLeft)
    assert refused.reason.code == "selection.untrusted"
    assert selection.choose("10.0.0.2", {445}) == Use("D")


def test_credentials_go_only_where_their_port_is_open_and_their_ranges_reach() -> None:
    near = credential("near", CredentialKind.LOCAL, SMB, "10.0.0.0/24", "10.0.1.5-10.0.1.9")
    root = credential("root", CredentialKind.LOCAL, SSH)
    selection = Selection((near, root))
    assert selection.choose("10.0.0.200", {445}) == Use("near")
    assert selection.choose("10.0.1.9", {445}) == Use("near")
    assert selection.choose("10.0.1.10", {22, 445}) == Use("root")
    for address, ports, expected in (
        ("10.0.1.10", {445}, "selection.no_credential"),
        ("10.0.0.1", {80, 3389}, "selection.no_login_port"),
    ):
        choice = selection.choose(address, ports)
        assert isinstance(choice, NoneLeft)
        assert choice.reason.code == expected


def test_domain_comes_before_local_and_proven_before_both() -> None:
    selection = Selection((LOCAL, DOMAIN))
    assert selection.choose("10.0.0.1", {445}) == Use("D")
    proven = selection.on_start("L", "x").on_login("L", "x", LoginResult.ACCEPTED)
    assert proven.choose("10.0.0.1", {445}) == Use("L")


def test_a_host_that_refused_one_local_password_is_offered_the_next() -> None:
    other = credential("L2")
    peer: Peer = lambda _, used: LoginResult.ACCEPTED if used.id == "L2" else LoginResult.REFUSED  # noqa: E731
    scan = Scan(Selection((LOCAL, other)), peer).run(HOSTS[:20])
    assert set(scan.ended.values()) == {LoginResult.ACCEPTED}
    assert [a for a in scan.attempts if a[0] == "L"] == [("L", HOSTS[0])]


def after_a_crash(selection: Selection) -> Selection:
    stored = {c.id: CredentialProgress.from_json(selection.of(c.id).to_json()) for c in selection.credentials}
    return Selection.restored(selection.credentials, stored)


def test_progress_survives_a_checkpoint_and_a_local_login_under_way_is_asked_again() -> None:
    selection = Selection((DOMAIN,)).on_start("D", "a").on_login("D", "a", LoginResult.REFUSED)
    assert after_a_crash(selection).of("D") == selection.of("D")
    flying = Selection((LOCAL,)).on_start("L", "10.0.0.1")
    assert flying.choose("10.0.0.2", {445}) == Wait()
    assert after_a_crash(flying).choose("10.0.0.1", {445}) == Use("L")


def test_a_crash_during_the_first_login_of_a_domain_account_asks_for_the_password_again() -> None:
    resumed = after_a_crash(Selection((DOMAIN,)).on_start("D", "10.0.0.1"))
    assert resumed.of("D").state is CredentialState.FROZEN
    assert isinstance(resumed.choose("10.0.0.2", {445}), NoneLeft)


def test_a_crash_during_logins_of_a_proven_domain_account_costs_nothing() -> None:
    proven = Selection((DOMAIN,)).on_start("D", "a").on_login("D", "a", LoginResult.ACCEPTED)
    for host in HOSTS[:8]:
        proven = proven.on_start("D", host).on_sent("D", host)
    resumed = after_a_crash(proven)
    assert resumed.choose(HOSTS[0], {445}) == Use("D")
    assert resumed.of("D").refusals_in_a_row == 0


def test_a_new_scan_forgets_who_said_no_but_not_that_a_password_is_frozen() -> None:
    frozen = Selection((DOMAIN, LOCAL)).on_start("D", "a").on_login("D", "a", LoginResult.LOCKED)
    both = frozen.on_start("L", "a").on_login("L", "a", LoginResult.ACCEPTED)
    again = both.for_new_scan()
    assert again.of("D").state is CredentialState.FROZEN
    assert again.of("D").frozen_reason == frozen.of("D").frozen_reason
    assert again.of("L") == CredentialProgress()


# Logins that nobody answered


@pytest.mark.parametrize("result", [LoginResult.UNREACHABLE, LoginResult.UNTRUSTED, LoginResult.UNANSWERED])
def test_a_domain_password_that_was_sent_and_not_answered_goes_to_no_other_host(result: LoginResult) -> None:
    selection = Selection((DOMAIN,)).on_start("D", HOSTS[0]).on_sent("D", HOSTS[0]).on_login("D", HOSTS[0], result)
    assert isinstance(selection.choose(HOSTS[1], {445}), NoneLeft)
    reason = selection.of("D").frozen_reason
    assert reason is not None
    assert reason.code == "selection.domain_unanswered"


def test_a_local_password_that_was_sent_and_not_answered_is_that_hosts_outcome() -> None:
    selection = Selection((LOCAL,)).on_start("L", HOSTS[0]).on_sent("L", HOSTS[0])
    selection = selection.on_login("L", HOSTS[0], LoginResult.UNREACHABLE)
    assert isinstance(selection.choose(HOSTS[0], {445}), NoneLeft)
    assert selection.choose(HOSTS[1], {445}) == Use("L")


@pytest.mark.parametrize(("silent", "state"), [(2, CredentialState.PROVEN), (3, CredentialState.FROZEN)])
def test_a_proven_domain_password_outlives_two_silent_hosts_in_a_row_and_not_three(
    silent: int, state: CredentialState
) -> None:
    selection = Selection((DOMAIN,)).on_start("D", "a").on_login("D", "a", LoginResult.ACCEPTED)
    for host in HOSTS[:silent]:
        selection = selection.on_start("D", host).on_sent("D", host).on_login("D", host, LoginResult.UNREACHABLE)
    assert selection.of("D").state is state


def test_a_host_whose_policy_lets_the_account_in_nowhere_neither_proves_nor_freezes_it() -> None:
    selection = Selection((DOMAIN,)).on_start("D", HOSTS[0]).on_sent("D", HOSTS[0])
    selection = selection.on_login("D", HOSTS[0], LoginResult.RESTRICTED)
    assert selection.of("D").state is CredentialState.UNPROVEN
    assert selection.choose(HOSTS[1], {445}) == Use("D")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_hosts_do_with_a_wrong_domain_password_only_one_of_200_may_have_counted_it(
    data: st.DataObject,
) -> None:
    selection, counted = Selection((DOMAIN,)), 0
    for host in HOSTS:
        if not isinstance(selection.choose(host, {445}), Use):
            break
        selection = selection.on_start("D", host)
        if sent := data.draw(st.booleans()):
            selection = selection.on_sent("D", host)
        answers = [LoginResult.UNREACHABLE, LoginResult.UNTRUSTED] + [LoginResult.REFUSED] * sent
        selection = selection.on_login("D", host, data.draw(st.sampled_from(answers)))
        counted += sent
    assert counted <= 1


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_hosts_answer_the_budget_holds(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(CredentialKind), min_size=1, max_size=4))
    creds = tuple(credential(f"c{n}", kind, data.draw(st.sampled_from(LoginProtocol))) for n, kind in enumerate(kinds))
    hosts = HOSTS[: data.draw(st.integers(1, 12))]
    answers: dict[tuple[str, str], LoginResult] = {}

    def peer(host: str, used: Credential) -> LoginResult:
        answers[host, used.id] = data.draw(st.sampled_from(LoginResult))
        return answers[host, used.id]

    def finish(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    scan = Scan(Selection(creds), peer, data.draw(st.integers(1, 6)), finish, frozenset({22, 445})).run(hosts)
    assert len(scan.attempts) == len(set(scan.attempts))
    for cred in creds:
        refused = [answers[h, c] for c, h in scan.attempts if c == cred.id and answers[h, c] is LoginResult.REFUSED]
        proven = any(answers[h, c] is LoginResult.ACCEPTED for c, h in scan.attempts if c == cred.id)
        if not proven:
            assert len(refused) <= 1
    assert set(scan.ended) == set(hosts)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/33", "全部"])
def test_a_malformed_range_is_named(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_range(text)
    assert caught.value.message.params["range"] == text


def test_an_ipv4_range_never_covers_an_ipv6_address() -> None:
    scope = CredentialScope(("0.0.0.0/0",))
    assert covers(scope, "10.0.0.1")
    assert not covers(scope, "::a00:1")
