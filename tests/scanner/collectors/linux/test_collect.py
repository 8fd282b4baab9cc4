"""A whole collection over SSH of a 麒麟 desktop (dpkg) and a 麒麟 server (rpm), which are left as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from config.clock import SystemClock
from scanner.collectors.linux import LINUX_COLLECTORS
from scanner.model import (
    CollectorResult,
    Identity,
    InstallDateSource,
    InstalledSoftware,
    OperatingSystem,
    Outcome,
    Record,
    SkippedEntry,
)
from scanner.runner import run_collectors
from scanner.session import LinuxSession, Shell, ShellAnswer
from scanner.transports.ssh import SshLimits, SshTarget, fetch_host_key, open_linux
from tests.lab.lan import Lan
from tests.lab.plans import Hardware, LinuxPc, Package
from tests.scanner.laptop import inside

pytestmark = pytest.mark.lab

PASSWORD = "云水 Inspect 7"
SERVICE_KEY = "0389218"
LIMITS = SshLimits(connect_seconds=2, answer_seconds=10, deadline_seconds=30, output_bytes=1 << 24, total_bytes=1 << 25)
SAMPLES = Path(__file__).parents[3] / "data" / "linux" / "os_release"
HARDWARE = Hardware(
    maker="Great Wall", model="GW-001N1A-FTH", serial="GW20A0001", uuid="4c4c4544-0042-3510-8051-b4c04f4b3132"
)
KYINFO = f"""[dist]
name=Kylin-Desktop
milestone=V10
arch=x86_64
beta=False
time=2024-09-14 12:27:59
dist_id=Kylin-Desktop-V10-SP1-2403-update1-Release-20240914-X86_64-2024-09-14 12:27:59

[servicekey]
key={SERVICE_KEY}

[os]
to=
term=2025-12-18
"""

DESKTOP_PACKAGES = (
    Package("wps-office", "11.1.0.11704", "2023-06-01", maintainer="WPS <wps@wps.cn>", section="editors"),
    Package("com.rising.antivirus.single", "3.0.1", "2022-01-05", maintainer="北京瑞星网安技术股份有限公司"),
    Package("removed", "1.0", status="deinstall ok config-files"),
)
SERVER_PACKAGES = (
    Package("bash", "5.0.17-1.ky10", "2021-03-04", maintainer="KylinSoft", section="Unspecified"),
    Package("openssl", "1:1.1.1f-31.p23.ky10", "2021-03-05", maintainer="KylinSoft"),
)


def plans() -> list[LinuxPc]:
    desktop = LinuxPc(
        name="desktop",
        address="10.77.0.11",
        mac="8c:16:45:00:00:11",
        password=PASSWORD,
        os_release=(SAMPLES / "kylin-desktop-v10sp1-edu.txt").read_text(),
        machine_id="b08dfa6083e7567a1921a715000001fb",
        packages=DESKTOP_PACKAGES,
        hardware=HARDWARE,
        superuser=True,
        files={"/etc/.kyinfo": KYINFO},
    )
    server = LinuxPc(
        name="server",
        address="10.77.0.12",
        mac="8c:16:45:00:00:12",
        password=PASSWORD,
        os_release=(SAMPLES / "kylin-server-v10-sword.txt").read_text(),
        machine_id="b08dfa6083e7567a1921a715000001fc",
        package_format="rpm",
        packages=SERVER_PACKAGES,
        hardware=HARDWARE,
    )
    bare = LinuxPc(name="bare", address="10.77.0.13", mac="8c:16:45:00:00:13", password=PASSWORD, os_release="ID=x\n")
    menu = LinuxPc(
        name="menu",
        address="10.77.0.14",
        mac="8c:16:45:00:00:14",
        password=PASSWORD,
        sshd={"ForceCommand": "echo 1 Up"},
    )
    return [desktop, server, bare, menu]


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    with Lan.start(plans()) as started:
        # as on any computer where rpm has run: it keeps these files for readers who may not write
        started.host("server").run(["rpm", "--dbpath", "/var/lib/rpm", "-qa"])
        yield started


@dataclass(slots=True)
class KeepingShell:
    """Numbers each answer and keeps it; without a real shell behind it, gives the kept ones back."""

    inner: Shell | None = None
    kept: dict[str, ShellAnswer] = field(default_factory=dict[str, ShellAnswer])

    def run(self, command: str) -> ShellAnswer:
        if self.inner is not None:
            self.kept[command] = replace(self.inner.run(command), observation=f"o{len(self.kept) + 1}")
        return self.kept[command]


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection gave, and the answers it came from."""

    records: list[Record]
    results: list[CollectorResult]
    answers: dict[str, ShellAnswer]

    def outcomes(self) -> dict[str, str]:
        """``READ``, or the reason, by collector."""
        return {r.collector: r.reason.code if r.reason else r.outcome for r in self.results}

    def installations(self) -> list[InstalledSoftware]:
        return [record for record in self.records if isinstance(record, InstalledSoftware)]

    def identities(self) -> list[Identity]:
        return [record for record in self.records if isinstance(record, Identity)]


