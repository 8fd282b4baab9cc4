"""sudo over SSH, against the real one: asked only where the credential says so, each refusal with its name."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

import pytest

from config.clock import SystemClock
from config.messages import catalogue
from scanner.collectors.linux import collectors_for
from scanner.collectors.linux.answers import OnceShell
from scanner.facts import merge
from scanner.model import CollectorResult, Identity, InstalledSoftware, Outcome, Record, SkippedEntry
from scanner.runner import run_collectors
from scanner.session import LinuxSession
from scanner.transports.ssh import SshLimits, SshTarget, fetch_host_key, open_linux
from tests.lab.lan import Lan
from tests.lab.plans import Hardware, LinuxPc
from tests.scanner.laptop import inside

PASSWORD = "云水 Inspect 'n\" $x 7"
LIMITS = SshLimits(
    connect_seconds=10, answer_seconds=60, deadline_seconds=120, output_bytes=1 << 20, total_bytes=1 << 21
)
CLOCK = SystemClock()
PAM = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"
SUDOERS: Mapping[str, str] = {
    "free": "inspector ALL=(root) NOPASSWD: ALL\n",
    "asking": "inspector ALL=(root) ALL\n",
    "refusing": "root ALL=(ALL) ALL\n",
    "root-asking": "Defaults targetpw\nALL ALL=(ALL) ALL\n",
    "terminal": "Defaults requiretty\ninspector ALL=(root) NOPASSWD: ALL\n",
}
HOME = "/home/zhang/.local/share/applications/wps.desktop"
ENTRY = "[Desktop Entry]\nType=Application\nName=自装软件\nExec=/home/zhang/own/program %U\n"
HARDWARE = Hardware(
    maker="Greatwall", model="世恒 TD120", serial="GW00012345", uuid="9c3f4b1e-3d52-4d1a-9f4e-0123456789ab"
)


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    plans = [
        LinuxPc(
            name=name,
            address=f"10.77.0.{number}",
            mac=f"8c:16:45:00:00:{number:02x}",
            password=PASSWORD,
            os_release="ID=debian\nPRETTY_NAME=Debian\n",
            hardware=HARDWARE,
            files={"/etc/sudoers": rules, "/etc/pam.d/sudo": PAM, HOME: ENTRY},
        )
        for number, (name, rules) in enumerate(SUDOERS.items(), start=11)
    ]
    with Lan.start(plans) as started:
        for plan in plans:
            assert started.host(plan.name).run(["chmod", "700", "/home/zhang"]).returncode == 0
        yield started


def collected(lan: Lan, name: str, *, sudo: bool = True) -> tuple[list[Record], dict[str, CollectorResult], str]:
    """Everything that the collectors give, their results by name, and the grade of the channel."""
    with inside(lan.laptop):
        address = lan.host(name).address
        key = fetch_host_key(address, 22, 5)
        target = SshTarget(address, 22, "inspector", PASSWORD, f"{key.type} {key.base64}", sudo=sudo)
        with open_linux(target, LIMITS, CLOCK) as opened:
            session: LinuxSession = replace(opened, shell=OnceShell(opened.shell))
            records, results = run_collectors(session, collectors_for(session), lambda name: None)
    return records, {result.collector: result for result in results}, session.grade


def serial_of(records: list[Record]) -> str | None:
    identity = merge([record for record in records if isinstance(record, Identity)])
    return identity.serial if identity else None


def own_programs(records: list[Record]) -> list[str]:
    return [record.name for record in records if isinstance(record, InstalledSoftware) and record.source == HOME]


def skipped(records: list[Record]) -> set[str]:
    return {record.reason.code for record in records if isinstance(record, SkippedEntry)}


@pytest.mark.lab
@pytest.mark.parametrize("name", ["free", "asking"])
def test_root_gives_serial_uuid_and_the_closed_home(lan: Lan, name: str) -> None:
    records, results, grade = collected(lan, name)
    assert results["linux.sudo"].outcome is Outcome.READ
    assert grade == "ssh2+sudo"
    assert serial_of(records) == "GW00012345"
    assert own_programs(records) == ["自装软件"]
    assert not skipped(records) & {"linux.needs_root", "linux.home_denied"}


@pytest.mark.lab
def test_without_the_permission_sudo_is_not_even_looked_for(lan: Lan) -> None:
    before = lan.host("free").log()
    records, results, grade = collected(lan, "free", sudo=False)
    assert ("linux.sudo" in results, grade, serial_of(records)) == (False, "ssh2", None)
    assert own_programs(records) == []
    assert skipped(records) >= {"linux.needs_root", "linux.home_denied"}
    assert "sudo" not in lan.host("free").log().removeprefix(before)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("refusing", "linux.sudo_not_allowed"),
        ("root-asking", "linux.sudo_other_password"),
        ("terminal", "linux.sudo_needs_tty"),
    ],
)
def test_a_refusal_is_named_and_the_account_reads_what_it_may(lan: Lan, name: str, code: str) -> None:
    records, results, grade = collected(lan, name)
    refused = results["linux.sudo"]
    assert refused.reason is not None
    assert (refused.outcome, refused.reason.code, refused.reason.code in catalogue()) == (Outcome.DENIED, code, True)
    assert (grade, serial_of(records)) == ("ssh2", None)
    assert skipped(records) >= {"linux.needs_root", "linux.home_denied"}
    assert results["linux.applications"].outcome is Outcome.READ


@pytest.mark.lab
def test_another_accounts_password_is_never_guessed_and_no_ticket_stays(lan: Lan) -> None:
    host = lan.host("root-asking")
    collected(lan, "root-asking")
    assert host.run(["sh", "-c", "ls /run/sudo/ts 2>/dev/null"]).stdout == ""
    collected(lan, "asking")
    assert lan.host("asking").run(["sh", "-c", "ls /run/sudo/ts 2>/dev/null"]).stdout == ""
