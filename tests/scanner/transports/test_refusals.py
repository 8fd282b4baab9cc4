"""Every way in which a computer keeps us out is recognised, and named with what the unit can do about it.

The peers behave as the public documents say; which of it real Windows does is in ``docs/windows-checklist.md``.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from config.clock import SystemClock
from config.messages import render
from scanner.session import AccessDenied, LogonRefused, SessionError, Unreachable, Unsupported
from scanner.transports.rpc_wire import Level
from scanner.transports.smb import SmbLimits, SmbTarget, logged_on
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.transports.wmi_session import lazy_wmi
from scanner.wmi_classes import LICENSING_PRODUCT
from tests.lab.dcom import machines
from tests.lab.dcom.server import Faults, WmiPc, WmiPeer
from tests.lab.services import Machine, serving

HOST = "127.0.0.1"
SECRET = "Not-a-real-1"  # of accounts that exist in these peers alone
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def ticks(ahead: timedelta) -> int:
    """A FILETIME so far ahead of now."""
    return int((SystemClock().now() - EPOCH + ahead).total_seconds()) * 10_000_000


def logon(machine: Machine, secret: str = SECRET, domain: str = "UNIT") -> SessionError:
    """How logging on over SMB ends."""
    limits = SmbLimits(connect_seconds=10, answer_seconds=60, deadline_seconds=120)
    with serving(machine, SECRET) as port:
        target = SmbTarget(address=HOST, port=port, username="inspector", domain=domain, secret=secret)
        with pytest.raises(SessionError) as ended, logged_on(target, limits, SystemClock()):
            pass
    return ended.value


@pytest.mark.parametrize(
    ("status", "kind", "code", "remedy"),
    [
        (0xC0000234, LogonRefused, "login.locked", "解锁"),
        (0xC0000072, LogonRefused, "login.disabled", "启用"),
        (0xC0000071, LogonRefused, "login.must_change", "修改口令"),
        (0xC0000193, LogonRefused, "login.expired", "更新"),
        (0xC0000224, LogonRefused, "login.must_change", "修改口令"),
        (0xC0000133, SessionError, "ladder.clock_skew", "校准"),
        (0xC0000418, Unsupported, "smb.ntlm_blocked", "允许"),
        (0xC000015B, AccessDenied, "smb.logon_restricted", "从网络访问此计算机"),
        (0xC000005E, SessionError, "smb.no_logon_server", "域控制器"),
    ],
)
def test_a_logon_that_ends_with_this_status_is_named_with_its_remedy(
    status: int, kind: type[SessionError], code: str, remedy: str
) -> None:
    error = logon(Machine(logon_status=status))
    assert (type(error), error.reason.code) == (kind, code)
    assert remedy in render(error.reason)


@pytest.mark.parametrize(
    ("ahead", "code"), [(timedelta(hours=8), "login.refused_ahead"), (timedelta(days=-30), "login.refused_behind")]
)
def test_a_domain_account_refused_by_a_host_with_another_time_is_told_of_the_clock(ahead: timedelta, code: str) -> None:
    error = logon(Machine(clock=ticks(ahead)), "wrong")
    assert (type(error), error.reason.code) == (LogonRefused, code)
    minutes = error.reason.params["minutes"]
    assert isinstance(minutes, int)
    assert abs(minutes - abs(ahead).total_seconds() / 60) <= 1
    assert "w32tm /resync" in render(error.reason)


@pytest.mark.parametrize(
    ("ahead", "domain"), [(timedelta(minutes=4), "UNIT"), (None, "UNIT"), (timedelta(hours=8), "")]
)
def test_a_wrong_password_is_just_that_where_the_clock_explains_nothing(ahead: timedelta | None, domain: str) -> None:
    """The clocks agree, or none is named, or the account is the computer's own."""
    clock = 0 if ahead is None else ticks(ahead)
    assert logon(Machine(clock=clock), "wrong", domain).reason.code == "login.refused"


def wmi(faults: Faults, level: Level = Level.PRIVACY, port: int | None = None) -> SessionError | None:
    """How reading the licence state beside SMB ends; None: it was read."""
    pc = WmiPc(address=HOST, users=machines.USERS, namespaces=machines.desktop(), faults=faults)
    with ExitStack() as stack:
        peer = stack.enter_context(WmiPeer(pc, 0))
        target = WmiTarget(address=HOST, port=port or peer.port, username=machines.USERNAME, secret=machines.PASSWORD)
        try:
            if level is Level.PRIVACY:
                stack.enter_context(lazy_wmi(target, WmiLimits(), SystemClock())).rows(LICENSING_PRODUCT)
            else:
                stack.enter_context(open_wmi(target, WmiLimits(), SystemClock(), level)).rows(LICENSING_PRODUCT)
        except SessionError as error:
            return error
    return None


@pytest.mark.parametrize(
    ("faults", "kind", "code", "remedy"),
    [
        (Faults(filtered_token=True), AccessDenied, "ladder.wmi_refused", "启动和激活权限"),
        (Faults(activation_status=0x80070005), AccessDenied, "ladder.wmi_refused", "计算机启动限制"),
        (Faults(namespace_denied=True), AccessDenied, "ladder.namespace_refused", "远程启用"),
        (Faults(object_port_closed=True), Unreachable, "ladder.wmi_port_blocked", "动态端口"),
        (Faults(no_ntlm=True), Unsupported, "ladder.dcom_hardened", "限制 NTLM"),
        (Faults(activation_fault=0x6BD), Unsupported, "ladder.dcom_hardened", "KB5004442"),
        (Faults(activation_status=0x80070721), Unsupported, "ladder.dcom_hardened", "KB5004442"),
        (Faults(activation_status=0x800706BA), Unsupported, "ladder.wmi_not_running", "Winmgmt"),
    ],
)
def test_wmi_that_is_kept_from_us_says_by_what(
    faults: Faults, kind: type[SessionError], code: str, remedy: str
) -> None:
    error = wmi(faults)
    assert error is not None
    assert (type(error), error.reason.code) == (kind, code)
    assert remedy in render(error.reason)


def test_a_closed_port_135_names_the_firewall_rule() -> None:
    error = wmi(Faults(), port=9)  # discard: nothing listens there
    assert error is not None
    assert (type(error), error.reason.code) == (Unreachable, "ladder.wmi_blocked")
    assert "DCOM-In" in render(error.reason)


@pytest.mark.parametrize("level", list(Level))
def test_a_computer_hardened_as_in_kb5004442_is_read_at_both_levels_that_we_use(level: Level) -> None:
    assert wmi(Faults(least_level=Level.INTEGRITY), level) is None


def test_a_computer_that_demands_privacy_is_read_as_well_because_that_is_what_a_scan_uses() -> None:
    assert wmi(Faults(least_level=Level.PRIVACY)) is None
    refused = wmi(Faults(least_level=Level.PRIVACY), Level.INTEGRITY)
    assert refused is not None
    assert refused.reason.code == "wmi.not_allowed"
