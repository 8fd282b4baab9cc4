"""Logging on to real Samba peers: what is accepted, what is refused, and under which name."""

from __future__ import annotations

import pytest

from config.settings import load
from scanner.host_limits import smb_limits
from scanner.session import AccessDenied, LogonRefused, TimedOut, Unreachable, Unsupported, Untrusted
from scanner.transports.smb import SmbTarget
from tests.lab import samba
from tests.lab.lan import Lan
from tests.scanner.transports.windows_lan import GRADES, KEYS, UNINSTALL, USERNAME, VALUES, session

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("name", GRADES)
def test_every_dialect_cipher_and_signature_that_we_claim_reads_the_whole_hive(peers: Lan, name: str) -> None:
    with session(peers.host(name).address) as opened:
        keys = list(opened.registry.subkeys(UNINSTALL))
    assert opened.channel == GRADES[name][1]
    assert len(keys) == KEYS
    assert sum(len(key.values) for key in keys if not isinstance(key, Exception)) == KEYS * VALUES


def test_a_wrong_password_is_refused_and_named(peers: Lan) -> None:
    with pytest.raises(LogonRefused) as refused, session(peers.host("SEALED").address, secret="wrong"):
        pass
    assert refused.value.reason.code == "login.refused"
    assert refused.value.reason.params == {"address": peers.host("SEALED").address, "account": USERNAME}


def test_a_locked_account_is_named_as_locked_and_one_try_counts_once(peers: Lan) -> None:
    host = peers.host("LOCKING")
    codes: list[str] = []
    for _ in range(3):
        with pytest.raises(LogonRefused) as refused, session(host.address, secret="wrong"):
            pass
        codes.append(refused.value.reason.code)
        assert samba.bad_password_count(host) == min(len(codes), 2)
    assert codes == ["login.refused", "login.refused", "login.locked"]


def test_an_account_without_the_right_to_read_is_denied_not_empty(peers: Lan) -> None:
    with pytest.raises(AccessDenied) as denied, session(peers.host("PLAINUSER").address) as opened:
        list(opened.registry.subkeys(UNINSTALL))
    assert denied.value.reason.code in {"login.not_allowed", "winreg.denied", "winreg.key_denied"}


def test_a_guest_session_is_refused(peers: Lan) -> None:
    with pytest.raises(Untrusted) as refused, session(peers.host("GUEST").address, username="stranger"):
        pass
    assert refused.value.reason.code == "login.guest_refused"


def test_an_anonymous_login_is_never_tried(peers: Lan) -> None:
    with pytest.raises(AccessDenied) as refused, session(peers.host("SEALED").address, username="", secret=""):
        pass
    assert refused.value.reason.code == "smb.anonymous_refused"


@pytest.mark.parametrize(("name", "code"), [("OLD", "smb.closed_at_negotiate"), ("SMB202", "smb.no_common_dialect")])
def test_a_host_with_only_old_dialects_is_unsupported(peers: Lan, name: str, code: str) -> None:
    with pytest.raises(Unsupported) as refused, session(peers.host(name).address):
        pass
    assert refused.value.reason.code == code


def test_a_host_that_is_off_is_unreachable(peers: Lan) -> None:
    with pytest.raises(Unreachable) as refused, session(peers.host("OFF").address, connect_seconds=0.5):
        pass
    assert refused.value.reason.code in {"smb.connect_timeout", "smb.cannot_connect"}


def test_a_closed_port_is_unreachable(peers: Lan) -> None:
    with pytest.raises(Unreachable) as refused, session(peers.host("SEALED").address, port=4450):
        pass
    assert refused.value.reason.code == "smb.cannot_connect"


def test_a_host_that_accepts_and_then_says_nothing_times_out(peers: Lan) -> None:
    with pytest.raises(TimedOut) as late, session(peers.host("SILENT").address, answer_seconds=0.3):
        pass
    assert late.value.reason.code == "smb.silent"


def test_the_total_deadline_ends_what_the_answer_limit_allows(peers: Lan) -> None:
    host = peers.host("SILENT").address
    with pytest.raises(TimedOut) as late, session(host, answer_seconds=9, deadline_seconds=0.3):
        pass
    assert late.value.reason.code == "smb.deadline_passed"


def test_a_secret_is_not_shown() -> None:
    target = SmbTarget(address="192.0.2.1", username="inspector", secret="do-not-show")
    assert "do-not-show" not in repr(target)


def test_gentle_uses_at_most_eight_lanes() -> None:
    scan = load().scan
    assert smb_limits(scan)["lanes"] == scan.lanes
    assert smb_limits(scan.model_copy(update={"gentle": True}))["lanes"] == 8
