"""Package lists as dpkg and rpm print them; an empty list is never a clean computer."""

from __future__ import annotations

import csv
import json
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import applications, packages
from scanner.collectors.linux.answers import Answer, split
from scanner.collectors.linux.commands import APPLICATIONS, DPKG_PACKAGES, RPM_PACKAGES
from scanner.model import InstallDateSource, InstalledSoftware, Scope, SkippedEntry
from scanner.session import LinuxSession, SessionError, Unsupported
from tests.scanner.collectors.linux.shell import session_of

BEIJING = timezone(timedelta(hours=8))
SAMPLES = Path(__file__).parents[3] / "data" / "samples" / "linux_packages.csv"
NO_DPKG, NO_RPM = "@@dpkg\n@@end\n", "@@rpm\n@@end\n"
MAINTAINER = "GNU Libc Maintainers <debian-glibc@lists.debian.org>"
LIBC = f"install ok installed\tlibc6:amd64\t2.28-10\tamd64\tlibs\t12337\t{MAINTAINER}"
BASH = "bash\t5.0.17-1.ky10\tx86_64\t1700000000\t6291457\tUnspecified\tKylinSoft\tKylin Linux"


def session(dpkg: str = NO_DPKG, rpm: str = NO_RPM) -> LinuxSession:
    return session_of({DPKG_PACKAGES: dpkg, RPM_PACKAGES: rpm})


def dpkg_answer(*lines: str, code: int = 0) -> str:
    return "\n".join(("@@dpkg", "@@zone", "+0800", "@@packages", *lines, "@@exit", str(code), "@@end", ""))


def rpm_answer(*lines: str, code: int = 0) -> str:
    return dpkg_answer(*lines, code=code).replace("@@dpkg", "@@rpm")


def failure(of: LinuxSession) -> tuple[list[str], SessionError]:
    """Sources of what was yielded before the error, and the error."""
    found: list[str] = []

    def read() -> None:
        for record in packages.collect(of):
            found.append(record.source)  # one by one: the error comes last

    with pytest.raises(SessionError) as caught:
        read()
    return found, caught.value


def test_a_dpkg_line_becomes_an_installation_dated_by_its_file_list() -> None:
    times = packages.parse_times(["1621234567.8901234560 libc6:amd64.list", "1000000000.0 libc6:i386.list"])
    assert packages.parse_dpkg_line(LIBC, times, BEIJING, "o7") == InstalledSoftware(
        name="libc6",
        source="dpkg:libc6:amd64",
        scope=Scope.PACKAGE,
        version="2.28-10",
        publisher=MAINTAINER,
        architecture="amd64",
        installed_on="2021-05-17",
        installed_on_source=InstallDateSource.FILE_TIME,
        file_time="2021-05-17T14:56:07+08:00",
        size_kib=12337,
        package_format="dpkg",
        section="libs",
        observation="o7",
    )


def test_an_rpm_line_becomes_an_installation_dated_by_the_database() -> None:
    assert packages.parse_rpm_line(BASH, BEIJING, "o8") == InstalledSoftware(
        name="bash",
        source="rpm:bash-5.0.17-1.ky10.x86_64",
        scope=Scope.PACKAGE,
        version="5.0.17-1.ky10",
        publisher="KylinSoft",
        architecture="x86_64",
        installed_on="2023-11-15",
        installed_on_source=InstallDateSource.PACKAGE_DATABASE,
        size_kib=6145,
        package_format="rpm",
        section="Unspecified",
        observation="o8",
    )


def test_what_rpm_does_not_know_stays_unknown() -> None:
    found = packages.parse_rpm_line("wps\t1-1\t(none)\t(none)\t(none)\t(none)\t(none)\t(none)", UTC, "o1")
    assert found == InstalledSoftware(
        "wps", "rpm:wps-1-1", Scope.PACKAGE, "1-1", package_format="rpm", observation="o1"
    )


def test_the_packager_stands_in_for_a_missing_vendor() -> None:
    found = packages.parse_rpm_line(BASH.replace("KylinSoft", "(none)"), UTC, "o1")
    assert isinstance(found, InstalledSoftware)
    assert found.publisher == "Kylin Linux"


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("install ok triggers-pending", True),
        ("install ok half-configured", True),
        ("install ok unpacked", True),
        ("deinstall ok config-files", False),
        ("unknown ok not-installed", False),
    ],
)
def test_a_package_counts_when_its_files_are_there(status: str, counted: bool) -> None:
    found = packages.parse_dpkg_line(LIBC.replace("install ok installed", status), {}, UTC, "o1")
    assert isinstance(found, InstalledSoftware) if counted else found is None


def test_an_interrupted_installation_is_listed_apart() -> None:
    found = packages.parse_dpkg_line(LIBC.replace("ok installed", "reinstreq half-installed"), {}, UTC, "o1")
    assert isinstance(found, SkippedEntry)
    assert found.reason.code == "linux.half_installed"


def test_a_file_list_is_found_with_and_without_its_architecture() -> None:
    times = packages.parse_times(["86400.0 wine32.list", "172800.0 libc6:i386.list", "x y", "1.0 README"])
    wine = packages.parse_dpkg_line("a ok installed\twine32:i386\t1\ti386\tm\t\t", times, UTC, "")
    libc = packages.parse_dpkg_line("a ok installed\tlibc6:i386\t1\ti386\tm\t\t", times, UTC, "")
    assert isinstance(wine, InstalledSoftware)
    assert isinstance(libc, InstalledSoftware)
    assert (wine.installed_on, libc.installed_on) == ("1970-01-02", "1970-01-03")