def collect(lan: Lan, name: str) -> Collection:
    address = lan.host(name).address
    with inside(lan.laptop):
        key = fetch_host_key(address, 22, 5)
        target = SshTarget(address, 22, "inspector", PASSWORD, f"{key.type} {key.base64}")
        with open_linux(target, LIMITS, SystemClock()) as session:
            return collected(KeepingShell(session.shell))


def collected(shell: KeepingShell) -> Collection:
    announced: list[str] = []
    records, results = run_collectors(LinuxSession(shell, "ssh2"), LINUX_COLLECTORS, announced.append)
    return Collection(records, results, shell.kept)


def digest(lan: Lan, name: str) -> dict[str, str]:
    """Content and time of every file that is the host's own."""
    root = lan.host(name).folder / "root"
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in files
        if path.suffix != ".sqlite-shm"  # the lock table of readers; it lives only while somebody reads
    }


def test_a_dpkg_desktop_is_read_whole(lan: Lan) -> None:
    found = collect(lan, "desktop")
    assert found.outcomes() == {"linux.os": "READ", "linux.packages": "READ", "linux.hardware": "READ"}
    first, second = found.identities()
    assert (first.hostname, first.machine_id) == ("desktop", "b08dfa6083e7567a1921a715000001fb")
    assert (second.serial, second.smbios_uuid) == (HARDWARE.serial, HARDWARE.uuid)
    assert (second.maker, second.model, second.macs) == (HARDWARE.maker, HARDWARE.model, ("8c:16:45:00:00:11",))
    [system] = [record for record in found.records if isinstance(record, OperatingSystem)]
    assert (system.name, system.release, system.distribution) == ("Kylin V10 SP1", "V10 SP1", "kylin")
    assert {(s.name, s.version, s.publisher, s.installed_on, s.package_format) for s in found.installations()} == {
        (p.name, p.version, p.maintainer, p.installed, "dpkg") for p in DESKTOP_PACKAGES[:2]
    }
    assert {s.installed_on_source for s in found.installations()} == {InstallDateSource.FILE_TIME}


def test_an_rpm_server_is_read_whole_by_an_ordinary_account(lan: Lan) -> None:
    found = collect(lan, "server")
    assert found.outcomes() == {"linux.os": "READ", "linux.packages": "READ", "linux.hardware": "READ"}
    assert {(s.name, s.version, s.publisher, s.installed_on, s.package_format) for s in found.installations()} == {
        (p.name, p.version.rpartition(":")[2], p.maintainer, p.installed, "rpm") for p in SERVER_PACKAGES
    }
    assert {s.installed_on_source for s in found.installations()} == {InstallDateSource.PACKAGE_DATABASE}


def test_what_needs_root_is_missing_with_its_reason_for_an_ordinary_account(lan: Lan) -> None:
    found = collect(lan, "server")
    assert (found.identities()[1].serial, found.identities()[1].maker) == (None, HARDWARE.maker)
    skipped = [record for record in found.records if isinstance(record, SkippedEntry)]
    assert {entry.reason.code for entry in skipped} == {"linux.needs_root"}
    assert {Path(entry.source).name for entry in skipped} == {"product_serial", "product_uuid", "board_serial"}


def test_a_computer_whose_package_list_is_empty_is_not_collected(lan: Lan) -> None:
    found = collect(lan, "bare")
    assert found.installations() == []
    assert found.outcomes()["linux.packages"] == "linux.no_packages"
    assert {result.outcome for result in found.results if result.collector == "linux.packages"} == {Outcome.FAILED}


def test_an_account_behind_a_menu_is_told_from_a_computer(lan: Lan) -> None:
    assert set(collect(lan, "menu").outcomes().values()) == {"linux.no_shell"}


def test_the_service_key_never_leaves_the_computer(lan: Lan) -> None:
    said = b"".join(answer.stdout + answer.stderr for answer in collect(lan, "desktop").answers.values())
    assert b"dist_id" in said
    assert SERVICE_KEY.encode() not in said


@pytest.mark.parametrize("name", ["desktop", "server"])
def test_every_record_names_its_answer_and_comes_out_of_it_again(lan: Lan, name: str) -> None:
    found = collect(lan, name)
    assert {record.observation for record in found.records} <= {answer.observation for answer in found.answers.values()}
    assert collected(KeepingShell(kept=found.answers)) == found


@pytest.mark.parametrize("name", ["desktop", "server"])
def test_a_collection_leaves_the_computer_as_it_was(lan: Lan, name: str) -> None:
    before = digest(lan, name)
    collect(lan, name)
    assert digest(lan, name) == before
