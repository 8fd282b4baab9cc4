"""WMI over DCOM against the test peer: what is read, and every way in which reading can end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from config.clock import SystemClock
from scanner.login_step import LoginStep
from scanner.session import (
    AccessDenied,
    ClassAbsent,
    LimitExceeded,
    LogonRefused,
    SessionError,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
)
from scanner.transports.rpc_wire import Level
from scanner.transports.wmi import WmiConnection, WmiLimits, WmiTarget, open_wmi
from scanner.wmi_classes import (
    ANTIVIRUS,
    CLASSES,
    LICENSING_PRODUCT,
    OFFICE_PRODUCT,
    OPERATING_SYSTEM,
    Banned,
    WmiClass,
    check_method,
    check_query,
)
from tests.lab.dcom import machines
from tests.lab.dcom.server import Faults, WmiPc, WmiPeer

HOST = "127.0.0.1"


@contextmanager
def peer(faults: Faults = Faults(), **options: Any) -> Generator[WmiPeer]:  # noqa: B008
    plain = WmiPc(address=HOST, users=machines.USERS, namespaces=machines.desktop(), faults=faults)
    pc = replace(plain, **options)
    with WmiPeer(pc, 0) as running:
        yield running


@contextmanager
def connected(
    running: WmiPeer,
    username: str = machines.USERNAME,
    secret: str = machines.PASSWORD,
    level: Level = Level.PRIVACY,
    **limits: float,
) -> Generator[WmiConnection]:
    target = WmiTarget(address=running.pc.address, port=running.port, username=username, secret=secret)
    bounds = WmiLimits(**limits)  # pyright: ignore[reportArgumentType]
    with open_wmi(target, bounds, SystemClock(), level) as connection:
        yield connection


def refusal(faults: Faults = Faults(), **how: Any) -> SessionError:  # noqa: B008
    """What reading the licence state of a peer with these faults ends with."""
    with peer(faults) as running, pytest.raises(SessionError) as ended, connected(running, **how) as connection:
        connection.rows(LICENSING_PRODUCT)
    return ended.value


@pytest.mark.parametrize("level", list(Level))
def test_every_listed_class_is_read_at_both_levels(level: Level) -> None:
    with peer() as running, connected(running, level=level) as connection:
        rows = {wanted.name: connection.rows(wanted) for wanted in CLASSES if wanted is not OFFICE_PRODUCT}
    assert [row.text("ID") for row in rows["SoftwareLicensingProduct"]] == [machines.windows_product()["ID"]]
    system = rows["Win32_OperatingSystem"][0]
    assert system.text("Caption") == "Microsoft Windows 10 专业版"
    assert system.number("OperatingSystemSKU") == 48
    assert rows["Win32_SystemEnclosure"][0].values["ChassisTypes"] == (3,)
    assert [row.flag("IPEnabled") for row in rows["Win32_NetworkAdapterConfiguration"]] == [True, False]
    assert connection.channel == ("dcom-ntlm-sealed" if level is Level.PRIVACY else "dcom-ntlm-signed")


def test_only_the_listed_columns_are_asked_for_and_never_all() -> None:
    with peer() as running, connected(running) as connection:
        connection.rows(LICENSING_PRODUCT)
        connection.rows(ANTIVIRUS)
    assert running.queries == [
        LICENSING_PRODUCT.wql(LICENSING_PRODUCT.columns),
        "SELECT displayName,productState FROM AntiVirusProduct",
    ]
    assert "OA3xOriginalProductKey" not in {column for wanted in CLASSES for column in wanted.columns}


def test_every_object_is_given_back() -> None:
    with peer() as running, connected(running) as connection:
        connection.rows(OPERATING_SYSTEM)
        connection.rows(ANTIVIRUS)
        assert running.held > 0
    assert running.held == 0


def test_windows_7_is_read_with_the_columns_it_has() -> None:
    old = {"root/cimv2": {"SoftwareLicensingProduct": (machines.PRODUCT_OF_SEVEN, [machines.windows_product()])}}
    with peer(namespaces=old) as running, connected(running) as connection:
        row = connection.rows(LICENSING_PRODUCT)[0]
    assert row.number("LicenseStatus") == 1
    assert "ProductKeyChannel" not in row.values
    assert len(running.queries) == 2


def test_rows_in_many_batches_and_fragments_all_arrive() -> None:
    many = [machines.windows_product(ID=f"{number}", Name="名" * 300) for number in range(250)]
    with peer(namespaces=machines.desktop(many), fragment=1500 + 2800) as running, connected(running) as connection:
        rows = connection.rows(LICENSING_PRODUCT)
    assert [row.text("ID") for row in rows] == [str(number) for number in range(250)]


def test_null_slots_filled_with_ones_are_still_null() -> None:
    with peer(null_fill=b"\xff", per_property_qualifiers=True) as running, connected(running) as connection:
        row = connection.rows(LICENSING_PRODUCT)[0]
    assert row.values["GenuineStatus"] is None
    assert row.values["DiscoveredKeyManagementServiceMachineName"] is None


def test_a_wrong_password_is_refused_and_tried_once() -> None:
    with peer() as running, pytest.raises(LogonRefused) as refused, connected(running, secret="wrong"):
        pass
    assert refused.value.reason.code == "login.refused"
    assert "wrong" not in repr(refused.value)
    assert running.calls == []


def test_the_steps_of_a_login_are_announced_around_the_password() -> None:
    steps: list[LoginStep] = []
    with peer() as running:
        target = WmiTarget(
            address=HOST,
            port=running.port,
            username=machines.USERNAME,
            secret=machines.PASSWORD,
            announce=steps.append,
        )
        with open_wmi(target, WmiLimits(), SystemClock()):
            assert steps == [LoginStep.SENDING, LoginStep.ACCEPTED]
        steps.clear()
        with pytest.raises(LogonRefused), open_wmi(replace(target, secret="wrong"), WmiLimits(), SystemClock()):
            pass
    assert steps == [LoginStep.SENDING]


def test_a_filtered_token_is_told_apart_from_a_wrong_password() -> None:
    error = refusal(Faults(filtered_token=True))
    assert type(error) is AccessDenied
    assert error.reason.code == "wmi.not_allowed"


def test_a_namespace_without_rights_is_access_denied() -> None:
    assert refusal(Faults(namespace_denied=True)).reason.code == "ladder.namespace_refused"


@pytest.mark.parametrize("late", [False, True])
def test_an_absent_class_and_an_absent_namespace_are_answers_of_their_own(late: bool) -> None:
    server = {"root/cimv2": machines.desktop()["root/cimv2"]}
    with peer(Faults(late_errors=late), namespaces=server) as running, connected(running) as connection:
        for wanted in (OFFICE_PRODUCT, ANTIVIRUS):
            with pytest.raises(ClassAbsent) as absent:
                connection.rows(wanted)
            assert absent.value.reason.code == "wmi.class_absent"
        assert connection.rows(OPERATING_SYSTEM), "the connection lives on"


def test_a_failed_query_names_the_class_and_the_status() -> None:
    bare = {"root/cimv2": {"SoftwareLicensingProduct": (machines.BIOS, [])}}
    with peer(namespaces=bare) as running, connected(running) as connection, pytest.raises(SessionError) as failed:
        connection.rows(LICENSING_PRODUCT)
    assert not isinstance(failed.value, ClassAbsent)
    assert failed.value.reason.params["status"] == "0x80041017"


def test_a_slow_answer_ends_at_the_time_of_its_stage() -> None:
    error = refusal(Faults(next_seconds=8), query_seconds=3)
    assert isinstance(error, TimedOut)
    assert error.reason.code == "wmi.silent"
    assert error.reason.params["stage"] == "SoftwareLicensingProduct"


def test_everything_together_ends_at_the_deadline() -> None:
    error = refusal(Faults(next_seconds=8), deadline_seconds=3)
    assert error.reason.code == "wmi.deadline_passed"


def test_a_cut_connection_is_unreachable() -> None:
    error = refusal(Faults(cut_after=0))
    assert isinstance(error, Unreachable)
    assert error.reason.code == "wmi.connection_lost"


def test_endless_rows_end_at_the_limit() -> None:
    error = refusal(Faults(endless=True), rows=50)
    assert isinstance(error, LimitExceeded)
    assert error.reason.code == "wmi.too_many_rows"


def test_bytes_without_end_end_at_the_limit() -> None:
    error = refusal(Faults(endless=True), total_bytes=50_000)
    assert error.reason.code == "wmi.too_many_bytes"


def test_a_closed_port_is_unreachable_and_names_the_firewall_rule() -> None:
    with peer() as running:
        pass
    with pytest.raises(Unreachable) as closed, connected(running):
        pass
    assert closed.value.reason.code == "ladder.wmi_blocked"


def test_hosts_read_side_by_side_do_not_mix() -> None:
    """Each has its own address, content and connection; nothing is kept at class level."""
    names = [f"127.0.3.{number}" for number in range(1, 9)]
    pcs = [WmiPc(address=name, users=machines.USERS, namespaces=machines.desktop([machines.windows_product(ID=name)]))
           for name in names]  # fmt: skip
    peers = [WmiPeer(pc, 0) for pc in pcs]
    opened = [connected(running.__enter__()) for running in peers]
    connections = [each.__enter__() for each in opened]
    try:
        found = [connection.rows(LICENSING_PRODUCT)[0].text("ID") for connection in connections]
        again = [connection.rows(LICENSING_PRODUCT)[0].text("ID") for connection in reversed(connections)]
    finally:
        for each in (*opened, *peers):
            each.__exit__(None, None, None)
    assert found == names
    assert again == names[::-1]


@pytest.mark.parametrize(
    "wql",
    [
        "SELECT * FROM Win32_Product",
        "select name from  win32_PRODUCT where Name = 'x'",
        "ASSOCIATORS OF {Win32_Product.IdentifyingNumber='x'}",
        "SELECT * FROM Win32_SoftwareFeature",
        "SELECT * FROM Win32_InstalledSoftwareElement",
    ],
)
def test_a_query_that_would_start_windows_installer_is_never_sent(wql: str) -> None:
    with pytest.raises(Banned):
        check_query(wql)


def test_no_listed_class_belongs_to_windows_installer() -> None:
    assert [wanted for wanted in CLASSES if check_query(wanted.wql(wanted.columns)) is None] == []


def test_a_class_outside_the_list_is_never_queried() -> None:
    with peer() as running, connected(running) as connection, pytest.raises(Banned):
        connection.rows(WmiClass("root/cimv2", "Win32_Product", ("Name",)))
    assert running.queries == []


@pytest.mark.parametrize("name", ["SetDWORDValue", "CreateKey", "DeleteKey", "InstallProductKey", "Activate", "Create"])
def test_a_method_that_changes_something_is_never_called(name: str) -> None:
    with pytest.raises(Banned):
        check_method(name)


@pytest.mark.parametrize(
    ("flags", "code"),
    [(0x00080000, "smb.weak_challenge"), (0x20000000, "smb.weak_challenge"), (0x20, "wmi.weak_login")],
)
def test_a_login_that_leaves_answers_unprotected_is_not_gone_through_with(flags: int, code: str) -> None:
    """Extended session security, 128 bits, sealing: taken away by a rogue, no answer made from the password is sent."""
    steps: list[LoginStep] = []
    with peer(Faults(withheld_ntlm_flags=flags)) as running:
        target = WmiTarget(
            address=HOST,
            port=running.port,
            username=machines.USERNAME,
            secret=machines.PASSWORD,
            announce=steps.append,
        )
        with pytest.raises(Untrusted) as refused, open_wmi(target, WmiLimits(), SystemClock()):
            pass
    assert refused.value.reason.code == code
    assert steps == []


def test_a_server_that_takes_tiny_fragments_is_refused() -> None:
    with peer(fragment=1432) as running, pytest.raises(Unsupported), connected(running):
        pass


GUARDED = """
import sys
from config.clock import SystemClock
from scanner.guard import install_guard
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.wmi_classes import LICENSING_PRODUCT
address, port, object_port, username, secret = sys.argv[1:]
guard = install_guard(address, frozenset({int(port), int(object_port)}))
target = WmiTarget(address=address, port=int(port), username=username, secret=secret)
with open_wmi(target, WmiLimits(), SystemClock()) as connection:
    print(len(connection.rows(LICENSING_PRODUCT)), guard.violation)
"""


def test_reading_stays_inside_the_guard_of_one_host_and_two_ports() -> None:
    """The computer names itself in its bindings; no name is looked up and no other address is tried."""
    with peer() as running:
        argv = [HOST, str(running.port), str(running.object_port), machines.USERNAME, machines.PASSWORD]
        done = subprocess.run([sys.executable, "-c", GUARDED, *argv], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("1 None", 0), done.stderr
