"""Every system file that was ever seen is recognised, and nothing is recognised that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import os as system
from scanner.collectors.linux.answers import Answer, split
from scanner.collectors.linux.commands import OPERATING_SYSTEM
from scanner.model import Identity, OperatingSystem
from scanner.session import SessionError, Unsupported
from tests.scanner.collectors.linux.shell import session_of

SAMPLES = Path(__file__).parents[3] / "data" / "linux" / "os_release"
UNAME = ("Linux", "pc-12", "5.4.18-116-generic", "aarch64")

# file: distribution, like, name, version, release, edition, installation type
KNOWN = {
    "almalinux-9": (
        "almalinux", "rhel centos fedora", "AlmaLinux 9.6 (Sage Margay)", "9.6", "9.6 (Sage Margay)", None, None,
    ),
    "anolis-23": ("anolis", None, "Anolis OS 23", "23", "23", None, None),
    "anolis-8.10": ("anolis", "rhel fedora centos", "Anolis OS 8.10", "8.10", "8.10", None, None),
    "anolis-8.6": ("anolis", "rhel fedora centos", "Anolis OS 8.6", "8.6", "8.6", None, None),
    "centos-stream-8": ("centos", "rhel fedora", "CentOS Stream 8", "8", "8", None, None),
    "debian-10": ("debian", None, "Debian GNU/Linux 10 (buster)", "10", "10 (buster)", None, None),
    "debian-11": ("debian", None, "Debian GNU/Linux 11 (bullseye)", "11", "11 (bullseye)", None, None),
    "deepin-20.9": ("deepin", None, "Deepin 20.9", "20.9", "20.9", None, None),
    "kylin-desktop-v10sp1-edu": ("kylin", "debian", "Kylin V10 SP1", "v10", "V10 SP1", "教育版", "Client"),
    "kylin-server-v10-halberd": (
        "kylin", None, "Kylin Linux Advanced Server V10 (Halberd)", "V10", "V10", None, "Server",
    ),
    "kylin-server-v10-sword": ("kylin", None, "Kylin Linux Advanced Server V10 (Sword)", "V10", "V10", None, "Server"),
    "neokylin-v7update6": (
        "neokylin", "fedora", "NeoKylin Linux Advanced Server V7Update6 (Chromium)", "V7Update6",
        "V7Update6 (Chromium)", "Server", "Server",
    ),
    "openeuler-20.03-lts-sp1": ("openeuler", None, "openEuler 20.03 (LTS-SP1)", "20.03", "20.03 (LTS-SP1)", None, None),
    "openkylin-0.9.5": ("openkylin", None, "openKylin 0.9.5", "0.9.5", "0.9.5 (yangtze)", None, None),
    "openkylin-1.0.1": ("openkylin", None, "openKylin 1.0.1", "1.0.1", "1.0.1 (yangtze)", None, None),
    "rocky-8": (
        "rocky", "rhel centos fedora", "Rocky Linux 8.9 (Green Obsidian)", "8.9", "8.9 (Green Obsidian)", None, None,
    ),
    "ubuntu-kylin-22.04": (
        "ubuntu", "debian", "Ubuntu 22.04 LTS", "22.04", "22.04 (Jammy Jellyfish)", None, None,
    ),
    "uos-desktop-20-e": ("uos", None, "UnionTech OS Desktop 20 E", "20", "1050", "E", "Client"),
    "uos-server-20-kongli": ("uos", None, "UnionTech OS Server 20", "20", "20", None, "Server"),
}  # fmt: skip


def lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip())


def answer_of(name: str, **sections: str) -> Answer:
    """The answer of a computer whose os-release (and os-version, where it has one) is a sample."""
    release = (SAMPLES / f"{name}.txt").read_text()
    version = SAMPLES / f"{name}.os-version.txt"
    found = {"uname": UNAME, "os-release": lines(release)}
    if version.exists():
        found["os-version"] = lines(version.read_text())
    return Answer(found | {key: lines(text) for key, text in sections.items()}, "o1")


def test_every_sample_has_its_row() -> None:
    assert {path.name.removesuffix(".txt") for path in SAMPLES.iterdir()} == {*KNOWN, "uos-desktop-20-e.os-version"}


@pytest.mark.parametrize("name", KNOWN)
def test_a_sample_is_recognised(name: str) -> None:
    found = system.parse_system(answer_of(name))
    assert found is not None
    seen = (found.distribution, found.distribution_like, found.name, found.version, found.release, found.edition)
    assert (*seen, found.installation_type) == KNOWN[name]
    assert (found.kernel, found.architecture, found.observation) == ("5.4.18-116-generic", "aarch64", "o1")


def test_uos_gives_its_build_and_kylin_its_release_id() -> None:
    uos, kylin = (system.parse_system(answer_of(name)) for name in ("uos-desktop-20-e", "kylin-desktop-v10sp1-edu"))
    assert uos is not None
    assert kylin is not None
    assert (uos.build, kylin.build) == ("11068.102", "2403")


@pytest.mark.parametrize(
    ("kyinfo", "release", "kind"),
    [
        ("dist_id=Kylin-Desktop-V10-SP1-2403-update1-EDU-Release-20240914-LoongArch64", "V10 SP1", "Client"),
        ("dist_id=Kylin-Desktop-V10.1-Release-Build1-20201128-x86_64-2020-11-28 18:45:04", "V10.1", "Client"),
        ("dist_id=Kylin-Desktop-V11-2603-Release-20260228-X86_64", "V11", "Client"),
        ("milestone=10-SP1-Release-Build04-20200711", "V10 SP1", "Server"),
        ("dist_id=Kylin-Server-10-SP1-Release-Build04-20200711-arm64-2020-07-11 17:16:54", "V10 SP1", "Server"),
    ],
)  # fmt: skip
def test_kyinfo_tells_the_service_pack(kyinfo: str, release: str, kind: str) -> None:
    base = "kylin-desktop-v10sp1-edu" if kind == "Client" else "kylin-server-v10-sword"
    found = system.parse_system(answer_of(base, kyinfo=kyinfo))
    assert found is not None
    assert (found.release, found.installation_type) == (release, kind)


def test_an_old_system_without_os_release_is_named_by_its_release_file() -> None:
    found = system.parse_system(Answer({"uname": UNAME, "system-release": ("CentOS release 6.10 (Final)",)}))
    assert found is not None
    assert (found.name, found.version, found.distribution) == ("CentOS release 6.10 (Final)", None, None)


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ('NAME="Kylin"', ("NAME", "Kylin")),
        ("ID=kylin", ("ID", "kylin")),
        ("NAME='a b'", ("NAME", "a b")),
        (r'NAME="a \"b\" \$5 \\ \n"', ("NAME", r'a "b" $5 \ \n')),
        ('NAME="unbalanced', ("NAME", '"unbalanced')),
        ("SystemName[zh_CN]=统信桌面操作系统", ("SystemName[zh_CN]", "统信桌面操作系统")),
        ("KEY=a=b", ("KEY", "a=b")),
        ("  SPACED = x ", ("SPACED", "x")),
    ],
)
def test_a_value_is_unquoted_as_a_shell_would(line: str, pair: tuple[str, str]) -> None:
    assert system.parse_pairs([line]) == dict([pair])


@pytest.mark.parametrize("line", ["# NAME=x", "[Version]", "", "NAME", "=x", "NAME=", 'NAME=""'])
def test_a_line_without_a_value_gives_nothing(line: str) -> None:
    assert system.parse_pairs([line]) == {}


@pytest.mark.parametrize("machine_id", ["", "uninitialized", "b08dfa6083e7567a1921a715000001f", "../../etc/passwd"])
def test_a_machine_id_that_is_none_is_not_used(machine_id: str) -> None:
    answer = Answer({"uname": UNAME, "machine-id": lines(machine_id)}, "o1")
    assert system.parse_identity(answer) == Identity(hostname="pc-12", observation="o1")


def test_another_kernel_is_not_taken_for_linux() -> None:
    session = session_of({OPERATING_SYSTEM: "@@uname\nFreeBSD\nnas\n14.1\namd64\n@@end\n"})
    with pytest.raises(Unsupported) as caught:
        list(system.collect(session))
    assert caught.value.reason.code == "linux.not_linux"


def test_a_system_without_a_name_keeps_its_identity_and_says_so() -> None:
    text = "@@uname\nLinux\npc-12\n6.1\nx86_64\n@@machine-id\nB08DFA6083E7567A1921A715000001FB\n@@end\n"
    records = system.collect(session_of({OPERATING_SYSTEM: text}))
    assert next(records) == Identity(hostname="pc-12", machine_id="b08dfa6083e7567a1921a715000001fb", observation="o1")
    with pytest.raises(SessionError) as caught:
        next(records)
    assert caught.value.reason.code == "linux.os_unknown"


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["os-release", "kyinfo", "os-version", "uname", "machine-id"]), st.text()))
def test_no_answer_of_a_host_breaks_the_parsers(sections: dict[str, str]) -> None:
    text = "".join(f"@@{name}\n{body}\n" for name, body in sections.items())
    answer = Answer(split(text), "o1")
    assert isinstance(system.parse_identity(answer), Identity)
    assert isinstance(system.parse_system(answer), OperatingSystem | None)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Zl", "Zp", "Cc", "Cs"]), min_size=1))
def test_what_a_shell_would_quote_is_read_back(value: str) -> None:
    quoted = value.translate({ord(mark): f"\\{mark}" for mark in '\\"$`'})
    assert system.unquote(f'"{quoted}"') == value
