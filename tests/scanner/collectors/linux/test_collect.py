"""A whole collection over SSH of a 麒麟 desktop (dpkg) and a 麒麟 server (rpm), which are left as they were."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from config.clock import SystemClock
from scanner.collectors.linux import LINUX_COLLECTORS
from scanner.collectors.linux.answers import OnceShell
from scanner.model import (
    CollectorResult,
    Identity,
    InstallDateSource,
    InstalledSoftware,
    LicenceState,
    LicenceStatus,
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
ACTIVATION_CODE = "Q7X2M9KD4PZR8WTN"
EVERYTHING_READ = {collector.name: "READ" for collector in LINUX_COLLECTORS}
LIMITS = SshLimits(
    connect_seconds=10, answer_seconds=60, deadline_seconds=120, output_bytes=1 << 24, total_bytes=1 << 25
)
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

LAYERS = {
    "layers": [
        {"commit": "1", "info": {"id": "org.dde.calendar", "version": "5.14.5.0", "arch": ["x86_64"], "kind": "app"}},
        {"commit": "2", "info": {"id": "org.dde.calendar", "version": "5.14.5.0", "arch": ["x86_64"], "kind": "app"}},
        {"commit": "3", "info": {"id": "org.deepin.base", "version": "23.1.0.3", "arch": ["x86_64"], "kind": "base"}},
    ],
    "version": "2",
}
UOS_TOOL = """#!/bin/sh
mkdir -p "$HOME/.cache/uos" && echo asked > "$HOME/.cache/uos/uos-activator-cmd.log"
[ "$1" = -q ] && echo "激活状态：试用期" && echo "到期时间：2026-03-01"
"""
APPLICATION_FILES = {
    "/usr/bin/uos-activator-cmd": UOS_TOOL,
    "/var/lib/linglong/states.json": json.dumps(LAYERS),
    "/opt/apps/com.tencent.weixin/info": json.dumps({"appid": "com.tencent.weixin", "version": "4.0.1.7"}),
    "/opt/apps/cn.wps.wps-office-pro/info": json.dumps(
        {
            "appid": "cn.wps.wps-office-pro",
            "name": "WPS Office 2019 专业版",
            "version": "11.8.2.1131",
            "arch": ["amd64"],
        },
        ensure_ascii=False,
        indent=4,
    ),
    "/opt/apps/broken/info": "{ no",
    "/var/lib/snapd/snap/code/current/meta/snap.yaml": "name: code\nversion: '1.94.2'\nsummary: x\ntype: app\n",
    "/var/lib/snapd/snap/core22/current/meta/snap.yaml": "name: core22\nversion: '2024'\ntype: base\n",
    "/usr/share/applications/wechat.desktop": "[Desktop Entry]\nType=Application\nName=x\nExec=/usr/bin/wechat %U\n",
    "/usr/share/applications/eda.desktop": (
        "[Desktop Entry]\nType=Application\nName=Huada EDA\nName[zh_CN]=华大九天 Empyrean\n"
        'Exec=env LANG=zh_CN.UTF-8 "/opt/empyrean/bin/aether" %F\n[Desktop Action new]\nName=New\nExec=/opt/x\n'
    ),
    "/home/li/.local/share/applications/cad.desktop": (
        "[Desktop Entry]\nType=Application\nName=ZWCAD\nExec=/home/li/zwcad2025/ZWCADRUN.sh %F\n"
    ),
    "/home/li/Downloads/Yozo Office-9.0.1-x86_64.AppImage": "ELF",
    "/home/wang/secret.AppImage": "ELF",
}


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
        files={"/etc/.kyinfo": KYINFO, "/etc/.kyactivation": ACTIVATION_CODE},
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
    return [desktop, server, bare, menu, *application_plans()]


def application_plans() -> list[LinuxPc]:
    uos = LinuxPc(
        name="uos",
        address="10.77.0.15",
        mac="8c:16:45:00:00:15",
        password=PASSWORD,
        os_release=(SAMPLES / "uos-desktop-20-e.txt").read_text(),
        machine_id="b08dfa6083e7567a1921a715000001fd",
        packages=(Package("com.tencent.weixin", "4.0.1.7", "2025-03-01"), Package("bash", "5.0-6")),
        hardware=HARDWARE,
        files=APPLICATION_FILES,
    )
    wal = LinuxPc(
        name="image",
        address="10.77.0.16",
        mac="8c:16:45:00:00:16",
        password=PASSWORD,
        os_release=(SAMPLES / "kylin-server-v10-halberd.txt").read_text(),
        package_format="rpm",
        packages=SERVER_PACKAGES,
        superuser=True,
    )
    return [uos, wal]


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    with Lan.start(plans()) as started:
        # as on any computer where rpm has run: it keeps these files for readers who may not write
        started.host("server").run(["rpm", "--dbpath", "/var/lib/rpm", "-qa"])
        flatpaks = started.host("uos").folder / "root/var/lib/flatpak/app/org.libreoffice.LibreOffice"
        metainfo = flatpaks / "x86_64/stable/1a2b/files/share/metainfo"
        metainfo.mkdir(parents=True)
        (metainfo / "org.libreoffice.LibreOffice.metainfo.xml").write_text(
            '<releases>\n<release version="24.8.2" date="2024-09-27"/>\n<release version="24.8.1"/>\n</releases>\n'
        )
        (flatpaks / "x86_64/stable/active").symlink_to("1a2b")
        (flatpaks / "current").symlink_to("x86_64/stable")
        os.utime(flatpaks / "current", (1730000000, 1730000000), follow_symlinks=False)
        started.host("uos").run(["chmod", "700", "/home/wang"])
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
    records, results = run_collectors(LinuxSession(OnceShell(shell), "ssh2"), LINUX_COLLECTORS, announced.append)
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
    assert found.outcomes() == EVERYTHING_READ
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
    assert found.outcomes() == EVERYTHING_READ
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
    assert b"code=present" in said
    assert SERVICE_KEY.encode() not in said
    assert ACTIVATION_CODE.encode() not in said


def test_an_activated_kylin_says_so_with_its_service_period(lan: Lan) -> None:
    [state] = [record for record in collect(lan, "desktop").records if isinstance(record, LicenceState)]
    assert (state.application, state.status) == ("kylin", LicenceStatus.LICENSED)
    assert (state.service_until, state.valid_until) == ("2025-12-18", None)


def test_a_uos_trial_is_read_and_its_tool_finds_no_place_to_write(lan: Lan) -> None:
    found = collect(lan, "uos")
    [state] = [record for record in found.records if isinstance(record, LicenceState)]
    assert (state.application, state.status, state.evaluation_end) == ("uos", LicenceStatus.TRIAL, "2026-03-01")
    assert state.status_reason == "激活状态：试用期 / 到期时间：2026-03-01"
    assert lan.host("uos").run(["find", "/", "-xdev", "-name", "uos-activator-cmd.log"]).stdout == ""


def test_what_no_package_manager_lists_is_found_for_every_user(lan: Lan) -> None:
    found = collect(lan, "uos")
    assert found.outcomes() == EVERYTHING_READ
    by_format = {(s.package_format, s.name, s.version, s.scope.value, s.owner) for s in found.installations()}
    assert by_format == {
        ("dpkg", "com.tencent.weixin", "4.0.1.7", "package", None),
        ("dpkg", "bash", "5.0-6", "package", None),
        ("opt_apps", "cn.wps.wps-office-pro", "11.8.2.1131", "store", None),
        ("linglong", "org.dde.calendar", "5.14.5.0", "store", None),
        ("flatpak", "org.libreoffice.LibreOffice", "24.8.2", "store", None),
        ("snap", "code", "1.94.2", "store", None),
        ("appimage", "Yozo Office", "9.0.1", "file", "li"),
        ("desktop", "华大九天 Empyrean", None, "machine", None),
        ("desktop", "ZWCAD", None, "user", "li"),
    }
    [flatpak] = [s for s in found.installations() if s.package_format == "flatpak"]
    assert (flatpak.architecture, flatpak.installed_on) == ("x86_64", "2024-10-27")
    skipped = {(r.source, r.reason.code) for r in found.records if isinstance(r, SkippedEntry)}
    assert ("/home/wang", "linux.home_denied") in skipped
    assert ("/opt/apps/broken/info", "linux.malformed_document") in skipped


def test_only_the_bookkeeping_of_rpm_itself_appears_where_it_was_missing(lan: Lan) -> None:
    before = digest(lan, "image")
    assert {package.name for package in collect(lan, "image").installations()} == {"bash", "openssl"}
    after = digest(lan, "image")
    assert {Path(file).name for file in after.keys() - before.keys()} <= {"rpmdb.sqlite-wal"}  # -shm is left out above
    assert {file: after[file] for file in before} == before


@pytest.mark.parametrize("name", ["desktop", "server", "uos"])
def test_every_record_names_its_answer_and_comes_out_of_it_again(lan: Lan, name: str) -> None:
    found = collect(lan, name)
    assert {record.observation for record in found.records} <= {answer.observation for answer in found.answers.values()}
    assert collected(KeepingShell(kept=found.answers)) == found


@pytest.mark.parametrize("name", ["desktop", "server", "uos"])
def test_a_collection_leaves_the_computer_as_it_was(lan: Lan, name: str) -> None:
    before = digest(lan, name)
    collect(lan, name)
    assert digest(lan, name) == before
