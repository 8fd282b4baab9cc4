"""The constant commands: read-only, no shell's quoting can bend them, and an answer that is not whole is noticed."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import COMMANDS, LINUX_COLLECTORS
from scanner.collectors.linux.answers import OnceShell, ask, cut, split
from scanner.collectors.linux.commands import COLLECT, PARTS, SUDO, SUDO_WITH_PASSWORD
from scanner.session import LinuxSession, SessionError, ShellAnswer, Unsupported

# every program, shell word and assignment that may start a simple command
WORDS = ("for", "do", "done", "if", "then", "elif", "else", "fi", "break", "code=$?", "v=", "t=", "a=", "z=", "IFS=")
PLACES = (
    "l=/var/lib/linglong",
    "l=$l/states.json",
    "l=",
    "found=",
    "share=.local/share",
)
NOWHERE = ("HOME=/dev/null",)  # uos-activator-cmd would keep a log there
KINDS = ("k=absent", "k=present", "k=empty", "kind=virtual", "kind=device", "kind=software")
BUILT_IN = ("exec", "echo", "printf", "command", "cd", "[", "set", "read")
PROGRAMS = ("uname", "cat", "sed", "head", "tr", "date", "find", "dpkg-query", "rpm", "timeout", "cut", "sort", "grep")
READING = frozenset((*WORDS, *PLACES, *NOWHERE, *KINDS, *BUILT_IN, *PROGRAMS))
QUOTED_NAME = re.compile(r'"\$(@|\w+)"')
PATTERN = r"/(opt|usr/local|home)/"
WORD_AT_START = re.compile(r"(?:^|[;&|(]|\bthen\b|\bdo\b|\belse\b|\bif\b|\belif\b|\$\()\s*([^\s;&|()\"]+)")


def script_of(command: str) -> str:
    return command.partition("'")[2].removesuffix("'")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_clean_environment_and_one_quoted_script(command: str) -> None:
    clean = "/usr/bin/env -i LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin "
    before = command.partition("/bin/sh -c '")[0]
    assert before in (clean, f"{clean}sudo -k -n {clean}", f'{clean}sudo -k -S -p "@@sudo:%p:" {clean}')
    assert command.endswith("echo @@end)'")
    assert command.count("'") == 2
    assert not set("\n!`") & set(command), "csh expands ! and needs one line"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_reading_programs_only(command: str) -> None:
    unquoted = re.sub(r'"[^"$]*"', "", QUOTED_NAME.sub("", script_of(command).replace(PATTERN, "")))
    started = {word.removesuffix("$").partition("$(")[0] for word in WORD_AT_START.findall(unquoted)}
    assert started <= READING, started - READING


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_writes_no_file_and_reads_no_password_store(command: str) -> None:
    assert not re.search(r">(?!/dev/null)", command), "output goes to us alone"
    assert not re.search(r"shadow|\bsu\b|\.ssh|history|-delete|-exec|-fprint|\bw\b /|servicekey", command)
    assert "sudo" not in script_of(command)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_is_valid_in_the_shells_of_this_machine(command: str, shell: str) -> None:
    done = subprocess.run([shell, "-n", "-c", command], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run(["sh", "-n", "-c", script_of(command)], capture_output=True).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_of_homes_only_programs_are_looked_for_and_of_keys_nothing_is_read(command: str) -> None:
    places = set(re.findall(r"/(?:home|root)\b[^ ;\"]*", command))
    shares = ("/$share/applications/", "/$share/flatpak/app")
    assert all(place in ("/home", "/root", "/home/*") or any(s in place for s in shares) for place in places), places
    keys = re.findall(r"[^;]*kyactivation[^;]*", command)
    assert keys == [" for f in /etc/.kyactivation*"] * (command == COLLECT), "the code is a key"


def test_every_part_ends_and_is_sent_in_one_command() -> None:
    assert COMMANDS == (COLLECT, SUDO, SUDO_WITH_PASSWORD)
    assert [name for name in PARTS if f"echo @@part {name};" not in COLLECT] == []
    assert COLLECT.count("echo @@end)") == len(PARTS)


@pytest.mark.parametrize("command", [SUDO, SUDO_WITH_PASSWORD])
def test_root_is_asked_for_two_parts_and_never_for_rpm(command: str) -> None:
    assert re.findall(r"echo @@part (\w+);", command) == ["hardware", "applications"]
    assert not re.search(r"rpm|dpkg|uos-activator", command)


def test_a_command_is_sent_once_however_many_collectors_ask() -> None:
    asked: list[str] = []

    class Counting:
        def run(self, command: str) -> ShellAnswer:
            asked.append(command)
            return ShellAnswer(b"@@part os\n@@end\n@@part dpkg\n@@end\n", b"", 0, "o1")

    session = LinuxSession(OnceShell(Counting()), "table")
    assert [ask(session, part).observation for part in ("os", "dpkg")] == ["o1", "o1"]
    assert asked == [COLLECT]


def test_the_collectors_are_named_once() -> None:
    assert [collector.name for collector in LINUX_COLLECTORS] == [
        "linux.os",
        "linux.packages",
        "linux.hardware",
        "linux.activation",
        "linux.applications",
    ]


def test_what_a_login_script_prints_is_ignored() -> None:
    answer = ShellAnswer("欢迎使用\r\nuname\r\n@@part os\r\n@@uname\r\nLinux\r\n\r\n@@end\r\n".encode(), b"", 0, "o9")
    assert (cut(answer, "os").sections, cut(answer, "os").observation) == ({"uname": ("Linux",), "end": ()}, "o9")


@pytest.mark.parametrize("output", [b"", b"1) Status\n2) Reboot\n> ", b"This account is not available.\n", b"\xff\xfe"])
def test_an_account_without_a_shell_is_unsupported(output: bytes) -> None:
    with pytest.raises(Unsupported) as caught:
        cut(ShellAnswer(output, b"", 1), "os")
    assert caught.value.reason.code == "linux.no_shell"


def test_an_answer_that_was_cut_short_is_a_failure() -> None:
    with pytest.raises(SessionError) as caught:
        cut(ShellAnswer(b"@@part os\n@@uname\n@@end\n@@part dpkg\n@@packages\ninstall ok\tba", b"", -1), "dpkg")
    assert (caught.value.outcome, caught.value.reason.code) == ("FAILED", "linux.cut_short")


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_sections_never_hold_blank_lines_or_marks(text: str) -> None:
    for lines in split(text).values():
        assert all(line.strip() and not line.startswith("@@") for line in lines)