def test_a_signing_key_is_not_software() -> None:
    assert packages.parse_rpm_line("gpg-pubkey\t1-1\t(none)\t1\t0\tPublic Keys\t(none)\t(none)", UTC, "") is None


@pytest.mark.parametrize("line", ["error: rpmdb damaged", "\t" * 7, "a\tb", LIBC + "\textra\textra"])
def test_a_line_of_another_shape_is_kept_as_skipped(line: str) -> None:
    for found in (packages.parse_dpkg_line(line, {}, UTC, "o1"), packages.parse_rpm_line(line, UTC, "o1")):
        assert isinstance(found, SkippedEntry)
        assert found.reason.code == "linux.malformed_package"


@pytest.mark.parametrize(
    ("text", "hours"),
    [("+0800", 8), ("-0330", -3.5), ("+0000", 0), (None, 0), ("", 0), ("CST", 0), ("+9999", 0), ("+08:0", 0)],
)
def test_the_computers_own_offset_dates_its_packages(text: str | None, hours: float) -> None:
    assert packages.parse_zone(text).utcoffset(None) == timedelta(hours=hours)


def test_both_managers_are_read_where_both_are() -> None:
    found = list(packages.collect(session(dpkg_answer(LIBC), rpm_answer(BASH))))
    assert [(record.source, record.observation) for record in found] == [
        ("dpkg:libc6:amd64", "o1"),
        ("rpm:bash-5.0.17-1.ky10.x86_64", "o1"),
    ]


def test_an_idle_second_manager_does_no_harm() -> None:
    assert len(list(packages.collect(session(dpkg_answer(), rpm_answer(BASH))))) == 1


def test_a_computer_without_a_package_manager_is_unsupported() -> None:
    found, error = failure(session())
    assert (found, type(error), error.reason.code) == ([], Unsupported, "linux.no_package_manager")


@pytest.mark.parametrize("lines", [(), (LIBC.replace("install ok installed", "deinstall ok config-files"),)])
def test_an_empty_list_is_a_failure_and_not_a_clean_computer(lines: tuple[str, ...]) -> None:
    found, error = failure(session(dpkg_answer(*lines)))
    assert (found, error.outcome, error.reason.code) == ([], "FAILED", "linux.no_packages")


def test_what_a_failing_query_printed_is_kept() -> None:
    found, error = failure(session(dpkg_answer(LIBC, code=2)))
    assert found == ["dpkg:libc6:amd64"]
    assert error.reason.to_json() == {"code": "linux.package_query_failed", "params": {"manager": "dpkg", "exit": "2"}}


def test_every_row_of_the_samples_becomes_an_installation_by_its_own_manager() -> None:
    rows = list(csv.DictReader(SAMPLES.open(encoding="utf-8")))
    dpkg = [
        f"install ok installed\t{r['package']}\t{r['version']}\tamd64\tx\t1\t{r['maintainer']}"
        for r in of(rows, "dpkg")
    ]
    rpm = [
        f"{r['package']}\t{r['version']}\tx86_64\t1700000000\t1024\tg\t{r['maintainer']}\tp" for r in of(rows, "rpm")
    ]
    layers = [{"info": {"id": r["package"], "version": r["version"], "kind": "app"}} for r in of(rows, "linglong")]
    text = "@@documents\n/var/lib/linglong/states.json:" + json.dumps({"layers": layers}) + "\n@@end\n"
    parts = {DPKG_PACKAGES: dpkg_answer(*dpkg), RPM_PACKAGES: rpm_answer(*rpm), APPLICATIONS: text}
    found = [*packages.collect(session_of(parts)), *applications.collect(session_of(parts))]
    assert len(found) == len(rows) == 456
    assert [(r.package_format, r.name, r.version) for r in found if isinstance(r, InstalledSoftware)] == [
        (name, row["package"], row["version"] or None) for name in ("dpkg", "rpm", "linglong") for row in of(rows, name)
    ]


def of(rows: list[dict[str, str]], package_format: str) -> list[dict[str, str]]:
    return [row for row in rows if row["package_format"] == package_format]


FIELD = st.text(st.characters(exclude_characters="\t\n\r@", exclude_categories=["Cs"]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(FIELD | st.integers().map(str), max_size=9).map("\t".join)), st.text(), st.text())
def test_no_package_list_of_a_host_breaks_the_parsers(lines: list[str], zone: str, times: str) -> None:
    text = f"@@zone\n{zone}\n@@times\n{times}\n@@packages\n" + "\n".join(lines)
    answer = Answer(split(text), "o1")
    for record in (*packages.parse_dpkg(answer), *packages.parse_rpm(answer)):
        assert record.observation == "o1"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12 - 1))
def test_every_time_that_a_host_can_print_is_a_date(seconds: int) -> None:
    found = packages.parse_rpm_line(f"a\t1\tx\t{seconds}\t1\tg\tv\tp", BEIJING, "")
    assert isinstance(found, InstalledSoftware)
    assert found.installed_on is not None
