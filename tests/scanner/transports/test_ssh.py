"""Logging in over SSH: real sshd in the test LAN, each refusal with its reason, every wait and every answer bounded."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Generator, Mapping
from dataclasses import replace

import pytest

from config.clock import SystemClock
from config.messages import catalogue
from scanner.collectors.linux.commands import COLLECT, SUDO_COMMANDS
from scanner.model import Outcome
from scanner.session import (
    AccessDenied,
    LimitExceeded,
    LogonRefused,
    SessionError,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
)
from scanner.transports.ssh import HostKey, SshLimits, SshTarget, fetch_host_key, open_linux
from tests.lab import peer
from tests.lab.lan import Lan
from tests.lab.plans import Answer, HostPlan, LinuxPc, Listener, Off
from tests.scanner.laptop import inside
from tests.scanner.transports.odd_ssh import Behaviour, odd_server

PASSWORD = "云水 Inspect 'n\" $x 7"
LIMITS = SshLimits(
    connect_seconds=10, answer_seconds=60, deadline_seconds=120, output_bytes=1 << 20, total_bytes=1 << 21
)
CLOCK = SystemClock()
PAM = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"

VARIANTS: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "old-kex": {"KexAlgorithms": "diffie-hellman-group14-sha1"},
    "old-mac": {"MACs": "hmac-sha1,hmac-md5", "Ciphers": "aes256-ctr"},
    "old-cipher": {"Ciphers": "aes256-cbc,3des-cbc"},
    "keys-only": {"PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no"},
    "two-steps": {"AuthenticationMethods": "password,publickey"},
    "one-try": {"MaxAuthTries": "1"},
    "prompts": {"UsePAM": "yes", "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "yes"},
    "no-sessions": {"MaxSessions": "0"},
    "flood": {"ForceCommand": "yes"},
    "error-flood": {"ForceCommand": "yes >&2"},
    "sleeper": {"ForceCommand": "sleep 60"},
    "trickle": {"ForceCommand": "while :; do echo x; sleep 0.05; done"},
    "crashing": {"ForceCommand": "while :; do echo x; sleep 0.05; done"},
    "expired": {},
}


def files_of(name: str) -> Mapping[str, str]:
    if name == "expired":
        done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True)
        return {"/etc/shadow": f"root:*:19700::::::\ninspector:{done.stdout.strip()}:0:0:99999:7:::\n"}
    return {"/etc/pam.d/sshd": PAM}


def plans() -> list[HostPlan]:
    computers = [
        LinuxPc(
            name=name,
            address=f"10.77.0.{number}",
            mac=f"8c:16:45:00:00:{number:02x}",
            password=PASSWORD,
            os_release="ID=debian\nPRETTY_NAME=Debian\n",
            sshd=settings,
            files=files_of(name),
        )
        for number, (name, settings) in enumerate(VARIANTS.items(), start=11)
    ]
    silent = Listener(name="silent", address="10.77.0.60", mac="8c:16:45:00:00:60", answers=(Answer(22),))
    ftp = (Answer(22, greeting="220 ready\r\n" * 100),)
    other = Listener(name="other", address="10.77.0.61", mac="8c:16:45:00:00:61", answers=ftp)
    printer = Listener(name="printer", address="10.77.0.62", mac="8c:16:45:00:00:62", answers=(Answer(9100),))
    return [*computers, silent, other, printer, Off(name="off", address="10.77.0.63", mac="8c:16:45:00:00:63")]


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    with Lan.start(plans()) as started:
        yield started


@pytest.fixture
def laptop(lan: Lan) -> Generator[Lan]:
    with inside(lan.laptop):
        yield lan


def pinned(key: HostKey) -> str:
    return f"{key.type} {key.base64}"


def target(
    lan: Lan, name: str, *, secret: str = PASSWORD, host_key: str | None = None, user: str = "inspector"
) -> SshTarget:
    address = lan.host(name).address
    key = pinned(fetch_host_key(address, 22, 60)) if host_key is None else host_key
    return SshTarget(address, 22, user, secret, key)


def refusal(ssh_target: SshTarget, limits: SshLimits = LIMITS) -> SessionError:
    """The error of a login, or of the first command after it."""
    with pytest.raises(SessionError) as caught, open_linux(ssh_target, limits, CLOCK) as session:
        session.shell.run(COLLECT)
    assert caught.value.reason.code in catalogue(), "a reason without a sentence"
    assert ssh_target.secret not in repr(caught.value) + repr(ssh_target)
    return caught.value


@pytest.mark.lab
def test_a_login_runs_the_constant_commands_on_one_connection(laptop: Lan) -> None:
    with open_linux(target(laptop, "plain"), LIMITS, CLOCK) as session:
        answer = session.shell.run(COLLECT)
    assert (session.channel, session.elevation) == ("ssh2", None)
    assert answer.exit_status == 0
    assert answer.text().endswith("@@end\n")
    assert laptop.host("plain").log().count("Accepted password") == 1


@pytest.mark.lab
def test_a_command_outside_the_tuple_is_never_sent(laptop: Lan) -> None:
    with open_linux(target(laptop, "plain"), LIMITS, CLOCK) as session:
        for command in ("id", f"{COLLECT} ", COLLECT[:-1], "", *SUDO_COMMANDS):
            with pytest.raises(SessionError) as caught:
                session.shell.run(command)
            assert caught.value.reason.code == "ssh.command_not_allowed"
        assert session.shell.run(COLLECT).exit_status == 0


@pytest.mark.lab
def test_a_host_key_is_fetched_without_a_login(laptop: Lan) -> None:
    host = laptop.host("plain")
    before = host.log()
    key = fetch_host_key(host.address, 22, 5)
    public = (host.folder / "host_key.pub").read_text()
    shown = subprocess.run(["ssh-keygen", "-lf", host.folder / "host_key.pub"], capture_output=True, text=True).stdout
    assert public.startswith(pinned(key))
    assert key.fingerprint in shown.split()
    assert "password for inspector" not in host.log().removeprefix(before)


@pytest.mark.lab
def test_a_wrong_password_is_refused_and_named_after_one_try(laptop: Lan) -> None:
    host = laptop.host("plain")
    before = host.log().count("Failed password for inspector")
    error = refusal(target(laptop, "plain", secret="wrong"))
    assert isinstance(error, LogonRefused)
    assert error.reason.code == "login.refused"
    assert error.reason.params == {"address": host.address, "account": "inspector"}
    assert host.log().count("Failed password for inspector") == before + 1


@pytest.mark.lab
@pytest.mark.parametrize("host_key", ["", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 密钥"])
def test_no_password_is_sent_to_a_host_whose_key_nobody_confirmed(laptop: Lan, host_key: str) -> None:
    error = refusal(target(laptop, "plain", host_key=host_key))
    assert (type(error), error.reason.code) == (Untrusted, "ssh.host_key_unknown")


@pytest.mark.lab
def test_a_changed_key_is_refused_and_the_password_stays_here(laptop: Lan) -> None:
    confirmed = pinned(fetch_host_key(laptop.host("flood").address, 22, 5))
    # A name of its own: the host writes late of those who logged in before.
    error = refusal(target(laptop, "plain", host_key=confirmed, user="inspector2"))
    assert (type(error), error.reason.code) == (Untrusted, "ssh.host_key_changed")
    assert str(error.reason.params["fingerprint"]).startswith("SHA256:")
    assert "inspector2" not in laptop.host("plain").log()


@pytest.mark.lab
def test_another_type_of_key_than_the_confirmed_one_is_a_changed_key(laptop: Lan) -> None:
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7"
    error = refusal(target(laptop, "plain", host_key=f"{rsa}8A=="))
    assert error.reason.code == "ssh.host_key_changed"


@pytest.mark.lab
@pytest.mark.parametrize("name", ["old-kex", "old-mac", "old-cipher"])
def test_a_server_with_only_weak_algorithms_is_unsupported_not_negotiated_with(laptop: Lan, name: str) -> None:
    confirmed = pinned(fetch_host_key(laptop.host("plain").address, 22, 5))
    error = refusal(target(laptop, name, host_key=confirmed))
    assert (type(error), error.reason.code) == (Unsupported, "ssh.legacy")
    with pytest.raises(Unsupported):
        fetch_host_key(laptop.host(name).address, 22, 5)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("keys-only", Unsupported, "ssh.no_password_login"),
        ("two-steps", Unsupported, "ssh.second_factor"),
        ("no-sessions", AccessDenied, "ssh.session_refused"),
        ("expired", LogonRefused, "login.expired"),
    ],
)
def test_a_login_that_a_password_alone_does_not_open_says_why(
    laptop: Lan, name: str, kind: type[SessionError], code: str
) -> None:
    error = refusal(target(laptop, name))
    assert (type(error), error.reason.code) == (kind, code)


@pytest.mark.lab
def test_a_host_that_hangs_up_on_a_wrong_password_counts_as_a_refusal(laptop: Lan) -> None:
    error = refusal(target(laptop, "one-try", secret="wrong"))
    assert isinstance(error, LogonRefused)


@pytest.mark.lab
def test_a_host_that_prompts_for_the_password_lets_us_in(laptop: Lan) -> None:
    with open_linux(target(laptop, "prompts"), LIMITS, CLOCK) as session:
        assert session.shell.run(COLLECT).exit_status == 0


@pytest.mark.lab
def test_a_wrong_password_at_a_prompt_is_refused_after_one_try(laptop: Lan) -> None:
    error = refusal(target(laptop, "prompts", secret="wrong"))
    assert (type(error), error.reason.code) == (LogonRefused, "login.refused")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("printer", Unreachable, "ssh.refused"),
        ("off", Unreachable, "ssh.no_connection"),
        ("silent", TimedOut, "ssh.no_answer"),
        ("other", Unsupported, "ssh.not_ssh"),
    ],
)
def test_a_host_without_ssh_is_told_apart(laptop: Lan, name: str, kind: type[SessionError], code: str) -> None:
    speaks = name in ("printer", "other")  # who does not is soon given up
    limits = LIMITS if speaks else replace(LIMITS, connect_seconds=0.5, answer_seconds=1)
    error = refusal(target(laptop, name, host_key="ssh-ed25519 AAAA"), limits)
    assert (type(error), error.reason.code) == (kind, code)
    with pytest.raises(kind):
        fetch_host_key(laptop.host(name).address, 22, 60 if speaks else 0.5)


@pytest.mark.lab
@pytest.mark.parametrize("name", ["flood", "error-flood"])
def test_output_beyond_the_limit_is_cut_off(laptop: Lan, name: str) -> None:
    error = refusal(target(laptop, name))
    assert (type(error), error.reason.code) == (LimitExceeded, "ssh.too_much_output")
    assert error.reason.params["limit"] == LIMITS.output_bytes


@pytest.mark.lab
def test_all_answers_together_are_limited(laptop: Lan) -> None:
    host = target(laptop, "plain")
    with open_linux(host, LIMITS, CLOCK) as session:
        size = len(session.shell.run(COLLECT).stdout)
    with open_linux(host, replace(LIMITS, total_bytes=2 * size - 1), CLOCK) as session:
        assert len(session.shell.run(COLLECT).stdout) == size
        with pytest.raises(LimitExceeded) as caught:
            session.shell.run(COLLECT)
    assert caught.value.reason.params["limit"] == 2 * size - 1


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "limits", "code"),
    [
        ("sleeper", replace(LIMITS, answer_seconds=4), "ssh.silent"),
        ("sleeper", replace(LIMITS, deadline_seconds=4), "ssh.deadline"),
        ("trickle", replace(LIMITS, deadline_seconds=4), "ssh.deadline"),
    ],
)
def test_a_slow_host_is_given_up(laptop: Lan, name: str, limits: SshLimits, code: str) -> None:
    error = refusal(target(laptop, name), limits)
    assert (type(error), error.reason.code) == (TimedOut, code)


@pytest.mark.lab
def test_a_pulled_cable_ends_the_waiting(laptop: Lan) -> None:
    host = target(laptop, "plain")
    with open_linux(host, replace(LIMITS, answer_seconds=4), CLOCK) as session:
        laptop.host("plain").unplug()
        try:
            with pytest.raises(TimedOut):
                session.shell.run(COLLECT)
        finally:
            laptop.host("plain").plug_in()


@pytest.mark.lab
def test_a_computer_that_goes_down_while_it_answers_is_unreachable(laptop: Lan) -> None:
    with open_linux(target(laptop, "crashing"), LIMITS, CLOCK) as session:
        timer = threading.Timer(2, peer.stop, (laptop.host("crashing"),))
        timer.start()
        with pytest.raises(Unreachable) as caught:
            session.shell.run(COLLECT)
        timer.join()
    assert caught.value.reason.code == "ssh.broke"


def odd_target(port: int, secret: str = PASSWORD) -> SshTarget:
    return SshTarget("127.0.0.1", port, "inspector", secret, pinned(fetch_host_key("127.0.0.1", port, 60)))


def test_a_command_that_is_never_acknowledged_is_given_up() -> None:
    with odd_server(Behaviour(answers_commands=False)) as port:
        error = refusal(odd_target(port), replace(LIMITS, answer_seconds=1))
    assert (type(error), error.outcome, error.reason.code) == (TimedOut, Outcome.TIMED_OUT, "ssh.no_answer")


@pytest.mark.parametrize(
    "prompts",
    [
        [("Verification code: ", False)],
        [("Password: ", True)],
        [("Password: ", False), ("One-time code: ", False)],
        [("您最喜欢的水果？", False)],
    ],
)
def test_a_prompt_for_anything_but_a_hidden_password_gets_no_answer(prompts: list[tuple[str, bool]]) -> None:
    behaviour = Behaviour(prompts=prompts)
    with odd_server(behaviour) as port:
        error = refusal(odd_target(port))
    assert (type(error), error.reason.code) == (Unsupported, "ssh.second_factor")
    assert behaviour.heard == []


@pytest.mark.parametrize("prompt", ["Password: ", "(inspector@pc) 密码：", "口令:"])
def test_a_hidden_prompt_for_the_password_is_answered_in_any_of_the_usual_words(prompt: str) -> None:
    behaviour = Behaviour(prompts=[(prompt, False)])
    with odd_server(behaviour) as port, open_linux(odd_target(port), LIMITS, CLOCK):
        assert behaviour.heard == [PASSWORD]


def test_a_host_that_lets_anybody_in_is_refused_like_a_guest_session() -> None:
    behaviour = Behaviour(open_to_all=True)
    with odd_server(behaviour) as port:
        error = refusal(odd_target(port))
    assert (type(error), error.reason.code) == (AccessDenied, "login.guest_refused")
    assert behaviour.heard == []


def test_a_server_that_hangs_up_at_once_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up_once() -> None:
            connection, _ = listener.accept()
            connection.close()

        hang_up = threading.Thread(target=hang_up_once)
        hang_up.start()
        with pytest.raises(Unreachable) as caught:
            fetch_host_key("127.0.0.1", listener.getsockname()[1], 60)
        hang_up.join()
    assert caught.value.reason.code == "ssh.closed"
