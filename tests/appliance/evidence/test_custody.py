"""The custody log shows every edit, goes on after a crash, and has one writer."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.evidence.custody import GENESIS, Custody, Head, check, check_lines, entries
from config.clock import FixedClock
from config.problems import Busy, Conflict, EnvironmentProblem

CLOCK = FixedClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "custody.jsonl"
    with Custody(file, CLOCK) as log:
        for number in range(6):
            log.append("张三", "login.accepted", {"host": f"10.0.0.{number}", "account": "inspector", "try": 1})
    return file


def rewrite(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))


def codes(path: Path, expected: Head | None = None) -> list[str]:
    return [problem.code for problem in check(path, expected).problems]


def test_each_line_holds_the_hash_of_the_one_before(path: Path) -> None:
    previous = GENESIS
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        entry = json.loads(line)
        assert (entry["seq"], entry["prev"], entry["operator"]) == (number, previous, "张三")
        previous = hashlib.sha256(line).hexdigest()
    assert check(path).head == Head(6, previous)
    assert check(path).intact


def test_an_act_is_on_disk_when_append_returns(path: Path) -> None:
    with Custody(path, CLOCK) as log:
        entry = log.append("李四", "scan.started")
        assert list(entries(path))[-1] == entry
        assert log.head().sha256 == check(path).head.sha256


def test_every_single_byte_flip_in_a_whole_line_is_found_against_the_head(path: Path) -> None:
    good = path.read_bytes()
    head = check(path).head
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        found = check(path, head)
        assert not found.intact, position


@pytest.mark.parametrize("number", range(6))
def test_a_removed_line_is_found(path: Path, number: int) -> None:
    head = check(path).head
    lines = path.read_bytes().splitlines(keepends=True)
    rewrite(path, lines[:number] + lines[number + 1 :])
    assert codes(path, head)
    assert codes(path) == (["custody.chain_broken"] if number < 5 else [])


def test_reordered_doubled_and_inserted_lines_are_found(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (
        [lines[1], lines[0], *lines[2:]],
        [*lines[:3], lines[2], *lines[3:]],
        [*lines[:3], b'{"note": "nothing happened"}\n', *lines[3:]],
        [*lines[:3], b"\n", *lines[3:]],
        [*lines[:3], lines[3].replace(b'"seq"', b' "seq"'), *lines[4:]],
    ):
        rewrite(path, changed)
        assert codes(path)


def test_a_line_torn_by_a_crash_is_reported_apart_and_the_log_goes_on(path: Path) -> None:
    whole = path.read_bytes()
    for cut in (1, 30, 100):
        path.write_bytes(whole + whole.splitlines()[-1][:cut])
        found = check(path)
        assert (found.intact, found.torn, found.head.seq) == (True, True, 6)
        with Custody(path, CLOCK) as log:
            log.append("张三", "scan.resumed")
        after = check(path)
        assert (after.intact, after.torn, after.acknowledged, after.head.seq) == (True, False, 1, 8)
        assert path.read_bytes().startswith(whole + whole.splitlines()[-1][:cut] + b"\n")


def test_two_crashes_leave_two_acknowledged_lines(path: Path) -> None:
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b'{"action":"host.')
        Custody(path, CLOCK).close()
    found = check(path)
    assert (found.intact, found.acknowledged, found.head.seq) == (True, 2, 8)


def test_a_torn_line_changed_after_its_acknowledgement_is_found(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"action":"host.')
    Custody(path, CLOCK).close()
    path.write_bytes(path.read_bytes().replace(b'{"action":"host.\n', b'{"action":"user.\n'))
    assert codes(path) == ["custody.bad_line"]


def test_a_last_line_that_only_lost_its_newline_counts_as_written(path: Path) -> None:
    head = check(path).head
    path.write_bytes(path.read_bytes()[:-1])
    assert check(path).torn
    with Custody(path, CLOCK) as log:
        assert log.head() == head
    assert check(path, head).intact


def test_a_broken_log_is_not_written_to(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    rewrite(path, lines[1:])
    before = path.read_bytes()
    with pytest.raises(Conflict) as caught:
        Custody(path, CLOCK)
    assert caught.value.message.code == "custody.broken"
    assert caught.value.message.params["line"] == 1
    assert path.read_bytes() == before


def test_a_second_writer_is_refused_and_the_first_goes_on(path: Path) -> None:
    with Custody(path, CLOCK) as log:
        for opener in (lambda: Custody(path, CLOCK), lambda: Custody(path, CLOCK)):
            with pytest.raises(Busy) as caught:
                opener()
            assert caught.value.message.code == "custody.busy"
        log.append("张三", "scan.started")
    Custody(path, CLOCK).close()
    assert check(path).head.seq == 7


def test_threads_append_one_after_the_other(path: Path) -> None:
    with Custody(path, CLOCK) as log:
        threads = [
            threading.Thread(target=lambda: [log.append("scan", "host.done", {"n": n}) for n in range(25)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = check(path)
    assert found.intact
    assert found.head.seq == 106


def test_a_host_name_with_a_lone_surrogate_does_not_stop_the_log(path: Path) -> None:
    with Custody(path, CLOCK) as log:
        log.append("张三", "host.collected", {"name": "PC\ud800\n\x1b[31m"})
    assert check(path).intact
    assert check(path).head.seq == 7


def test_deep_or_hostile_lines_are_problems_and_never_crash() -> None:
    hostile = (b"[" * 100_000, b"null", b'{"seq":1}', b"\xff\xfe", b'{"a":' * 5000, b"9" * 5000, b"\x00" * 64)
    for line in hostile:
        assert [p.code for p in check_lines([line + b"\n"]).problems] == ["custody.bad_line"]
    surrogate = b'{"action":"\\ud800","at":"","operator":"","params":{},"prev":"' + b"0" * 64 + b'","seq":1}\n'
    assert not check_lines([surrogate]).intact


def test_a_log_that_never_was_is_empty_and_misses_an_expected_head(tmp_path: Path) -> None:
    assert check(tmp_path / "none.jsonl").head == Head()
    assert codes(tmp_path / "none.jsonl", Head(3, "0" * 64)) == ["custody.head_missing"]
    assert codes(tmp_path / "none.jsonl", Head()) == []


def test_a_full_disk_stops_the_act_and_the_log_is_whole_after_reopening(path: Path) -> None:
    """RLIMIT_FSIZE in a child is a disk that ends in the middle of a line."""
    script = f"""
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from appliance.evidence.custody import Custody
from config.clock import FixedClock
from config.problems import EnvironmentProblem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = Custody(Path({str(path)!r}), FixedClock(datetime(2026, 11, 21, tzinfo=UTC)))
size = Path({str(path)!r}).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, size + 300))
codes = []
for _ in range(4):
    try:
        log.append("x", "host.collected", {{"host": "10.0.0.1"}})
    except EnvironmentProblem as problem:
        codes.append(problem.message.code)
print(codes)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "'custody.cannot_write', 'custody.closed'" in run.stdout
    assert check(path).torn
    with Custody(path, CLOCK) as log:
        log.append("张三", "scan.resumed")
    assert check(path).intact
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_process_killed_in_the_middle_loses_no_acknowledged_line(tmp_path: Path) -> None:
    path = tmp_path / "custody.jsonl"
    script = f"""
from datetime import UTC, datetime
from pathlib import Path
from appliance.evidence.custody import Custody
from config.clock import FixedClock
log = Custody(Path({str(path)!r}), FixedClock(datetime(2026, 11, 21, tzinfo=UTC)))
while True:
    print(log.append("x", "act", {{"text": "y" * 5000}}).seq, flush=True)
"""
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            acknowledged = [int(child.stdout.readline()) for _ in range(40)][-1]
            child.kill()
        assert check(path).intact
        assert check(path).head.seq >= acknowledged
    Custody(path, CLOCK).close()
    assert check(path).intact


def test_an_unwritable_folder_is_a_problem_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "custody.jsonl").mkdir()
    with pytest.raises(EnvironmentProblem) as caught:
        Custody(tmp_path / "custody.jsonl", CLOCK)
    assert caught.value.message.code == "custody.cannot_write"
