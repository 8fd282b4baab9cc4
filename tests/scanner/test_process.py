"""A child is limited, its words are limited, and its death is reported with its cause."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from config.clock import SystemClock
from scanner import process
from scanner.process import Emit, Job, Limits, Upwards

CLOCK = SystemClock()
DOCUMENT = '{"name": "软件\\n", "other": [1]}\n{\n'
SMALL = Limits(wall_seconds=120, cpu_seconds=5, memory_mb=512, message_bytes=100_000, total_bytes=300_000)


def run(target: process.Target, job: Mapping[str, Any] | None = None, limits: Limits = SMALL) -> list[dict[str, Any]]:
    return list(process.run(target, job or {}, limits, CLOCK))


def echo(job: Job, emit: Emit) -> None:
    emit({"job": dict(job), "environment": dict(os.environ)})


def tell(_job: Job, upwards: Upwards) -> None:
    upwards.text("said", DOCUMENT)


def eat_memory(job: Job, emit: Emit) -> None:
    emit({"size": len(bytearray(2 << 30))})


def spin(job: Job, emit: Emit) -> None:
    while True:
        pass


def sleep(job: Job, emit: Emit) -> None:
    emit({"pid": os.getpid()})
    time.sleep(60)


def shout(job: Job, emit: Emit) -> None:
    emit({"text": "x" * 200_000})


def chatter(job: Job, emit: Emit) -> None:
    for _ in range(100):
        emit({"text": "x" * 50_000})


def abort(job: Job, emit: Emit) -> None:
    os.abort()


def test_a_job_goes_down_and_objects_come_up_without_our_environment() -> None:
    assert run(echo, {"secret": "密码"}) == [{"job": {"secret": "密码"}, "environment": {}}]


def test_a_long_text_comes_up_as_it_is() -> None:
    assert run(tell) == [{"said": DOCUMENT}]


def test_memory_is_limited_and_the_cause_is_known() -> None:
    with pytest.raises(process.ChildCrashed) as caught:
        run(eat_memory)
    assert caught.value.out_of_memory


def test_cpu_time_is_limited() -> None:
    with pytest.raises(process.ChildCrashed) as caught:
        run(spin, limits=Limits(wall_seconds=120, cpu_seconds=1, memory_mb=512))
    assert caught.value.out_of_time


def at_work() -> tuple[Iterator[dict[str, Any]], int]:
    """A child with as short a deadline as this machine is fast enough for, and its pid."""
    for seconds in (2, 8, 32):
        words = process.run(sleep, {}, Limits(wall_seconds=seconds, cpu_seconds=5, memory_mb=512), CLOCK)
        with suppress(process.DeadlinePassed):
            return words, next(words)["pid"]
    raise AssertionError("no child began in time")


def test_a_child_past_its_deadline_is_killed_by_pid() -> None:
    words, pid = at_work()
    with pytest.raises(process.DeadlinePassed):
        next(words)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("target", [shout, chatter])
def test_output_is_limited_by_message_and_in_all(target: process.Target) -> None:
    with pytest.raises(process.TooMuchOutput):
        run(target)


def test_an_abort_is_reported_with_its_signal() -> None:
    with pytest.raises(process.ChildCrashed) as caught:
        run(abort)
    assert caught.value.exit_code == -6
